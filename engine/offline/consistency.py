"""Stabilizes a whole performance: each face attends to those before and after it, and to poses that come back.

The attention has a head for each number that a tracker's noise reaches: the weight of each ARKit unit, each angle of a
joint and each lid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..data import Array
from ..face.retarget import UNITS
from ..face.stabilizer import SMOOTHING_GAP_S, WEIGHT_NOISE, confidence_delay_s, tracker_noise
from ..face.tuning import REGIONS
from .animation import Float64Array
from .face_limits import EYELIDS, EYES, JAW, NECK, faces_from_rows, rows_from_faces

# Neighbours in time. Differences are in standard deviations of a tracker's noise.
_REACH = 2.5  # differences that still count as noise, as live
_SPAN_S = 1.0  # time to each side: four times as far as live, and ahead too
_MAX_NEIGHBOURS = 120  # to each side; of a performance with more faces in `_SPAN_S`, the nearest
_BLOCK_SIZE = 2_000_000  # numbers that one block of the attention may hold
_MIN_ATTENTION = 1e-3  # with less, the result is not a parabola but the face itself

# Poses that come back. Differences are the largest of any column of a region.
_STILL, _MOVED = 2.0, 4.0  # range around a time: up to the first a region is held, from the second on it moves
_SAME_POSE = 3.0  # up to which two held poses are the same
_POSE_WIDTH = 1.25  # width of the likeness by which a held face attends to a pose
_HELD_S = 0.15  # time to each side over which the range is taken: longer than half a micro-expression
_PART_S = 0.5  # a pose that is held for longer is split, so that a drifting one becomes several
_MAX_POSES = 64  # of a region; of more, those that are held longest
_POSE_MASS = 30.0  # weight of a pose, where the face itself weighs 1
_STEEPNESS, _MAX_EXPONENT = 2.0, 600.0  # between two poses a face changes over within a fraction of the noise
_FULL_ATTENTION = 0.9  # share of attention from which on a face is its pose

_MIN_NOISE = 1e-6  # a column with less is not tracked
_JOINTS: Mapping[str, slice] = {"jaw": JAW, "gaze": EYES, "eyes": EYELIDS}

_Rows = NDArray[np.float32]
_Average = Callable[[_Rows, _Rows, _Rows], _Rows]


def stabilize(faces: Array, *, times_s: Float64Array | None = None, confidence: Array | None = None) -> Array:
    """[n,67] the same faces (in the open basis) without a tracker's noise and without delay; the same each time.

    Keys and values of the attention are the faces within a second before and after, as far as nothing between them
    moved beyond the noise; then the poses in which a region of the face was held anywhere in the performance, to which
    it is brought wherever it is held again. A movement beyond the noise finds nothing similar and stays.

    `times_s` [n] rises; without it there are 30 faces a second. `confidence` [n] says how well the landmarks fit: a
    face with low confidence leans on its neighbours. Use it for performances only: transitions and timelines have no
    noise.
    """
    if len(faces) < 2:
        return faces
    times_s = np.arange(len(faces)) / 30.0 if times_s is None else times_s
    rows = rows_from_faces(faces)
    if confidence is not None:
        _replace_doubtful(rows, times_s, confidence)
    columns = noisy_columns()
    scale = noise_levels()[columns]
    tracked = (rows[:, columns] / scale).astype(np.float32)
    steady = _attend_to_neighbours(tracked, times_s)
    steady = np.clip(_attend_to_poses(steady, times_s), tracked.min(0), tracked.max(0))
    rows[:, columns] = steady * scale
    return faces_from_rows(rows)


@cache
def noise_levels() -> Float64Array:
    """[67] standard deviation of each column of `rows_from_faces` under the noise of a webcam's tracker."""
    found = tracker_noise().astype(np.float64)
    found[: len(UNITS)] = WEIGHT_NOISE
    return found


@cache
def noisy_columns() -> NDArray[np.int_]:
    """The columns that a tracker's noise reaches; the others are not tracked, or not drawn."""
    return np.flatnonzero(noise_levels() > _MIN_NOISE)


@cache
def noisy_regions() -> Mapping[str, NDArray[np.int_]]:
    """The noisy columns of each region of the face."""
    found = {"head": np.arange(NECK.start, NECK.stop)}
    for region, names in REGIONS.items():
        units = [UNITS.index(name) for name in names if name in UNITS]
        joints = _JOINTS.get(region, slice(0))
        columns = [*units, *range(joints.start or 0, joints.stop)]
        found[region] = np.array([column for column in columns if column in noisy_columns()], int)
    return {region: columns for region, columns in found.items() if len(columns)}


