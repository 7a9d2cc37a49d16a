"""ARKit weights become FLAME parameters and come back; left stays left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.bridge import arkit
from omote.engine.data import Actor, Signal, Stamp
from omote.engine.face.retarget import DRIVEN, UNITS, from_weights, own_weights, retarget, to_weights

STAMP = Stamp(0, 0, 0)
OPPOSED = [("jawLeft", "jawRight")] + [
    (f"eyeLook{a}{side}", f"eyeLook{b}{side}") for side in ("Left", "Right") for a, b in (("In", "Out"), ("Up", "Down"))
]


def unopposed(weights: np.ndarray) -> np.ndarray:
    for first, second in OPPOSED:
        weights[arkit.INDEX[second]] *= weights[arkit.INDEX[first]] == 0.0
    return weights


@given(st.lists(st.floats(0, 1, width=32), min_size=arkit.COUNT, max_size=arkit.COUNT))
def test_weights_that_are_not_opposed_come_back(values: list[float]) -> None:
    weights = unopposed(np.array(values, np.float32))
    # float32 coefficients of a well-conditioned basis: a few units in the sixth place
    np.testing.assert_allclose(to_weights(from_weights(weights)), weights, atol=2e-5)


def test_opposed_weights_cancel() -> None:
    both = from_weights(arkit.weights({"jawLeft": 0.7, "jawRight": 0.7}))
    assert np.array_equal(both.jaw_pose, np.zeros(3, np.float32))


def test_every_unit_is_either_driven_by_a_joint_or_part_of_the_expression() -> None:
    assert sorted(DRIVEN + UNITS) == sorted(arkit.NAMES)


def test_unused_components_of_the_expression_are_zero() -> None:
    assert not from_weights(np.ones(arkit.COUNT, np.float32)).expression[len(UNITS) :].any()


@pytest.mark.parametrize(("side", "row"), [("Left", 0), ("Right", 1)])
def test_a_wink_closes_the_eye_on_its_own_side(side: str, row: int) -> None:
    lids = from_weights(arkit.weights({f"eyeBlink{side}": 1.0})).eyelids
    assert lids[row] == 1.0
    assert lids[1 - row] == 0.0


def test_looking_to_the_subjects_left_is_positive_yaw_in_both_eyes() -> None:
    eyes = from_weights(arkit.weights({"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5})).eye_pose
    assert (eyes[:, 1] > 0.2).all()


def test_jaw_left_turns_the_jaw_to_the_subjects_left() -> None:
    assert from_weights(arkit.weights({"jawLeft": 1.0})).jaw_pose[1] > 0.1
    assert from_weights(arkit.weights({"jawRight": 1.0})).jaw_pose[1] < -0.1


def test_the_actors_neutral_gain_and_noise_floor_apply_in_that_order() -> None:
    actor = Actor(
        neutral=arkit.weights({"jawOpen": 0.1, "mouthPucker": 0.1}),
        gain=np.full(arkit.COUNT, 2.0, np.float32),
        noise_floor=np.full(arkit.COUNT, 0.05, np.float32),
        neutral_rotation=np.array([0.1, 0.0, 0.0], np.float32),
    )
    seen = Signal(STAMP, arkit.weights({"jawOpen": 0.4, "mouthPucker": 0.12}), np.array([0.3, 0.0, 0.0], np.float32))
    params = retarget(seen, actor)
    back = to_weights(params)
    assert back[arkit.INDEX["jawOpen"]] == pytest.approx(0.6, abs=1e-5)
    assert back[arkit.INDEX["mouthPucker"]] == pytest.approx(0.0, abs=1e-5)
    np.testing.assert_allclose(params.neck_pose, [0.2, 0.0, 0.0], atol=1e-6)
    assert not retarget(Signal(STAMP, actor.neutral), actor).expression.any()


def test_retargeting_leaves_the_signal_alone() -> None:
    seen = Signal(STAMP, np.full(arkit.COUNT, 0.3, np.float32))
    before = seen.weights.copy()
    retarget(seen, Actor())
    assert np.array_equal(seen.weights, before)


def test_a_tilted_camera_leaves_a_turned_head_no_false_roll() -> None:
    from omote.engine.rotation import rotation

    tilt, yaw = np.array([0.3, 0.0, 0.0], np.float32), np.array([0.0, 0.5, 0.0], np.float32)
    seen = rotation(tilt) @ rotation(yaw)  # what a camera that looks down on the performer sees of a turn to the left
    params = retarget(Signal(STAMP, np.zeros(arkit.COUNT, np.float32), rotvec(seen)), Actor(neutral_rotation=tilt))
    np.testing.assert_allclose(params.neck_pose, yaw, atol=1e-6)


def rotvec(matrix: np.ndarray) -> np.ndarray:
    """[3] of a rotation matrix by less than half a turn."""
    angle = np.arccos((np.trace(matrix) - 1.0) / 2.0)
    axis = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
    return np.asarray(axis * (angle / (2.0 * np.sin(angle))), np.float32)


def test_the_gaze_is_the_signals_and_is_calibrated_like_the_weights() -> None:
    looks = np.array([[0.1, 0.2], [0.1, 0.2]], np.float32)
    seen = Signal(STAMP, np.zeros(arkit.COUNT, np.float32), gaze=looks)
    np.testing.assert_allclose(retarget(seen, Actor()).eye_pose[:, :2], looks, atol=1e-6)
    from omote.engine.face.retarget import weights_from_gaze

    used_to = Actor(neutral=weights_from_gaze(np.array([[0.2, 0.0], [0.2, 0.0]], np.float32)))
    pitch = retarget(seen, used_to).eye_pose[:, 0]
    np.testing.assert_allclose(pitch, [-0.1, -0.1], atol=0.02)  # up and down have scales of their own


def test_nothing_jumps_at_the_noise_floor_and_what_is_well_above_it_is_left_alone() -> None:
    actor = Actor(noise_floor=np.full(arkit.COUNT, 0.1, np.float32))

    def own(weight: float) -> float:
        seen = Signal(STAMP, arkit.weights({"jawOpen": weight}))
        return float(own_weights(seen, actor)[arkit.INDEX["jawOpen"]])

    steps = np.linspace(0.0, 1.0, 1001)
    values = np.array([own(one) for one in steps])
    assert not values[steps <= 0.1].any()
    np.testing.assert_allclose(values[steps >= 0.3], steps[steps >= 0.3], atol=1e-6)
    assert own(1.0) == 1.0
    climbs = np.diff(values) / np.diff(steps)
    assert climbs.min() >= -1e-3
    assert climbs.max() <= 1.5 + 1e-3  # so that what trembles above the floor trembles by half more at most


def test_what_is_less_than_rest_is_quietened_likewise() -> None:
    looks_down = arkit.weights({"eyeLookDownLeft": 0.5, "eyeLookDownRight": 0.5})
    floor = np.full(arkit.COUNT, 0.05, np.float32)
    seen = Signal(STAMP, np.zeros(arkit.COUNT, np.float32))
    own = own_weights(seen, Actor(neutral=looks_down, noise_floor=floor))
    assert own[arkit.INDEX["eyeLookDownLeft"]] == -0.5


def test_a_head_that_comes_forward_before_a_camera_at_the_side_does_not_drift_aside() -> None:
    aside = np.array([0.0, np.radians(30.0), 0.0], np.float32)  # the camera sees this actor look to their left
    actor = Actor(neutral_rotation=aside, neutral_translation=np.array([0.0, 0.0, -0.5], np.float32))
    forward = 0.1 * np.array([np.sin(np.radians(30.0)), 0.0, np.cos(np.radians(30.0))], np.float32)
    seen = Signal(STAMP, np.zeros(arkit.COUNT, np.float32), aside, actor.neutral_translation + forward)
    np.testing.assert_allclose(retarget(seen, actor).translation, [0.0, 0.0, 0.1], atol=1e-6)


@pytest.mark.parametrize(("pitch", "yaw"), [(0.0, 0.0), (15.0, 0.0), (0.0, -20.0), (-10.0, 25.0)])
def test_the_cameras_angle_is_the_resting_heads(pitch: float, yaw: float) -> None:
    from omote.engine.rotation import rotation

    down = rotation(np.array([np.radians(pitch), 0.0, 0.0], np.float32))
    aside = rotation(np.array([0.0, np.radians(yaw), 0.0], np.float32))
    turn = aside @ down
    vector = np.zeros(3, np.float32) if pitch == yaw == 0.0 else rotvec(turn)
    np.testing.assert_allclose(np.degrees(Actor(neutral_rotation=vector).camera_angle), [pitch, yaw], atol=1e-3)
