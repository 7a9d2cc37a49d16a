"""The rasterizer and its maps: where things are, and equal to a slow rasterizer in double precision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.data import FlameParams
from omote.engine.face.head import EYE, MOUTH, open_head
from omote.engine.face.rasterizer import CHANNELS, FOV_DEG, GRID, GeometryMapper, rasterize
from omote.engine.face.retarget import from_weights

Double = NDArray[np.float64]

HEAD = open_head()
SLACK = 1e-3  # triangles reach this much over their edges
RNG = np.random.default_rng(7)
FACES = {
    "at rest": (np.zeros(HEAD.shape_size, np.float32), FlameParams.neutral()),
    "shouting, turned away": (
        (0.7 * RNG.standard_normal(HEAD.shape_size)).astype(np.float32),
        replace(
            from_weights(arkit.weights({"jawOpen": 0.8, "eyeBlinkLeft": 0.6, "mouthSmileRight": 0.7})),
            neck_pose=np.array([0.2, -0.5, 0.15], np.float32),
        ),
    ),
}


MAPPER = GeometryMapper(HEAD.shaped(np.zeros(HEAD.shape_size, np.float32)))
NEUTRAL = MAPPER.draw(FlameParams.neutral())
COVERED, EYE_MAP, MOUTH_MAP = NEUTRAL[6], NEUTRAL[7], NEUTRAL[8]


def _slow_pixels(screen: Double, triangle: NDArray[np.integer]) -> tuple[NDArray[np.int64], Double]:
    """[G,G] triangle that each pixel sees, -1 for none, and its weights [G,G,3]: one triangle after the other."""
    seen, weight = np.full((GRID, GRID), -1), np.zeros((GRID, GRID, 3))
    nearest = np.full((GRID, GRID), np.inf)
    for number, corner in enumerate(triangle):
        (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = screen[corner]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        left, top = (max(int(np.ceil(low - 0.5)), 0) for low in (min(x0, x1, x2), min(y0, y1, y2)))
        right, bottom = (min(int(np.floor(high - 0.5)), GRID - 1) for high in (max(x0, x1, x2), max(y0, y1, y2)))
        if area >= 0.0 or right < left or bottom < top:
            continue
        x, y = np.meshgrid(np.arange(left, right + 1) + 0.5, np.arange(top, bottom + 1) + 0.5)
        w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / area
        w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) / area
        w2 = 1.0 - w0 - w1
        distance = w0 * z0 + w1 * z1 + w2 * z2
        box = slice(top, bottom + 1), slice(left, right + 1)
        wins = (np.minimum(np.minimum(w0, w1), w2) >= -SLACK) & (distance <= nearest[box])
        nearest[box][wins], seen[box][wins] = distance[wins], number
        weight[box][wins] = np.stack([w0, w1, w2], -1)[wins]
    return seen, weight


def _slow_normals(vertex: Double) -> Double:
    total = np.zeros_like(vertex)
    a, b, c = (vertex[HEAD.triangle[:, k]] for k in range(3))
    for k in range(3):
        np.add.at(total, HEAD.triangle[:, k], np.cross(b - a, c - a))
    return np.asarray(total / (np.linalg.norm(total, axis=1, keepdims=True) + 1e-12))


def _slow_maps(mapper: GeometryMapper, params: FlameParams) -> Double:
    """[10,G,G] geometry."""
    vertex = HEAD.pose(mapper.shaped, params).astype(np.float64)
    eye, height = mapper.camera.eye.astype(np.float64), mapper.shaped.height
    scale = GRID / 2 / np.tan(np.radians(FOV_DEG) / 2)
    distance = eye[2] - vertex[:, 2]
    x, y = (GRID / 2 + sign * scale * (vertex[:, k] - eye[k]) / distance for k, sign in ((0, 1.0), (1, -1.0)))
    seen, weight = _slow_pixels(np.stack([x, y, distance], 1), HEAD.triangle)
    low, high = HEAD.template.min(0), HEAD.template.max(0)
    canonical = (HEAD.template - low) / (high - low) * 2.0 - 1.0
    depth = (eye[2] - mapper.camera.aim[2] - distance[:, None]) / height
    varying = np.concatenate([canonical, _slow_normals(vertex), depth], 1)
    mixed = np.einsum("yxkc,yxk->yxc", varying[HEAD.triangle[seen]], weight)
    region = np.where(seen >= 0, HEAD.region[HEAD.triangle[seen, 0]], -1)
    flags = np.stack([region >= 0, region == EYE, region == MOUTH], -1)
    geometry = np.concatenate([mixed[..., :6], flags, mixed[..., 6:7]], -1) * (seen >= 0)[..., None]
    return np.asarray(geometry.transpose(2, 0, 1))


def test_the_same_face_gives_the_same_bytes() -> None:
    assert MAPPER.draw(FlameParams.neutral()).tobytes() == NEUTRAL.tobytes()


def test_shapes_and_ranges_are_as_promised() -> None:
    assert NEUTRAL.shape == (CHANNELS, GRID, GRID)
    assert NEUTRAL.dtype == np.float32
    assert np.abs(NEUTRAL[:6]).max() <= 1.0 + 1e-5


def test_the_head_is_in_the_middle_with_an_eye_on_each_side() -> None:
    columns = np.flatnonzero(COVERED[GRID // 3])
    assert abs(columns.mean() - (GRID - 1) / 2) < 2.0
    left, right = EYE_MAP[:, GRID // 2 :].sum(), EYE_MAP[:, : GRID // 2].sum()
    assert left > 8
    assert abs(left - right) <= 0.25 * (left + right)


def test_normals_of_the_face_look_at_the_camera_and_have_unit_length() -> None:
    normal = NEUTRAL[3:6]
    length = np.sqrt((normal**2).sum(0))[COVERED > 0]
    assert np.median(length) > 0.98
    assert normal[2, GRID // 2, GRID // 2] > 0.7


def test_a_left_blink_hides_the_eye_on_the_right_of_the_picture() -> None:
    wink = MAPPER.draw(from_weights(arkit.weights({"eyeBlinkLeft": 1.0})))[7]
    assert wink[:, GRID // 2 :].sum() < 0.3 * EYE_MAP[:, GRID // 2 :].sum()
    assert wink[:, : GRID // 2].sum() > 0.9 * EYE_MAP[:, : GRID // 2].sum()


def test_an_open_jaw_shows_teeth_or_tongue() -> None:
    assert MAPPER.draw(from_weights(arkit.weights({"jawOpen": 0.8})))[8].sum() > MOUTH_MAP.sum() + 10


def test_turning_to_the_subjects_left_moves_the_nose_right_in_the_picture() -> None:
    turned = MAPPER.draw(replace(FlameParams.neutral(), neck_pose=np.array([0.0, 0.4, 0.0], np.float32)))
    # The tip of the nose has the greatest canonical depth.
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


@pytest.mark.parametrize("face", FACES)
def test_the_maps_are_those_of_the_slow_rasterizer(face: str) -> None:
    shape, params = FACES[face]
    mapper = GeometryMapper(HEAD.shaped(shape))
    off = np.abs(mapper.draw(params) - _slow_maps(mapper, params))
    assert off.shape == (CHANNELS, GRID, GRID)
    # Depth has 16 bits, so where two surfaces touch (an eye and its lid) a pixel may show the other one; and a pixel
    # centre may lie on the edge of a triangle. All other pixels differ by single precision: 3e-8 on average.
    is_other = (off > 2e-3).any(0)
    assert is_other.sum() <= 4
    assert off[:, ~is_other].mean() < 2e-7
    assert np.quantile(off[:, ~is_other].max(0), 0.99) < 5e-6


def test_the_order_of_the_triangles_in_memory_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    screen = rng.uniform(0, 40, (90, 3)).astype(np.float32)
    triangle = np.arange(90).reshape(30, 3)
    rows, columns = rasterize(screen, triangle, 40), rasterize(screen, np.asfortranarray(triangle), 40)
    assert len(rows[0]) > 100
    for one, other in zip(rows, columns, strict=True):
        np.testing.assert_array_equal(one, other)


def test_of_triangles_equally_far_the_last_is_seen() -> None:
    corner = np.array([[1, 1, 2], [1, 9, 2], [9, 1, 2]], np.float32)
    _, seen, _ = rasterize(np.concatenate([corner, corner, corner]), np.arange(9).reshape(3, 3), 10)
    assert set(seen) == {2}
