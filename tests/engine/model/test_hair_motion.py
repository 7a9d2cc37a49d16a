"""Hair lags behind the head, swings, hangs down, and comes to rest; the same faces at the same times give the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from omote.engine.data import FlameParams
from omote.engine.face.head import open_head
from omote.engine.model.hair import CHAINS, HAIR_SPRINGS, JOINTS, SPRING_STEP_NS, HairMotion

HEAD = open_head()
SHAPED = HEAD.shaped(np.zeros(HEAD.shape_size, np.float32))
DOWN = CHAINS // 2  # the chain that hangs straight down
TIP = JOINTS - 1


def motion(**changes: float) -> HairMotion:
    return HairMotion(HEAD, SHAPED, HAIR_SPRINGS["anime"]._replace(**changes))


def turned(pitch: float = 0.0, yaw: float = 0.0, roll: float = 0.0) -> FlameParams:
    return replace(FlameParams.neutral(), neck_pose=np.array([pitch, yaw, roll], np.float32))


def sways(
    hair: HairMotion, faces: list[FlameParams], step_ns: int = SPRING_STEP_NS, start_ns: int = 0
) -> list[np.ndarray]:
    return [hair.follow(one, start_ns + k * step_ns) for k, one in enumerate(faces)]


def a_turn_to(yaw: float, pictures: int) -> list[FlameParams]:
    return [turned(), *[turned(yaw=yaw)] * pictures]


def test_a_head_that_holds_still_has_hair_that_does() -> None:
    assert not np.any(sways(motion(), [turned()] * 5))
    assert not np.any(sways(motion(gravity=0.0), [turned(0.1, 0.2)] * 5))


def test_hair_lags_behind_a_turn_swings_past_it_and_comes_to_rest_where_it_was() -> None:
    across = [one[TIP, DOWN, 0] for one in sways(motion(), a_turn_to(0.4, 240))]
    assert across[1] < -0.05 * SHAPED.height  # the head has turned to the picture's right
    assert max(across) > 0.0
    assert not sways(motion(gravity=0.0), a_turn_to(0.4, 240))[-1].any()


def test_on_a_tilted_head_hair_hangs_towards_the_ground_and_upright_as_in_the_reference() -> None:
    leaning = [turned(), *[turned(roll=0.4)] * 240]
    hanging = sways(motion(), leaning)[-1]
    turn = np.array([-np.sin(0.4), -np.cos(0.4)])
    rest = np.array([np.sin(0.4), -np.cos(0.4)])  # where the head's own down is in the picture
    assert np.sign(hanging[TIP, DOWN, 0]) == np.sign(turn[0] - rest[0])
    assert not sways(motion(gravity=0.0), leaning)[-1].any()
    assert not sways(motion(), [*leaning, *[turned()] * 240])[-1].any()


def test_stiff_hair_lags_less_and_drag_keeps_it_from_swinging_back() -> None:
    usual, stiff, slow = (
        [one[TIP, DOWN, 0] for one in sways(hair, a_turn_to(0.4, 60))]
        for hair in (motion(), motion(stiffness=2.0), motion(drag=0.8))
    )
    assert np.abs(stiff).sum() < 0.7 * np.abs(usual).sum()
    assert max(slow) < 0.2 * max(usual)


def test_no_joint_swings_nearer_to_the_crown_than_its_hit_radius_allows() -> None:
    faces = [turned(0.5 * np.sin(k / 3), 0.5 * np.cos(k / 5)) for k in range(60)]
    tight, wide = motion(hit_radius=0.0), motion(hit_radius=0.1)
    for hair, allowed in ((tight, 0.0), (wide, 0.1)):
        for face, moved in zip(faces, sways(hair, faces), strict=True):
            rest = hair._rest(face)
            outward = rest[1:] - rest[:1]
            outward /= np.linalg.norm(outward, axis=2, keepdims=True)
            depth = (moved * hair._metres * outward).sum(2)
            assert depth.min() > -allowed - 2e-2  # between two steps the joint goes on as it went


def test_the_same_faces_give_the_same_sways_and_a_forgotten_head_begins_anew() -> None:
    faces = [turned(0.1 * np.sin(k), 0.3 * np.cos(k)) for k in range(30)]
    hair = motion()
    first = sways(hair, faces)
    assert np.array_equal(first, sways(motion(), faces))
    hair.forget()
    assert np.array_equal(first, sways(hair, faces, start_ns=7))


def test_pictures_that_come_faster_show_the_same_swing() -> None:
    slow = sways(motion(), [turned(yaw=0.01 * k) for k in range(0, 60, 2)])
    fast = sways(motion(), [turned(yaw=0.01 * k) for k in range(0, 60)], SPRING_STEP_NS // 2)
    apart = np.abs(np.array(slow[5:]) - np.array(fast[::2][5:])).max()
    assert apart < 0.15 * np.abs(slow).max()


def test_after_a_pause_the_hair_is_at_rest_and_a_time_that_goes_back_moves_nothing() -> None:
    hair = motion()
    swinging = sways(hair, a_turn_to(0.4, 3))[-1]
    assert np.array_equal(hair.follow(turned(yaw=0.4), 2 * SPRING_STEP_NS), swinging)
    assert not hair.follow(turned(yaw=-0.4), 2_000_000_000).any()
