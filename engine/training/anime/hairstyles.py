"""Makes hairstyles by code: fringes, side locks, backs, tails, buns, braids and drills as locks on a skull."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

CENTER = np.array([0.0, 14.55, -0.05], np.float32)  # of the skull, dm
POINTS = 24  # along a lock
HAIR, TIE = 0, 2  # `Lock.tint`: the colours of the hair, or of ribbons and ties
_AZIMUTHS, _ELEVATIONS = 48, 24  # cells of the skull's radius
_LENS = np.array([[-0.5, 0.0], [0.0, -0.25], [0.5, 0.0], [0.0, 0.25]], np.float32)


@dataclass(frozen=True)
class Lock:
    """A curve, along which a lens-shaped section is swept."""

    point: Array  # [24,3] dm, root first
    normal: Array  # [24,3] which way is outward
    size: Array  # [24,2] width and thickness, dm
    tint: int = HAIR


class Skull:
    """The radius of the resting head around `CENTER`, by direction."""

    def __init__(self, position: Array) -> None:
        away = position[position[:, 1] > 13.7] - CENTER
        far = np.linalg.norm(away, axis=1)
        azimuth = np.linspace(-np.pi, np.pi, _AZIMUTHS, endpoint=False)
        elevation = np.linspace(-0.5 * np.pi, 0.5 * np.pi, _ELEVATIONS)
        grid = direction(*np.meshgrid(azimuth, elevation, indexing="ij")).reshape(-1, 3)
        near = np.exp(120.0 * (grid @ (away / far[:, None]).T - 1.0)) + 1e-12
        self._radius = ((near @ far) / near.sum(1)).reshape(_AZIMUTHS, _ELEVATIONS)

    def radius(self, azimuth: Wide, elevation: Wide) -> Wide:
        """Distance of the skin from `CENTER` in dm."""
        x = (np.asarray(azimuth) / (2 * np.pi) + 0.5) * _AZIMUTHS % _AZIMUTHS
        y = np.clip((np.asarray(elevation) / np.pi + 0.5) * (_ELEVATIONS - 1), 0, _ELEVATIONS - 1.001)
        ix, iy = x.astype(int) % _AZIMUTHS, y.astype(int)
        fx, fy, nx = x - np.floor(x), y - iy, (ix + 1) % _AZIMUTHS
        r = self._radius
        low = r[ix, iy] * (1 - fx) + r[nx, iy] * fx
        high = r[ix, iy + 1] * (1 - fx) + r[nx, iy + 1] * fx
        return np.asarray(low * (1 - fy) + high * fy)

    def at(self, azimuth: float, elevation: float, lift: float) -> Wide:
        """[3] a point `lift` dm above the skin; azimuth 0 is the front, positive to the subject's left."""
        a, e = np.array(azimuth), np.array(elevation)
        return np.asarray(CENTER + direction(a, e) * (self.radius(a, e)[..., None] + lift))


def direction(azimuth: Wide, elevation: Wide) -> Wide:
    """[...,3] unit vectors."""
    flat = np.cos(elevation)
    return np.stack([flat * np.sin(azimuth), np.sin(elevation), flat * np.cos(azimuth)], -1)


def spline(knots: Sequence[Wide]) -> Array:
    """[24,3] points at even steps of a Catmull-Rom curve through the knots."""
    k = np.stack(knots).astype(np.float64)
    p = np.concatenate([2 * k[:1] - k[1:2], k, 2 * k[-1:] - k[-2:-1]])
    t = np.linspace(0, len(k) - 1, 8 * POINTS)
    i = np.minimum(t.astype(int), len(k) - 2)
    f = (t - i)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    fine = 0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    at = np.linspace(0, length[-1], POINTS)
    return np.stack([np.interp(at, length, fine[:, j]) for j in range(3)], 1).astype(np.float32)


def _outward(point: Array) -> Array:
    """[24,3] directions away from the skull and, below it, from the axis of the neck."""
    middle = np.broadcast_to(CENTER, point.shape).copy()
    middle[:, 1] = np.minimum(point[:, 1], CENTER[1])
    away = point - middle
    return np.asarray(away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6), np.float32)


