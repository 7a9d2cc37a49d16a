"""Grows the hair of the head: guides, made by code or fitted from the kit, and the strands between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .haircut import Distance, Haircut, Scalp, distance_at, distance_to, roots
from .kit import Kit
from .rasterize import Array

Wide = NDArray[np.float64]

_GUIDES = 1100
_NEIGHBOURS = 3


@dataclass(frozen=True)
class Skull:
    """A resting head, with what hair needs to know of it."""

    vertex: Array  # [V,3] dm
    normal: Array  # [V,3]
    around: Distance  # skin and clothes
    center: Wide  # [3] of the skull
    chin: float  # height of the chin, dm
    brow: float  # height of the brows
    crown: float


class Growth(NamedTuple):
    """The parameters of a haircut for the growing kernel."""

    sideways: float
    forward: float
    whorl: float
    up: float
    gravity: float
    stiffness: float
    cling: float
    lift: float
    part: float
    volume: float
    cut: float  # height below which nothing hangs, dm
    fringe: float  # height where the fringe ends
    is_tied: bool


@dataclass(frozen=True)
class Hair:
    """Strands on the head at rest."""

    point: Array  # [S,P,3] dm, root first
    width: Array  # [S] dm at the root; finer along the hairline


def hair_of(kit: Kit, scalp: Scalp, skull: Skull, cut: Haircut, rng: np.random.Generator) -> Hair:
    """All strands of a haircut on this head."""
    weight = density(scalp, cut)
    if cut.guides:
        guides = to_person(kit, kit_strands(str(kit.path), cut.guides), skull)
        if cut.is_mirrored:
            guides = guides * np.array([-1.0, 1.0, 1.0])
    else:
        guides = _grown(scalp, skull, cut, weight, _GUIDES, rng)
    strands, full = _between(guides, scalp, skull, cut, weight, rng)
    if cut.tie:
        tail = _tail(skull, cut, rng)
        strands, full = np.concatenate([strands, tail]), np.concatenate([full, np.ones(len(tail))])
    width = cut.width * (0.55 + 0.45 * full) * rng.uniform(0.75, 1.2, len(full))
    return Hair(strands.astype(np.float32), width.astype(np.float32))


def density(scalp: Scalp, cut: Haircut) -> Array:
    """[V] how densely hair grows, 0 to 1."""
    front = np.exp(-(((scalp.azimuth - 0.62) / 0.35) ** 2)) + 0.35 * np.exp(-((scalp.azimuth / 0.5) ** 2))
    inside = scalp.inside - cut.recede * front
    return np.asarray(np.clip((inside + 0.03) / 0.12, 0.0, 1.0) ** 1.5, np.float32)


# Growing guides.


def _grown(scalp: Scalp, skull: Skull, cut: Haircut, weight: Array, count: int, rng: np.random.Generator) -> Wide:
    """[G,P,3] guides grown from the scalp."""
    triangle, bary = roots(skull.vertex, scalp.triangle, weight, count, rng)
    corner = scalp.triangle[triangle]

    def at(values: Array) -> Wide:
        return np.asarray(np.einsum("nk,nk...->n...", bary, values[corner]), np.float64)

    root, normal = at(skull.vertex), at(skull.normal)
    azimuth, elevation = at(scalp.azimuth), at(scalp.elevation)
    on_top = _smooth(elevation, 0.35, 0.75)
    at_back = _smooth(azimuth, 1.75, 2.1)
    length = on_top * cut.top + (1.0 - on_top) * (at_back * cut.back + (1.0 - at_back) * cut.side)
    is_fringe = (
        (rng.random(len(root)) < cut.fringe)
        & (azimuth < 0.85)
        & (elevation > 0.5)
        & (root[:, 2] - skull.center[2] - 0.25 > 0)
    )
    layer = rng.random(len(root))
    length[is_fringe] = np.minimum(length[is_fringe], 1.1)
    length *= 1.0 - 0.22 * rng.random(len(root))
    growth = Growth(
        cut.sideways,
        cut.forward,
        cut.whorl,
        cut.up,
        cut.gravity,
        cut.stiffness,
        cut.cling * (1.0 - min(cut.up, 1.0)),
        cut.lift,
        -cut.part if cut.is_mirrored else cut.part,
        cut.volume,
        skull.chin - cut.cut,
        skull.brow + cut.fringe_at,
        bool(cut.tie),
    )
    tie = _tie(skull, cut)
    out = np.zeros((len(root), cut.points, 3))
    _grow(growth, skull.around, skull.center, tie, root, normal, length, layer, is_fringe, rng.random(len(root)), out)
    return out


def _smooth(x: Wide, low: float, high: float) -> Wide:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def _tie(skull: Skull, cut: Haircut) -> Wide:
    """[3] the point behind the head where the hair is tied."""
    y = skull.center[1] + (0.45 if cut.tie == "bun" else 0.25)
    depth = skull.vertex[np.abs(skull.vertex[:, 1] - y) < 0.2, 2].min()
    return np.array([0.0, y, float(depth) - 0.12])


@njit(cache=True, fastmath=True, nogil=True)
def _grow(
    growth: Growth,
    around: Distance,
    center: Wide,
    tie: Wide,
    root: Wide,
    normal: Wide,
    length: Wide,
    layer: Wide,
    is_fringe: NDArray[np.bool_],
    chance: Wide,
    out: Wide,
) -> None:
    """Marches each strand from its root: combed, falling, and kept off skin, clothes and face."""
    points = out.shape[1]
    d = np.empty(3)
    for i in range(root.shape[0]):
        step = length[i] / (points - 1)
        p = root[i].copy()
        out[i, 0] = p
        side = 1.0 if p[0] > growth.part else -1.0
        for k in range(3):
            d[k] = normal[i, k] * growth.lift
        crown_x, crown_y, crown_z = center[0] + 0.12 * side, center[1] + 0.85, center[2] - 0.35
        stop = -1
        for j in range(1, points):
            s = j / (points - 1)
            run = j * step
            sd, gx, gy, gz = distance_at(around, p[0], p[1], p[2])
            # The direction of combing.
            height = p[1] - center[1]
            on_top = min(max((height - 0.1) / 0.5, 0.0), 1.0)
            before = min(max((p[2] - center[2] + 0.45) / 0.4, 0.0), 1.0)
            cx = growth.sideways * side * before * (0.25 + 0.75 * on_top) + growth.up * gx
            cy = growth.up * gy
            cz = growth.forward + growth.up * gz
            if growth.forward < 0.0 and p[2] < center[2] - 0.2:
                cz *= 0.15
                cy -= 0.5
            wx, wy, wz = p[0] - crown_x, p[1] - crown_y, p[2] - crown_z
            away = 1.0 / math.sqrt(wx * wx + wy * wy + wz * wz + 0.01)
            cx += growth.whorl * wx * away
            cy += growth.whorl * wy * away
            cz += growth.whorl * wz * away
            if is_fringe[i]:
                cx, cy, cz = 0.35 * (p[0] - center[0]) + 0.25 * growth.sideways * side, -0.25, 1.0
            if growth.is_tied:
                tx, ty, tz = tie[0] - p[0], tie[1] - p[1], tie[2] - p[2]
                far = math.sqrt(tx * tx + ty * ty + tz * tz)
                cx, cy, cz = tx / (far + 1e-6), ty / (far + 1e-6), tz / (far + 1e-6)
                if far < 0.16:
                    stop = j
                    break
            # The comb runs along the skin near it.
            near = min(max(1.0 - sd / 0.5, 0.0), 1.0) * (1.0 - min(growth.up, 1.0))
            inward = (cx * gx + cy * gy + cz * gz) * near
            cx, cy, cz = cx - inward * gx, cy - inward * gy, cz - inward * gz
            cy -= growth.gravity * (0.35 + 0.65 * s)
            # The strand falls back onto the head.
            if run > 0.1 and height > -0.7:
                fall = growth.cling * min(max((sd - growth.volume * (0.3 + 0.7 * layer[i])) / 0.15, 0.0), 1.0)
                fall *= min(max((height + 0.7) / 0.5, 0.0), 1.0)
                cx, cy, cz = cx - fall * gx, cy - fall * gy, cz - fall * gz
            if is_fringe[i]:
                cy -= 0.6 * s
            keep = growth.stiffness ** (step / 0.07)
            for k in range(3):
                c = cx if k == 0 else cy if k == 1 else cz
                d[k] = keep * d[k] + (1.0 - keep) * c
            scale = 1.0 / math.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2] + 1e-12)
            qx, qy, qz = p[0] + d[0] * scale * step, p[1] + d[1] * scale * step, p[2] + d[2] * scale * step
            # Keep off the skin, at the height of the strand's layer.
            clear = 0.012 + growth.volume * (0.25 + 0.75 * layer[i]) * min(run / 0.35, 1.0)
            if qy < center[1] - 0.5:
                clear = 0.03 + (clear - 0.03) * max(1.0 - (center[1] - 0.5 - qy), 0.25)
            if is_fringe[i]:
                clear = 0.015 + 0.07 * layer[i] * min(run / 0.3, 1.0)
            for _ in range(3):
                sd, gx, gy, gz = distance_at(around, qx, qy, qz)
                if sd < clear:
                    qx, qy, qz = qx + gx * (clear - sd), qy + gy * (clear - sd), qz + gz * (clear - sd)
            if not is_fringe[i]:
                # Keep off the face: out of a tall ellipsoid in front of it.
                ex, ey, ez = (qx - center[0]) / 0.66, (qy - center[1] + 0.55) / 1.0, (qz - center[2] - 0.95) / 0.75
                inside = math.sqrt(ex * ex + ey * ey + ez * ez)
                if inside < 1.0 and qy < center[1] + 0.35:
                    flat = math.sqrt(ex * ex + 0.15 * ez * ez + 1e-9)
                    push = (1.0 - inside) * 0.66
                    qx += push * (ex / flat if abs(ex) > 0.05 else side)
            dx, dy, dz = qx - p[0], qy - p[1], qz - p[2]
            moved = math.sqrt(dx * dx + dy * dy + dz * dz)
            if moved > step and moved > 1e-9:
                dx, dy, dz = dx * step / moved, dy * step / moved, dz * step / moved
            p[0] += dx
            p[1] += dy
            p[2] += dz
            scale = 1.0 / (math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-12)
            d[0], d[1], d[2] = dx * scale, dy * scale, dz * scale
            out[i, j] = p
            limit = growth.fringe if is_fringe[i] else growth.cut + 0.10 * (chance[i] - 0.5)
            if p[1] < limit and (not is_fringe[i] or p[2] > center[2] + 0.4):
                stop = j + 1
                break
        if stop > 0:
            _respace(out[i], stop)


@njit(cache=True, fastmath=True, nogil=True)
def _respace(strand: Wide, count: int) -> None:
    """Spreads the first `count` points of a strand over all its rows."""
    points = strand.shape[0]
    count = max(count, 2)
    for j in range(points - 1, -1, -1):
        t = j / (points - 1) * (count - 1)
        k = min(int(t), count - 2)
        f = t - k
        for c in range(3):
            strand[j, c] = strand[k, c] + f * (strand[k + 1, c] - strand[k, c])


# Guides of the kit, moved to this head.


@lru_cache(maxsize=2)
def _kit_head(path: str) -> tuple[Array, Distance]:
    with np.load(f"{path}/strands/strands.npz", allow_pickle=False) as data:
        vertex, triangle = data["head_vertex"].astype(np.float32), data["head_triangle"]
    normal = np.zeros_like(vertex)
    a, b, c = (vertex[triangle[:, k]] for k in range(3))
    for k in range(3):
        np.add.at(normal, triangle[:, k], np.cross(b - a, c - a))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    return vertex, distance_to(vertex, normal, vertex.min(0) - 0.9, vertex.max(0) + 0.9)


@lru_cache(maxsize=32)
def kit_strands(path: str, name: str) -> Array:
    """[n,k,3] strands of the kit, on their original head."""
    with np.load(f"{path}/strands/strands.npz", allow_pickle=False) as data:
        return np.asarray(data[name], np.float32)


def _extent(vertex: Array, crown: float, brow: float) -> Wide:
    """[4] half width, back and front of the skull, and its middle in z, between brows and crown."""
    p = vertex[(vertex[:, 1] > brow + 0.15) & (vertex[:, 1] < crown - 0.3)]
    low, high = float(p[:, 2].min()), float(p[:, 2].max())
    return np.array([np.abs(p[:, 0]).max(), low, high, (low + high) / 2])


_KIT_CROWN, _KIT_BROW = 17.464, 16.50  # of the original head of the guides


def to_person(kit: Kit, point: Array, skull: Skull) -> Wide:
    """[...,3] points around the guides' head, moved to a person: an affine map that keeps the distance to the skin."""
    vertex, around = _kit_head(str(kit.path))
    theirs = _extent(vertex, _KIT_CROWN, _KIT_BROW)
    ours = _extent(skull.vertex, skull.crown, skull.brow)
    y_scale = (skull.crown - skull.brow) / (_KIT_CROWN - _KIT_BROW)
    z_scale = (ours[2] - ours[1]) / (theirs[2] - theirs[1])
    p = point.astype(np.float64)
    out = np.empty_like(p)
    out[..., 0] = p[..., 0] * ours[0] / theirs[0]
    out[..., 1] = skull.crown + (p[..., 1] - _KIT_CROWN) * y_scale
    out[..., 2] = ours[3] + (p[..., 2] - theirs[3]) * z_scale
    flat, start = out.reshape(-1, 3), np.ascontiguousarray(p.reshape(-1, 3))
    _keep_distance(around, skull.around, start, flat, 0.5 * (y_scale + z_scale))
    return flat.reshape(p.shape)


