"""The warp turns head and eyes, keeps what does not turn, and moves without a jump; normals for the ControlNet."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine import models
from omote.engine.arc2face.gaze import eyes
from omote.engine.arc2face.pose import PoseMapper
from omote.engine.arc2face.warp import FARTHEST_DEG, Relief, within
from omote.engine.capture.photo import face_finder
from omote.engine.data import FLAME_BASIS, FlameParams
from omote.engine.face.fitting import Fitter
from tests.arc2face.flat import flat_points

Array = NDArray[np.float32]
Rgb = NDArray[np.uint8]
SIDE = 256
NOSE, CHIN, FOREHEAD, LEFT_CHEEK, RIGHT_CHEEK = 4, 152, 10, 454, 234  # MediaPipe's points; left is the subject's
STILL, FORWARD, OPEN = np.zeros(3, np.float32), np.zeros((2, 3), np.float32), np.zeros(2, np.float32)


def deg(pitch: float = 0.0, yaw: float = 0.0, roll: float = 0.0) -> Array:
    return np.radians(np.array([pitch, yaw, roll], np.float32))


def smooth_picture(side: int = SIDE) -> Rgb:
    """Slow waves in three colours."""
    y, x = np.mgrid[:side, :side] * (2.0 * np.pi / side)
    waves = np.stack([np.sin(3 * x), np.sin(3 * y), np.sin(2 * x + 2 * y)], 2)
    return np.asarray(np.round(127.5 + 100.0 * waves), np.uint8)


def dotted(at: Array) -> Rgb:
    """Grey, with a soft bright dot at this place."""
    y, x = np.mgrid[:SIDE, :SIDE]
    light = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 18.0)
    return np.repeat(np.clip(60.0 + 180.0 * light, 0, 255).astype(np.uint8)[..., None], 3, 2)


def dot_at(rgb: Rgb, near: Array, reach: int = 40) -> Array:
    """[2] the middle of the brightness near a place."""
    column, row = np.round(near).astype(int)
    part = rgb[row - reach : row + reach, column - reach : column + reach, 0].astype(np.float64) - 61.0
    part = np.where(part > 15.0, part, 0.0)
    y, x = np.mgrid[: 2 * reach, : 2 * reach]
    middle = (x * part).sum() / part.sum() + column - reach, (y * part).sum() / part.sum() + row - reach
    return np.array(middle, np.float32)


@pytest.fixture(scope="module")
def points() -> Array:
    return flat_points(SIDE)


@pytest.fixture(scope="module")
def relief(points: Array) -> Relief:
    return Relief.of(points, SIDE)


def moved(relief: Relief, at: Array, pose: Array, move: Array = STILL) -> Array:
    """[2] pixels by which a dot drawn at this place moves."""
    return dot_at(relief.turned(dotted(at), pose, move, FORWARD), at) - at


@pytest.mark.parametrize("yaw_deg", [16.0, -16.0])
def test_how_the_picture_s_own_head_is_turned_is_taken_off(points: Array, yaw_deg: float) -> None:
    """The photo's own turn leaves the picture unchanged, and no turn makes the head look ahead."""
    aside = flat_points(SIDE, replace(FlameParams.neutral(), neck_pose=deg(yaw=yaw_deg)))
    relief = Relief.of(aside, SIDE)
    assert np.abs(moved(relief, aside[NOSE], deg(yaw=yaw_deg))).max() < 1.5
    back, across = moved(relief, aside[NOSE], deg())[0], points[NOSE, 0] - aside[NOSE, 0]
    assert 0.5 < back / across < 1.3


@pytest.mark.parametrize(
    ("pose", "axis", "sign", "aside"),
    [((0, 15), 0, 1, 4.0), ((0, -15), 0, -1, 4.0), ((12, 0), 1, 1, 2.0), ((-12, 0), 1, -1, 2.0)],
    ids=["left", "right", "down", "up"],
)
def test_a_turn_carries_the_nose_along(
    relief: Relief, points: Array, pose: tuple[float, float], axis: int, sign: int, aside: float
) -> None:
    """To its left is to the picture's right."""
    went = moved(relief, points[NOSE], deg(*pose))
    assert 10.0 < sign * went[axis] < 40.0 and abs(went[1 - axis]) < aside


def test_the_nose_goes_ahead_and_a_tilt_turns_the_face_as_a_whole(relief: Relief, points: Array) -> None:
    nose, cheek = (moved(relief, points[k], deg(yaw=10.0))[0] for k in (NOSE, LEFT_CHEEK))
    assert nose > cheek + 4.0
    # +z tilts counter-clockwise as the picture is seen: the forehead goes left of the chin.
    forehead, chin = (points[k] + moved(relief, points[k], deg(roll=8.0)) for k in (FOREHEAD, CHIN))
    x, y = chin - forehead
    assert np.degrees(np.arctan2(x, y)) == pytest.approx(8.0, abs=1.5)


