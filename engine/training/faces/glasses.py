"""Glasses: two rims, a bridge and temples, modelled around a person's eyes and ears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .kit import Kit
from .person import Person
from .surface import Array, Index

Wide = NDArray[np.float64]

_RIM_POINTS = 64
_TUBE_POINTS = 8
# Half width, half height (dm), exponent of the superellipse, thickness of the rim.
_SHAPES = {
    "round": (0.225, 0.215, 2.0, 0.009),
    "oval": (0.245, 0.175, 2.2, 0.011),
    "square": (0.245, 0.185, 4.0, 0.016),
    "wide": (0.260, 0.200, 3.0, 0.019),
}


@dataclass(frozen=True)
class Glasses:
    """A mesh that the skull carries."""

    vertex: Array  # [n,3] dm on the head at rest
    triangle: Index  # [t,3]
    is_lens: NDArray[np.bool_]  # [t]


def glasses_of(kit: Kit, head: Array, person: Person) -> Glasses:
    """Glasses of the person's shape, before this resting head's eyes."""
    half_x, half_y, power, thick = _SHAPES[person.glasses]
    eyes = np.stack([head[ball].mean(0) for ball in kit.eyeball]).astype(np.float64)
    nose = head[kit.landmark[27]].astype(np.float64)
    lids = head[kit.landmark[36:48]].astype(np.float64)
    front = max(float(lids[:, 2].max()) + 0.10, float(nose[2]) + 0.02)
    ears = kit.local.magnitude("ears/l-ear-wing-incr", len(kit.position)) > 0.3
    ear_y = float(np.percentile(head[ears, 1], 88))
    ear_x, ear_z = float(head[ears, 0].min()) + 0.015, float(np.median(head[ears, 2]))
    scale = float(eyes[0, 0] - eyes[1, 0]) / 0.615
    half_x, half_y = half_x * scale, half_y * scale
    tubes: list[Wide] = []
    lenses: list[Wide] = []
    angle = np.linspace(0.0, 2.0 * np.pi, _RIM_POINTS, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    for side, eye in zip((1.0, -1.0), eyes, strict=True):
        x = half_x * np.sign(cos) * np.abs(cos) ** (2.0 / power)
        y = half_y * np.sign(sin) * np.abs(sin) ** (2.0 / power)
        middle = eye[0] + side * 0.015
        # Lenses follow the face round and lean in at the bottom.
        px = middle + x
        z = front - 0.20 * np.maximum(np.abs(px) - 0.08, 0.0) ** 1.5 + 0.08 * y
        rim = np.stack([px, eye[1] - 0.02 + y, z], 1)
        tubes.append(np.concatenate([rim, rim[:2]]))
        lenses.append(rim)
        hinge = rim[np.argmax(side * rim[:, 0] + 0.4 * rim[:, 1])]
        path = [hinge, hinge + np.array([side * 0.05, 0.01, -0.04])]
        turn = np.array([side * max(ear_x, abs(float(path[-1][0])) - 0.04), ear_y, ear_z + 0.12])
        path += [path[1] * (1 - t) + turn * t for t in (0.33, 0.66, 1.0)]
        path += [turn + np.array([0.0, -0.03, -0.10]), turn + np.array([-side * 0.02, -0.20, -0.18])]
        tubes.append(np.array(path))
    inner = [lens[np.argmin(np.abs(lens[:, 0]) - 0.3 * lens[:, 1])] for lens in lenses]
    t = np.linspace(0.0, 1.0, 7)[:, None]
    arch = np.array([0.0, 0.03, 0.035]) * np.sin(np.pi * t)
    tubes.append(inner[0] * (1 - t) + inner[1] * t + arch)
    return _mesh(tubes, lenses, thick)


def _mesh(tubes: list[Wide], lenses: list[Wide], thick: float) -> Glasses:
    """Tubes around paths, and fans for the lenses."""
    vertices, triangles, is_lens = [], [], []
    first = 0
    around = np.linspace(0.0, 2.0 * np.pi, _TUBE_POINTS, endpoint=False)
    for path in tubes:
        along = np.gradient(path, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
        side = np.cross(along, [0.03, 0.05, 1.0])
        side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
        up = np.cross(side, along)
        ring = np.cos(around)[None, :, None] * side[:, None] + np.sin(around)[None, :, None] * up[:, None]
        vertices.append((path[:, None] + thick * ring).reshape(-1, 3))
        n = len(path)
        k, j = np.meshgrid(np.arange(n - 1), np.arange(_TUBE_POINTS), indexing="ij")
        a, b = k * _TUBE_POINTS + j, k * _TUBE_POINTS + (j + 1) % _TUBE_POINTS
        c, d = a + _TUBE_POINTS, b + _TUBE_POINTS
        triangles.append(np.stack([a, b, c, b, d, c], -1).reshape(-1, 3) + first)
        is_lens.append(np.zeros(len(triangles[-1]), bool))
        first += n * _TUBE_POINTS
    for rim in lenses:
        vertices.append(np.concatenate([rim, rim.mean(0, keepdims=True) + np.array([0.0, 0.0, 0.012])]))
        n = len(rim)
        a = np.arange(n)
        triangles.append(np.stack([a, (a + 1) % n, np.full(n, n)], 1) + first)
        is_lens.append(np.ones(n, bool))
        first += n + 1
    return Glasses(
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
        np.concatenate(is_lens),
    )
