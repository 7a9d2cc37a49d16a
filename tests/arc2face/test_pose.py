"""The warp turns a picture with the head, keeps it where nothing turns, and moves without a jump."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine import models
from omote.engine.arc2face.warp import FARTHEST_DEG, Relief, within
from omote.engine.capture.photo import face_finder
from omote.engine.data import FlameParams
from omote.engine.face.fitting import Fitter

Array = NDArray[np.float32]
SIDE = 256
NOSE, CHIN, FOREHEAD = 4, 152, 10
STILL, FORWARD = np.zeros(3, np.float32), np.zeros((2, 3), np.float32)


def deg(pitch: float = 0.0, yaw: float = 0.0, roll: float = 0.0) -> Array:
    return np.radians(np.array([pitch, yaw, roll], np.float32))


def rest_points(side: int = SIDE, yaw_deg: float = 0.0) -> Array:
    """[478,2] of the average open head as our renderer frames it; its irises in the middle of their lids."""
    turned = replace(FlameParams.neutral(), neck_pose=deg(yaw=yaw_deg))
    face = Fitter().landmarks(np.zeros(100, np.float32), turned, side).astype(np.float32)
    return np.concatenate([face, iris(face, 133, 33), iris(face, 362, 263)])


def iris(face: Array, inner: int, outer: int) -> Array:
    middle, radius = (face[inner] + face[outer]) / 2.0, np.linalg.norm(face[inner] - face[outer]) / 5.0
    around = np.array([(0, 0), (1, 0), (0, -1), (-1, 0), (0, 1)], np.float32)
    return np.asarray(middle + radius * around, np.float32)


def smooth_picture(side: int = SIDE) -> NDArray[np.uint8]:
    """Slow waves in three colours."""
    y, x = np.mgrid[:side, :side] * (2.0 * np.pi / side)
    waves = np.stack([np.sin(3 * x), np.sin(3 * y), np.sin(2 * x + 2 * y)], 2)
    return np.asarray(np.round(127.5 + 100.0 * waves), np.uint8)


def dotted(points: Array, side: int = SIDE) -> NDArray[np.uint8]:
    """Grey, with a soft bright dot at each of these points."""
    y, x = np.mgrid[:side, :side]
    light = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / 18.0) for px, py in points)
    return np.repeat(np.clip(60.0 + 180.0 * light, 0, 255).astype(np.uint8)[..., None], 3, 2)


def dot_at(rgb: NDArray[np.uint8], near: Array, reach: int = 40) -> Array:
    """[2] the middle of the brightness near a place."""
    column, row = np.round(near).astype(int)
    part = rgb[row - reach : row + reach, column - reach : column + reach, 0].astype(np.float64) - 61.0
    part = np.where(part > 15.0, part, 0.0)
    y, x = np.mgrid[: 2 * reach, : 2 * reach]
    middle = (x * part).sum() / part.sum() + column - reach, (y * part).sum() / part.sum() + row - reach
    return np.array(middle, np.float32)


@pytest.fixture(scope="module")
def points() -> Array:
    return rest_points()


@pytest.fixture(scope="module")
def relief(points: Array) -> Relief:
    return Relief.of(points, SIDE)


def moved(relief: Relief, at: Array, pose: Array) -> Array:
    """[2] pixels by which a dot drawn at this place moves."""
    return dot_at(relief.turned(dotted(at[None]), pose, STILL, FORWARD), at) - at


@pytest.mark.parametrize("yaw_deg", [16.0, -16.0])
def test_how_the_picture_s_own_head_is_turned_is_taken_off(points: Array, yaw_deg: float) -> None:
    """The photo's own turn leaves the picture unchanged, and no turn makes the head look ahead."""
    aside = rest_points(yaw_deg=yaw_deg)
    relief = Relief.of(aside, SIDE)
    assert np.abs(moved(relief, aside[NOSE], deg(yaw=yaw_deg))).max() < 1.5
    back, across = moved(relief, aside[NOSE], deg())[0], points[NOSE, 0] - aside[NOSE, 0]
    assert 0.5 < back / across < 1.3


def test_a_head_that_does_not_turn_is_the_same_to_the_byte(relief: Relief) -> None:
    picture = smooth_picture()
    np.testing.assert_array_equal(relief.turned(picture, STILL, STILL, FORWARD), picture)


def test_a_turn_to_the_left_carries_the_nose_to_the_pictures_right(relief: Relief, points: Array) -> None:
    for sign in (1.0, -1.0):
        x, y = moved(relief, points[NOSE], deg(yaw=15.0 * sign))
        assert 10.0 < sign * x < 40.0
        assert abs(y) < 4.0


def test_a_turn_down_carries_the_nose_down_and_a_turn_up_carries_it_up(relief: Relief, points: Array) -> None:
    for sign in (1.0, -1.0):
        x, y = moved(relief, points[NOSE], deg(pitch=12.0 * sign))
        assert 10.0 < sign * y < 40.0
        assert abs(x) < 2.0


def test_the_nose_goes_ahead_of_what_lies_behind_it(relief: Relief, points: Array) -> None:
    nose, cheek = (moved(relief, points[k], deg(yaw=10.0))[0] for k in (NOSE, 454))  # before the left ear
    assert nose > cheek + 4.0


