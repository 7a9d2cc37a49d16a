"""Attention over a whole performance: each face attends to those before and after it, and to poses that come back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omote.engine.face.smoothing import GAP_S, doubt_s
from omote.engine.nouns import OPEN_BASIS, Array

from .consistency_anchors import anchored
from .consistency_heads import Numbers, faces_of, head_noise, heads_of, trembling
from .script import RenderError

REACH = 2.5  # differences, in standard deviations of a tracker's noise, that still count as noise, as live
SPAN_S = 1.0  # to each side, within which faces are attended to: four times as far as live, and ahead too
MOST = 120  # neighbours to each side: of a performance of more than as many a second, the nearest
_ENTRIES = 2_000_000  # numbers that one block of the attention may hold

Rows = NDArray[np.float32]


def consistent(
    faces: Array, basis: str = OPEN_BASIS, *, times_s: Numbers | None = None, confidence: Array | None = None
) -> Array:
    """[n,67] the same faces without a tracker's noise, none of them delayed; the same faces give the same answer.

    Each unit's weight, each angle and each lid is a head of its own. Keys and values are the faces within `SPAN_S`
    before and after, as far as nothing between them moved beyond the noise; then the anchors, poses in which a part of
    the face was held somewhere in the performance, and to which it is brought wherever it is held so again. What moves
    beyond the noise finds nothing like it and stays. `times_s` [n] rise, 30 a second where they are not said;
    `confidence` [n] is how well the points fit: a face that fits badly leans on those around it. For performances: a
    transition or a timeline has no noise, and is not to be passed through. RenderError where the basis is not the open
    one, of which alone the noise is known.
    """
    if basis != OPEN_BASIS:
        raise RenderError(f'a performance is steadied in the basis "{OPEN_BASIS}", got "{basis}": render it as it is')
    if len(faces) < 2:
        return faces
    moments_s = np.arange(len(faces)) / 30.0 if times_s is None else times_s
    heads = heads_of(faces)
    if confidence is not None:
        _lean(heads, moments_s, confidence)
    columns = trembling()
    scale = head_noise()[columns]
    seen = (heads[:, columns] / scale).astype(np.float32)
    steady = _steadied(seen, moments_s)
    steady = np.clip(anchored(steady, moments_s), seen.min(0), seen.max(0))
    heads[:, columns] = steady * scale
    return faces_of(heads)


def _lean(heads: Numbers, times_s: Numbers, confidence: Array) -> None:
    """Lets each doubted face be a mean of those around it, the wider the worse its points fit."""
    late_s = np.array([doubt_s(float(one)) for one in confidence])
    if not late_s.any():
        return
    seen = heads.copy()
    trust = 1.0 / (1.0 + late_s * _rate(times_s))
    for row in np.flatnonzero(late_s):
        first, last = np.searchsorted(times_s, (times_s[row] - GAP_S, times_s[row] + GAP_S))
        share = trust[first:last] * np.exp(-np.abs(times_s[first:last] - times_s[row]) / late_s[row])
        heads[row] = share @ seen[first:last] / share.sum()


def _steadied(seen: Rows, times_s: Numbers) -> Rows:
    """[n,h] in standard deviations of the noise, as `seen` is.

    Attended to twice, because what is compared the second time trembles less. Then what attention took away is
    attended to as well, and what its neighbours share of it given back (Tukey's twicing): so the top of a short
    movement is not worn off.
    """
    query = _attended(seen, seen, times_s)
    mean = _attended(query, seen, times_s)
    return mean + _attended(query, seen - mean, times_s)


def _attended(query: Rows, values: Rows, times_s: Numbers) -> Rows:
    """[n,h] the mean of the values by how alike the queries are, before and after each."""
    count = len(query)
    reach = min(int(np.ceil(SPAN_S * _rate(times_s))), MOST, count - 1)
    block = max(_ENTRIES // ((reach + 1) * query.shape[1]), 1)
    found = np.empty_like(values)
    for first in range(0, count, block):
        rows = np.arange(first, min(first + block, count))
        total, weight = values[rows].copy(), np.ones_like(values[rows])
        for way in (-1, 1):
            beside = rows[:, None] + way * np.arange(1, reach + 1)
            share = _shares(query, rows, np.clip(beside, 0, count - 1), times_s)
            share *= ((beside >= 0) & (beside < count))[..., None]
            total += np.einsum("rkh,rkh->rh", share, values[np.clip(beside, 0, count - 1)])
            weight += share.sum(1)
        found[rows] = total / weight
    return found


def _shares(query: Rows, rows: NDArray[np.int_], beside: NDArray[np.int_], times_s: Numbers) -> Rows:
    """[r,k,h] how much each of the faces beside is attended to: fading with time, and never more than one nearer."""
    apart = (query[beside] - query[rows][:, None]) * np.float32(1.0 / REACH)
    alike = np.minimum.accumulate(np.exp(-0.5 * apart * apart), axis=1)
    away_s = np.abs(times_s[beside] - times_s[rows][:, None])
    near = np.where(away_s < SPAN_S, np.cos(0.5 * np.pi * np.minimum(away_s / SPAN_S, 1.0)) ** 2, 0.0)
    return np.asarray(alike * near[..., None].astype(np.float32))


def _rate(times_s: Numbers) -> float:
    """Faces a second, as most of them come."""
    step_s = float(np.median(np.diff(times_s)))
    return 1.0 / step_s if step_s > 0.0 else 1000.0