def test_background_and_shoulders_stay_and_without_a_turn_every_byte(relief: Relief) -> None:
    picture = smooth_picture()
    np.testing.assert_array_equal(relief.turned(picture, STILL, STILL, FORWARD), picture)
    change = np.abs(relief.turned(picture, deg(10.0, 15.0, 5.0), STILL, FORWARD).astype(int) - picture)
    assert change[100:180, 100:156].mean() > 5.0
    for corner in (change[:25, :25], change[:25, -25:], change[-12:, :20], change[-12:, -20:]):
        assert corner.max() <= 8


def largest_jump(frames: Callable[[int], Rgb], count: int) -> int:
    """Levels by which a pixel changes at most from one picture to the next."""
    pictures = [frames(k).astype(int) for k in range(count)]
    return max(int(np.abs(now - before).max()) for before, now in itertools.pairwise(pictures))


def test_small_turns_change_the_picture_a_little(relief: Relief) -> None:
    """Waves rise by at most 7.4 levels a pixel, and a tenth of a degree moves the nose by 0.2 pixels."""
    picture = smooth_picture()
    jump = largest_jump(lambda k: relief.turned(picture, deg(0.05 * k, 0.1 * k, -0.05 * k), STILL, FORWARD), 60)
    assert 1 <= jump <= 5


def test_a_turn_past_the_limit_comes_to_rest_before_it() -> None:
    limit = np.radians(FARTHEST_DEG)
    np.testing.assert_array_equal(within(deg(14.0), limit), deg(14.0))
    lengths = [float(np.linalg.norm(within(deg(10.0, yaw, -8.0), limit) / limit)) for yaw in range(0, 170, 10)]
    assert lengths[:4] == sorted(lengths[:4]) and max(lengths) == pytest.approx(1.0, abs=1e-6)
    assert within(deg(yaw=90.0), limit)[1] == pytest.approx(np.radians(25.0), rel=1e-3)


@pytest.mark.parametrize("pose", [(40, 0, 0), (-40, 0, 0), (0, 60, 0), (0, -60, 0), (0, 0, 40), (30, 50, 30)])
def test_no_turn_however_large_folds_the_picture(relief: Relief, pose: tuple[float, float, float]) -> None:
    """A ramp stays a ramp: had the picture folded, brightness would fall somewhere on the way to the right."""
    ramp = np.repeat(np.arange(SIDE, dtype=np.uint8)[None, :, None], SIDE, 0).repeat(3, 2)
    for picture, axis in ((ramp, 1), (ramp.transpose(1, 0, 2), 0)):
        turned = relief.turned(np.ascontiguousarray(picture), deg(*pose), STILL, FORWARD).astype(int)[..., 0]
        assert np.diff(turned, axis=axis).min() >= -3


def test_a_head_that_comes_nearer_grows_and_one_that_goes_aside_shifts(relief: Relief, points: Array) -> None:
    def at(k: int, *move: float) -> Array:
        return np.asarray(points[k] + moved(relief, points[k], STILL, np.array(move, np.float32)))

    apart = [float(np.linalg.norm(at(CHIN, 0, 0, z) - at(FOREHEAD, 0, 0, z))) for z in (0.0, 0.03)]
    assert 1.02 < apart[1] / apart[0] < 1.06
    assert at(NOSE, 0.01, 0, 0)[0] - points[NOSE][0] == pytest.approx(7.5, abs=2.0)  # of 0.34 m in 256 pixels
    assert at(NOSE, 0, 0.01, 0)[1] - points[NOSE][1] == pytest.approx(-7.5, abs=2.0)


def test_points_of_another_count_and_pictures_of_another_size_are_refused(relief: Relief, points: Array) -> None:
    with pytest.raises(ValueError, match=r"\[478,2\] finite pixels, got \[468, 2\]"):
        Relief.of(points[:468], SIDE)
    with pytest.raises(ValueError, match=r"must be \[256, 256, 3\], got \[128, 128, 3\]"):
        relief.turned(smooth_picture(128), STILL, STILL, FORWARD)
    with pytest.raises(ValueError, match="no head within a picture of 256 pixels"):
        Relief.of(points + 1000.0, SIDE)
    points = points.copy()
    points[[33, 133]] = points[33]
    with pytest.raises(ValueError, match="corners must be at least two pixels apart"):
        eyes(points)


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
                turned = finder.faces(relief.turned(picture, pose, STILL, FORWARD))[0]
                read = np.degrees(turned.rotation - rest.rotation)
                # MediaPipe takes every lens for a wide one and reads a renderer's own turn at 0.7 to 0.9 of it.
                assert 0.45 < read[axis] / applied < 1.1


