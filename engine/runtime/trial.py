"""How fast a build draws on this machine, and whether it draws the right picture: a second or two, once."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from omote.engine.weights import NetworkFile

from . import opening, parity
from .build import Build
from .kept import Kept
from .network import Inputs, Network, RuntimeUnavailable

WARM_UP, RUNS = 3, 12
MOST_NS = 2_000_000_000  # of timed runs, where one takes long


@dataclass(frozen=True)
class Trial:
    """One build, tried."""

    build: Build
    name: str = ""  # what really ran: "openvino cpu bf16"
    median_ms: float = 0.0  # of one step
    parity: parity.Parity | None = None  # None where there is no reference for this network
    refused: str = ""  # why it cannot run here, in one line

    @property
    def is_exact(self) -> bool:
        """Whether it is as near to the reference as its arithmetic lets it be; int8 is near enough."""
        return self.build.precision != "int8"


def try_build(file: NetworkFile, build: Build, kept: Kept, clock_ns: Callable[[], int] = time.perf_counter_ns) -> Trial:
    """Compiles, checks the picture, and draws a dozen times; a build that cannot run is told with its reason."""
    try:
        network = opening.compiled(file, build)
        found = parity.require(network, file, build, kept)
    except RuntimeUnavailable as error:
        return Trial(build, refused=" ".join(str(error).split()))
    inputs = parity.stored_reference().at(build.size, build.batch)
    return Trial(build, network.name, median_ms(network, inputs, clock_ns), found)


def median_ms(network: Network, inputs: Inputs, clock_ns: Callable[[], int]) -> float:
    """Of a dozen runs after three, fewer where they take long."""
    for _ in range(WARM_UP):
        network.run(inputs)
    took: list[int] = []
    while len(took) < RUNS and sum(took) < MOST_NS:
        start = clock_ns()
        network.run(inputs)
        took.append(clock_ns() - start)
    return statistics.median(took) / 1e6
