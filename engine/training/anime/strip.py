"""A mesh that is worn on the head, and the few solids it is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Index = NDArray[np.int32]
Wide = NDArray[np.float64]
RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Strip:
    """Corners and triangles; `attribute` as `surface` says."""

    position: Array  # [n,3] dm
    normal: Array  # [n,3]
    uv: Array  # [n,2]
    attribute: Array  # [n,4]
    triangle: NDArray[np.integer]  # [T,3]
    group: NDArray[np.integer]  # [T]
    picture: NDArray[np.integer]  # [T] row of the kit's hair textures, -1 for none
    color: Array  # [T,3]
    label: NDArray[np.uint8]  # [T]
    weight: Array  # [n,2] how much a corner follows skull and neck


@dataclass(frozen=True)
class Solid:
    """A part of one colour."""

    position: Wide  # [n,3]
    normal: Wide  # [n,3]
    triangle: NDArray[np.int64]  # [t,3]
    color: RGB


def unit(vector: NDArray[np.floating]) -> Array:
    """[...,3] of length 1."""
    return np.asarray(vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9), np.float32)


def grid(rows: int, columns: int, is_closed: bool = False) -> NDArray[np.int64]:
    """[t,3] triangles between points [rows,columns]; closed where the last column meets the first."""
    across = columns if is_closed else columns - 1
    i = (np.arange(rows - 1)[:, None] * columns + np.arange(across)).ravel()
    j = (np.arange(rows - 1)[:, None] * columns + (np.arange(across) + 1) % columns).ravel()
    return np.concatenate([np.stack([i, j, i + columns], 1), np.stack([j, j + columns, i + columns], 1)])


def sheet(position: NDArray[np.floating], color: RGB, is_closed: bool = False, flip: bool = False) -> Solid:
    """A surface through points [rows,columns,3], with the normals of its own slope."""
    down = np.gradient(position, axis=0)
    around = np.roll(position, -1, 1) - np.roll(position, 1, 1)
    right = around if is_closed else np.gradient(position, axis=1)
    normal = unit(np.cross(right, down)) * (-1.0 if flip else 1.0)
    triangle = grid(position.shape[0], position.shape[1], is_closed)
    return Solid(position.reshape(-1, 3).astype(np.float64), normal.reshape(-1, 3).astype(np.float64), triangle, color)


def tube(path: NDArray[np.floating], radius: float | Wide, color: RGB, sides: int = 6) -> Solid:
    """A tube along points [n,3]."""
    tangent = unit(np.gradient(path, axis=0))
    side = unit(np.cross(tangent, np.array([0.02, 0.03, 1.0])))
    other = np.cross(tangent, side)
    a = np.arange(sides) * (2 * np.pi / sides)
    normal = side[:, None] * np.cos(a)[None, :, None] + other[:, None] * np.sin(a)[None, :, None]
    wide = np.broadcast_to(np.asarray(radius, np.float64), (len(path),))[:, None, None]
    position = path[:, None] + wide * normal
    return Solid(position.reshape(-1, 3), normal.reshape(-1, 3), grid(len(path), sides, True), color)


def ball(center: Wide, radius: Wide | float, color: RGB, rows: int = 9, columns: int = 14) -> Solid:
    """An ellipsoid with radii [3]."""
    e, a = np.meshgrid(
        np.linspace(-0.5 * np.pi, 0.5 * np.pi, rows), np.arange(columns) * 2 * np.pi / columns, indexing="ij"
    )
    normal = np.stack([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)], -1)
    position = center + normal * np.asarray(radius)
    return Solid(position.reshape(-1, 3), normal.reshape(-1, 3), grid(rows, columns, True), color)