# Eyes: the iris moves with the gaze, and only the eye and its lids change.

FACE = 512
EYE_AT = ((332.0, 230.0), (180.0, 230.0))  # left and right (the subject's)
# An eye as wide as a face of 512 pixels has it, its lids two arcs, its iris touching both.
HALF, TALL, RADIUS = 34.0, 15.0, 13.0
UPPER, LOWER = (133, 173, 157, 158, 159, 160, 161, 246, 33), (133, 155, 154, 153, 145, 144, 163, 7, 33)
OTHER_UPPER, OTHER_LOWER = (362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263)


def eye_points() -> Array:
    """[478,2] points of the average open head, with these eyes."""
    points = np.zeros((478, 2), np.float32)
    points[:468] = Fitter().landmarks(np.zeros(100, np.float32), FlameParams.neutral(), FACE)
    for middle, lids, first, outward in (
        (EYE_AT[0], (OTHER_UPPER, OTHER_LOWER), 473, 1.0),
        (EYE_AT[1], (UPPER, LOWER), 468, -1.0),
    ):
        along = np.linspace(-1.0, 1.0, 9)
        for numbers, way in zip(lids, (-1.0, 1.0), strict=True):
            points[list(numbers)] = np.stack([outward * along * HALF, way * TALL * (1.0 - along**2)], 1) + middle
        points[first : first + 5] = RADIUS * np.array([(0, 0), (1, 0), (0, -1), (-1, 0), (0, 1)]) + middle
    return points


def eye_picture() -> Rgb:
    """Skin, two white openings, a dark round iris in each, all with soft edges."""
    y, x = np.mgrid[:FACE, :FACE]
    level = np.full((FACE, FACE), 150.0)
    for ex, ey in EYE_AT:
        across = np.clip(1.0 - ((x - ex) / HALF) ** 2, 0.0, None)
        is_open = np.clip(TALL * across - np.abs(y - ey), 0.0, 1.0)
        is_iris = np.clip(RADIUS - np.hypot(x - ex, y - ey), 0.0, 1.0)
        level = level * (1 - is_open) + is_open * (240.0 - 200.0 * is_iris)
    return np.repeat(level.astype(np.uint8)[..., None], 3, 2)


REST = eye_picture()
BOXES = [(slice(int(y - 55), int(y + 55)), slice(int(x - 55), int(x + 55))) for x, y in EYE_AT]


def iris_at(rgb: Rgb, number: int) -> Array:
    """[2] the middle of what is dark, from the eye's middle."""
    part = np.clip(100.0 - rgb[BOXES[number]][..., 0].astype(np.float64), 0.0, None)
    y, x = np.mgrid[-55:55, -55:55]
    return np.array([(x * part).sum(), (y * part).sum()], np.float32) / np.float32(part.sum())


@pytest.fixture(scope="module")
def eyed() -> Relief:
    return Relief.of(eye_points(), FACE)


def looking(eyed: Relief, pitch: float = 0.0, yaw: float = 0.0, lids: Array = OPEN, head: Array = STILL) -> Rgb:
    return eyed.turned(REST, head, STILL, np.tile(deg(pitch, yaw), (2, 1)), lids)


def test_the_eyes_of_points_have_their_lids_and_irises() -> None:
    for eye, (x, y) in zip(eyes(eye_points()), EYE_AT, strict=True):
        assert abs(eye.middle - complex(x, y)) < 1e-3 and abs(eye.iris) < 1e-3
        assert eye.half == pytest.approx(HALF, abs=1e-3) and eye.radius == pytest.approx(RADIUS / HALF, abs=1e-4)
        assert np.interp(0.0, eye.upper.real, eye.upper.imag) == pytest.approx(-TALL / HALF, abs=1e-3)


def test_a_look_to_the_left_carries_both_irises_to_the_pictures_right_and_no_lid(eyed: Relief) -> None:
    wanted = 2.05 * RADIUS * np.sin(np.radians(15.0))  # 6.9 pixels: an eyeball has the radius of two irises
    y, x = np.mgrid[:FACE, :FACE]
    skin = np.abs(y - EYE_AT[0][1]) > TALL * np.clip(1.0 - ((x - EYE_AT[0][0]) / HALF) ** 2, 0.0, None) + 2.0
    for sign in (1.0, -1.0):
        turned = looking(eyed, yaw=15.0 * sign)
        for number in (0, 1):
            across, down = iris_at(turned, number)
            assert sign * across == pytest.approx(wanted, abs=0.7) and abs(down) < 0.5
        np.testing.assert_array_equal(turned[BOXES[0]][skin[BOXES[0]]], REST[BOXES[0]][skin[BOXES[0]]])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_irises_and_upper_lids_follow_a_look_down_and_up(eyed: Relief, sign: float) -> None:
    def lid(rgb: Rgb) -> int:
        x, y = EYE_AT[0]
        return int(np.argmax(rgb[int(y - 40) : int(y), int(x), 0] < 100))  # the first pixel of the iris below it

    turned = looking(eyed, 8.0 * sign)
    for number in (0, 1):
        across, down = iris_at(turned, number)
        # The iris moves by 3.7 pixels, and the lids hide a part of it.
        assert 1.2 < sign * down < 4.5 and abs(across) < 0.5
    assert sign * (lid(turned) - lid(REST)) > 0