_T = np.linspace(0.0, 1.0, POINTS)
_PROFILES = {
    "leaf": np.clip(0.55 + 1.2 * _T, 0.0, 1.0) * np.clip((1.0 - _T) / 0.55, 0.0, 1.0) ** 0.8,
    "blunt": np.clip(0.6 + 1.2 * _T, 0.0, 1.0) * np.clip((1.0 - _T) / 0.04, 0.55, 1.0),
    "full": np.clip(0.5 + 2.0 * _T, 0.0, 1.0) * np.clip((1.0 - _T) / 0.38, 0.0, 1.0) ** 0.7,
    "root": np.clip(0.12 + 4.0 * _T, 0.0, 1.0),
    "strand": np.clip(0.8 + _T, 0.0, 1.0) * (1.0 - _T) ** 0.7,
    "even": np.clip(0.55 + 5.0 * _T, 0.0, 1.0) * np.clip((1.0 - _T) / 0.12, 0.15, 1.0),
    "lobe": np.sin(np.pi * np.clip(0.08 + 0.9 * _T, 0.0, 1.0)) ** 0.8,
    "constant": np.ones(POINTS),
}


def lock(
    knots: Sequence[Wide], width: float, profile: str, thickness: float = 0.5, tint: int = HAIR, wave: float = 0.0
) -> Lock:
    """A lock through knots [3]; `thickness` is relative to its width, `wave` dm moves it from side to side."""
    point = spline(knots)
    normal = _outward(point)
    if wave:
        across = np.cross(np.gradient(point, axis=0), normal)
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
        swing = wave * np.sin(_T * 9.0 + 7.0 * point[0, 0]) * np.clip(_T * 2.0 - 0.5, 0.0, 1.0)
        point = point + (across * swing[:, None]).astype(np.float32)
    size = width * _PROFILES[profile][:, None] * np.array([1.0, thickness])
    return Lock(point, normal, size.astype(np.float32), tint)


@dataclass(frozen=True)
class Cut:
    """The variation within a style."""

    skull: Skull
    rng: np.random.Generator
    volume: float  # dm above the skin
    length: float  # 1 is usual

    def layer(self) -> float:
        """A small random lift for each lock: locks at the same height would intersect in jags."""
        return float(self.rng.uniform(0.0, 0.05))

    def jitter(self, spread: float) -> float:
        return float(np.clip(self.rng.normal(0.0, spread), -2.2 * spread, 2.2 * spread))


def _drop(point: Wide, down: float, out: float = 0.0, forward: float = 0.0) -> Wide:
    """A point below another, further from the axis of the neck by `out` dm."""
    axis = point * np.array([1.0, 0.0, 1.0]) - CENTER * np.array([1.0, 0.0, 1.0])
    axis = axis / max(float(np.linalg.norm(axis)), 1e-6)
    return np.asarray(point + out * axis + np.array([0.0, -down, forward]))


# Fringes.


def _front_lock(cut: Cut, root: float, fall: float, end_y: float, width: float, profile: str, sway: float) -> Lock:
    """From the crown over the hairline at azimuth `fall`, then down the forehead to the height `end_y`."""
    s, v = cut.skull, cut.volume
    v += cut.layer()
    top = s.at(root, 1.40, 0.05 + v)
    upper = s.at(0.5 * (root + fall), 0.98, 0.06 + v)
    brim = s.at(fall, 0.60, 0.06 + v)
    front = s.at(fall + 0.5 * sway, 0.30, 0.06 + 0.55 * v)
    end = front.copy()
    end[0] += 0.5 * sway
    end[1] = end_y
    end[2] -= 0.06 + 0.25 * abs(float(end[0])) ** 2 * 0.5
    return lock([top, upper, brim, front, end], width, profile, 0.35)


def _straight(cut: Cut) -> list[Lock]:
    n = int(cut.rng.integers(5, 10))
    end = 14.36 + cut.jitter(0.06)
    edge = float(cut.rng.uniform(0.85, 1.05))
    falls = np.linspace(-edge, edge, n)
    return [
        _front_lock(cut, 0.55 * f, f, end + cut.jitter(0.018) - 0.03 * abs(f), 3.2 * edge / n, "blunt", 0.0)
        for f in falls
    ]


