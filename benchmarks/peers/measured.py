"""The result of a peer: timing, size, and whether its shape is the published one. Imports no torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

EXACT = "exact"  # the number of parameters is the published one
ALIKE = "alike"
WHOLE = "picture"
_FEWEST = 2


class Refused(Exception):
    """A peer cannot be measured here; the message says why, in a line, and the cure."""


@dataclass(frozen=True)
class Effort:
    """How often to measure."""

    warm_up: int
    most: int
    seconds: float  # no picture begins later, except the first two


@dataclass(frozen=True)
class Timing:
    """Milliseconds of `count` pictures after the warm-up."""

    p50: float
    p95: float
    count: int
    warm_up: int


@dataclass(frozen=True)
class Count:
    """Parameters and multiply-adds of one network."""

    parameters: int
    macs: int  # multiply-adds of one call
    published_parameters_m: float | None = None  # millions, as its authors print them

    @property
    def shape(self) -> str:
        """Exact if the authors print this number of parameters."""
        return EXACT if self.published_parameters_m == round(self.parameters / 1e6, 2) else ALIKE


@dataclass(frozen=True)
class Measured:
    """The result of one peer on this machine."""

    runtime: str  # "torch eager f32"
    size: int  # pixels on a side of the picture
    steps: int  # calls of the denoiser a picture
    took_ms: Mapping[str, Timing]  # WHOLE, then the parts if there are several
    networks: Mapping[str, Count]
    shape: str  # EXACT or ALIKE
    note: str = ""

    @property
    def parameters(self) -> int:
        return sum(one.parameters for one in self.networks.values())

    @property
    def macs(self) -> int:
        """Multiply-adds of a picture: the denoiser, the first network, runs `steps` times, the others once."""
        first, *others = (one.macs for one in self.networks.values())
        return first * self.steps + sum(others)


def shape_of(networks: Mapping[str, Count]) -> str:
    """Exact if all networks are."""
    return EXACT if all(one.shape == EXACT for one in networks.values()) else ALIKE


def timed(
    parts: Mapping[str, Callable[[], object]], effort: Effort, clock_ns: Callable[[], int] = time.perf_counter_ns
) -> dict[str, Timing]:
    """The timing of each part by name, and of all parts in turn as `WHOLE`."""
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