def test_nothing_but_the_eyes_and_their_lids_changes(eyed: Relief) -> None:
    noise, around = np.random.default_rng(1).integers(0, 255, REST.shape, np.uint8), np.ones(REST.shape[:2], bool)
    for box in BOXES:
        around[box] = False
    for pitch, yaw in ((0.0, 15.0), (8.0, 0.0), (-8.0, 0.0)):
        turned = eyed.turned(noise, STILL, STILL, np.tile(deg(pitch, yaw), (2, 1)), OPEN)
        np.testing.assert_array_equal(turned[around], noise[around])
        assert (turned != noise).any()


def test_one_eye_may_look_elsewhere_and_closed_lids_hide_where_they_look(eyed: Relief) -> None:
    turned = eyed.turned(REST, STILL, STILL, np.stack([deg(yaw=15.0), deg()]), OPEN)
    assert iris_at(turned, 0)[0] > 5.0
    np.testing.assert_array_equal(turned[BOXES[1]], REST[BOXES[1]])
    closed = np.ones(2, np.float32)
    np.testing.assert_array_equal(looking(eyed, 8.0, 15.0, closed), REST)
    went = [iris_at(looking(eyed, 0.0, 15.0, lid * closed), 0)[0] for lid in (0.0, 0.5, 0.7)]
    assert went[0] > went[1] > went[2] > 0.0


def test_a_look_never_leaves_less_than_a_quarter_of_the_white() -> None:
    left, _ = eyes(eye_points())
    white = 1.0 - 1.15 * RADIUS / HALF
    for yaw in (25.0, 40.0, 89.0):
        du, _ = left.look(deg(yaw=yaw), 0.0)
        assert 0.6 * white < du + 0.1 <= 0.75 * white + 0.1
    _, dv = left.look(deg(60.0), 0.0)
    assert dv <= 0.5 * 2.0 * TALL / HALF + 1e-6


def test_a_slow_look_has_no_jump(eyed: Relief) -> None:
    """The iris has an edge of 200 levels in a pixel, and goes 0.14 pixels aside and 0.1 down in a step."""
    assert largest_jump(lambda k: looking(eyed, 0.2 * k, 0.3 * k), 50) <= 80


def test_the_eyes_go_with_the_head_that_turns(eyed: Relief) -> None:
    turn = deg(yaw=10.0)
    ahead, aside = (iris_at(looking(eyed, yaw=yaw, head=turn), 0) for yaw in (0.0, 15.0))
    assert ahead[0] > 8.0
    assert 4.5 < aside[0] - ahead[0] < 7.5  # 6.9 pixels, foreshortened on the side that turns away


# Normals of the open head, as pictures for the ControlNet.

POSED = 128
POSE_POINTS = flat_points(POSED)


@pytest.fixture(scope="module")
def mapper() -> PoseMapper:
    return PoseMapper.of(POSE_POINTS, POSED)


def test_red_is_right_green_is_up_blue_is_to_the_camera_on_grey(mapper: PoseMapper) -> None:
    picture = mapper.picture(FlameParams.neutral())
    assert picture.shape == (POSED, POSED, 3) and picture.dtype == np.uint8 and (picture[0, 0] == 128).all()
    at = {}
    for point in (LEFT_CHEEK, RIGHT_CHEEK, FOREHEAD, CHIN):  # a little towards the nose
        x, y = (POSE_POINTS[point] + 0.12 * (POSE_POINTS[NOSE] - POSE_POINTS[point])).round().astype(int)
        at[point] = picture[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).mean(0)
    assert at[LEFT_CHEEK][0] > 170 > 90 > at[RIGHT_CHEEK][0]
    assert at[FOREHEAD][1] > 140 > 120 > at[CHIN][1] and at[FOREHEAD][2] > 200


@pytest.mark.parametrize("basis", ["open", FLAME_BASIS])
def test_a_head_turned_to_its_left_shows_its_right_side(mapper: PoseMapper, basis: str) -> None:
    turned = replace(FlameParams.neutral(), neck_pose=deg(yaw=30.0), basis=basis)
    red, rest = (mapper.picture(one)[..., 0].astype(float) for one in (turned, FlameParams.neutral()))
    assert rest[rest != 128].mean() - red[red != 128].mean() > 8.0  # its right side faces the picture's left
