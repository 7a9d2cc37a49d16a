"""Poses that come back: found over a whole performance, so that the rest after a smile is the rest before it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .consistency_heads import Numbers, regions, trembling

Rows = NDArray[np.float32]

# All in standard deviations of a tracker's noise, by the parameter of a region that is farthest.
STILL, MOVED = 2.0, 4.0  # ranges around a moment: up to the first a region is held, from the second on it moves
ALIKE = 3.0  # up to which two held poses are the same one
NEAR = 1.25  # the width of the likeness by which a held face attends to an anchor
HELD_S = 0.15  # to each side of a moment, that its range is taken over: longer than half a micro-expression
PART_S = 0.5  # a pose that is held for longer is looked at in parts, so that one that drifts is several
MOST = 64  # poses of a region; of more those that are held longest
MASS = 30.0  # how much a pose counts that is an anchor, where the face itself counts 1
_STEEP, _FAR = 2.0, 600.0  # between two poses a face changes over within a fraction of the noise
_WHOLLY = 0.9  # from this share of attention on, a face is its anchor


def anchored(steady: Rows, times_s: Numbers) -> Rows:
    """[n,h] the same, each held region of a face brought to the pose it is held in elsewhere."""
    found = steady.copy()
    places = {int(column): at for at, column in enumerate(trembling())}
    step_s = float(np.median(np.diff(times_s)))
    if step_s <= 0.0:
        return found
    for columns in regions().values():
        at = [places[int(column)] for column in columns]
        part = steady[:, at]
        moved = _range(part, max(round(HELD_S / step_s), 1))
        poses = _poses(part, moved <= STILL, max(round(PART_S / step_s), 2))
        if len(poses):
            found[:, at] = _attended(part, poses, 1.0 - _eased((moved - STILL) / (MOVED - STILL)))
    return found


def _attended(part: Rows, poses: Rows, held: Rows) -> Rows:
    """[n,p] the faces attending to themselves and, as far as they are held [n], to the poses [k,p]."""
    apart = np.full(len(part), np.inf, np.float32)
    mass, drawn = np.zeros(len(part)), np.zeros(part.shape)
    for pose in poses:
        away = np.abs(part - pose).max(1) / np.float32(NEAR)
        apart = np.minimum(apart, away)
        share = np.exp(-np.minimum(_STEEP * away * away, _FAR).astype(np.float64))
        mass += share
        drawn += share[:, None] * pose
    alike = MASS * np.exp(-0.5 * apart * apart)
    share = held * _eased(alike / (1.0 + alike) / _WHOLLY)
    return np.asarray(part + share[:, None] * (drawn / mass[:, None] - part), np.float32)


def _range(part: Rows, reach: int) -> Rows:
    """[n] by how much the parameter that moves most moves within so many faces to each side."""
    padded = np.pad(part, ((reach, reach), (0, 0)), mode="edge")
    highest, lowest = part.copy(), part.copy()
    for shift in range(2 * reach + 1):
        beside = padded[shift : shift + len(part)]
        np.maximum(highest, beside, out=highest)
        np.minimum(lowest, beside, out=lowest)
    return np.asarray((highest - lowest).max(1))


def _poses(part: Rows, is_held: NDArray[np.bool_], length: int) -> Rows:
    """[k,p] the poses in which it is held, each `ALIKE` apart from the others that came before it."""
    borders = np.flatnonzero(np.diff(np.r_[False, is_held, False]))
    held = [
        (first, min(first + length, end))
        for start, end in borders.reshape(-1, 2)
        for first in range(start, end, length)
        if min(first + length, end) - first >= min(length // 2, end - start)
    ]
    parts = [part[first:last].mean(0) for first, last in held]
    sizes = [last - first for first, last in held]
    sums: list[Rows] = []
    weights: list[float] = []
    for pose, size in zip(parts, sizes, strict=True):
        centres = np.array(sums) / np.array(weights)[:, None] if sums else np.empty((0, part.shape[1]))
        apart = np.abs(centres - pose).max(1) if len(centres) else np.empty(0)
        if len(apart) and apart.min() <= ALIKE:
            nearest = int(np.argmin(apart))
            sums[nearest] = sums[nearest] + pose * size
            weights[nearest] += size
        else:
            sums.append(pose * size)
            weights.append(float(size))
    longest = sorted(range(len(sums)), key=lambda number: (-weights[number], number))[:MOST]
    kept = [sums[number] / weights[number] for number in sorted(longest) if weights[number] >= length]
    return np.array(kept, np.float32).reshape(-1, part.shape[1])


def _eased(share: Rows) -> Rows:
    within = np.clip(share, 0.0, 1.0)
    return np.asarray(within * within * (3.0 - 2.0 * within), np.float32)
