"""How fast a build draws on this machine, and whether it draws the right picture: a second or two, once."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from omote.engine.weights import NetworkFile

from . import opening, parity
from .build import Build
from .kept import Kept
from .network import Inputs, Network, RuntimeUnavailable

log = logging.getLogger(__name__)

ROUNDS = 3  # in which the networks take turns
WARM_UP, RUNS = 2, 4  # of one network in a round
MOST_NS = 700_000_000  # of timed runs in a round, where one takes long


@dataclass(frozen=True)
class Trial:
    """One build, tried."""

    build: Build
    name: str = ""  # what really ran: "openvino cpu bf16"
    step_ms: float = 0.0
    parity: parity.Parity | None = None  # None where there is no reference for this network
    refused: str = ""  # why it cannot run here, in one line

    @property
    def is_exact(self) -> bool:
        """Whether it is as near to the reference as its arithmetic lets it be; int8 is near enough."""
        return self.build.precision != "int8"


def try_builds(
    file: NetworkFile, builds: Iterable[Build], kept: Kept, clock_ns: Callable[[], int] = time.perf_counter_ns
) -> tuple[Trial, ...]:
    """Compiles each, checks its picture and times it; a build that cannot run is told with its reason.

    All must draw pictures of the same size.
    """
    opened = [(build, *_opened(file, build, kept)) for build in builds]
    running = [network for _, network, _ in opened if not isinstance(network, str)]
    inputs = parity.stored_reference().at(opened[0][0].size, opened[0][0].batch)
    took_ms = iter(race(running, inputs, clock_ns))
    return tuple(
        Trial(build, refused=network)
        if isinstance(network, str)
        else Trial(build, network.name, next(took_ms), likeness)
        for build, network, likeness in opened
    )


def _opened(file: NetworkFile, build: Build, kept: Kept) -> tuple[Network | str, parity.Parity | None]:
    """A network that draws the right picture and how near it comes; or why there is none."""
    try:
        network = opening.compiled(file, build)
        return network, parity.require(network, file, build, kept)
    except RuntimeUnavailable as error:
        return " ".join(str(error).split()), None
    except Exception as error:  # a library may raise anything, and whoever left the choice to us wants to start
        log.debug("%s could not be tried", build.name, exc_info=True)
        return f"{type(error).__name__}: {' '.join(str(error).split())}", None


def race(networks: Sequence[Network], inputs: Inputs, clock_ns: Callable[[], int]) -> list[float]:
    """Milliseconds of one step of each: the median of its best round.

    They take turns, so that whatever else has the machine for a second does not decide who wins.
    """
    rounds = [[median_ms(network, inputs, clock_ns) for network in networks] for _ in range(ROUNDS)]
    return [min(of_one) for of_one in zip(*rounds, strict=True)]


def median_ms(network: Network, inputs: Inputs, clock_ns: Callable[[], int]) -> float:
    """Of a round's runs, fewer where they take long."""
    for _ in range(WARM_UP):
        network.run(inputs)
    took: list[int] = []
    while len(took) < RUNS and sum(took) < MOST_NS:
        start = clock_ns()
        network.run(inputs)
        took.append(clock_ns() - start)
    return statistics.median(took) / 1e6
