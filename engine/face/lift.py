"""Lifts a picture's colours onto the head: where each texel of the atlas lies in it, and how well it is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.engine.nouns import FlameParams

from . import atlas
from .head import Shaped, rotation, skull_seat
from .maps import GRID, MapMaker, rasterise

Array = NDArray[np.float32]

_GRAZING = 0.15  # cosine to the camera below which skin is not read
_DEPTH_SLACK = 0.02  # head heights that a texel may lie behind what its pixel shows


@dataclass(frozen=True)
class Lift:
    """Where the texels are in one picture."""

    xy: Array  # [256,128,2] picture coordinates -1 to 1, x right, y down
    weight: Array  # [256,128] 0 unseen to 1 seen squarely


class Lifter:
    """Finds the texels of one character; build once, lift often."""

    def __init__(self, shaped: Shaped) -> None:
        self.maker = MapMaker(shaped)
        self._triangle = triangle = self.maker.head.triangle.astype(np.int64)
        self._texel, self._corner, self._bary = _texels(self.maker.head.uv, triangle)
        self._card, self._local = _card_texels()

    def lift(self, params: FlameParams) -> Lift:
        """The texels with this face; ValueError where `params` speak another basis."""
        maker = self.maker
        vertex = maker.head.pose(maker.shaped, params)
        screen = maker.camera.project(vertex, GRID)
        depth = _depth(screen, maker)
        xy = np.zeros((atlas.HEIGHT * atlas.WIDTH, 2), np.float32)
        weight = np.zeros(atlas.HEIGHT * atlas.WIDTH, np.float32)
        point = _mixed(screen, self._corner, self._bary)
        normal = _mixed(_normals(vertex, self._triangle), self._corner, self._bary)
        away = maker.camera.eye - _mixed(vertex, self._corner, self._bary)
        cosine = np.einsum("nk,nk->n", normal, away) / (
            np.linalg.norm(normal, axis=1) * np.linalg.norm(away, axis=1) + 1e-9
        )
        is_front = point[:, 2] <= _at(depth, point) + _DEPTH_SLACK * maker.shaped.height
        xy[self._texel] = point[:, :2] / (GRID / 2) - 1.0
        weight[self._texel] = np.clip((cosine - _GRAZING) / (0.6 - _GRAZING), 0.0, 1.0) * is_front
        point = maker.camera.project(self._on_card(params), GRID)
        xy[self._card] = point[:, :2] / (GRID / 2) - 1.0
        weight[self._card] = np.isinf(_at(depth, point))
        weight *= (np.abs(xy) < 1.0).all(1)
        shape = atlas.HEIGHT, atlas.WIDTH
        return Lift(np.clip(xy, -1.0, 1.0).reshape(*shape, 2), weight.reshape(shape))

    def _on_card(self, params: FlameParams) -> Array:
        """[n,3] the card's texels in space: the inverse of what the maps do."""
        shaped = self.maker.shaped
        turn = rotation(params.neck_pose)
        facing = rotation(0.5 * params.neck_pose)[:, 2] @ turn
        x, y = self._local.T * shaped.height
        z = -(facing[0] * x + facing[1] * y) / facing[2]
        point = np.stack([x, y, z], 1) @ turn.T + skull_seat(shaped, params.neck_pose)
        return np.asarray(point, np.float32)


def gathered(picture: NDArray[np.uint8], lift: Lift) -> Array:
    """[4,256,128] the colours of an RGB picture [S,S,3] at each texel, -1 to 1 times weight, then the weight."""
    side = picture.shape[0]
    at = np.clip((lift.xy + 1.0) * (side / 2) - 0.5, 0.0, side - 1.001)
    low = at.astype(np.int64)
    part = (at - low).astype(np.float32)
    x, y, u, v = low[..., 0], low[..., 1], part[..., :1], part[..., 1:]
    value = picture.astype(np.float32)
    top = value[y, x] * (1 - u) + value[y, x + 1] * u
    bottom = value[y + 1, x] * (1 - u) + value[y + 1, x + 1] * u
    colour = (top * (1 - v) + bottom * v) / np.float32(127.5) - 1.0
    return np.concatenate([colour * lift.weight[..., None], lift.weight[..., None]], 2).transpose(2, 0, 1).copy()


def _normals(vertex: Array, triangle: NDArray[np.int64]) -> Array:
    """[N,3] normals of any length: the sum of those of a vertex's triangles, by area."""
    a, b, c = (vertex[triangle[:, k]] for k in range(3))
    face, corner = np.cross(b - a, c - a), np.ascontiguousarray(triangle.T).ravel()
    summed = [np.bincount(corner, np.tile(face[:, k], 3), len(vertex)) for k in range(3)]
    return np.stack(summed, 1).astype(np.float32)


def _mixed(value: Array, corner: NDArray[np.int64], bary: Array) -> Array:
    return np.asarray(np.einsum("nkc,nk->nc", value[corner], bary), np.float32)


def _at(grid: Array, point: Array) -> Array:
    """The values of [G,G] at pixel positions [n,2+]."""
    column, row = (np.clip(point[:, k].astype(np.int64), 0, GRID - 1) for k in (0, 1))
    return np.asarray(grid[row, column])


def _depth(screen: Array, maker: MapMaker) -> Array:
    """[G,G] distance of what each pixel shows of the head, infinite where that is nothing."""
    triangle = maker.head.triangle.astype(np.int64)
    pixel, seen, bary = rasterise(screen, triangle, GRID)
    depth = np.full(GRID * GRID, np.inf, np.float32)
    depth[pixel] = np.einsum("nk,nk->n", screen[:, 2][triangle[seen]], bary)
    return depth.reshape(GRID, GRID)


def _texels(uv: Array, triangle: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Flat texel numbers [n], the corners [n,3] of the triangle that each lies in, and its weights [n,3] there."""
    side = max(atlas.HEIGHT, atlas.WIDTH)
    place = np.concatenate([uv * (atlas.WIDTH, atlas.HEIGHT), np.ones((len(uv), 1))], 1).astype(np.float32)
    # The layout may wind either way round, and only one way is drawn.
    parts = [(*rasterise(place, way, side), way) for way in (triangle, triangle[:, ::-1])]
    pixel = np.concatenate([part[0] for part in parts])
    corner = np.concatenate([part[3][part[1]] for part in parts])
    bary = np.concatenate([part[2] for part in parts])
    row, column = np.divmod(pixel, side)
    inside = (row < atlas.HEIGHT) & (column < atlas.WIDTH)
    flat, first = np.unique((row * atlas.WIDTH + column)[inside], return_index=True)
    return flat, corner[inside][first], np.clip(bary[inside][first], 0.0, 1.0).astype(np.float32)


def _card_texels() -> tuple[NDArray[np.int64], Array]:
    """Flat numbers [n] of the card's texels, and where they are on the card [n,2] in head heights."""
    columns, rows = np.meshgrid(np.arange(atlas.WIDTH), np.arange(atlas.HEIGHT))
    unit = np.stack([(columns + 0.5) / atlas.WIDTH, (rows + 0.5) / atlas.HEIGHT], -1).reshape(-1, 2)
    local, is_card = atlas.on_card(unit.astype(np.float32))
    return np.flatnonzero(is_card), local[is_card]
