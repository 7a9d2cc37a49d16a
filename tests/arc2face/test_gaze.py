"""The iris moves with the gaze, and only the eye and its lids change."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine.arc2face.gaze import eyes
from omote.engine.arc2face.warp import Relief

Array = NDArray[np.float32]
SIDE = 512
STILL, OPEN = np.zeros(3, np.float32), np.zeros(2, np.float32)
UPPER, LOWER = (133, 173, 157, 158, 159, 160, 161, 246, 33), (133, 155, 154, 153, 145, 144, 163, 7, 33)
OTHER_UPPER, OTHER_LOWER = (362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263)
EYE_AT = ((332.0, 230.0), (180.0, 230.0))  # left and right (the subject's)
HALF, TALL, RADIUS = 34.0, 15.0, 13.0
"""An eye as wide as a face of 512 pixels has it, its lids two arcs, its iris touching both."""


def face() -> Array:
    """[478,2] points of a face; only those of the eyes are exact."""
    points = np.random.default_rng(0).uniform(150, 360, (478, 2)).astype(np.float32)
    points[:468] += place_of_head() - points[:468]
    for middle, lids, first, outward in (
        (EYE_AT[0], (OTHER_UPPER, OTHER_LOWER), 473, 1.0),
        (EYE_AT[1], (UPPER, LOWER), 468, -1.0),
    ):
        along = np.linspace(-1.0, 1.0, 9)
        for numbers, way in zip(lids, (-1.0, 1.0), strict=True):
            arc = np.stack([outward * along * HALF, way * TALL * (1.0 - along**2)], 1)
            points[list(numbers)] = arc + middle
        rim = RADIUS * np.array([(0, 0), (1, 0), (0, -1), (-1, 0), (0, 1)])
        points[first : first + 5] = rim + middle
    return points


def place_of_head() -> Array:
    """[468,2] of the average open head, upright in the middle."""
    from omote.engine.data import FlameParams
    from omote.engine.face.fitting import Fitter

    return Fitter().landmarks(np.zeros(100, np.float32), FlameParams.neutral(), SIDE).astype(np.float32)


def picture() -> NDArray[np.uint8]:
    """Skin, two white openings, a dark round iris in each, all with soft edges."""
    y, x = np.mgrid[:SIDE, :SIDE]
    level = np.full((SIDE, SIDE), 150.0)
    for ex, ey in EYE_AT:
        across = np.clip(1.0 - ((x - ex) / HALF) ** 2, 0.0, None)
        is_open = np.clip(TALL * across - np.abs(y - ey), 0.0, 1.0)
        is_iris = np.clip(RADIUS - np.hypot(x - ex, y - ey), 0.0, 1.0)
        level = level * (1 - is_open) + is_open * (240.0 - 200.0 * is_iris)
    return np.repeat(level.astype(np.uint8)[..., None], 3, 2)


def box(number: int) -> tuple[slice, slice]:
    """The eye, its lids and a little skin."""
    x, y = EYE_AT[number]
    return slice(int(y - 55), int(y + 55)), slice(int(x - 55), int(x + 55))


def iris_at(rgb: NDArray[np.uint8], number: int) -> Array:
    """[2] the middle of what is dark, from the eye's middle."""
    part = np.clip(100.0 - rgb[box(number)][..., 0].astype(np.float64), 0.0, None)
    y, x = np.mgrid[-55:55, -55:55]
    return np.array([(x * part).sum(), (y * part).sum()], np.float32) / np.float32(part.sum())


def look(pitch: float = 0.0, yaw: float = 0.0) -> Array:
    return np.tile(np.radians(np.array([pitch, yaw, 0.0], np.float32)), (2, 1))


@pytest.fixture(scope="module")
def relief() -> Relief:
    return Relief.of(face(), SIDE)


@pytest.fixture(scope="module")
def looking(relief: Relief) -> dict[tuple[float, float], NDArray[np.uint8]]:
    rest = picture()
    looks = [(0.0, 15.0), (0.0, -15.0), (8.0, 0.0), (-8.0, 0.0)]
    return {one: relief.turned(rest, STILL, STILL, look(*one), OPEN) for one in looks}


def test_the_eyes_of_points_have_their_lids_and_irises() -> None:
    left, right = eyes(face())
    for eye, (x, y) in zip((left, right), EYE_AT, strict=True):
        assert abs(eye.middle - complex(x, y)) < 1e-3
        assert eye.half == pytest.approx(HALF, abs=1e-3)
        assert abs(eye.iris) < 1e-3
        assert eye.radius == pytest.approx(RADIUS / HALF, abs=1e-4)
        assert np.interp(0.0, eye.upper.real, eye.upper.imag) == pytest.approx(-TALL / HALF, abs=1e-3)


def test_a_look_to_the_left_carries_both_irises_to_the_pictures_right(
    looking: dict[tuple[float, float], NDArray[np.uint8]],
) -> None:
    wanted = 2.05 * RADIUS * np.sin(np.radians(15.0))  # 6.9 pixels: an eyeball has the radius of two irises
    for sign in (1.0, -1.0):
        for number in (0, 1):
            x, y = iris_at(looking[0.0, 15.0 * sign], number)
            assert sign * x == pytest.approx(wanted, abs=0.7)
            assert abs(y) < 0.5


