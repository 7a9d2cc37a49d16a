"""Which runtime draws fastest on this machine: found by a short trial at the first start, and remembered."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from omote.engine.weights import NetworkFile

from .build import Build
from .gpu import gpu_names
from .int8 import digest
from .kept import Kept, machine_facts
from .trial import Trial, try_builds

log = logging.getLogger(__name__)

INT8_GAIN = 1.25  # how many times as fast it must be, because its picture is a little worse
_SURE = "openvino"  # where nothing was faster, or nothing ran: it says itself why


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


def choose(file: NetworkFile, size: int, kept: Kept | None = None) -> Choice:
    """The fastest build for pictures of this size; tried once a machine, network and set of versions."""
    kept = kept or Kept()
    before = chosen(file, size, kept)
    if before is not None:
        return before
    log.info("trying which runtime is fastest here for %dx%d, once", size, size)
    return decide(file, size, kept).choice


def chosen(file: NetworkFile, size: int, kept: Kept) -> Choice | None:
    """What an earlier start found; None where there was none."""
    return _read(kept.get(_facts(file, size)), size)


def decide(file: NetworkFile, size: int, kept: Kept) -> Decision:
    """Tries the candidates now, and keeps what was found."""
    trials = try_builds(file, candidates(size, gpu_names()), kept)
    found = Choice(fastest(trials), refusals(trials))
    kept.put(_facts(file, size), {"build": found.build.name, "refusals": list(found.refusals)})
    if chosen(file, size, kept) is None:
        log.warning("what was found cannot be kept in %s: each start tries again, or name a --runtime", kept.folder)
    return Decision(found, trials)


def candidates(size: int, gpus: Sequence[str]) -> Iterator[Build]:
    """What may run here, the likeliest first; a GPU's runtimes only where there is one, extras where installed.

    PyTorch is taken only where it is named: its CUDA graphs belong to the thread that recorded them, and here one
    thread opens a network and another draws with it.
    """
    if gpus:
        yield Build.named("tensorrt-rtx", size)
        yield Build.named("tensorrt", size)
    yield Build.named("openvino", size)
    yield Build.named("openvino-int8", size)
    if find_spec("onnxruntime") is not None:
        yield Build.named("onnxruntime", size)


def fastest(trials: Sequence[Trial]) -> Build:
    """The fastest that ran; int8 only where it is so much faster that its picture is worth it."""
    ran = [trial for trial in trials if not trial.refused]
    exact = min((trial for trial in ran if trial.is_exact), key=_ms, default=None)
    rough = min((trial for trial in ran if not trial.is_exact), key=_ms, default=None)
    if rough and (exact is None or rough.step_ms * INT8_GAIN <= exact.step_ms):
        return rough.build
    return exact.build if exact else Build.named(_SURE, trials[0].build.size)


def refusals(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Why those did not run that could not."""
    return tuple(f"{trial.build.name}: {trial.refused}" for trial in trials if trial.refused)


def _ms(trial: Trial) -> float:
    return trial.step_ms


def _facts(file: NetworkFile, size: int) -> dict[str, object]:
    return {"question": "runtime", "network": file.sha256, "size": size, "int8": digest(), **machine_facts()}


def _read(answer: dict[str, object] | None, size: int) -> Choice | None:
    """What was kept; None where that is nothing, or no build of this version."""
    if answer is None or not isinstance(answer.get("refusals"), list):
        return None
    try:
        build = Build.named(str(answer.get("build")), size)
    except ValueError:
        return None
    lines = answer["refusals"]
    return Choice(build, tuple(str(line) for line in lines) if isinstance(lines, list) else ())
