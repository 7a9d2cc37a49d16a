"""The camera, the rasterizer, and geometry maps: the posed head as numbers in a small picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import FlameParams
from .head import EYE, MOUTH, OpenHead, Shaped, open_head

Array = NDArray[np.float32]
Index = NDArray[np.int64]

GRID = 128  # pixels on a side
CHANNELS = 10  # canonical position (3), normal (3), covered, eye, mouth, depth
FOV_DEG = 20.0
FRAME = 0.76  # half the picture's height, in head heights
AIM = 0.40  # the camera looks at this height between chin and crown
AIM_BEHIND_EYES_DM = 0.6
_SLACK = np.float32(1e-3)  # triangles reach this much over their edges, so that no crack shows what lies behind


@dataclass(frozen=True)
class Camera:
    """A fixed camera in front of the resting head, so that all characters fill the picture alike."""

    eye: Array  # [3] dm
    aim: Array  # [3] dm

    @classmethod
    def framing(cls, shaped: Shaped) -> Camera:
        chin, eyes = float(shaped.anchor[4, 1]), float(shaped.anchor[2:4, 2].mean())
        aim = np.array([0.0, chin + AIM * shaped.height, eyes - AIM_BEHIND_EYES_DM], np.float32)
        distance = FRAME * shaped.height / np.tan(np.radians(FOV_DEG) / 2)
        return cls((aim + np.array([0.0, 0.0, distance])).astype(np.float32), aim)

    def project(self, point: Array, side: int) -> Array:
        """[n,3] pixel x, pixel y (down) and distance in dm of points on a picture of `side` pixels."""
        scale = side / 2 / np.tan(np.radians(FOV_DEG) / 2)
        distance = self.eye[2] - point[:, 2]
        x = (point[:, 0] - self.eye[0]) / distance * scale + side / 2
        y = side / 2 - (point[:, 1] - self.eye[1]) / distance * scale
        return np.stack([x, y, distance], 1).astype(np.float32)


class GeometryMapper:
    """Draws the maps of one character; build once, draw often."""

    def __init__(self, shaped: Shaped, head: OpenHead | None = None, grid: int = GRID) -> None:
        self.head = head or open_head()
        self.shaped, self.grid = shaped, grid
        self.camera = Camera.framing(shaped)
        self._triangle = np.asfortranarray(self.head.triangle, np.int64)  # its columns are what is read
        low, high = open_head().template.min(0), open_head().template.max(0)
        canonical = (getattr(self.head, "canonical", self.head.template) - low) / (high - low) * 2.0 - 1.0
        self._canonical = np.ascontiguousarray(canonical.T, np.float32)  # [3,N]
        region = self.head.region[self.head.triangle[:, 0]]
        self._flags = np.stack([region == EYE, region == MOUTH]).astype(np.float32)  # [2,T]

    def draw(self, params: FlameParams) -> Array:
        """[10,G,G] the maps of this face, rows from the top; ValueError if `params` are in another basis."""
        vertex, side = self.head.pose(self.shaped, params), self.grid
        screen = self.camera.project(vertex, side)
        pixel, triangle, bary = rasterize(screen, self._triangle, side)
        corner, weight = self._triangle.T.take(triangle, 1), bary.T  # [3,n]
        place = interpolated(self._canonical, corner, weight)
        normal = interpolated(self._normals(vertex, corner), corner, weight)
        (distance,) = interpolated(np.ascontiguousarray(screen[:, 2:].T), corner, weight)
        depth = (self.camera.eye[2] - self.camera.aim[2] - distance) / np.float32(self.shaped.height)
        geometry = np.zeros((CHANNELS, side * side), np.float32)
        geometry[6, pixel] = 1.0
        for channel, seen in zip((0, 1, 2, 3, 4, 5, 7, 8, 9), (*place, *normal, *self._flags, depth), strict=True):
            geometry[channel][pixel] = seen.take(triangle) if channel in (7, 8) else seen
        return geometry.reshape(CHANNELS, side, side)

    def _normals(self, vertex: Array, corner: Index) -> Array:
        """[3,N] unit normals of the vertices at `corner`: the sum of those of a vertex's triangles, by area."""
        is_seen = np.zeros(len(vertex), np.bool_)
        is_seen[corner.ravel()] = True
        around = self._triangle.T
        touching = np.flatnonzero(is_seen.take(around).any(0))
        around = around.take(touching, 1)  # [3,F]
        a, b, c = np.ascontiguousarray(vertex.T).take(around, 1).transpose(1, 0, 2)
        u, v = b - a, c - a
        normal = np.empty((3, len(vertex)), np.float32)
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            face = u[i] * v[j] - u[j] * v[i]
            normal[k] = np.bincount(around.ravel(), np.concatenate([face, face, face]), len(vertex))
        normal /= np.sqrt(np.einsum("kn,kn->n", normal, normal)) + 1e-12
        return normal


def interpolated(value: Array, corner: Index, weight: Array) -> Array:
    """[C,n] what [C,N] vertices carry, mixed from the corners [3,n] by these weights."""
    parts = value.take(corner, 1)  # [C,3,n]
    parts *= weight
    mixed: Array = parts[:, 0] + parts[:, 1]
    mixed += parts[:, 2]
    return mixed


@dataclass(frozen=True)
class CoveredPixels:
    """Pixels that triangles cover, triangle by triangle."""

    pixel: Index  # [n] flat numbers
    triangle: Index  # [n]
    weight: tuple[Array, Array, Array]  # barycentric, [n] each
    distance: Array  # [n]