@njit(cache=True, fastmath=True, nogil=True)
def _keep_distance(theirs: Distance, ours: Distance, start: Wide, point: Wide, scale: float) -> None:
    """Moves points so that those near the skin keep their distance."""
    for i in range(point.shape[0]):
        wanted = max(distance_at(theirs, start[i, 0], start[i, 1], start[i, 2])[0] * scale, 0.005)
        for _ in range(3):
            found, gx, gy, gz = distance_at(ours, point[i, 0], point[i, 1], point[i, 2])
            move = (wanted - found) * min(max(1.2 - wanted / 0.2, 0.0), 1.0)
            if found < 0.02:
                move = max(move, 0.02 - found)
            point[i, 0] += gx * move
            point[i, 1] += gy * move
            point[i, 2] += gz * move


# Strands between guides.


def _between(
    guides: Wide, scalp: Scalp, skull: Skull, cut: Haircut, weight: Array, rng: np.random.Generator
) -> tuple[Wide, Wide]:
    """[S,P,3] strands that blend their nearest guides, clumped, waved and frizzed; [S] the density of hair there."""
    if cut.guides:
        # The style grows where its guides have their roots. Some stand in a row, so strands start near them.
        pick = rng.integers(len(guides), size=cut.strands)
        spread = rng.normal(0.0, 0.055, (cut.strands, 3))
        root = guides[pick, 0] + spread
        full = np.ones(len(root))
    else:
        triangle, bary = roots(skull.vertex, scalp.triangle, weight, cut.strands, rng)
        corner = scalp.triangle[triangle]
        root = np.einsum("nk,nkc->nc", bary, skull.vertex[corner].astype(np.float64))
        full = np.einsum("nk,nk->n", bary, weight[corner].astype(np.float64))
    far, near = cKDTree(guides[:, 0]).query(root, k=_NEIGHBOURS)
    count = len(root)
    out = np.zeros((count, cut.points, 3))
    # Guides are in random order, so the first ones are spread over the whole head.
    locks = min(cut.locks, len(guides)) or len(guides)
    lock = cKDTree(guides[:locks, 0]).query(root)[1]
    clumps = rng.random((len(guides), 4))
    _blend(
        guides,
        skull.around,
        skull.center,
        root,
        near,
        far,
        lock,
        rng.random((count, 8)),
        clumps,
        np.array([cut.clump, cut.wave, cut.waves, cut.curl, cut.frizz, 1.0 if cut.guides else 0.0]),
        out,
    )
    return out, full


