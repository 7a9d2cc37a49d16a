"""Where each point of a posed head lies in other pictures of the same head: the displacement, and how well it was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.engine.nouns import FlameParams

from .head import EYE, MOUTH, OpenHead, Shaped, open_head
from .maps import Camera, _blended, rasterise

Array = NDArray[np.float32]
Index = NDArray[np.int64]

GRID = 128  # cells on a side of every map here
GEOMETRY = 10  # canonical position (3), normal (3), covered, eye, mouth, depth
TRUST = 4  # visible, facing, log2 of the scale, covered
_DEPTH_SLACK = 0.03  # head heights that a point may lie behind what its reference shows there
_UNKNOWN = 0.5  # visible and facing beyond the head, where no surface tells
_FLOOR_WEIGHT = 0.2  # the lowest row belongs to the torso, which stands still


@dataclass(frozen=True)
class View:
    """A posed head as the camera sees it on a grid of G x G cells."""

    screen: Array  # [N,3] column, row and distance in dm of the vertices, in cells
    normal: Array  # [N,3] unit normals of the vertices, camera's frame
    facing: Array  # [N] cosine between a vertex's normal and the direction to the camera
    area: Array  # [T] signed area of the triangles in cells
    cell: Index  # [n] flat numbers of the covered cells
    triangle: Index  # [n] which triangle each of them shows
    weight: Array  # [n,3] barycentric
    depth: Array  # [G*G] distance in dm, infinite where nothing is
    geometry: Array  # [10,G,G] canonical position, normal, covered, eye, mouth, depth


@dataclass(frozen=True)
class Correspondence:
    """For each cell of a wanted view, the same surface point in K references."""

    place: Array  # [K,G,G,2] where it lies in the reference: x right, y down, -1 to 1
    trust: Array  # [K,4,G,G] visible 0 or 1, facing 0 to 1, log2 of reference cells a cell, covered 0 or 1


class Viewer:
    """Poses and views one character's head; build once, view often."""

    def __init__(self, shaped: Shaped, head: OpenHead | None = None, grid: int = GRID) -> None:
        self.head, self.shaped, self.grid = head or open_head(), shaped, grid
        self.camera = Camera.framing(shaped)
        self._triangle = np.asfortranarray(self.head.triangle, np.int64)  # columns are what is read
        low, high = self.head.template.min(0), self.head.template.max(0)
        self._canonical = np.ascontiguousarray(((self.head.template - low) / (high - low) * 2.0 - 1.0).T, np.float32)
        region = self.head.region[self.head.triangle[:, 0]]
        self._flags = np.stack([region == EYE, region == MOUTH]).astype(np.float32)  # [2,T]

    def view(self, params: FlameParams) -> View:
        """The head with this face; ValueError if `params` use another basis."""
        grid, height = self.grid, np.float32(self.shaped.height)
        vertex = self.head.pose(self.shaped, params)
        screen = self.camera.project(vertex, grid)
        cell, triangle, weight = rasterise(screen, self._triangle, grid)
        normal, area = self._normals(vertex), self._areas(screen)
        away = self.camera.eye - vertex
        facing = np.einsum("nk,nk->n", normal, away) / np.sqrt(np.einsum("nk,nk->n", away, away))
        corner, share = self._triangle.T.take(triangle, 1), weight.T  # [3,n]
        (distance,) = _blended(np.ascontiguousarray(screen[:, 2:].T), corner, share)
        depth = np.full(grid * grid, np.inf, np.float32)
        depth[cell] = distance
        geometry = np.zeros((GEOMETRY, grid * grid), np.float32)
        geometry[0:3, cell] = _blended(self._canonical, corner, share)
        geometry[3:6, cell] = _blended(np.ascontiguousarray(normal.T), corner, share)
        geometry[6, cell] = 1.0
        geometry[7:9, cell] = self._flags.take(triangle, 1)
        geometry[9, cell] = (self.camera.eye[2] - self.camera.aim[2] - distance) / height
        return View(
            screen, normal, facing, area, cell, triangle, weight, depth, geometry.reshape(GEOMETRY, grid, grid)
        )

    def correspondence(self, wanted: View, references: Sequence[View]) -> Correspondence:
        """Where the wanted view's cells lie in these references; beyond the head the displacement is carried on smoothly."""
        grid, cell = self.grid, wanted.cell
        corner, share = self._triangle.T.take(wanted.triangle, 1), wanted.weight.T
        column, row = (cell % grid) + np.float32(0.5), (cell // grid) + np.float32(0.5)
        covered = np.zeros(grid * grid, np.float32)
        covered[cell] = 1.0
        place = np.empty((len(references), grid, grid, 2), np.float32)
        trust = np.zeros((len(references), TRUST, grid * grid), np.float32)
        trust[:, :2], trust[:, 3] = _UNKNOWN, covered
        centre = (np.arange(grid, dtype=np.float32) + 0.5)[None, :, None]
        own = np.concatenate([np.broadcast_to(centre, (grid, grid, 1)), np.broadcast_to(centre.transpose(1, 0, 2), (grid, grid, 1))], 2)
        hold = covered.reshape(grid, grid).copy()
        hold[-1] = np.maximum(hold[-1], _FLOOR_WEIGHT)
        for k, reference in enumerate(references):
            carried = np.concatenate([reference.screen, reference.facing[:, None]], 1)
            x, y, distance, facing = _blended(np.ascontiguousarray(carried.T), corner, share)
            at = np.clip(y, 0, grid - 1).astype(np.int64) * grid + np.clip(x, 0, grid - 1).astype(np.int64)
            is_inside = (x >= 0) & (x < grid) & (y >= 0) & (y < grid)
            seen = distance <= reference.depth.take(at) + _DEPTH_SLACK * self.shaped.height
            ratio = reference.area.take(wanted.triangle) / wanted.area.take(wanted.triangle)
            trust[k, 0, cell] = seen & is_inside & (facing > 0.0)
            trust[k, 1, cell] = np.maximum(facing, 0.0)
            trust[k, 2, cell] = np.clip(0.5 * np.log2(np.maximum(ratio, 1e-4)), -2.0, 2.0)
            moved = np.zeros((grid * grid, 2), np.float32)
            moved[cell, 0], moved[cell, 1] = x - column, y - row
            place[k] = (own + carried_on(moved.reshape(grid, grid, 2), hold)) * np.float32(2.0 / grid) - 1.0
        return Correspondence(place, trust.reshape(-1, TRUST, grid, grid))

    def _normals(self, vertex: Array) -> Array:
        """[N,3] unit normals: the sum of those of a vertex's triangles, by area."""
        around = self._triangle.T
        a, b, c = np.ascontiguousarray(vertex.T).take(around, 1).transpose(1, 0, 2)
        u, v = b - a, c - a
        flat, normal = around.ravel(), np.empty((3, len(vertex)), np.float32)
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            face = u[i] * v[j] - u[j] * v[i]
            normal[k] = np.bincount(flat, np.concatenate([face, face, face]), len(vertex))
        normal /= np.sqrt(np.einsum("kn,kn->n", normal, normal)) + 1e-12
        return np.ascontiguousarray(normal.T)

    def _areas(self, screen: Array) -> Array:
        """[T] signed area of the triangles on the screen, never 0."""
        a, b, c = screen[:, :2].take(self._triangle.T, 0)
        area = 0.5 * ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1]))
        return np.asarray(np.where(np.abs(area) < 1e-6, np.float32(-1e-6), area), np.float32)


def carried_on(value: Array, weight: Array) -> Array:
    """[G,G,C] the values where `weight` [G,G] is 1, and a smooth continuation elsewhere (push-pull, Gortler et al. 1996)."""
    levels = [(value * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 2:
        summed, total = levels[-1]
        side = (total.shape[1] // 2, total.shape[0] // 2)
        levels.append(tuple(cv2.resize(one, side, interpolation=cv2.INTER_AREA) for one in (summed, total)))
    summed, total = levels[-1]
    found = summed / np.maximum(total, 1e-6)[..., None]
    for summed, total in levels[-2::-1]:
        up = cv2.resize(found, (total.shape[1], total.shape[0]), interpolation=cv2.INTER_LINEAR)
        share = np.minimum(total, 1.0)[..., None]
        found = summed / np.maximum(total, 1e-6)[..., None] * share + up * (1.0 - share)
    return np.asarray(found, np.float32)
