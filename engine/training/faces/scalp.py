"""The head as hair meets it: distance to skin and clothes, the hairline, and where roots can stand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .kit import Kit
from .surface import Array, Index

_GRID_STEP_DM = 0.115
_BASE_CENTER = np.array([0.0, 7.35, 0.4])  # of the skull of the kit's resting head, dm
# Elevation of the hairline, seen from there, by azimuth from the front (both in degrees).
_HAIRLINE_DEG = np.array(
    [[0, 40], [18, 40.5], [34, 39], [46, 28], [57, 17], [66, 3], [72, -10], [80, -15], [86, 2], [100, 0], [108, -18],
     [116, -30], [150, -50], [180, -54]], float
)  # fmt: skip


class Distance(NamedTuple):
    """Signed distance to a surface on a grid, dm; positive outside."""

    origin: NDArray[np.float64]  # [3]
    step: float
    value: Array  # [X,Y,Z]


def distance_to(vertex: Array, normal: Array, low: Array, high: Array) -> Distance:
    """The distance to a surface that is given by its vertices, in the box from `low` to `high`."""
    count = np.ceil((high - low) / _GRID_STEP_DM).astype(int) + 1
    axes = [low[k] + _GRID_STEP_DM * np.arange(count[k]) for k in range(3)]
    point = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    far, near = cKDTree(vertex).query(point, k=3)
    offset = point[:, None] - vertex[near]
    weight = 1.0 / (far + 1e-3)
    signed = np.einsum("nkc,nkc->nk", offset, normal[near])
    # Far from the surface the plane of one vertex says little; there the vertex itself is the surface.
    plain = np.sign(signed) * far
    is_near = far[:, :1] < 0.25
    value = (np.where(is_near, signed, plain) * weight).sum(1) / weight.sum(1)
    return Distance(low.astype(np.float64), _GRID_STEP_DM, value.astype(np.float32).reshape(count))


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def distance_at(field: Distance, x: float, y: float, z: float) -> tuple[float, float, float, float]:
    """Distance and unit gradient at a point; far outside of the grid those of its border."""
    nx, ny, nz = field.value.shape
    fx = min(max((x - field.origin[0]) / field.step, 0.0), nx - 1.001)
    fy = min(max((y - field.origin[1]) / field.step, 0.0), ny - 1.001)
    fz = min(max((z - field.origin[2]) / field.step, 0.0), nz - 1.001)
    ix, iy, iz = int(fx), int(fy), int(fz)
    fx, fy, fz = fx - ix, fy - iy, fz - iz
    v = field.value
    c000, c100, c010, c110 = v[ix, iy, iz], v[ix + 1, iy, iz], v[ix, iy + 1, iz], v[ix + 1, iy + 1, iz]
    c001, c101, c011, c111 = (
        v[ix, iy, iz + 1],
        v[ix + 1, iy, iz + 1],
        v[ix, iy + 1, iz + 1],
        v[ix + 1, iy + 1, iz + 1],
    )
    gx0, gx1 = (c100 - c000) * (1 - fy) + (c110 - c010) * fy, (c101 - c001) * (1 - fy) + (c111 - c011) * fy
    a0, a1 = c000 + fx * (c100 - c000), c010 + fx * (c110 - c010)
    b0, b1 = c001 + fx * (c101 - c001), c011 + fx * (c111 - c011)
    d0, d1 = a0 + fy * (a1 - a0), b0 + fy * (b1 - b0)
    gx, gy, gz = gx0 * (1 - fz) + gx1 * fz, (a1 - a0) * (1 - fz) + (b1 - b0) * fz, d1 - d0
    scale = 1.0 / math.sqrt(gx * gx + gy * gy + gz * gz + 1e-12)
    return d0 + fz * (d1 - d0), gx * scale, gy * scale, gz * scale


@dataclass(frozen=True)
class Scalp:
    """The hairy skin of the kit's head, on its vertices: the same for all people."""

    azimuth: Array  # [V] radians from the front, 0 to pi on both sides
    elevation: Array  # [V] radians above the centre of the skull
    inside: Array  # [V] radians inside of the hairline, negative outside
    beard: Array  # [V] 0 to 1 where a beard grows
    moustache: Array  # [V] 0 to 1
    triangle: Index  # [T,3] vertices of the skin that is seen from outside