def _replace_doubtful(rows: Float64Array, times_s: Float64Array, confidence: Array) -> None:
    """Replaces each face of low confidence by a mean of those around it, the wider the lower the confidence."""
    width_s = np.array([confidence_delay_s(float(one)) for one in confidence])
    if not width_s.any():
        return
    original = rows.copy()
    trust = 1.0 / (1.0 + width_s * _rate(times_s))
    for row in np.flatnonzero(width_s):
        first, last = np.searchsorted(times_s, (times_s[row] - SMOOTHING_GAP_S, times_s[row] + SMOOTHING_GAP_S))
        share = trust[first:last] * np.exp(-np.abs(times_s[first:last] - times_s[row]) / width_s[row])
        rows[row] = share @ original[first:last] / share.sum()


def _rate(times_s: Float64Array) -> float:
    """Faces a second, by the median."""
    step_s = float(np.median(np.diff(times_s)))
    return 1.0 / step_s if step_s > 0.0 else 1000.0


# Attention to neighbours in time.


def _attend_to_neighbours(tracked: _Rows, times_s: Float64Array) -> _Rows:
    """[n,h] in standard deviations of the noise, as `tracked` is.

    There are three passes, each of which compares faces with less noise than the one before. The values are always
    `tracked`. Only the first pass takes a mean; the others fit a parabola, which does not lower the peak of a short
    movement.
    """
    steady = _attend(tracked, tracked, times_s, _mean)
    for _ in range(2):
        steady = _attend(steady, tracked, times_s, _parabola)
    return steady


