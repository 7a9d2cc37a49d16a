"""What is known of a peer after it ran: its time, its size, and how sure it is that it has the published shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .timing import Timing

EXACT = "exact"  # every layer is known, and the count of parameters is the published one
ALIKE = "alike"


class Refused(Exception):
    """A peer cannot be measured here; the message says why in a line, and the cure where there is one."""


@dataclass(frozen=True)
class Count:
    """One network, counted without running it."""

    parameters: int
    macs: int  # multiplications with an addition, of one call
    published_parameters_m: float | None = None  # millions, as its authors print them

    @property
    def shape(self) -> str:
        """Exact where the authors' count, to the digits that they print, is this one."""
        return EXACT if self.published_parameters_m == round(self.parameters / 1e6, 2) else ALIKE


@dataclass(frozen=True)
class Measured:
    """One peer on this machine."""

    runtime: str  # "torch eager f32"
    size: int  # pixels on a side of the picture
    steps: int  # calls of the denoiser a picture
    took_ms: Mapping[str, Timing]  # WHOLE first, then the parts where there are several
    networks: Mapping[str, Count]
    shape: str  # EXACT or ALIKE
    note: str = ""

    @property
    def parameters(self) -> int:
        return sum(one.parameters for one in self.networks.values())

    @property
    def macs(self) -> int:
        """Of a picture: the denoiser, which comes first, is called `steps` times, what follows once."""
        first, *others = (one.macs for one in self.networks.values())
        return first * self.steps + sum(others)


def shape_of(networks: Mapping[str, Count]) -> str:
    """Exact where each network is."""
    return EXACT if all(one.shape == EXACT for one in networks.values()) else ALIKE
