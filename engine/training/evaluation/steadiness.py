"""How quiet the pictures are: under a control that stays, under one that trembles, and in a performance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.uint8]  # [n,H,W,C]
Mask = NDArray[np.bool_]  # [H,W]


def still_from(pictures: Pictures) -> int | None:
    """The first picture from which on all are equal to the byte; None where even the last two differ."""
    changes = np.flatnonzero((pictures[1:] != pictures[:-1]).reshape(len(pictures) - 1, -1).any(1))
    first = int(changes[-1]) + 1 if len(changes) else 0
    return first if first < len(pictures) - 1 else None


def noise(pictures: Pictures, mask: Mask | None = None) -> float:
    """How much a pixel trembles: its standard deviation over time in levels of 255, the mean where `mask` holds."""
    trembling = pictures.astype(np.float64).std(0)
    return float(trembling.mean() if mask is None else trembling[mask].mean())


def motion(pictures: Pictures) -> float:
    """Mean absolute change from picture to picture, in levels of 255."""
    return float(np.abs(_changes(pictures)).mean())


def flicker(ours: Pictures, truth: Pictures) -> float:
    """Mean absolute change that the truth does not make, in levels of 255: |(o_t - o_t-1) - (r_t - r_t-1)|."""
    return float(np.abs(_changes(ours) - _changes(truth)).mean())


def _changes(pictures: Pictures) -> NDArray[np.int16]:
    levels = pictures.astype(np.int16)
    return np.asarray(levels[1:] - levels[:-1])