def scalp_of(kit: Kit) -> Scalp:
    """Where hair grows on the kit's head."""
    count = len(kit.position)
    q = kit.position - _BASE_CENTER
    azimuth = np.arctan2(np.abs(q[:, 0]), q[:, 2])
    elevation = np.arctan2(q[:, 1], np.hypot(q[:, 0], q[:, 2]))
    line = np.interp(np.degrees(azimuth), *_HAIRLINE_DEG.T)
    inside = elevation - np.radians(line)
    ears = kit.local.magnitude("ears/l-ear-wing-incr", count) + kit.local.magnitude("ears/r-ear-wing-incr", count)
    depth = np.linalg.norm(q, axis=1)
    inside[(ears > 0.05) | (depth < 0.55) | (kit.position[:, 1] < 6.2)] = -1.0
    beard, moustache = _beard(kit, count)
    corner = kit.corner_vertex[kit.face]
    return Scalp(
        azimuth.astype(np.float32),
        elevation.astype(np.float32),
        inside.astype(np.float32),
        beard,
        moustache,
        corner.astype(np.int32),
    )


def _beard(kit: Kit, count: int) -> tuple[Array, Array]:
    """[V], [V] where a full beard and a moustache grow."""
    p, mark = kit.position, kit.position[kit.landmark]
    x, y = np.abs(p[:, 0]), p[:, 1]
    chin, mouth, nose = float(mark[8, 1]), float(mark[48, 1]), float(mark[33, 1])
    lips = sum(kit.local.magnitude(f"mouth/mouth-{lip}lip-volume-incr", count) for lip in ("upper", "lower"))
    is_lip = np.clip(3.0 * np.asarray(lips), 0.0, 1.0)
    # The cheek line runs from the sideburn to the corner of the mouth.
    cheek = np.interp(x, [0.0, 0.3, 0.55, 0.72], [mouth - 0.14, mouth + 0.02, mouth + 0.28, nose + 0.45])
    below = np.clip((cheek - y) / 0.10, 0.0, 1.0)
    throat = np.clip((y - (chin - 0.20)) / 0.16, 0.0, 1.0)
    front = np.clip((p[:, 2] - 0.42) / 0.25, 0.0, 1.0)
    beard = below * throat * front * (1.0 - is_lip)
    under = np.clip((nose - 0.02 - y) / 0.05, 0.0, 1.0) * np.clip((y - mouth) / 0.05, 0.0, 1.0)
    corner = np.interp(x, [0.0, 0.02, 0.30, 0.36], [0.4, 1.0, 1.0, 0.0]) * np.clip((p[:, 2] - 1.3) / 0.05, 0, 1)
    moustache = under * corner * (1.0 - is_lip)
    neck = np.max([kit.local.magnitude(f"neck/neck-scale-{way}-incr", count) for way in ("horiz", "depth")], 0)
    beard[beard < 0.15] = 0.0
    beard *= np.clip((0.5 - neck) / 0.25, 0.0, 1.0) * (p[:, 2] > 0.2)
    return beard.astype(np.float32), moustache.astype(np.float32)


def roots(
    vertex: Array, triangle: Index, weight: Array, count: int, rng: np.random.Generator
) -> tuple[Index, NDArray[np.float64]]:
    """[n] triangles and [n,3] barycentric places, spread evenly over the area where `weight` [V] lets them."""
    share = np.clip(weight, 0.0, None)[triangle]
    used = np.flatnonzero(share.max(1) > 0.0)
    a, b, c = (vertex[triangle[used, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    total = np.cumsum(area * share[used].max(1))
    if not len(used) or total[-1] <= 0.0:
        return np.zeros(0, np.int32), np.zeros((0, 3))
    tries = count * 2
    pick = used[np.searchsorted(total, (rng.permutation(tries) + rng.random(tries)) / tries * total[-1])]
    r = np.sqrt(rng.random(tries))
    s = rng.random(tries)
    bary = np.stack([1.0 - r, r * (1.0 - s), r * s], 1)
    here = np.einsum("nk,nk->n", bary, share[pick])
    keep = np.flatnonzero(rng.random(tries) * share[pick].max(1) < here)[:count]
    return pick[keep].astype(np.int32), bary[keep]