def _spiky(cut: Cut) -> list[Lock]:
    n = int(cut.rng.integers(6, 11))
    falls = np.linspace(-1.0, 1.0, n)
    sway = cut.jitter(0.18)
    locks = []
    for f in falls:
        end = 14.26 + cut.jitter(0.13) - 0.05 * abs(f)
        locks.append(_front_lock(cut, 0.5 * f, f, end, 3.0 / n, "leaf", sway + cut.jitter(0.1)))
    return locks


def _wispy(cut: Cut) -> list[Lock]:
    n = int(cut.rng.integers(9, 14))
    return [
        _front_lock(cut, 0.6 * f, f, 14.30 + cut.jitter(0.12), 0.20 + cut.jitter(0.04), "strand", cut.jitter(0.10))
        for f in np.linspace(-0.95, 0.95, n)
    ]


def _parting(cut: Cut, part: float, reach: Sequence[float], end_y: float, profile: str) -> list[Lock]:
    """Locks to both sides of a parting at azimuth `part`; the inner ones begin at the hairline."""
    s, locks, n = cut.skull, [], len(reach)
    for side in (1.0, -1.0):
        for k, far in enumerate(reach):
            v, t, fall = cut.volume + 0.045 * k, k / (n - 1), part + side * far
            root = s.at(part + side * 0.03, 1.45 - 0.80 * t, 0.03 + cut.volume)
            upper = s.at(part + side * 0.35 * far, 1.10 - 0.50 * t, 0.06 + v)
            over = s.at(part + side * 0.80 * far, 0.66 - 0.20 * t, 0.06 + v)
            beside = s.at(fall, 0.18, 0.07 + 0.7 * v)
            end = _drop(beside, float(beside[1]) - end_y + cut.jitter(0.06), -0.02, 0.02)
            locks.append(lock([root, upper, over, beside, end], 0.44, profile, 0.35))
    return locks


def _parted(cut: Cut) -> list[Lock]:
    return _parting(cut, cut.jitter(0.08), (1.35, 1.18, 1.0, 0.80), 14.0 + cut.jitter(0.12), "full")


def _curtain(cut: Cut) -> list[Lock]:
    return _parting(cut, cut.jitter(0.15), (1.30, 1.10, 0.88, 0.62), 13.78 + cut.jitter(0.12), "full")


def _swept(cut: Cut) -> list[Lock]:
    part = float(cut.rng.uniform(0.35, 0.65))
    s, locks = cut.skull, []
    for k, far in enumerate((0.35, 0.7, 1.0, 1.3, 1.55)):
        v = cut.volume + 0.04 * (4 - k)
        root = s.at(part, 0.72 + 0.17 * k, 0.02 + cut.volume)
        upper = s.at(part - 0.4 * far, 0.70 + 0.10 * k, 0.06 + v)
        brim = s.at(part - 0.8 * far, 0.58, 0.07 + v)
        low = s.at(part - far, 0.28, 0.07 + 0.6 * v)
        end = _drop(low, float(low[1]) - 14.20 + cut.jitter(0.07) + 0.12 * k * 0.3, -0.02)
        end[0] -= 0.10
        locks.append(lock([root, upper, brim, low, end], 0.44, "full", 0.35))
    for k in range(3):
        over = s.at(part + 0.28 + 0.12 * k, 0.60, 0.06 + cut.volume + 0.04 * k)
        beside = s.at(part + 0.45 + 0.12 * k, 0.2, 0.07 + 0.6 * cut.volume)
        root = s.at(part, 0.72 + 0.25 * k, 0.03 + cut.volume)
        locks.append(lock([root, over, beside, _drop(beside, 0.4 + cut.jitter(0.1))], 0.40, "full", 0.35))
    return locks


def _m_fringe(cut: Cut) -> list[Lock]:
    """A long lock between the eyes, and a group to each side."""
    locks = [_front_lock(cut, 0.0, cut.jitter(0.05), 13.98 + cut.jitter(0.06), 0.30, "leaf", cut.jitter(0.08))]
    for side in (1.0, -1.0):
        for fall, end in ((0.30, 14.40), (0.58, 14.24), (0.88, 14.02)):
            locks.append(
                _front_lock(cut, side * 0.5 * fall, side * fall, end + cut.jitter(0.05), 0.42, "full", side * 0.1)
            )
    return locks


