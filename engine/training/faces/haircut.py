"""Haircuts, and where hair grows on a head."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .kit import Kit
from .rasterize import Array, Index

_GRID_STEP_DM = 0.115
_BASE_CENTER = np.array([0.0, 7.35, 0.4])  # of the skull of the kit's resting head, dm

# Elevation of the hairline, seen from there, by azimuth from the front (both in degrees).
_HAIRLINE_DEG = np.array(
    [[0, 40], [18, 40.5], [34, 39], [46, 28], [57, 17], [66, 3], [72, -10], [80, -15], [86, 2], [100, 0], [108, -18],
     [116, -30], [150, -50], [180, -54]], float
)  # fmt: skip


@dataclass(frozen=True)
class Haircut:
    """How hair grows and is cut. Lengths in dm; `comb` fields are weights of the directions of combing."""

    name: str
    guides: str = ""  # name of the kit's guide strands; grown by code if empty
    top: float = 1.0  # lengths by region
    side: float = 1.0
    back: float = 1.0
    cut: float = 9.0  # nothing hangs further below the chin than this
    sideways: float = 0.0  # comb: away from the part
    forward: float = 0.0  # comb: to the face; negative: back
    whorl: float = 0.0  # comb: away from the crown
    lift: float = 0.4  # how steeply strands leave the skin
    up: float = 0.0  # comb: away from the skin
    gravity: float = 0.6
    stiffness: float = 0.6
    cling: float = 0.8  # how strongly it falls back onto the head
    part: float = 0.0  # where the parting is, dm to the subject's left
    volume: float = 0.1  # thickness of the hair over the skull
    fringe: float = 0.0  # share of the front that is combed over the forehead
    fringe_at: float = 0.1  # where the fringe ends, dm above the brows
    wave: float = 0.0  # how far strands swing from their path, dm
    waves: float = 1.2  # swings per dm
    curl: float = 0.0  # 0 swings in a plane, 1 is a helix
    clump: float = 0.35
    locks: int = 0  # number of locks that strands hold together in; 0: one for each guide
    frizz: float = 0.02
    recede: float = 0.0  # how far the hairline has gone back, radians
    tie: str = ""  # "pony" or "bun"
    strands: int = 15_000
    points: int = 16
    width: float = 0.0046  # dm at the root
    is_mirrored: bool = False


STYLES: dict[str, Haircut] = {
    "buzz": Haircut("buzz", top=0.07, side=0.05, back=0.05, up=1.0, lift=1.2, forward=0.35, gravity=0.0, volume=0.01,
        clump=0.0, frizz=0.008, strands=26_000, points=4, width=0.0038),
    "crop": Haircut("crop", top=0.42, side=0.14, back=0.18, forward=0.55, whorl=0.7, lift=0.5, gravity=0.2,
        volume=0.07, clump=0.45, frizz=0.02, strands=20_000, points=8, fringe=0.3, fringe_at=0.36),
    "textured": Haircut("textured", top=0.55, side=0.16, back=0.2, forward=0.4, sideways=0.25, whorl=0.3, up=0.05,
        lift=0.55, gravity=0.25, volume=0.16, locks=500, clump=0.7, frizz=0.02, wave=0.03, waves=2.0, strands=18_000,
        points=10),
    "side part": Haircut("side part", top=0.95, side=0.26, back=0.26, sideways=0.9, forward=-0.15, lift=0.8,
        gravity=0.5, cling=1.3, volume=0.15, part=0.36, clump=0.35, strands=18_000, points=12),
    "slicked back": Haircut("slicked back", top=1.15, side=0.6, back=0.45, forward=-1.2, lift=0.5, gravity=0.25,
        volume=0.09, clump=0.5, frizz=0.012, strands=18_000, points=14),
    "quiff": Haircut("quiff", top=0.62, side=0.16, back=0.18, forward=-0.9, up=0.3, lift=1.5, gravity=0.2, volume=0.2,
        clump=0.55, frizz=0.03, strands=18_000, points=12),
    "undercut": Haircut("undercut", top=1.1, side=0.06, back=0.06, sideways=0.9, forward=-0.5, lift=0.9, gravity=0.3,
        volume=0.14, part=0.42, clump=0.5, strands=20_000, points=12),
    "receding": Haircut("receding", top=0.3, side=0.16, back=0.18, forward=-0.3, whorl=0.5, lift=0.35, gravity=0.3,
        volume=0.04, clump=0.3, recede=0.35, strands=15_000, points=8),
    "fringe": Haircut("fringe", top=1.3, side=1.0, back=1.0, cut=-0.75, forward=0.25, whorl=0.9, lift=0.5,
        gravity=0.5, volume=0.13, fringe=1.0, fringe_at=0.1, clump=0.4, strands=16_000, points=14),
    "pixie": Haircut("pixie", top=1.0, side=0.5, back=0.45, sideways=0.5, forward=0.35, whorl=0.5, lift=0.5,
        gravity=0.35, volume=0.13, part=0.3, clump=0.5, fringe=0.5, fringe_at=0.3, strands=18_000, points=12),
    "bob cut": Haircut("bob cut", top=2.6, side=2.0, back=1.7, cut=-0.02, sideways=0.6, whorl=0.3, lift=0.45,
        gravity=0.9, volume=0.16, part=0.12, clump=0.35, strands=15_000, points=20),
    "bob and bangs": Haircut("bob and bangs", top=2.6, side=2.0, back=1.7, cut=0.0, whorl=0.8, lift=0.4, gravity=0.9,
        volume=0.15, fringe=1.0, fringe_at=0.06, clump=0.35, strands=15_000, points=20),
    "lob wavy": Haircut("lob wavy", top=3.0, side=2.6, back=2.2, cut=0.5, sideways=0.6, whorl=0.2, lift=0.5,
        gravity=0.9, volume=0.2, part=0.25, wave=0.07, waves=1.1, curl=0.4, locks=420, clump=0.55, strands=14_000,
        points=24),
    "long straight": Haircut("long straight", top=4.2, side=3.8, back=3.6, cut=1.9, sideways=0.6, whorl=0.2, lift=0.4,
        gravity=1.0, volume=0.14, clump=0.4, frizz=0.012, strands=14_000, points=28),
    "long wavy": Haircut("long wavy", top=4.2, side=3.8, back=3.6, cut=1.7, sideways=0.6, whorl=0.2, lift=0.5,
        gravity=0.9, volume=0.2, part=0.2, wave=0.10, waves=0.9, curl=0.5, locks=380, clump=0.6, strands=14_000,
        points=32),
    "long bangs": Haircut("long bangs", top=4.0, side=3.6, back=3.4, cut=1.6, whorl=0.7, lift=0.4, gravity=1.0,
        volume=0.15, fringe=1.0, fringe_at=0.06, clump=0.4, strands=14_000, points=26),
    "curly": Haircut("curly", top=1.3, side=1.0, back=1.0, cut=0.2, whorl=0.5, sideways=0.25, up=0.3, lift=0.9,
        gravity=0.4, volume=0.26, wave=0.07, waves=2.6, curl=1.0, locks=380, clump=0.85, frizz=0.035, strands=14_000,
        points=30),
    "short curly": Haircut("short curly", top=0.75, side=0.28, back=0.3, whorl=0.4, forward=0.2, up=0.5, lift=1.2,
        gravity=0.12, volume=0.2, wave=0.05, waves=3.2, curl=1.0, locks=420, clump=0.8, frizz=0.03, strands=15_000,
        points=18),
    "long curly": Haircut("long curly", top=3.2, side=2.8, back=2.6, cut=0.9, sideways=0.4, whorl=0.3, up=0.2,
        lift=0.8, gravity=0.6, volume=0.32, wave=0.09, waves=2.0, curl=1.0, locks=300, clump=0.88, frizz=0.03,
        strands=13_000, points=40),
    "afro": Haircut("afro", top=0.62, side=0.5, back=0.5, up=1.0, lift=1.6, gravity=0.0, volume=0.5, wave=0.05,
        waves=5.0, curl=1.0, clump=0.45, frizz=0.05, strands=16_000, points=24, width=0.005),
    "short afro": Haircut("short afro", top=0.28, side=0.2, back=0.2, up=1.0, lift=1.5, gravity=0.0, volume=0.12,
        wave=0.03, waves=9.0, curl=1.0, clump=0.6, frizz=0.022, strands=24_000, points=12, width=0.0042),
    "ponytail": Haircut("ponytail", top=3.0, side=3.0, back=3.0, lift=0.15, gravity=0.0, volume=0.05, tie="pony",
        clump=0.35, frizz=0.01, strands=15_000, points=22),
    "bun": Haircut("bun", top=3.0, side=3.0, back=3.0, lift=0.15, gravity=0.0, volume=0.05, tie="bun", clump=0.35,
        frizz=0.012, strands=15_000, points=22),
    "kit bob": Haircut("kit bob", guides="hair_bob", volume=0.1, strands=14_000, points=16, clump=0.3),
    "kit long": Haircut("kit long", guides="hair_eve", volume=0.1, strands=15_000, points=20, clump=0.4),
    "kit back": Haircut("kit back", guides="hair_back1", volume=0.1, strands=16_000, points=16, clump=0.4),
    "kit slicked": Haircut("kit slicked", guides="hair_slickedback", volume=0.1, strands=17_000, points=16,
        clump=0.35),
    "kit layered": Haircut("kit layered", guides="hair_scenehair", volume=0.12, strands=18_000, points=16, clump=0.3),
}  # fmt: skip


def sample_haircut(rng: np.random.Generator, name: str) -> Haircut:
    """A haircut of this style with its own length, volume, part, waves and clumps."""
    base = STYLES[name]
    long = float(np.exp(rng.normal(0.0, 0.16)))
    is_wavy = base.wave == 0.0 and base.points >= 10 and rng.random() < 0.35
    wave = float(rng.uniform(0.01, 0.05)) if is_wavy else base.wave * float(rng.uniform(0.7, 1.3))
    return replace(
        base,
        top=base.top * long,
        side=base.side * long * float(rng.uniform(0.85, 1.15)),
        back=base.back * long * float(rng.uniform(0.85, 1.15)),
        cut=base.cut + (float(rng.normal(0.0, 0.15)) if base.cut < 5.0 else 0.0),
        part=base.part + float(rng.normal(0.0, 0.08)),
        volume=base.volume * float(rng.uniform(0.75, 1.3)),
        wave=wave,
        waves=base.waves * float(rng.uniform(0.8, 1.25)),
        clump=float(np.clip(base.clump * rng.uniform(0.6, 1.4), 0.0, 0.9)),
        frizz=base.frizz * float(rng.uniform(0.6, 1.8)),
        lift=base.lift * float(rng.uniform(0.8, 1.2)),
        recede=base.recede * float(rng.uniform(0.6, 1.4)),
        fringe_at=base.fringe_at + float(rng.normal(0.0, 0.04)),
        strands=int(base.strands * rng.uniform(0.85, 1.1)),
        width=base.width * float(rng.uniform(0.9, 1.15)),
        is_mirrored=bool(rng.random() < 0.5),
    )


class Distance(NamedTuple):
    """Signed distance to a surface on a grid, dm; positive outside."""

    origin: NDArray[np.float64]  # [3]
    step: float
    value: Array  # [X,Y,Z]


def distance_to(vertex: Array, normal: Array, low: Array, high: Array) -> Distance:
    """The distance to a surface of vertices, in the box from `low` to `high`."""
    count = np.ceil((high - low) / _GRID_STEP_DM).astype(int) + 1
    axes = [low[k] + _GRID_STEP_DM * np.arange(count[k]) for k in range(3)]
    point = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    far, near = cKDTree(vertex).query(point, k=3)
    offset = point[:, None] - vertex[near]
    weight = 1.0 / (far + 1e-3)
    signed = np.einsum("nkc,nkc->nk", offset, normal[near])
    # Far from the surface the plane of a vertex is unreliable, so the distance to the vertex counts.
    plain = np.sign(signed) * far
    is_near = far[:, :1] < 0.25
    value = (np.where(is_near, signed, plain) * weight).sum(1) / weight.sum(1)
    return Distance(low.astype(np.float64), _GRID_STEP_DM, value.astype(np.float32).reshape(count))


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def distance_at(field: Distance, x: float, y: float, z: float) -> tuple[float, float, float, float]:
    """Distance and unit gradient at a point; outside of the grid those at its border."""
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
    beard, moustache = _beard_area(kit, count)
    corner = kit.corner_vertex[kit.face]
    return Scalp(
        azimuth.astype(np.float32),
        elevation.astype(np.float32),
        inside.astype(np.float32),
        beard,
        moustache,
        corner.astype(np.int32),
    )


def _beard_area(kit: Kit, count: int) -> tuple[Array, Array]:
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
    """[n] triangles and [n,3] barycentric coordinates, spread over the area with density `weight` [V]."""
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
