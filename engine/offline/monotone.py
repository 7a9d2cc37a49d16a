"""Cubics through given points: smooth in velocity, and never beyond the two points between which they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]


def velocities(at: Wide, rows: Wide) -> Wide:
    """[k,d] at each of the points `rows` [k,d], `at` [k] rising times: what keeps each number monotone.

    The weighted harmonic mean of the slopes on both sides (Fritsch and Butland 1984); 0 where a number turns round, and
    at both ends.
    """
    step = np.diff(at)[:, None]
    slope = np.diff(rows, axis=0) / step
    before, after = slope[:-1], slope[1:]
    left, right = 2.0 * step[1:] + step[:-1], step[1:] + 2.0 * step[:-1]
    goes_on = np.sign(before) * np.sign(after) > 0.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mean = (left + right) / (left / before + right / after)
    found = np.zeros_like(rows)
    found[1:-1] = np.where(goes_on, mean, 0.0)
    return found


def between(part: Wide, first: Wide, last: Wide, leaving: Wide, arriving: Wide) -> Wide:
    """The cubic from the first to the last over a `part` of 0 to 1, at these velocities times the time that it takes.

    Where the velocities are those of `velocities`, held to what the two span: rounding alone can lead out.
    """
    square, cube = part**2, part**3
    bend = (cube - 2.0 * square + part) * leaving + (cube - square) * arriving
    rows = first + (3.0 * square - 2.0 * cube) * (last - first) + bend
    return np.asarray(np.clip(rows, np.minimum(first, last), np.maximum(first, last)))