def test_a_look_down_lowers_the_irises_and_a_look_up_lifts_them(
    looking: dict[tuple[float, float], NDArray[np.uint8]],
) -> None:
    for number in (0, 1):
        down, up = iris_at(looking[8.0, 0.0], number), iris_at(looking[-8.0, 0.0], number)
        # 3.7 pixels, of which the lids hide a part.
        assert 1.2 < down[1] < 4.5
        assert -4.5 < up[1] < -1.2
        assert abs(down[0]) < 0.5 > abs(up[0])


def test_the_upper_lid_follows_a_look_down_and_a_look_up(
    looking: dict[tuple[float, float], NDArray[np.uint8]],
) -> None:
    def lid(rgb: NDArray[np.uint8]) -> int:
        x, y = EYE_AT[0]
        column = rgb[int(y - 40) : int(y), int(x), 0]
        return int(np.argmax(column < 100))  # the first pixel of the iris below it

    at_rest = lid(picture())
    assert lid(looking[8.0, 0.0]) > at_rest
    assert lid(looking[-8.0, 0.0]) < at_rest


def test_nothing_but_the_eyes_and_their_lids_changes(
    looking: dict[tuple[float, float], NDArray[np.uint8]],
) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    relief, around = Relief.of(face(), SIDE), np.ones((SIDE, SIDE), bool)
    for number in (0, 1):
        around[box(number)] = False
    for pitch, yaw in looking:
        turned = relief.turned(noise, STILL, STILL, look(pitch, yaw), OPEN)
        np.testing.assert_array_equal(turned[around], noise[around])
        assert (turned != noise).any()


def test_a_look_aside_leaves_the_lids_where_they_are(
    looking: dict[tuple[float, float], NDArray[np.uint8]],
) -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    (ex, ey) = EYE_AT[0]
    skin = np.abs(y - ey) > TALL * np.clip(1.0 - ((x - ex) / HALF) ** 2, 0.0, None) + 2.0
    eye = np.zeros_like(skin)
    eye[box(0)] = True
    np.testing.assert_array_equal(looking[0.0, 15.0][skin & eye], picture()[skin & eye])


def test_one_eye_may_look_elsewhere(relief: Relief) -> None:
    pose = look(0.0, 15.0)
    pose[1] = 0.0
    turned = relief.turned(picture(), STILL, STILL, pose, OPEN)
    assert iris_at(turned, 0)[0] > 5.0
    np.testing.assert_array_equal(turned[box(1)], picture()[box(1)])


def test_closed_lids_hide_where_the_eyes_look(relief: Relief) -> None:
    rest = picture()
    closed = np.ones(2, np.float32)
    np.testing.assert_array_equal(relief.turned(rest, STILL, STILL, look(8.0, 15.0), closed), rest)
    went = [iris_at(relief.turned(rest, STILL, STILL, look(0.0, 15.0), lid * closed), 0)[0] for lid in (0.0, 0.5, 0.7)]
    assert went[0] > went[1] > went[2] > 0.0


def test_a_look_never_leaves_less_than_a_quarter_of_the_white(relief: Relief) -> None:
    left, _ = eyes(face())
    white = 1.0 - 1.15 * RADIUS / HALF
    for yaw in (25.0, 40.0, 89.0):
        du, _ = left.look(look(0.0, yaw)[0], 0.0)
        assert 0.6 * white < du + 0.1 <= 0.75 * white + 0.1
    _, dv = left.look(look(60.0, 0.0)[0], 0.0)
    assert dv <= 0.5 * 2.0 * TALL / HALF + 1e-6


def test_a_slow_look_has_no_jump(relief: Relief) -> None:
    rest = picture()
    before, largest = rest.astype(int), 0
    for k in range(1, 50):
        now = relief.turned(rest, STILL, STILL, look(0.2 * k, 0.3 * k), OPEN).astype(int)
        largest, before = max(largest, int(np.abs(now - before).max())), now
    # The iris has an edge of 200 levels in a pixel, and goes 0.14 pixels aside and 0.1 down in a step.
    assert largest <= 80


def test_the_eyes_go_with_the_head_that_turns(relief: Relief) -> None:
    rest, turn = picture(), np.radians(np.array([0.0, 10.0, 0.0], np.float32))
    ahead = iris_at(relief.turned(rest, turn, STILL, look(), OPEN), 0)
    aside = iris_at(relief.turned(rest, turn, STILL, look(0.0, 15.0), OPEN), 0)
    assert ahead[0] > 8.0
    assert 4.5 < aside[0] - ahead[0] < 7.5  # 6.9 pixels, foreshortened on the side that turns away


def test_an_eye_without_width_is_refused() -> None:
    points = face()
    points[[33, 133]] = points[33]
    with pytest.raises(ValueError, match="corners must be at least two pixels apart"):
        eyes(points)