@njit(cache=True, fastmath=True, nogil=True)
def _blend(
    guides: Wide,
    around: Distance,
    center: Wide,
    root: Wide,
    near: NDArray[np.int64],
    far: Wide,
    lock: NDArray[np.int64],
    chance: Wide,
    clumps: Wide,
    how: Wide,
    out: Wide,
) -> None:
    """Each strand is its root plus a blend of the paths of its guides, drawn to the tip of its lock, then waved."""
    clump, wave, waves, curl, frizz, is_kit = how
    last, points = guides.shape[1] - 1, out.shape[1]
    weight = np.zeros(near.shape[1])
    base = np.empty(3)
    for i in range(root.shape[0]):
        first = near[i, 0]
        total = 0.0
        for k in range(near.shape[1]):
            g = near[i, k]
            apart = 0.0
            for c in range(3):
                apart += (guides[g, last, c] - guides[first, last, c]) ** 2
            between = 0.02
            for c in range(3):
                between += (guides[g, 0, c] - guides[first, 0, c]) ** 2
            # Guides that diverge from the first one, at a parting or a crown, are not blended.
            is_alike = apart < 9.0 * between + 0.05
            weight[k] = (0.3 + chance[i, k % 3]) / (far[i, k] + 0.01) if is_alike else 0.0
            total += weight[k]
        cover = 1.0 - 0.25 * chance[i, 3] ** 2
        length = 0.0
        for c in range(3):
            base[c] = 0.0
        held = lock[i]
        # A lock beyond a parting does not hold this strand.
        apart, between = 0.0, 0.0
        for c in range(3):
            apart += (guides[held, last, c] - guides[first, last, c]) ** 2
            between += (guides[held, 0, c] - guides[first, 0, c]) ** 2
        if apart > 9.0 * between + 0.25:
            held = first
        phase = 6.2832 * (clumps[held, 0] + 0.12 * chance[i, 4])
        turn = 6.2832 * clumps[held, 1]
        rate = waves * (0.85 + 0.3 * clumps[held, 2])
        swing = wave * (0.6 + 0.8 * clumps[held, 3]) * (0.85 + 0.3 * chance[i, 5])
        fx, fy, fz = chance[i, 5] - 0.5, chance[i, 6] - 0.5, chance[i, 7] - 0.5
        px, py, pz = root[i, 0], root[i, 1], root[i, 2]
        tx, ty, tz = 0.0, -1.0, 0.0
        for j in range(points):
            s = j / (points - 1)
            t = s * cover * last
            k0 = min(int(t), last - 1)
            f = t - k0
            x = y = z = 0.0
            for k in range(near.shape[1]):
                if weight[k] == 0.0:
                    continue
                g = near[i, k]
                w = weight[k] / total
                x += w * (guides[g, k0, 0] + f * (guides[g, k0 + 1, 0] - guides[g, k0, 0]) - guides[g, 0, 0])
                y += w * (guides[g, k0, 1] + f * (guides[g, k0 + 1, 1] - guides[g, k0, 1]) - guides[g, 0, 1])
                z += w * (guides[g, k0, 2] + f * (guides[g, k0 + 1, 2] - guides[g, k0, 2]) - guides[g, 0, 2])
            # Strands of a lock converge to its guide at their tips.
            hold = clump * s * s * (3.0 - 2.0 * s) if clump < 0.7 else clump * min(s * 3.0, 1.0)
            gx = guides[held, k0, 0] + f * (guides[held, k0 + 1, 0] - guides[held, k0, 0])
            gy = guides[held, k0, 1] + f * (guides[held, k0 + 1, 1] - guides[held, k0, 1])
            gz = guides[held, k0, 2] + f * (guides[held, k0 + 1, 2] - guides[held, k0, 2])
            x = (root[i, 0] + x) * (1.0 - hold) + hold * gx
            y = (root[i, 1] + y) * (1.0 - hold) + hold * gy
            z = (root[i, 2] + z) * (1.0 - hold) + hold * gz
            if j > 0:
                dx, dy, dz = x - base[0], y - base[1], z - base[2]
                along = math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
                length += along
                tx, ty, tz = dx / along, dy / along, dz / along
            base[0], base[1], base[2] = x, y, z
            # Swings across the path: `a` lies along the skin, `b` away from it.
            ox, oy, oz = x - center[0], 0.3 * (y - center[1]), z - center[2]
            ax, ay, az = ty * oz - tz * oy, tz * ox - tx * oz, tx * oy - ty * ox
            scale = 1.0 / math.sqrt(ax * ax + ay * ay + az * az + 1e-9)
            ax, ay, az = ax * scale, ay * scale, az * scale
            bx, by, bz = ay * tz - az * ty, az * tx - ax * tz, ax * ty - ay * tx
            grows = min(length / 0.45, 1.0)
            if waves > 4.0:
                grows = min(length / 0.1, 1.0)
            angle = 6.2832 * rate * length + phase + turn * (1.0 - curl)
            u = swing * grows * math.sin(angle)
            v = swing * grows * math.cos(angle) * curl
            loose = frizz * s * (1.0 + 2.0 * chance[i, 3] ** 4)
            wob = 1.0 + 0.6 * math.sin(9.0 * s + 6.2832 * chance[i, 6])
            px = x + u * ax + v * bx + loose * wob * 2.0 * fx
            py = y + u * ay + v * by + loose * wob * 2.0 * fy
            pz = z + u * az + v * bz + loose * wob * 2.0 * fz
            if j > 0 or is_kit > 0.0:
                clear = 0.008 if j == 0 else 0.02
                for _ in range(2):
                    sd, sx, sy, sz = distance_at(around, px, py, pz)
                    if sd < clear:
                        px, py, pz = px + sx * (clear - sd), py + sy * (clear - sd), pz + sz * (clear - sd)
            out[i, j, 0], out[i, j, 1], out[i, j, 2] = px, py, pz


