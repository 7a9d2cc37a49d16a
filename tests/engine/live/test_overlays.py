"""Pictures that are pinned to the head, the shoulder or the screen, or thrown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine.data import Character, FlameParams, Portrait, Stamp
from omote.engine.live.overlays import FLIGHT_S, MOST_THROWN, Anchor, Pinned, Sprite, Thrown, head_frame
from omote.engine.live.scene import Background, Compositor, Moment, Placement, Scene, composited
from omote.engine.testing.drawing import painted_character, shipped_character

PERSON, DRAWN = painted_character(), painted_character(head="anime")
SIDE = 128


def sprite(side: int = 40) -> Sprite:
    """A red square with a green upper left corner."""
    picture = np.zeros((side, side, 4), np.uint8)
    picture[:] = (255, 0, 0, 255)
    picture[: side // 4, : side // 4] = (0, 255, 0, 255)
    return Sprite(picture)


RED = sprite()


def portrait(neck: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Portrait:
    """A grey square in the middle."""
    rgba = np.zeros((SIDE, SIDE, 4), np.uint8)
    rgba[32:96, 32:96] = (90, 90, 90, 255)
    params = replace(FlameParams.neutral(), neck_pose=np.array(neck, np.float32))
    return Portrait(Stamp(0, 0, 0), rgba, None, params, 1.0, np.zeros(27, np.float32))


def shown(one: Portrait, *items: Pinned, scene: Scene | None = None) -> NDArray[np.uint8]:
    scene = replace(scene or Scene(), items=items)
    return composited(one, scene, Moment(scene.placement, head_frame(PERSON))).rgba


def reds(rgba: NDArray[np.uint8]) -> tuple[float, float, int]:
    """Middle right and down in sides, and number of red pixels."""
    rows, columns = np.nonzero((rgba[..., 0] > 200) & (rgba[..., 3] > 200))
    return float(columns.mean() + 0.5) / SIDE, float(rows.mean() + 0.5) / SIDE, len(rows)


@pytest.mark.parametrize("character", [PERSON, DRAWN, shipped_character(), shipped_character("aoi")])
def test_on_the_resting_head_lengths_are_those_of_the_portrait(character: Character) -> None:
    eyes = head_frame(character).pinned(FlameParams.neutral(), 0.0, 0.0)
    assert eyes[:, 2] == pytest.approx((0.5, 0.5), abs=0.12)
    assert eyes[:, :2] == pytest.approx(np.diag([1.0, -1.0]), abs=0.05)
    aside = head_frame(character).pinned(FlameParams.neutral(), 0.1, 0.0)[:, 2]
    assert aside - eyes[:, 2] == pytest.approx((0.1, 0.0), abs=0.01)


def test_a_picture_on_the_head_moves_and_turns_with_it() -> None:
    glasses = Pinned(RED, "head", 0.0, 0.0, 0.2)
    x, y, count = reds(shown(portrait(), glasses))
    assert count == pytest.approx((0.2 * SIDE) ** 2, rel=0.15)
    turned_x, _, narrower = reds(shown(portrait((0.0, 0.5, 0.0)), glasses))  # to the subject's left
    assert turned_x > x + 0.04
    assert narrower < 0.97 * count
    assert reds(shown(portrait((0.3, 0.0, 0.0)), glasses))[1] > y + 0.02  # looks down
    tilted = shown(portrait((0.0, 0.0, 0.4)), glasses)
    green = np.argwhere(tilted[..., 1] > 200).mean(0) / SIDE
    assert abs(green[0] - y) < 0.1  # the corner that was above has gone round


def test_shoulder_and_screen_stay_where_they_are_put() -> None:
    still, turned = portrait(), portrait((0.0, 0.5, 0.0))
    anchors: tuple[Anchor, ...] = ("shoulder", "screen")
    for anchor in anchors:
        mug = Pinned(RED, anchor, 0.25, -0.3, 0.2)
        assert reds(shown(still, mug))[:2] == pytest.approx((0.75, 0.8), abs=0.01)
        np.testing.assert_array_equal(shown(still, mug), shown(turned, mug))
    moved = Scene(Placement(x=-0.1))
    assert reds(shown(still, Pinned(RED, "shoulder", 0.25, 0.0, 0.2), scene=moved))[0] == pytest.approx(0.65, abs=0.01)
    assert reds(shown(still, Pinned(RED, "screen", 0.25, 0.0, 0.2), scene=moved))[0] == pytest.approx(0.75, abs=0.01)


def test_a_picture_behind_the_portrait_is_seen_beside_it_only() -> None:
    behind = shown(portrait(), Pinned(RED, "screen", 0.0, 0.0, 0.9, is_behind=True))
    assert tuple(behind[64, 64]) == (90, 90, 90, 255)
    assert tuple(behind[64, 20]) == (255, 0, 0, 255)
    green = Scene(background=Background((0, 255, 0)))
    over = shown(portrait(), Pinned(RED, "screen", 0.0, 0.0, 0.9, is_behind=True), scene=green)
    assert tuple(over[2, 2]) == (0, 255, 0, 255)
    assert tuple(over[64, 20]) == (255, 0, 0, 255)


def test_a_large_picture_that_is_drawn_small_keeps_its_lines_and_its_place() -> None:
    lines = np.full((512, 512, 4), 255, np.uint8)
    lines[:, ::2, :3] = 0
    part = shown(portrait(), Pinned(Sprite(lines), "screen", -0.4, 0.4, 0.1))[8:18, 8:18, 0].astype(int)
    assert np.abs(part - 128).max() < 12
    assert reds(shown(portrait(), Pinned(sprite(400), "screen", 0.25, 0.0, 0.2)))[:2] == pytest.approx(
        (0.75, 0.5), abs=0.01
    )


def test_a_thrown_picture_flies_to_the_head_makes_it_give_way_and_is_gone() -> None:
    compositor, one = Compositor(), portrait()
    compositor.throw(Thrown(RED, 0, 1))
    path = []
    for now_s in (FLIGHT_S * 0.5, FLIGHT_S * 0.75, FLIGHT_S):
        path.append(reds(compositor.composite(one, PERSON, round(now_s * 1e9)).rgba)[:2])
    assert path[0][0] > path[1][0] > path[2][0]
    assert path[2] == pytest.approx((0.6, 0.45), abs=0.12)
    recoil = compositor.recoil(round((FLIGHT_S + 0.1) * 1e9))
    assert recoil is not None
    assert recoil[1] < -0.05  # away from the side that it came from
    assert compositor.composite(one, PERSON, 10**10) is one
    assert compositor.recoil(10**10) is None
    compositor.throw(*(Thrown(RED, 10**10, 1) for _ in range(3 * MOST_THROWN)))
    assert len(compositor._flying(10**10)) == MOST_THROWN
