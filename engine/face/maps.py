"""Geometry maps: the posed head drawn small, as numbers that guide the denoiser pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.engine.nouns import FlameParams

from . import atlas
from .head import EYE, MOUTH, OpenHead, Shaped, open_head, rotation, skull_seat

Array = NDArray[np.float32]
Index = NDArray[np.int64]

GRID = 128  # pixels on a side
CHANNELS = 10
FOV_DEG = 20.0
_FRAME = 0.76  # half the picture's height, in head heights
_AIM = 0.40  # the camera looks at this height between chin and crown
_AIM_BEHIND_EYES_DM = 0.6
_SLACK = np.float32(1e-3)  # triangles reach this much over their edges, so that no crack shows what lies behind


@dataclass(frozen=True)
class Maps:
    """What the denoiser sees of the head. Rows go down, columns to the right (the subject's left)."""

    geometry: Array  # [10,G,G] canonical position (3), normal (3), covered, eye, mouth, depth
    uv: Array  # [G,G,2] where in the character's texture, -1 to 1 (x right, y down)


@dataclass(frozen=True)
class Camera:
    """Stands still in front of the resting head, so that all characters fill the picture alike."""

    eye: Array  # [3] dm
    aim: Array  # [3] dm

    @classmethod
    def framing(cls, shaped: Shaped) -> Camera:
        chin, eyes = float(shaped.anchor[4, 1]), float(shaped.anchor[2:4, 2].mean())
        aim = np.array([0.0, chin + _AIM * shaped.height, eyes - _AIM_BEHIND_EYES_DM], np.float32)
        distance = _FRAME * shaped.height / np.tan(np.radians(FOV_DEG) / 2)
        return cls((aim + np.array([0.0, 0.0, distance])).astype(np.float32), aim)

    def project(self, point: Array, side: int) -> Array:
        """[n,3] pixel x, pixel y (down) and distance in dm of points on a picture of `side` pixels."""
        scale = side / 2 / np.tan(np.radians(FOV_DEG) / 2)
        distance = self.eye[2] - point[:, 2]
        x = (point[:, 0] - self.eye[0]) / distance * scale + side / 2
        y = side / 2 - (point[:, 1] - self.eye[1]) / distance * scale
        return np.stack([x, y, distance], 1).astype(np.float32)


class MapMaker:
    """Draws the maps of one character; build once, draw often."""

    def __init__(self, shaped: Shaped, head: OpenHead | None = None) -> None:
        self.head = head or open_head()
        self.shaped = shaped
        self.camera = Camera.framing(shaped)
        self._triangle = self.head.triangle.astype(np.int64)
        self._flat_corner = np.ascontiguousarray(self._triangle.T).ravel()
        low, high = self.head.template.min(0), self.head.template.max(0)
        canonical = (self.head.template - low) / (high - low) * 2.0 - 1.0
        self._fixed = np.concatenate([canonical, self.head.uv], 1).astype(np.float32)  # [N,5]
        region = self.head.region[self.head.triangle[:, 0]]
        self._flags = np.stack([np.ones(len(region)), region == EYE, region == MOUTH], 1).astype(np.float32)  # [T,3]
        self._rays = self._pixel_rays()

    def draw(self, params: FlameParams) -> Maps:
        """The maps of this face; ValueError where `params` speak another basis."""
        vertex = self.head.pose(self.shaped, params)
        screen = self.camera.project(vertex, GRID)
        pixel, triangle, bary = rasterise(screen, self._triangle, GRID)
        varying = np.concatenate([self._fixed, self._normals(vertex), screen[:, 2:]], 1)
        seen = _blended(varying, self._triangle[triangle], bary)
        geometry = np.zeros((GRID * GRID, CHANNELS), np.float32)
        seen[:, 8] = (self.camera.eye[2] - self.camera.aim[2] - seen[:, 8]) / np.float32(self.shaped.height)
        geometry[pixel] = np.concatenate([seen[:, 0:3], seen[:, 5:8], self._flags[triangle], seen[:, 8:]], 1)
        uv = self._card(params)
        uv[pixel] = seen[:, 3:5]
        uv *= 2.0
        uv -= 1.0
        return Maps(np.ascontiguousarray(geometry.T).reshape(CHANNELS, GRID, GRID), uv.reshape(GRID, GRID, 2))

    def _normals(self, vertex: Array) -> Array:
        """[N,3] unit normals: the sum of those of a vertex's triangles, by area."""
        a, b, c = vertex[self._triangle[:, 0]], vertex[self._triangle[:, 1]], vertex[self._triangle[:, 2]]
        u, v = b - a, c - a
        normal = np.empty((len(vertex), 3), np.float32)
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            face = u[:, i] * v[:, j] - u[:, j] * v[:, i]
            normal[:, k] = np.bincount(self._flat_corner, np.tile(face, 3), len(vertex))
        normal /= np.sqrt(np.einsum("nk,nk->n", normal, normal))[:, None] + 1e-12
        return normal

    def _pixel_rays(self) -> Array:
        """[G*G,3] what a pixel looks along."""
        step = (np.arange(GRID) + 0.5) / GRID * 2.0 - 1.0
        x, y = np.meshgrid(step, -step)
        slope = np.tan(np.radians(FOV_DEG) / 2)
        return np.stack([x * slope, y * slope, np.full_like(x, -1.0)], -1).reshape(-1, 3).astype(np.float32)

    def _card(self, params: FlameParams) -> Array:
        """[G*G,2] atlas coordinates on a card that stands in the skull and turns with it: room for hair."""
        turn = rotation(params.neck_pose).astype(np.float32)
        away = skull_seat(self.shaped, params.neck_pose) - self.camera.eye
        # Half turned, the card is never seen edge-on.
        facing = rotation(0.5 * params.neck_pose)[:, 2].astype(np.float32)
        reach = float(away @ facing) / (self._rays @ facing)
        local = (self._rays * reach[:, None] - away) @ turn / np.float32(self.shaped.height)
        return atlas.card_uv(local)


def _blended(varying: Array, corner: Index, bary: Array) -> Array:
    """[n,C] what the corners [n,3] carry, mixed by these weights."""
    mixed = varying[corner[:, 0]] * bary[:, :1]
    mixed += varying[corner[:, 1]] * bary[:, 1:2]
    mixed += varying[corner[:, 2]] * bary[:, 2:]
    return mixed


def rasterise(screen: Array, triangle: Index, side: int) -> tuple[Index, Index, Array]:
    """Which triangle each covered pixel sees: flat pixel numbers [n], triangles [n], barycentric weights [n,3].

    `screen` [N,3] holds pixel x, y (down) and distance. Triangles that turn away are not drawn; the nearest wins.
    """
    x, y = np.ascontiguousarray(screen[:, 0]), np.ascontiguousarray(screen[:, 1])
    a, b, c = triangle.T
    area = (x[b] - x[a]) * (y[c] - y[a]) - (x[c] - x[a]) * (y[b] - y[a])
    front = np.flatnonzero(area < 0.0)
    a, b, c = a[front], b[front], c[front]
    x0, y0, x1, y1, x2, y2 = x[a], y[a], x[b], y[b], x[c], y[c]
    left = np.maximum(np.ceil(np.minimum(np.minimum(x0, x1), x2) - 0.5), 0).astype(np.int32)
    right = np.minimum(np.floor(np.maximum(np.maximum(x0, x1), x2) - 0.5), side - 1).astype(np.int32)
    top = np.maximum(np.ceil(np.minimum(np.minimum(y0, y1), y2) - 0.5), 0).astype(np.int32)
    bottom = np.minimum(np.floor(np.maximum(np.maximum(y0, y1), y2) - 0.5), side - 1).astype(np.int32)
    drawn = np.flatnonzero((right >= left) & (bottom >= top))
    wide, high = (right - left + 1)[drawn], (bottom - top + 1)[drawn]
    # Every pixel of every triangle's bounding box, in one long list.
    count = wide * high
    row = np.repeat(np.arange(len(drawn)), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    down = place // wide[row]
    px = left[drawn][row] + place - down * wide[row]
    py = top[drawn][row] + down
    edge = _edges(x0, y0, x1, y1, x2, y2, area[front], drawn)[row]
    cx, cy = (px + 0.5).astype(np.float32), (py + 0.5).astype(np.float32)
    w0 = edge[:, 0] * cx + edge[:, 1] * cy + edge[:, 2]
    w1 = edge[:, 3] * cx + edge[:, 4] * cy + edge[:, 5]
    inside = np.flatnonzero((w0 >= -_SLACK) & (w1 >= -_SLACK) & (w0 + w1 <= 1.0 + _SLACK))
    w0, w1, pixel, tri = w0[inside], w1[inside], (py * side + px)[inside], front[drawn[row[inside]]]
    bary = np.stack([w0, w1, 1.0 - w0 - w1], 1)
    nearest = _nearest(pixel, np.einsum("nk,nk->n", bary, screen[:, 2][triangle[tri]]), side)
    return pixel[nearest], tri[nearest], bary[nearest]


def _edges(x0: Array, y0: Array, x1: Array, y1: Array, x2: Array, y2: Array, area: Array, drawn: Index) -> Array:
    """[n,6] the two affine functions of x and y that give the first two barycentric weights."""
    x0, y0, x1, y1, x2, y2 = x0[drawn], y0[drawn], x1[drawn], y1[drawn], x2[drawn], y2[drawn]
    scale = 1.0 / area[drawn]
    first = ((y1 - y2) * scale, (x2 - x1) * scale, (x1 * y2 - x2 * y1) * scale)
    second = ((y2 - y0) * scale, (x0 - x2) * scale, (x2 * y0 - x0 * y2) * scale)
    return np.stack([*first, *second], 1)


def _nearest(pixel: Index, distance: Array, side: int) -> Index:
    """Rows of the nearest sample of each pixel."""
    near, far = distance.min(initial=np.inf), distance.max(initial=0.0)
    depth = ((far - distance) * (65535.0 / (far - near + 1e-6))).astype(np.uint16)  # sorts ten times as fast
    far_first = np.argsort(depth, kind="stable")
    winner = np.full(side * side, -1, np.int64)
    winner[pixel[far_first]] = far_first  # of equal pixels the last, the nearest, stays
    return winner[winner >= 0]
