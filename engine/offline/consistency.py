"""Attention over a whole performance: each face attends to those before and after it, and to poses that come back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..data import OPEN_BASIS, Array
from ..face.stabilizer import SMOOTHING_GAP_S, confidence_delay_s
from .animation import RenderError
from .consistency_anchors import anchored
from .consistency_heads import NECK, Numbers, faces_of, head_noise, heads_of, trembling

REACH = 2.5  # differences, in standard deviations of a tracker's noise, that still count as noise, as live
SPAN_S = 1.0  # to each side, within which faces are attended to: four times as far as live, and ahead too
MOST = 120  # neighbours to each side: of a performance of more than as many a second, the nearest
_ENTRIES = 2_000_000  # numbers that one block of the attention may hold

_FEW = 1e-3  # of so little attention no parabola is made, but what is seen now

Rows = NDArray[np.float32]
Middle = Callable[[Rows, Rows, Rows], Rows]


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
    late_s = np.array([confidence_delay_s(float(one)) for one in confidence])
    if not late_s.any():
        return
    seen = heads.copy()
    trust = 1.0 / (1.0 + late_s * _rate(times_s))
    for row in np.flatnonzero(late_s):
        first, last = np.searchsorted(times_s, (times_s[row] - SMOOTHING_GAP_S, times_s[row] + SMOOTHING_GAP_S))
        share = trust[first:last] * np.exp(-np.abs(times_s[first:last] - times_s[row]) / late_s[row])
        heads[row] = share @ seen[first:last] / share.sum()


def _steadied(seen: Rows, times_s: Numbers) -> Rows:
    """[n,h] in standard deviations of the noise, as `seen` is.

    Attended to three times, each time comparing what trembles less than the time before. The values are always those
    seen, and the first time alone their mean is taken: it would wear off the top of a short movement, through which a
    parabola goes.
    """
    steady = _attended(seen, seen, times_s, _mean)
    for _ in range(2):
        steady = _attended(steady, seen, times_s, _parabola)
    return steady


def _attended(query: Rows, values: Rows, times_s: Numbers, middle: Middle) -> Rows:
    """[n,h] what is in the middle of the values before and after each, by how alike the queries are."""
    count = len(query)
    rate = _rate(times_s)
    reach = min(int(np.ceil(SPAN_S * rate)), MOST, count - 1)
    block = max(_ENTRIES // ((reach + 1) * query.shape[1]), 1)
    away = np.arange(-reach, reach + 1)
    found = np.empty_like(values)
    for first in range(0, count, block):
        rows = np.arange(first, min(first + block, count))
        beside = rows[:, None] + away
        is_there = (beside >= 0) & (beside < count)
        beside = np.clip(beside, 0, count - 1)
        share = _shares(query[beside], query[rows], is_there)
        since_s = times_s[beside] - times_s[rows][:, None]
        share *= _near(since_s)[..., None]
        found[rows] = middle((since_s * rate).astype(np.float32), share, values[beside])
    return found


def _shares(keys: Rows, query: Rows, is_there: NDArray[np.bool_]) -> Rows:
    """[r,k,h] how alike the keys [r,k,h] are to the query [r,h], and never more than of one nearer by.

    In a face from twice `REACH` on not at all (Tukey's biweight, as wide in its middle as a Gaussian): a second of
    neighbours has so many tails of a Gaussian that together they outweighed a short movement, and wore it off. The
    head's turn keeps the tails, which a tracker's jerks want: no expression lies in it.
    """
    apart = (keys - query[:, None]) * np.float32(1.0 / REACH)
    alike = np.square(np.maximum(1.0 - 0.25 * apart * apart, 0.0))
    alike[..., _turns()] = np.exp(-0.5 * np.square(apart[..., _turns()]))
    alike *= is_there[..., None]
    middle = keys.shape[1] // 2
    after, before = alike[:, middle:], alike[:, middle::-1]
    np.minimum.accumulate(after, axis=1, out=after)
    np.minimum.accumulate(before, axis=1, out=before)
    return np.asarray(alike, np.float32)


@cache
def _turns() -> NDArray[np.bool_]:
    """[h] which of those that tremble are the head's turn."""
    return np.isin(trembling(), np.arange(NECK.start, NECK.stop))


def _near(since_s: Numbers) -> Rows:
    """How much a face counts that is seen so long before or after: 1 now, 0 from `SPAN_S` on."""
    share = np.cos(0.5 * np.pi * np.minimum(np.abs(since_s) / SPAN_S, 1.0))
    return np.asarray(share * share, np.float32)


def _mean(since: Rows, share: Rows, values: Rows) -> Rows:
    return np.asarray(np.einsum("rkh,rkh->rh", share, values) / share.sum(1))


def _parabola(since: Rows, share: Rows, values: Rows) -> Rows:
    """[r,h] at 0, of the parabola that fits the values [r,k,h] best, `since` [r,k] being where they are."""
    powers = np.stack([since**power for power in range(5)], axis=1)
    s0, s1, s2, s3, s4 = np.moveaxis((powers @ share).astype(np.float64), 1, 0)
    t0, t1, t2 = np.moveaxis((powers[:, :3] @ (share * values)).astype(np.float64), 1, 0)
    s2, s4 = s2 + _FEW, s4 + _FEW
    # Cramer's rule, of the value at 0 alone.
    first, second, third = s2 * s4 - s3 * s3, s1 * s4 - s2 * s3, s1 * s3 - s2 * s2
    value = (t0 * first - t1 * second + t2 * third) / (s0 * first - s1 * second + s2 * third)
    return np.asarray(value, np.float32)


def _rate(times_s: Numbers) -> float:
    """Faces a second, as most of them come."""
    step_s = float(np.median(np.diff(times_s)))
    return 1.0 / step_s if step_s > 0.0 else 1000.0