def covered(screen: Array, triangle: Index, side: int, both_sides: bool = False) -> CoveredPixels:
    """All pixels that triangles cover, hidden or not; back faces only with `both_sides`.

    `screen` [N,3] holds pixel x, y (down) and distance. Fastest where `triangle` [T,3] lies in memory column by column.
    """
    corner = triangle.T
    at = np.ascontiguousarray(screen[:, :2]).take(corner, 0)  # [3,T,2]
    first = np.maximum(np.ceil(np.minimum(np.minimum(at[0], at[1]), at[2]) - 0.5), 0.0)
    last = np.minimum(np.floor(np.maximum(np.maximum(at[0], at[1]), at[2]) - 0.5), side - 1)
    b, c = at[1] - at[0], at[2] - at[0]
    area = b[:, 0] * c[:, 1] - c[:, 0] * b[:, 1]
    reaches = last >= first
    faces = area != 0.0 if both_sides else area < 0.0
    drawn = np.flatnonzero(faces & reaches[:, 0] & reaches[:, 1])
    first, last = first.take(drawn, 0), last.take(drawn, 0)
    slope = _slopes(at.take(drawn, 1) - (first + 0.5), area.take(drawn))
    sample = _samples(slope, first, last, side)
    tri, (w0, w1) = sample.triangle, sample.weight
    w2 = 1.0 - w0 - w1
    distance = np.ascontiguousarray(screen[:, 2]).take(corner.take(drawn, 1))  # [3,D]
    depth = w0 * distance[0].take(tri) + w1 * distance[1].take(tri) + w2 * distance[2].take(tri)
    return CoveredPixels(sample.pixel, drawn.take(tri), (w0, w1, w2), depth)


def rasterize(screen: Array, triangle: Index, side: int) -> tuple[Index, Index, Array]:
    """Which triangle each covered pixel sees: flat pixel numbers [n], triangles [n], barycentric weights [n,3].

    As `covered`; triangles that turn away are not drawn, the nearest wins, of equals the last.
    """
    found = covered(screen, triangle, side)
    seen = nearest(found.pixel, found.distance, side)
    bary = np.stack([w.take(seen) for w in found.weight])
    return found.pixel.take(seen), found.triangle.take(seen), bary.T


def _slopes(corner: Array, area: Array) -> Array:
    """[D,6] of the first two weights: value at the box's first pixel, then change by column and by row.

    `corner` [3,D,2] counts from that pixel's centre: small numbers, so that thin triangles keep their digits.
    """
    (x0, x1, x2), (y0, y1, y2) = corner.transpose(2, 0, 1)
    slope = np.empty((len(area), 6), np.float32)
    scale = 1.0 / area
    slope[:, 0], slope[:, 1] = (x1 * y2 - x2 * y1) * scale, (x2 * y0 - x0 * y2) * scale
    slope[:, 2], slope[:, 3] = (y1 - y2) * scale, (y2 - y0) * scale
    slope[:, 4], slope[:, 5] = (x2 - x1) * scale, (x0 - x2) * scale
    return slope


@dataclass(frozen=True)
class _Samples:
    """Pixel centres in triangles, triangle by triangle."""

    pixel: Index  # [n]
    triangle: Index  # [n] rows of `slope`
    weight: tuple[Array, Array]  # the first two barycentric weights [n]


def _samples(slope: Array, first: Array, last: Array, side: int) -> _Samples:
    """The pixels of every triangle's bounding box, line by line, of which those inside the triangle stay."""
    size = (last - first).astype(np.int64) + 1
    row, down = _counted(size[:, 1])  # [L] lines of all boxes
    line = np.empty((len(row), 4), np.float32)
    per_line = slope.take(row, 0)
    line[:, 0] = per_line[:, 0] + per_line[:, 4] * down
    line[:, 1] = per_line[:, 1] + per_line[:, 5] * down
    line[:, 2], line[:, 3] = per_line[:, 2], per_line[:, 3]
    start = (first[:, 1] * side + first[:, 0]).take(row) + down * side
    of_line, right = _counted(size[:, 0].take(row))
    per_pixel = line.take(of_line, 0)
    w0 = per_pixel[:, 0] + per_pixel[:, 2] * right
    w1 = per_pixel[:, 1] + per_pixel[:, 3] * right
    inside = np.flatnonzero((w0 >= -_SLACK) & (w1 >= -_SLACK) & (w0 + w1 <= 1.0 + _SLACK))
    of_line = of_line.take(inside)
    pixel = (start.take(of_line) + right.take(inside)).astype(np.int64)
    return _Samples(pixel, row.take(of_line), (w0.take(inside), w1.take(inside)))


def _counted(count: Index) -> tuple[Index, Array]:
    """For counts 2, 3: the index [0, 0, 1, 1, 1] of each, and its position [0, 1, 0, 1, 2]."""
    which = np.repeat(np.arange(len(count)), count)
    start = (np.cumsum(count) - count).astype(np.float32)
    return which, np.arange(len(which), dtype=np.float32) - start.take(which)


def nearest(pixel: Index, distance: Array, side: int) -> Index:
    """Rows of the nearest sample of each pixel."""
    near, far = distance.min(initial=np.inf), distance.max(initial=0.0)
    depth = ((far - distance) * (65535.0 / (far - near + 1e-6))).astype(np.uint16)  # sorts ten times as fast
    far_first = np.argsort(depth, kind="stable")
    winner = np.full(side * side, -1, np.int64)
    winner[pixel.take(far_first)] = far_first  # of equal pixels the last, the nearest, stays
    return winner[winner >= 0]