def test_a_tilt_turns_the_face_as_a_whole(relief: Relief, points: Array) -> None:
    # +z tilts counter-clockwise as the picture is seen: the forehead goes left of the chin.
    forehead, chin = (points[k] + moved(relief, points[k], deg(roll=8.0)) for k in (FOREHEAD, CHIN))
    x, y = chin - forehead
    assert np.degrees(np.arctan2(x, y)) == pytest.approx(8.0, abs=1.5)


def test_the_background_and_the_shoulders_stay(relief: Relief) -> None:
    picture = smooth_picture()
    turned = relief.turned(picture, deg(10.0, 15.0, 5.0), STILL, FORWARD).astype(int)
    change = np.abs(turned - picture)
    assert change[100:180, 100:156].mean() > 5.0
    for corner in (change[:25, :25], change[:25, -25:], change[-12:, :20], change[-12:, -20:]):
        assert corner.max() <= 8


def test_small_turns_change_the_picture_a_little(relief: Relief) -> None:
    """From rest on, in steps of a tenth of a degree: no step may jump."""
    picture = smooth_picture()
    before, largest = picture.astype(int), 0
    for k in range(1, 60):
        now = relief.turned(picture, deg(0.05 * k, 0.1 * k, -0.05 * k), STILL, FORWARD).astype(int)
        largest, before = max(largest, int(np.abs(now - before).max())), now
    # Waves rise by at most 7.4 levels a pixel, and a tenth of a degree moves the nose by 0.2 pixels.
    assert 1 <= largest <= 5


def test_a_turn_past_the_limit_comes_to_rest_before_it() -> None:
    limit = np.radians(FARTHEST_DEG)
    np.testing.assert_array_equal(within(deg(14.0), limit), deg(14.0))
    lengths = [float(np.linalg.norm(within(deg(10.0, yaw, -8.0), limit) / limit)) for yaw in range(0, 170, 10)]
    assert lengths[0] < lengths[1] < lengths[2] < lengths[3]
    assert max(lengths) == pytest.approx(1.0, abs=1e-6)
    assert within(deg(yaw=90.0), limit)[1] == pytest.approx(np.radians(25.0), rel=1e-3)


@pytest.mark.parametrize("pose", [(40, 0, 0), (-40, 0, 0), (0, 60, 0), (0, -60, 0), (0, 0, 40), (30, 50, 30)])
def test_no_turn_however_large_folds_the_picture(relief: Relief, pose: tuple[float, float, float]) -> None:
    """A ramp stays a ramp: had the picture folded, brightness would fall somewhere on the way to the right."""
    ramp = np.repeat(np.arange(SIDE, dtype=np.uint8)[None, :, None], SIDE, 0).repeat(3, 2)
    for picture, axis in ((ramp, 1), (ramp.transpose(1, 0, 2), 0)):
        turned = relief.turned(np.ascontiguousarray(picture), deg(*pose), STILL, FORWARD).astype(int)[..., 0]
        assert np.diff(turned, axis=axis).min() >= -3


def test_a_head_that_comes_nearer_grows_and_one_that_goes_aside_shifts(relief: Relief, points: Array) -> None:
    def at(k: int, translation: tuple[float, float, float]) -> Array:
        dots = relief.turned(dotted(points[k][None]), STILL, np.array(translation, np.float32), FORWARD)
        return dot_at(dots, points[k])

    apart = [float(np.linalg.norm(at(CHIN, (0, 0, z)) - at(FOREHEAD, (0, 0, z)))) for z in (0.0, 0.03)]
    assert 1.02 < apart[1] / apart[0] < 1.06
    assert at(NOSE, (0.01, 0, 0))[0] - points[NOSE][0] == pytest.approx(7.5, abs=2.0)  # of 0.34 m in 256 pixels
    assert at(NOSE, (0, 0.01, 0))[1] - points[NOSE][1] == pytest.approx(-7.5, abs=2.0)


def test_points_of_another_count_and_pictures_of_another_size_are_refused(relief: Relief, points: Array) -> None:
    with pytest.raises(ValueError, match=r"\[478,2\] finite pixels, got \[468, 2\]"):
        Relief.of(points[:468], SIDE)
    with pytest.raises(ValueError, match=r"must be \[256, 256, 3\], got \[128, 128, 3\]"):
        relief.turned(smooth_picture(128), STILL, STILL, FORWARD)
    with pytest.raises(ValueError, match="no head within a picture of 256 pixels"):
        Relief.of(points + 1000.0, SIDE)


PHOTO = Path(__file__).resolve().parents[4] / "shared" / "media" / "person_b_2.jpg"


@pytest.mark.skipif(not PHOTO.is_file(), reason="needs a photo in ../shared/media")
def test_a_tracker_reads_the_turn() -> None:
    pytest.importorskip("mediapipe")
    try:
        models.fetch(models.FACE_LANDMARKER)
    except models.ModelError as error:
        pytest.skip(str(error))
    from PIL import Image

    picture = np.asarray(Image.open(PHOTO).convert("RGB").resize((512, 512)))
    with face_finder() as finder:
        rest = finder.faces(picture)[0]
        relief = Relief.of(rest.points, 512)
        for axis in range(3):
            for applied in (-10.0, 10.0):
                pose = np.radians(applied * np.eye(3, dtype=np.float32)[axis])
                read = np.degrees(
                    finder.faces(relief.turned(picture, pose, STILL, FORWARD))[0].rotation - rest.rotation
                )
                # MediaPipe takes every lens for a wide one and reads a renderer's own turn at 0.7 to 0.9 of it.
                assert 0.45 < read[axis] / applied < 1.1
