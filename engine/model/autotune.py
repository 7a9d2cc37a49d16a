"""Which runtime draws fastest on this machine and still draws the right picture: found by a trial, and remembered."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..data import Character, FlameParams
from ..face.light import studio_light
from ..hardware import ResultCache, gpu_names, machine_facts
from ..models import WEIGHTS_FOLDER, NetworkFiles, WeightsError, sha256_of
from ..runtime.session import Array, Build, RuntimeUnavailable
from .character_file import read_character
from .compositing import premultiplied
from .networks import Networks, denoiser_shapes
from .renderer import MOST_AT_ONCE, Renderer

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
    parity: Parity | None = None  # None where there is no reference for these networks
    refused: str = ""  # why it cannot run here, in one line


@dataclass(frozen=True)
class RuntimeChoice:
    """What is drawn with, and why nothing else is."""

    build: Build
    refusals: tuple[str, ...]  # a line each: what was tried and could not run, or drew another picture


@dataclass(frozen=True)
class Decision:
    """A choice and what it rests on."""

    choice: RuntimeChoice
    trials: tuple[Trial, ...]


def choose(files: NetworkFiles, kept: ResultCache | None = None) -> RuntimeChoice:
    """The fastest build; tried once a machine, set of weights and set of versions."""
    kept = kept or ResultCache()
    before = remembered_choice(files, kept)
    if before is not None:
        return before
    log.info("trying which runtime is fastest here, once")
    return decide(files, kept).choice


def remembered_choice(files: NetworkFiles, kept: ResultCache) -> RuntimeChoice | None:
    """What an earlier start found; None where there was none."""
    return _read_choice(kept.get(_choice_facts(files)))


def decide(files: NetworkFiles, kept: ResultCache) -> Decision:
    """Tries the candidates now, and keeps what was found."""
    trials = try_builds(files, candidates(gpu_names()), kept)
    found = RuntimeChoice(fastest(trials), refusals(trials))
    kept.put(_choice_facts(files), {"build": found.build.name, "refusals": list(found.refusals)})
    if remembered_choice(files, kept) is None:
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
    files: NetworkFiles, builds: Iterable[Build], kept: ResultCache, clock_ns: Callable[[], int] = time.perf_counter_ns
) -> tuple[Trial, ...]:
    """Compiles each, checks its picture and times it; says why where a build cannot run."""
    opened = [(build, *_checked_networks(files, build, kept)) for build in builds]
    running = [networks for _, networks, _ in opened if not isinstance(networks, str)]
    took_ms = iter(race(running, clock_ns))
    return tuple(
        Trial(build, refused=networks)
        if isinstance(networks, str)
        else Trial(build, networks.name, next(took_ms), likeness)
        for build, networks, likeness in opened
    )


def _checked_networks(files: NetworkFiles, build: Build, kept: ResultCache) -> tuple[Networks | str, Parity | None]:
    """Networks that draw the right picture and how near they come; or why there are none."""
    try:
        networks = Networks(files.denoiser.path.parent, build)
        networks.denoiser(MOST_AT_ONCE)
        return networks, require_parity(networks, kept)
    except RuntimeUnavailable as error:
        return " ".join(str(error).split()), None
    except Exception as error:  # a library may raise anything, and "auto" has to start
        log.debug("%s could not be tried", build.name, exc_info=True)
        return f"{type(error).__name__}: {' '.join(str(error).split())}", None


def race(running: Sequence[Networks], clock_ns: Callable[[], int]) -> list[float]:
    """Milliseconds of one step of each: the median of its best round.

    They take turns, so that whatever else has the machine for a second does not decide who wins.
    """
    rounds = [[median_ms(networks, zero_inputs(), clock_ns) for networks in running] for _ in range(ROUNDS)]
    return [min(of_one) for of_one in zip(*rounds, strict=True)]


def zero_inputs() -> dict[str, Array]:
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


def _choice_facts(files: NetworkFiles) -> dict[str, object]:
    return {"question": "runtime", "networks": [file.sha256 for file in files.networks], **machine_facts()}


def _read_choice(answer: dict[str, object] | None) -> RuntimeChoice | None:
    """What was kept; None where that is nothing, or no build of this version."""
    if answer is None or not isinstance(answer.get("refusals"), list):
        return None
    try:
        build = Build.named(str(answer.get("build")))
    except ValueError:
        return None
    lines = answer["refusals"]
    return RuntimeChoice(build, tuple(str(line) for line in lines) if isinstance(lines, list) else ())


CHARACTER, PICTURE = "parity/character.omote", "parity/picture.png"
SIZE = 256
SAME_DB = 120.0  # of the same picture: an error of 1e-12
# By precision: how near at least, in dB, and how far one level of one pixel may be off, of 255. Rounding to a level may
# fall differently wherever two sums differ in their last bit, so even f32 is allowed a few; an edge that moves by a
# part of a pixel changes it by many levels.
BOUNDS: dict[str, tuple[float, int]] = {"f32": (60.0, 16), "f16": (42.0, 96), "bf16": (36.0, 160)}
_TURN, _OPEN = np.array((0.1, 0.0, 0.05), np.float32), np.array((0.1, 0.0, 0.0), np.float32)  # radians


@dataclass(frozen=True)
class Parity:
    """How pictures differ from the reference's, in premultiplied colour and alpha."""

    max_abs: int  # levels of 255
    psnr_db: float

    def fits(self, precision: str) -> bool:
        least_db, most = BOUNDS[precision]
        return self.psnr_db >= least_db and self.max_abs <= most


