"""Ways to come to rest without a kink: at 0 and 1, and before a limit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Wide = NDArray[np.float64]


def smooth(part: Floats) -> Wide:
    """0 below 0, 1 above 1, and level at both ends of the way between."""
    held_in = np.clip(part, 0.0, 1.0)
    return np.asarray(held_in * held_in * (3.0 - 2.0 * held_in))


def held(value: Wide, free: Floats | float, farthest: Floats | float) -> Wide:
    """The value where it is within `free`; beyond, ever less of it, and never more than `farthest`."""
    size, room = np.abs(value), np.subtract(farthest, free)
    beyond = free + room * np.tanh(np.maximum(size - free, 0.0) / room)
    return np.asarray(np.sign(value) * np.where(size <= free, size, beyond))
