"""The maps are what a slow and plain rasteriser in double precision draws."""

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


def _slow_maps(maker: GeometryMapper, params: FlameParams) -> Double:
    """[10,G,G] geometry."""
    vertex = HEAD.pose(maker.shaped, params).astype(np.float64)
    eye, height = maker.camera.eye.astype(np.float64), maker.shaped.height
    scale = GRID / 2 / np.tan(np.radians(FOV_DEG) / 2)
    distance = eye[2] - vertex[:, 2]
    x, y = (GRID / 2 + sign * scale * (vertex[:, k] - eye[k]) / distance for k, sign in ((0, 1.0), (1, -1.0)))
    seen, weight = _slow_pixels(np.stack([x, y, distance], 1), HEAD.triangle)
    low, high = HEAD.template.min(0), HEAD.template.max(0)
    canonical = (HEAD.template - low) / (high - low) * 2.0 - 1.0
    depth = (eye[2] - maker.camera.aim[2] - distance[:, None]) / height
    varying = np.concatenate([canonical, _slow_normals(vertex), depth], 1)
    mixed = np.einsum("yxkc,yxk->yxc", varying[HEAD.triangle[seen]], weight)
    region = np.where(seen >= 0, HEAD.region[HEAD.triangle[seen, 0]], -1)
    flags = np.stack([region >= 0, region == EYE, region == MOUTH], -1)
    geometry = np.concatenate([mixed[..., :6], flags, mixed[..., 6:7]], -1) * (seen >= 0)[..., None]
    return np.asarray(geometry.transpose(2, 0, 1))


@pytest.mark.parametrize("face", FACES)
def test_the_maps_are_those_of_the_slow_rasteriser(face: str) -> None:
    shape, params = FACES[face]
    maker = GeometryMapper(HEAD.shaped(shape))
    off = np.abs(maker.draw(params) - _slow_maps(maker, params))
    assert off.shape == (CHANNELS, GRID, GRID)
    # Depth has 16 bits, so where two sheets touch (an eye and its lid) a pixel may see the other one; and a pixel
    # centre may lie on the very edge of a triangle. All other pixels differ by the digits of single precision: here
    # 3e-8 on average, and 9e-7 while the corners of small triangles were counted from the picture's corner.
    other_sheet = (off > 2e-3).any(0)
    assert other_sheet.sum() <= 4
    assert off[:, ~other_sheet].mean() < 2e-7
    assert np.quantile(off[:, ~other_sheet].max(0), 0.99) < 5e-6


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
