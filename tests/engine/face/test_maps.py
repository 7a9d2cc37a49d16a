"""The geometry maps show the posed head where the camera sees it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from omote.bridge import arkit
from omote.engine.data import FlameParams
from omote.engine.face.head import open_head
from omote.engine.face.rasterizer import CHANNELS, GRID, GeometryMapper, rasterize
from omote.engine.face.retarget import from_weights

HEAD = open_head()
MAKER = GeometryMapper(HEAD.shaped(np.zeros(HEAD.shape_size, np.float32)))
NEUTRAL = MAKER.draw(FlameParams.neutral())
COVERED, EYES, MOUTH = NEUTRAL[6], NEUTRAL[7], NEUTRAL[8]


def test_the_same_face_gives_the_same_bytes() -> None:
    assert MAKER.draw(FlameParams.neutral()).tobytes() == NEUTRAL.tobytes()


def test_shapes_and_ranges_are_as_promised() -> None:
    assert NEUTRAL.shape == (CHANNELS, GRID, GRID)
    assert NEUTRAL.dtype == np.float32
    assert np.abs(NEUTRAL[:6]).max() <= 1.0 + 1e-5


def test_the_head_stands_in_the_middle_with_two_eyes_on_either_side() -> None:
    columns = np.flatnonzero(COVERED[GRID // 3])
    assert abs(columns.mean() - (GRID - 1) / 2) < 2.0
    left, right = EYES[:, GRID // 2 :].sum(), EYES[:, : GRID // 2].sum()
    assert left > 8
    assert abs(left - right) <= 0.25 * (left + right)


def test_normals_of_the_face_look_at_the_camera_and_have_unit_length() -> None:
    normal = NEUTRAL[3:6]
    length = np.sqrt((normal**2).sum(0))[COVERED > 0]
    assert np.median(length) > 0.98
    assert normal[2, GRID // 2, GRID // 2] > 0.7


def test_a_left_blink_hides_the_eye_on_the_right_of_the_picture() -> None:
    wink = MAKER.draw(from_weights(arkit.weights({"eyeBlinkLeft": 1.0})))[7]
    assert wink[:, GRID // 2 :].sum() < 0.3 * EYES[:, GRID // 2 :].sum()
    assert wink[:, : GRID // 2].sum() > 0.9 * EYES[:, : GRID // 2].sum()


def test_an_open_jaw_shows_teeth_or_tongue() -> None:
    assert MAKER.draw(from_weights(arkit.weights({"jawOpen": 0.8})))[8].sum() > MOUTH.sum() + 10


def test_turning_to_the_subjects_left_moves_the_nose_right_in_the_picture() -> None:
    turned = MAKER.draw(replace(FlameParams.neutral(), neck_pose=np.array([0.0, 0.4, 0.0], np.float32)))
    # the pixel that sees the tip of the nose has the greatest canonical depth
    assert (turned[2].argmax() % GRID) > (NEUTRAL[2].argmax() % GRID) + 5


def test_the_nearest_triangle_wins_and_those_that_turn_away_are_not_drawn() -> None:
    corner = np.array([[1, 1], [1, 9], [9, 1]], np.float32)
    screen = np.concatenate([np.column_stack([corner, np.full(3, z)]) for z in (5.0, 4.0, 3.0)]).astype(np.float32)
    triangle = np.array([[0, 1, 2], [3, 4, 5], [6, 8, 7]])  # the last and nearest is seen from behind
    pixel, seen, bary = rasterize(screen, triangle, 10)
    assert set(seen) == {1}
    assert len(pixel) == len(set(pixel)) == 36  # pixel centres in the lower-left half of an 8 by 8 square
    np.testing.assert_allclose(bary.sum(1), 1.0, atol=1e-6)


def test_neighbouring_triangles_leave_no_crack() -> None:
    rng = np.random.default_rng(0)
    middle = np.array([[32.0, 32.0]])
    angle = np.sort(rng.uniform(0, 2 * np.pi, 40))
    rim = middle + 25.0 * np.stack([np.cos(angle), np.sin(angle)], 1)
    screen = np.column_stack([np.concatenate([middle, rim]), np.ones(41)]).astype(np.float32)
    fan = np.array([[0, 1 + (k + 1) % 40, 1 + k] for k in range(40)])
    covered = np.zeros(64 * 64, bool)
    covered[rasterize(screen, fan, 64)[0]] = True
    y, x = np.mgrid[:64, :64] + 0.5
    inner = np.hypot(x - 32, y - 32) < 20
    assert covered.reshape(64, 64)[inner].all()


def test_a_head_beyond_the_picture_is_cut_off_and_not_an_error() -> None:
    screen = np.array([[-50, -50, 1], [-50, 150, 1], [150, -50, 1]], np.float32)
    pixel, _, _ = rasterize(screen, np.array([[0, 1, 2]]), 16)
    assert pixel.min() >= 0
    assert pixel.max() < 256
