"""How long the parts of a picture take, called in turn, each by itself and together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

WHOLE = "picture"
_FEWEST = 2


@dataclass(frozen=True)
class Effort:
    """How often to measure: many times what is fast, a few times what takes seconds."""

    warm_up: int
    most: int
    seconds: float  # after which no further picture is begun, once there are two


@dataclass(frozen=True)
class Timing:
    """Milliseconds of so many pictures, after a warm-up that does not count."""

    p50: float
    p95: float
    count: int
    warm_up: int


def timed(
    parts: Mapping[str, Callable[[], object]], effort: Effort, clock_ns: Callable[[], int] = time.perf_counter_ns
) -> dict[str, Timing]:
    """The timing of each part by name, and of all in turn as `WHOLE`."""
    for _ in range(effort.warm_up):
        _once(parts, clock_ns)
    pictures: list[list[int]] = []
    began_ns = clock_ns()
    while len(pictures) < effort.most:
        pictures.append(_once(parts, clock_ns))
        if len(pictures) >= _FEWEST and clock_ns() - began_ns > effort.seconds * 1e9:
            break
    took_ms = np.array(pictures) / 1e6  # [pictures, parts]
    each = {name: _summary(took_ms[:, k], effort) for k, name in enumerate(parts)} if len(parts) > 1 else {}
    return {WHOLE: _summary(took_ms.sum(1), effort), **each}


def _once(parts: Mapping[str, Callable[[], object]], clock_ns: Callable[[], int]) -> list[int]:
    took = []
    for call in parts.values():
        began_ns = clock_ns()
        call()
        took.append(clock_ns() - began_ns)
    return took


def _summary(took_ms: np.ndarray, effort: Effort) -> Timing:
    p50, p95 = (round(float(q), 2) for q in np.percentile(took_ms, (50, 95)))
    return Timing(p50, p95, len(took_ms), effort.warm_up)