def _tail(skull: Skull, cut: Haircut, rng: np.random.Generator) -> Wide:
    """[S,P,3] the hair beyond the tie: a hanging tail, or a bun."""
    tie, count, points = _tie(skull, cut), 3500, cut.points
    t = np.linspace(0.0, 1.0, points)
    if cut.tie == "bun":
        # Loops around a ball: great circles, tilted and shifted at random.
        radius = 0.26 + 0.03 * rng.standard_normal(count)
        axis = rng.normal(0.0, 0.35, (count, 3)) + np.array([0.15, 0.35, 1.0])
        axis /= np.linalg.norm(axis, axis=1, keepdims=True)
        u = np.cross(axis, [0.3, 1.0, 0.0])
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        v = np.cross(axis, u)
        shift = rng.uniform(-0.85, 0.85, count)
        ring = np.sqrt(1.0 - shift**2)
        angle = 2 * np.pi * (rng.random(count)[:, None] + 0.55 * t)
        circle = np.cos(angle)[..., None] * u[:, None] + np.sin(angle)[..., None] * v[:, None]
        ball = radius[:, None, None] * (ring[:, None, None] * circle + (shift[:, None] * axis)[:, None])
        ball *= 1.0 + 0.05 * np.sin(5.0 * angle + 9.0 * shift[:, None])[..., None]
        return np.asarray(tie + np.array([0.0, 0.05, -0.14]) + ball)
    length = cut.back * 0.62
    spread = rng.normal(0.0, 0.075, (count, 3))
    arc = length * t
    rise = 0.1 * np.sin(np.pi * np.minimum(arc / 0.5, 1.0))
    back = -0.42 * (1.0 - np.exp(-arc / 0.3))
    fall = np.stack([np.zeros(points), rise - 0.92 * np.maximum(arc - 0.25, 0.0), back], 1)
    swell = (0.35 + 1.1 * np.sin(np.pi * np.clip(t * 0.9 + 0.08, 0, 1)) ** 0.7)[None, :, None]
    phase = 2 * np.pi * rng.random(count)[:, None]
    sway = 0.02 * np.sin(2 * np.pi * 0.7 * arc[None] + 0.3 * phase)
    out = tie + fall[None] * (0.85 + 0.15 * rng.random((count, 1, 1))) + spread[:, None] * swell
    out[..., 0] += sway
    flat = out.reshape(-1, 3)
    push_out(skull.around, flat, 0.04)
    return flat.reshape(out.shape)


@njit(cache=True, fastmath=True, nogil=True)
def push_out(around: Distance, point: Wide, clear: float) -> None:
    """Moves points out of a surface, to the distance `clear`."""
    for i in range(point.shape[0]):
        for _ in range(2):
            sd, gx, gy, gz = distance_at(around, point[i, 0], point[i, 1], point[i, 2])
            if sd < clear:
                point[i, 0] += gx * (clear - sd)
                point[i, 1] += gy * (clear - sd)
                point[i, 2] += gz * (clear - sd)