def _over_eye(cut: Cut) -> list[Lock]:
    locks = _swept(cut)
    for fall in (-0.30, -0.52, -0.74):
        locks.append(_front_lock(cut, 0.3, fall, 13.72 + cut.jitter(0.06), 0.36, "leaf", -0.1))
    return locks


def _slicked(cut: Cut) -> list[Lock]:
    """Combed back from the hairline: the forehead stays bare."""
    s, locks = cut.skull, []
    for f in np.linspace(-1.2, 1.2, 21):
        v = cut.volume + cut.layer()
        brim = s.at(f, 0.60 - 0.13 * f * f - 1.2 * max(abs(f) - 0.85, 0.0), -0.06)  # in the scalp, at its border
        rise = s.at(f * 0.97, 0.82 - 0.28 * abs(f), 0.05 + v)
        top = s.at(f * 1.05 if abs(f) > 0.6 else f * 0.7, 1.18 - 0.2 * abs(f), 0.08 + v)
        back = s.at(np.sign(f + 1e-6) * (np.pi - 0.8 * (1.15 - abs(f))), 0.95 - 0.2 * abs(f), 0.05 + v)
        locks.append(lock([brim, rise, top, back], 0.34, "root", 0.35))
    if cut.rng.random() < 0.6:  # loose strands
        for _ in range(2):
            locks.append(
                _front_lock(cut, cut.jitter(0.2), cut.jitter(0.35), 14.1 + cut.jitter(0.1), 0.10, "strand", 0.1)
            )
    return locks


# Side locks.


def _side_lock(cut: Cut, side: float, azimuth: float, end_y: float, width: float, profile: str, wave: float) -> Lock:
    s, v = cut.skull, cut.volume
    root = s.at(side * azimuth * 0.6, 1.05, 0.02 + 0.5 * v)
    brim = s.at(side * azimuth * 0.95, 0.55, 0.06 + v)
    temple = s.at(side * azimuth, 0.12, 0.09 + 0.8 * v)
    mid = _drop(temple, 0.45 * (float(temple[1]) - end_y), 0.01, 0.02)
    end = _drop(temple, float(temple[1]) - end_y, -0.06 + cut.jitter(0.04), 0.05)
    return lock([root, brim, temple, mid, end], width, profile, 0.45, wave=wave)


def _sides(cut: Cut, end_y: float, width: float, count: int, profile: str, wave: float = 0.0) -> list[Lock]:
    locks = []
    for side in (1.0, -1.0):
        for k in range(count):
            y = end_y + cut.jitter(0.07) + 0.12 * k
            locks.append(_side_lock(cut, side, 1.18 + 0.22 * k, y, width, profile, wave))
    return locks


def _side_none(cut: Cut) -> list[Lock]:
    return _sides(cut, 14.15, 0.22, 1, "leaf")


def _side_short(cut: Cut) -> list[Lock]:
    return _sides(cut, 13.62, 0.26, 2, "leaf")


def _side_long(cut: Cut) -> list[Lock]:
    return _sides(cut, 13.0 - 0.7 * (cut.length - 0.6), 0.24, 2, "strand", float(cut.rng.choice([0.0, 0.03])))


def _side_thick(cut: Cut) -> list[Lock]:
    return _sides(cut, 13.35 + cut.jitter(0.15), 0.36, 2, "blunt")


