"""Which runtime draws fastest on this machine: found by a short trial at the first start, and remembered."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from omote.engine.runtime.build import Build
from omote.engine.runtime.gpu import gpu_names
from omote.engine.runtime.kept import Kept, machine_facts
from omote.engine.runtime.session import Array, RuntimeUnavailable
from omote.engine.weights import ModelFiles

from . import parity
from .networks import Networks, denoiser_shapes
from .renderer import MOST_AT_ONCE

log = logging.getLogger(__name__)

ROUNDS = 3  # in which the networks take turns
WARM_UP, RUNS = 2, 4  # of one network in a round
MOST_NS = 700_000_000  # of timed runs in a round, where one takes long
_SURE = Build()  # where nothing was faster, or nothing ran: it says itself why


@dataclass(frozen=True)
class Trial:
    """One build, tried."""

    build: Build
    name: str = ""  # what really ran: "openvino cpu bf16"
    step_ms: float = 0.0  # of the denoiser
    parity: parity.Parity | None = None  # None where there is no reference for these networks
    refused: str = ""  # why it cannot run here, in one line


@dataclass(frozen=True)
class Choice:
    """What is drawn with, and why nothing else is."""

    build: Build
    refusals: tuple[str, ...]  # a line each: what was tried and could not run, or drew another picture


@dataclass(frozen=True)
class Decision:
    """A choice and what it rests on."""

    choice: Choice
    trials: tuple[Trial, ...]


def choose(files: ModelFiles, kept: Kept | None = None) -> Choice:
    """The fastest build; tried once a machine, set of weights and set of versions."""
    kept = kept or Kept()
    before = chosen(files, kept)
    if before is not None:
        return before
    log.info("trying which runtime is fastest here, once")
    return decide(files, kept).choice


def chosen(files: ModelFiles, kept: Kept) -> Choice | None:
    """What an earlier start found; None where there was none."""
    return _read(kept.get(_facts(files)))


def decide(files: ModelFiles, kept: Kept) -> Decision:
    """Tries the candidates now, and keeps what was found."""
    trials = try_builds(files, candidates(gpu_names()), kept)
    found = Choice(fastest(trials), refusals(trials))
    kept.put(_facts(files), {"build": found.build.name, "refusals": list(found.refusals)})
    if chosen(files, kept) is None:
        log.warning("what was found cannot be kept in %s: each start tries again, or name a --runtime", kept.folder)
    return Decision(found, trials)


def candidates(gpus: Sequence[str]) -> Iterator[Build]:
    """What may run here, the likeliest first; a GPU's runtimes only where there is one, extras where installed.

    PyTorch is taken only where it is named: its CUDA graphs belong to the thread that recorded them, and here one
    thread opens a network and another draws with it.
    """
    if gpus:
        yield Build.named("tensorrt-rtx")
        yield Build.named("tensorrt")
    yield Build.named("openvino")
    if find_spec("onnxruntime") is not None:
        yield Build.named("onnxruntime")


_NEAR = 1.08  # times as long is as good as equal


def fastest(trials: Sequence[Trial]) -> Build:
    """The fastest that ran; of those that are as good as equal the first, so that noise does not decide."""
    ran = [trial for trial in trials if not trial.refused]
    least_ms = min((trial.step_ms for trial in ran), default=0.0)
    return next((trial.build for trial in ran if trial.step_ms <= _NEAR * least_ms), _SURE)


def refusals(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Why those did not run that could not."""
    return tuple(f"{trial.build.name}: {trial.refused}" for trial in trials if trial.refused)


def try_builds(
    files: ModelFiles, builds: Iterable[Build], kept: Kept, clock_ns: Callable[[], int] = time.perf_counter_ns
) -> tuple[Trial, ...]:
    """Compiles each, checks its picture and times it; says why where a build cannot run."""
    opened = [(build, *_opened(files, build, kept)) for build in builds]
    running = [networks for _, networks, _ in opened if not isinstance(networks, str)]
    took_ms = iter(race(running, clock_ns))
    return tuple(
        Trial(build, refused=networks)
        if isinstance(networks, str)
        else Trial(build, networks.name, next(took_ms), likeness)
        for build, networks, likeness in opened
    )


def _opened(files: ModelFiles, build: Build, kept: Kept) -> tuple[Networks | str, parity.Parity | None]:
    """Networks that draw the right picture and how near they come; or why there are none."""
    try:
        networks = Networks(files.denoiser.path.parent, build)
        networks.denoiser(MOST_AT_ONCE)
        return networks, parity.require(networks, kept)
    except RuntimeUnavailable as error:
        return " ".join(str(error).split()), None
    except Exception as error:  # a library may raise anything, and "auto" has to start
        log.debug("%s could not be tried", build.name, exc_info=True)
        return f"{type(error).__name__}: {' '.join(str(error).split())}", None


def race(running: Sequence[Networks], clock_ns: Callable[[], int]) -> list[float]:
    """Milliseconds of one step of each: the median of its best round.

    They take turns, so that whatever else has the machine for a second does not decide who wins.
    """
    rounds = [[median_ms(networks, zeros(), clock_ns) for networks in running] for _ in range(ROUNDS)]
    return [min(of_one) for of_one in zip(*rounds, strict=True)]


def zeros() -> dict[str, Array]:
    """Inputs of a picture of nothing, which takes as long as any other."""
    inputs = {name: np.zeros(shape, np.float32) for name, shape in denoiser_shapes(MOST_AT_ONCE).items()}
    inputs["present"][:] = inputs["t"][:] = 1.0
    return inputs


def median_ms(networks: Networks, inputs: dict[str, Array], clock_ns: Callable[[], int]) -> float:
    """Of a round's runs, fewer where they take long."""
    for _ in range(WARM_UP):
        networks.layers(inputs)
    took: list[int] = []
    while len(took) < RUNS and sum(took) < MOST_NS:
        start = clock_ns()
        networks.layers(inputs)
        took.append(clock_ns() - start)
    return statistics.median(took) / 1e6


def _facts(files: ModelFiles) -> dict[str, object]:
    return {"question": "runtime", "networks": [file.sha256 for file in files.networks], **machine_facts()}


def _read(answer: dict[str, object] | None) -> Choice | None:
    """What was kept; None where that is nothing, or no build of this version."""
    if answer is None or not isinstance(answer.get("refusals"), list):
        return None
    try:
        build = Build.named(str(answer.get("build")))
    except ValueError:
        return None
    lines = answer["refusals"]
    return Choice(build, tuple(str(line) for line in lines) if isinstance(lines, list) else ())