def _attend(query: _Rows, values: _Rows, times_s: Float64Array, average: _Average) -> _Rows:
    """[n,h] the average of the values before and after each face, weighted by how alike the queries are."""
    count = len(query)
    rate = _rate(times_s)
    reach = min(int(np.ceil(_SPAN_S * rate)), _MAX_NEIGHBOURS, count - 1)
    block = max(_BLOCK_SIZE // ((reach + 1) * query.shape[1]), 1)
    offsets = np.arange(-reach, reach + 1)
    found = np.empty_like(values)
    for first in range(0, count, block):
        rows = np.arange(first, min(first + block, count))
        neighbours = rows[:, None] + offsets
        exists = (neighbours >= 0) & (neighbours < count)
        neighbours = np.clip(neighbours, 0, count - 1)
        share = _likeness(query[neighbours], query[rows], exists)
        since_s = times_s[neighbours] - times_s[rows][:, None]
        share *= _time_window(since_s)[..., None]
        found[rows] = average((since_s * rate).astype(np.float32), share, values[neighbours])
    return found


def _likeness(keys: _Rows, query: _Rows, exists: NDArray[np.bool_]) -> _Rows:
    """[r,k,h] how alike the keys [r,k,h] are to the query [r,h]; it never rises with the distance in time.

    For the face it is 0 from twice `_REACH` on (Tukey's biweight, in its middle as wide as a Gaussian): the many tails
    of a Gaussian in a second of neighbours together outweigh a short movement. The turn of the head keeps the tails,
    which smooth a tracker's jerks: no expression lies in it.
    """
    difference = (keys - query[:, None]) * np.float32(1.0 / _REACH)
    alike = np.square(np.maximum(1.0 - 0.25 * difference * difference, 0.0))
    alike[..., _turn_heads()] = np.exp(-0.5 * np.square(difference[..., _turn_heads()]))
    alike *= exists[..., None]
    middle = keys.shape[1] // 2
    after, before = alike[:, middle:], alike[:, middle::-1]
    np.minimum.accumulate(after, axis=1, out=after)
    np.minimum.accumulate(before, axis=1, out=before)
    return np.asarray(alike, np.float32)


@cache
def _turn_heads() -> NDArray[np.bool_]:
    """[h] which of the noisy columns are the turn of the head."""
    return np.isin(noisy_columns(), np.arange(NECK.start, NECK.stop))


def _time_window(since_s: Float64Array) -> _Rows:
    """The weight of a face by its distance in time: 1 at 0, 0 from `_SPAN_S` on."""
    share = np.cos(0.5 * np.pi * np.minimum(np.abs(since_s) / _SPAN_S, 1.0))
    return np.asarray(share * share, np.float32)


def _mean(since: _Rows, share: _Rows, values: _Rows) -> _Rows:
    return np.asarray(np.einsum("rkh,rkh->rh", share, values) / share.sum(1))


def _parabola(since: _Rows, share: _Rows, values: _Rows) -> _Rows:
    """[r,h] the value at 0 of the parabola that fits the values [r,k,h] at `since` [r,k] best."""
    powers = np.stack([since**power for power in range(5)], axis=1)
    s0, s1, s2, s3, s4 = np.moveaxis((powers @ share).astype(np.float64), 1, 0)
    t0, t1, t2 = np.moveaxis((powers[:, :3] @ (share * values)).astype(np.float64), 1, 0)
    s2, s4 = s2 + _MIN_ATTENTION, s4 + _MIN_ATTENTION
    # Cramer's rule for the value at 0.
    first, second, third = s2 * s4 - s3 * s3, s1 * s4 - s2 * s3, s1 * s3 - s2 * s2
    value = (t0 * first - t1 * second + t2 * third) / (s0 * first - s1 * second + s2 * third)
    return np.asarray(value, np.float32)


# Attention to poses that come back, so that the rest after a smile is the rest before it.


def _attend_to_poses(steady: _Rows, times_s: Float64Array) -> _Rows:
    """[n,h] the same faces, each held region brought to the pose in which it is held elsewhere."""
    found = steady.copy()
    head_of = {int(column): head for head, column in enumerate(noisy_columns())}
    step_s = float(np.median(np.diff(times_s)))
    if step_s <= 0.0:
        return found
    for columns in noisy_regions().values():
        heads = [head_of[int(column)] for column in columns]
        region = steady[:, heads]
        moved = _range(region, max(round(_HELD_S / step_s), 1))
        poses = _held_poses(region, moved <= _STILL, max(round(_PART_S / step_s), 2))
        if len(poses):
            held = 1.0 - _smoothstep((moved - _STILL) / (_MOVED - _STILL))
            found[:, heads] = _bring_to_poses(region, poses, held)
    return found


def _bring_to_poses(region: _Rows, poses: _Rows, held: _Rows) -> _Rows:
    """[n,p] the faces attending to themselves and, as far as they are held [n], to the poses [k,p]."""
    nearest = np.full(len(region), np.inf, np.float32)
    mass, total = np.zeros(len(region)), np.zeros(region.shape)
    for pose in poses:
        distance = np.abs(region - pose).max(1) / np.float32(_POSE_WIDTH)
        nearest = np.minimum(nearest, distance)
        share = np.exp(-np.minimum(_STEEPNESS * distance * distance, _MAX_EXPONENT).astype(np.float64))
        mass += share
        total += share[:, None] * pose
    alike = _POSE_MASS * np.exp(-0.5 * nearest * nearest)
    share = held * _smoothstep(alike / (1.0 + alike) / _FULL_ATTENTION)
    return np.asarray(region + share[:, None] * (total / mass[:, None] - region), np.float32)


def _range(region: _Rows, reach: int) -> _Rows:
    """[n] the largest range of a column within `reach` faces to each side."""
    padded = np.pad(region, ((reach, reach), (0, 0)), mode="edge")
    highest, lowest = region.copy(), region.copy()
    for shift in range(2 * reach + 1):
        neighbour = padded[shift : shift + len(region)]
        np.maximum(highest, neighbour, out=highest)
        np.minimum(lowest, neighbour, out=lowest)
    return np.asarray((highest - lowest).max(1))


def _held_poses(region: _Rows, is_held: NDArray[np.bool_], length: int) -> _Rows:
    """[k,p] the poses in which the region is held, each more than `_SAME_POSE` from those before it."""
    borders = np.flatnonzero(np.diff(np.r_[False, is_held, False]))
    spans = [
        (first, min(first + length, end))
        for start, end in borders.reshape(-1, 2)
        for first in range(start, end, length)
        if min(first + length, end) - first >= min(length // 2, end - start)
    ]
    sums: list[_Rows] = []
    weights: list[float] = []
    for first, last in spans:
        pose, size = region[first:last].mean(0), last - first
        centres = np.array(sums) / np.array(weights)[:, None] if sums else np.empty((0, region.shape[1]))
        distance = np.abs(centres - pose).max(1) if len(centres) else np.empty(0)
        if len(distance) and distance.min() <= _SAME_POSE:
            nearest = int(np.argmin(distance))
            sums[nearest] = sums[nearest] + pose * size
            weights[nearest] += size
        else:
            sums.append(pose * size)
            weights.append(float(size))
    longest = sorted(range(len(sums)), key=lambda number: (-weights[number], number))[:_MAX_POSES]
    kept = [sums[number] / weights[number] for number in sorted(longest) if weights[number] >= length]
    return np.array(kept, np.float32).reshape(-1, region.shape[1])


def _smoothstep(share: _Rows) -> _Rows:
    within = np.clip(share, 0.0, 1.0)
    return np.asarray(within * within * (3.0 - 2.0 * within), np.float32)