@cache
def reference_character(folder: Path = WEIGHTS_FOLDER) -> Character:
    """The character that is drawn; WeightsError where it is missing or damaged."""
    try:
        return read_character(folder / CHARACTER)
    except ValueError as error:
        raise WeightsError(f"the parity reference cannot be read ({error}): install Omote again") from error


def drawn_for_parity(networks: Networks, character: Character) -> NDArray[np.uint8]:
    """[S,S,4] premultiplied: a face between those of all references, from which it is copied."""
    renderer = Renderer(networks)
    middle = np.stack([one.params.vector() for one in character.references]).mean(0)
    face = FlameParams.from_vector(np.asarray(middle, np.float32))
    face = replace(face, neck_pose=face.neck_pose + _TURN, jaw_pose=face.jaw_pose + _OPEN)
    return premultiplied(renderer.draw(renderer.look(character), face, studio_light(), SIZE), SIZE)


def measure_parity(networks: Networks, folder: Path = WEIGHTS_FOLDER) -> Parity:
    """The difference from the reference's picture."""
    with Image.open(folder / PICTURE) as image:
        wanted = np.asarray(image)
    off = drawn_for_parity(networks, reference_character(folder)).astype(np.float64) - wanted
    error = float(np.square(off / 255.0).mean())
    return Parity(int(np.abs(off).max()), float(-10.0 * np.log10(error + 10.0 ** (-SAME_DB / 10.0))))


def require_parity(networks: Networks, kept: ResultCache | None = None) -> Parity | None:
    """What `check` finds, remembered; None of networks that have no reference; RuntimeUnavailable beyond the bound.

    A denoiser must be open, so that it is known what runs.
    """
    folder = networks.files.denoiser.path.parent
    if not (folder / CHARACTER).is_file():
        return None
    kept = kept or ResultCache()
    facts = _parity_facts(networks, folder)
    parity = _read_parity(kept.get(facts))
    if parity is None:
        parity = measure_parity(networks, folder)
        kept.put(facts, vars(parity))
    precision = precision_of(networks.name)
    if not parity.fits(precision):
        least_db, most = BOUNDS[precision]
        raise RuntimeUnavailable(
            f"{networks.name} draws another picture than the reference: {parity.psnr_db:.1f} dB and {parity.max_abs} "
            f"levels off, wanted {least_db:g} dB and {most} levels; choose --runtime openvino-f32"
        )
    return parity


def precision_of(name: str) -> str:
    """As a session's name says it, "openvino cpu bf16"."""
    return next((word for word in reversed(name.split()) if word in BOUNDS), "f32")


def _read_parity(answer: dict[str, object] | None) -> Parity | None:
    """What was kept; None where that is nothing, or no likeness."""
    match answer:
        case {"max_abs": int(max_abs), "psnr_db": float(psnr_db)}:
            return Parity(max_abs, psnr_db)
        case _:
            return None


def _parity_facts(networks: Networks, folder: Path) -> dict[str, object]:
    return {
        "question": "parity",
        "networks": [file.sha256 for file in networks.files.networks],
        "reference": sha256_of(folder / CHARACTER),
        "name": networks.name,
        "build": networks.build.name,
        **machine_facts(),
    }
