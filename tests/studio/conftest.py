"""Portraits for the tests of what shows them; and tests may import others' parts, as `tests.arc2face.home`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from omote.engine.data import FlameParams, Portrait, Stamp

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT), str(_ROOT / "benchmarks")]

Draw = Callable[[int], Portrait]


@pytest.fixture
def draw() -> Draw:
    """draw(index): a 64x64 disc of a colour of its own for each index, captured now, transparent around."""

    def portrait(index: int) -> Portrait:
        rows, columns = np.mgrid[0:64, 0:64]
        rgba = np.zeros((64, 64, 4), np.uint8)
        rgba[(rows - 32) ** 2 + (columns - 32) ** 2 < 28**2] = (200, 20 * index % 256, 255 - 20 * index % 256, 255)
        stamp = Stamp(index, time.perf_counter_ns(), time.time_ns())
        return Portrait(stamp, rgba, None, FlameParams.neutral(), 1.0, np.zeros(27, np.float32))

    return portrait