def _coil(top: Wide, axis: Wide, radius: Array, turns: int, hand: float) -> list[Lock]:
    """A band wound around an axis [3] from `top`, wide enough to leave no gap; `radius` [k] along it."""
    length = float(np.linalg.norm(axis))
    along = axis / length
    side = np.cross(along, [0.0, 0.0, 1.0] if abs(along[2]) < 0.8 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    other, locks = np.cross(along, side), []
    for k in range(turns):
        a = np.linspace(-0.1, 2 * np.pi * 1.05, POINTS)
        t = (k + a / (2 * np.pi)) / (turns + 0.1)
        r = np.interp(t, np.linspace(0.0, 1.0, len(radius)), radius)[:, None]
        normal = np.cos(a)[:, None] * side + hand * np.sin(a)[:, None] * other
        point = top + t[:, None] * axis + r * normal
        width = 1.5 * length / turns * np.clip(np.minimum(t, 1.0 - t) * 6.0 + 0.45, 0.0, 1.0)
        size = np.stack([width, 0.4 * width], 1)
        locks.append(Lock(point.astype(np.float32), normal.astype(np.float32), size.astype(np.float32)))
    return locks


def _drill(top: Wide, length: float, radius: float, turns: int) -> list[Lock]:
    """A ringlet that hangs from `top`, widest below its root."""
    hand = -1.0 if top[0] < 0 else 1.0
    widths = (radius * np.array([0.35, 0.85, 1.0, 0.92, 0.75, 0.52, 0.22])).astype(np.float32)
    return _coil(top, np.array([0.06 * hand, -length, 0.05]), widths, turns, hand)


def _side_drill(cut: Cut) -> list[Lock]:
    locks = _sides(cut, 13.95, 0.26, 1, "even")
    for side in (1.0, -1.0):
        top = _drop(cut.skull.at(side * 1.25, 0.05, 0.16 + cut.volume), 0.1)
        locks += _drill(top, 1.2 * cut.length, 0.19, 4)
    return locks


def _braid(top: Wide, end: Wide, width: float, outward: Wide) -> list[Lock]:
    """A plait from `top` to `end`: lobes that cross from side to side, then a tie and a loose end."""
    axis, length = end - top, float(np.linalg.norm(end - top))
    along = axis / length
    across = np.cross(along, outward)
    across /= np.linalg.norm(across)
    lobes = max(round(length / (0.42 * width)), 4)
    locks, step = [], length / lobes
    for k in range(lobes):
        side, w = 1.0 if k % 2 else -1.0, width * (1.0 - 0.3 * k / lobes)
        first = top + along * step * (k - 0.8) + across * side * 0.42 * w
        bulge = top + along * step * (k + 0.3) + across * side * 0.36 * w + outward * 0.10 * w
        last = top + along * step * (k + 1.5) - across * side * 0.20 * w
        locks.append(lock([first, bulge, last], 0.80 * w, "lobe", 0.8))
    tip = end + along * 0.1 * width
    locks.append(
        lock([end - 0.25 * width * along, end, end + 0.25 * width * along], 0.55 * width, "constant", 0.9, TIE)
    )
    locks.append(lock([tip, tip + 0.5 * width * along, tip + 1.1 * width * along], 0.75 * width, "leaf", 0.7))
    return locks


def _side_braid(cut: Cut) -> list[Lock]:
    locks = _sides(cut, 13.9, 0.26, 1, "even")
    for side in (1.0, -1.0):
        top = _drop(cut.skull.at(side * 1.30, 0.0, 0.12 + cut.volume), 0.1)
        end = top + np.array([side * -0.12, -1.05 * cut.length, 0.12])
        locks += _braid(top, end, 0.27, np.array([side * 0.7, 0.0, 0.7]))
    return locks


# Backs.


def _cap(
    cut: Cut, end: Callable[[float, Wide], Sequence[Wide]], profile: str, width: float = 0.55, wave: float = 0.0
) -> list[Lock]:
    """Locks from the whorl over the sides and the back; `end` continues each from the point over the ear or nape."""
    s, v, locks = cut.skull, cut.volume, []
    n = int(cut.rng.integers(12, 16))
    for layer in range(2):
        for a in np.linspace(0.95 + 0.06 * layer, 2 * np.pi - 0.95 - 0.06 * layer, n - layer):
            signed = a if a <= np.pi else a - 2 * np.pi
            lift = 0.07 + v - 0.05 * layer + cut.layer()
            root, high = s.at(signed, 1.53, lift - 0.03), s.at(signed, 0.98, lift)
            side, low = s.at(signed, 0.40, lift + 0.01), s.at(signed, -0.05, lift)
            knots = [root, high, side, low, *end(signed, low)]
            locks.append(lock(knots, width, profile, 0.35, wave=wave * (0.6 + 0.8 * cut.rng.random())))
    return locks


def _back_short(cut: Cut) -> list[Lock]:
    def end(_a: float, low: Wide) -> list[Wide]:
        return [_drop(low, 0.32 + cut.jitter(0.07), -0.06), _drop(low, 0.55 + cut.jitter(0.08), -0.10)]

    return _cap(cut, end, "leaf")


def _back_spiky(cut: Cut) -> list[Lock]:
    def end(_a: float, low: Wide) -> list[Wide]:
        out = 0.22 + abs(cut.jitter(0.12))
        return [_drop(low, 0.2, 0.02), _drop(low, 0.42 + cut.jitter(0.12), out)]

    locks = _cap(cut, end, "leaf", 0.5)
    for _ in range(9):  # spikes on the crown
        a, e = float(cut.rng.uniform(0.7, 2 * np.pi - 0.7)), float(cut.rng.uniform(0.55, 1.25))
        root, rise = cut.skull.at(a, e + 0.25, cut.volume), cut.skull.at(a, e, 0.14 + cut.volume)
        locks.append(lock([root, rise, cut.skull.at(a, e - 0.22, 0.34 + cut.volume)], 0.34, "leaf", 0.5))
    return locks


def _back_bob(cut: Cut) -> list[Lock]:
    y = 13.55 + cut.jitter(0.12)

    def end(_a: float, low: Wide) -> list[Wide]:
        down = float(low[1]) - y
        return [_drop(low, 0.55 * down, 0.10), _drop(low, down + cut.jitter(0.03), -0.12)]

    return _cap(cut, end, "even")


def _back_flared(cut: Cut) -> list[Lock]:
    y = 13.35 + cut.jitter(0.15)

    def end(_a: float, low: Wide) -> list[Wide]:
        down = float(low[1]) - y
        return [_drop(low, 0.6 * down, -0.12), _drop(low, down + cut.jitter(0.08), 0.16 + cut.jitter(0.08))]

    return _cap(cut, end, "leaf")


def _hanging(cut: Cut, bottom: float, wave: float, out: float) -> list[Lock]:
    def end(a: float, low: Wide) -> list[Wide]:
        down = float(low[1]) - bottom
        back = -0.10 if abs(a) > 1.6 else 0.0
        return [
            _drop(low, 0.4 * down, out, back),
            _drop(low, down + cut.jitter(0.12), 1.3 * out + cut.jitter(0.05), back),
        ]

    return _cap(cut, end, "even", wave=wave)


def _back_long(cut: Cut) -> list[Lock]:
    return _hanging(cut, 12.4 - 0.9 * (cut.length - 0.7), 0.0, 0.05)


def _back_wavy(cut: Cut) -> list[Lock]:
    return _hanging(cut, 12.5 - 0.9 * (cut.length - 0.7), 0.09, 0.16)


def _pulled(cut: Cut, azimuth: float, elevation: float) -> list[Lock]:
    """All hair combed flat to one place on the skull."""
    s, base, locks = cut.skull, cut.skull.at(azimuth, elevation, 0.10), []
    for a in np.linspace(0.9, 2 * np.pi - 0.9, 18):
        signed = a if a <= np.pi else a - 2 * np.pi
        low = -0.38 if abs(signed) > 2.0 else 0.0
        brim, over = s.at(signed, low, 0.02), cut.layer()
        middle = CENTER + direction(np.array(signed), np.array(0.45)) * (
            s.radius(np.array(signed), np.array(0.45)) + 0.08 + over
        )
        blend = 0.5 * (middle + base) - CENTER
        e, z = np.arcsin(blend[1] / np.linalg.norm(blend)), np.arctan2(blend[0], blend[2])
        locks.append(lock([brim, middle, s.at(float(z), float(e), 0.11 + over), base], 0.46, "even", 0.35))
    return locks


def _halved(cut: Cut, elevation: float, azimuth: float) -> list[Lock]:
    """Hair parted at the back and combed flat to a place on each side."""
    s, locks = cut.skull, []
    for side in (1.0, -1.0):
        base = s.at(side * azimuth, elevation, 0.10)
        for a in np.linspace(0.9, np.pi - 0.05, 10):
            low = -0.38 if a > 2.0 else 0.0
            middle = s.at(side * (0.6 * a + 0.4 * azimuth), 0.5 * (low + elevation), 0.09 + cut.layer())
            locks.append(lock([s.at(side * a, low, 0.03), middle, base], 0.40, "even", 0.35))
        for e in (0.78, 1.0, 1.25, 1.5):
            locks.append(
                lock(
                    [s.at(side * 0.05, e, 0.04), s.at(side * azimuth * 0.6, e, 0.11 + cut.layer()), base],
                    0.44,
                    "even",
                    0.35,
                )
            )
    return locks


def _tie(base: Wide, out: Wide, width: float) -> Lock:
    return lock([base - 0.02 * out, base + 0.05 * out, base + 0.14 * out], width, "constant", 1.0, TIE)


def _tail(cut: Cut, base: Wide, out: Wide, length: float, width: float, wave: float = 0.0) -> list[Lock]:
    """A bundle of locks that leaves the skull along `out` [3], then hangs."""
    out = np.asarray(out, np.float64) / np.linalg.norm(out)
    across = np.cross(out, [0.0, 1.0, 0.0])
    across /= max(float(np.linalg.norm(across)), 1e-6)
    locks = [_tie(base, out, 0.34)]
    for k in range(10):
        a = k * 2 * np.pi / 9
        spread = np.array([np.cos(a), np.sin(a)]) * (0.0 if k == 0 else 1.0)
        wide = across * spread[0] * 0.16 + out * spread[1] * 0.13
        start = base + 0.06 * out
        lifted = base + 0.38 * out + 0.6 * wide + np.array([0.0, 0.08, 0.0])
        hang = lifted + 0.15 * out + 1.6 * wide + np.array([0.0, -0.45 * length, 0.0])
        end = hang + 0.2 * wide - 0.12 * out + np.array([0.0, -0.55 * length + cut.jitter(0.12), 0.0])
        locks.append(lock([start, lifted, hang, end], width, "full", 0.5, wave=wave))
    return locks


def _back_ponytail(cut: Cut) -> list[Lock]:
    e = float(cut.rng.choice([0.1, 0.5, 0.95]))
    base = cut.skull.at(np.pi, e, 0.12)
    out = np.array([0.0, 0.25 + 0.6 * (e > 0.8), -1.0])
    return _pulled(cut, np.pi, e) + _tail(cut, base, out, 2.0 * cut.length, 0.42, float(cut.rng.choice([0.0, 0.06])))


def _back_side_pony(cut: Cut) -> list[Lock]:
    base = cut.skull.at(2.1, 0.65, 0.12)
    return _pulled(cut, 2.1, 0.65) + _tail(cut, base, np.array([0.9, 0.35, -0.25]), 1.7 * cut.length, 0.40, 0.04)


def _back_twin_tails(cut: Cut) -> list[Lock]:
    e, wave = float(cut.rng.uniform(0.55, 0.95)), float(cut.rng.choice([0.0, 0.05, 0.09]))
    locks = _halved(cut, e, 1.85)
    for side in (1.0, -1.0):
        base = cut.skull.at(side * 1.85, e, 0.12)
        locks += _tail(cut, base, np.array([side, 0.35, -0.2]), 2.0 * cut.length, 0.36, wave)
    return locks


def _back_low_twins(cut: Cut) -> list[Lock]:
    locks = _halved(cut, -0.25, 2.0)
    for side in (1.0, -1.0):
        base = cut.skull.at(side * 2.0, -0.3, 0.12)
        locks += _tail(cut, base, np.array([side * 0.7, -0.35, 0.1]), 1.35 * cut.length, 0.34)
    return locks


def _back_twin_drills(cut: Cut) -> list[Lock]:
    locks = _halved(cut, 0.6, 1.85)
    for side in (1.0, -1.0):
        base = cut.skull.at(side * 1.85, 0.6, 0.12)
        out = np.array([side, 0.2, -0.2])
        locks.append(_tie(base, out / np.linalg.norm(out), 0.34))
        locks += _drill(base + np.array([side * 0.26, 0.05, 0.0]), 1.9 * cut.length, 0.32, 5)
    return locks


def _bun(base: Wide, radius: float) -> list[Lock]:
    """A coil as round as a ball, with a tie at its foot."""
    away = base - CENTER
    away = away / np.linalg.norm(away)
    t = np.linspace(0.0, 1.0, 9)
    widths = (radius * np.sqrt(np.clip(1.0 - (1.85 * t - 0.85) ** 2, 0.0, 1.0))).astype(np.float32)
    coil = _coil(base - 0.1 * away, 1.7 * radius * away, widths, 3, 1.0 if base[0] >= 0 else -1.0)
    return [
        *coil,
        lock([base - 0.03 * away, base + 0.01 * away, base + 0.07 * away], 1.5 * radius, "constant", 1.0, TIE),
    ]


def _back_bun(cut: Cut) -> list[Lock]:
    e = float(cut.rng.choice([0.35, 1.1]))
    return _pulled(cut, np.pi, e) + _bun(cut.skull.at(np.pi, e, 0.14), 0.38)


def _back_two_buns(cut: Cut) -> list[Lock]:
    radius = float(cut.rng.uniform(0.24, 0.36))
    locks = _halved(cut, 1.0, 1.75)
    for side in (1.0, -1.0):
        locks += _bun(cut.skull.at(side * 1.75, 1.0, 0.12), radius)
    return locks


def _back_braid(cut: Cut) -> list[Lock]:
    """One plait over the shoulder."""
    top = _drop(cut.skull.at(2.2, -0.3, 0.14), 0.1)
    end = np.array([0.62, 12.2, 0.55])
    return _pulled(cut, 2.2, -0.3) + _braid(top, end, 0.50, np.array([0.75, 0.1, 0.65]))


def _back_twin_braids(cut: Cut) -> list[Lock]:
    locks = _halved(cut, -0.3, 1.9)
    for side in (1.0, -1.0):
        top = _drop(cut.skull.at(side * 1.9, -0.3, 0.14), 0.1)
        end = np.array([side * 0.72, 12.25, 0.45])
        locks += _braid(top, end, 0.40, np.array([side * 0.6, 0.1, 0.8]))
    return locks


def ahoge(cut: Cut) -> list[Lock]:
    """One to three hairs that stand up at the crown."""
    locks = []
    for _ in range(int(cut.rng.integers(1, 4))):
        a, lean = cut.jitter(0.5), cut.jitter(0.35)
        base = cut.skull.at(a, 1.42, cut.volume)
        height = float(cut.rng.uniform(0.25, 0.5))
        tip = base + np.array([lean, 0.6 * height, 0.35 * height])
        locks.append(lock([base, base + np.array([0.4 * lean, height, 0.05]), tip], 0.12, "leaf", 0.5))
    return locks


Style = Callable[[Cut], list[Lock]]
FRONTS: dict[str, Style] = {
    "straight": _straight, "spiky": _spiky, "wispy": _wispy, "parted": _parted, "curtain": _curtain, "swept": _swept,
    "m_fringe": _m_fringe, "over_eye": _over_eye, "slicked": _slicked,
}  # fmt: skip
SIDES: dict[str, Style] = {
    "none": _side_none, "short": _side_short, "long": _side_long, "thick": _side_thick, "drill": _side_drill,
    "braid": _side_braid,
}  # fmt: skip
BACKS: dict[str, Style] = {
    "short": _back_short, "spiky": _back_spiky, "bob": _back_bob, "flared": _back_flared, "long": _back_long,
    "wavy": _back_wavy, "ponytail": _back_ponytail, "side_pony": _back_side_pony, "twin_tails": _back_twin_tails,
    "low_twins": _back_low_twins, "twin_drills": _back_twin_drills, "bun": _back_bun, "two_buns": _back_two_buns,
    "plait": _back_braid, "twin_braids": _back_twin_braids,
}  # fmt: skip


def stacked(locks: Sequence[Lock]) -> tuple[Array, Array, Array, NDArray[np.uint8], Array]:
    """Points [L,24,3], normals [L,24,3], sizes [L,24,2], tints [L] and sections [L,4,2] of locks."""
    if not locks:
        empty = np.zeros((0, POINTS, 3), np.float32)
        return empty, empty, empty[..., :2], np.zeros(0, np.uint8), np.zeros((0, 4, 2), np.float32)
    return (
        np.stack([k.point for k in locks]),
        np.stack([k.normal for k in locks]),
        np.stack([k.size for k in locks]),
        np.array([k.tint for k in locks], np.uint8),
        np.repeat(_LENS[None], len(locks), 0),
    )
