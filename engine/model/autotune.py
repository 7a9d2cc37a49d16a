"""Chooses the fastest runtime on this machine that draws the right picture, by a trial whose result is kept."""

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
MOST_NS = 700_000_000  # of timed runs in a round
SIMILAR = 1.08  # a build is as good as the fastest if it takes at most so many times as long
_FALLBACK = Build()  # if no build runs: its own error says why

# The reference character and picture, under the folder of the networks.
CHARACTER, PICTURE = "parity/character.omote", "parity/picture.png"
SIZE = 256
SAME_DB = 120.0  # of equal pictures: an error of 1e-12
# By precision: the least PSNR in dB, and the most by which one pixel may differ, of 255 levels. Rounding to a level may
# differ wherever two sums differ in their last bit, so even f32 is allowed a few; an edge that moves by a part of a
# pixel changes it by many levels.
BOUNDS: dict[str, tuple[float, int]] = {"f32": (60.0, 16), "f16": (42.0, 96), "bf16": (36.0, 160)}
_TURN, _OPEN = np.array((0.1, 0.0, 0.05), np.float32), np.array((0.1, 0.0, 0.0), np.float32)  # radians


@dataclass(frozen=True)
class Trial:
    """The result of trying one build."""

    build: Build
    name: str = ""  # what really ran: "openvino cpu bf16"
    step_ms: float = 0.0  # of the denoiser
    parity: Parity | None = None  # None without a reference picture for these networks
    refused: str = ""  # why it cannot run here, in one line; "" if it can


@dataclass(frozen=True)
class RuntimeChoice:
    """The chosen build, and why others were refused."""

    build: Build
    refusals: tuple[str, ...]  # a line each: builds that cannot run here, or draw another picture


@dataclass(frozen=True)
class Decision:
    """A choice, and the trials behind it."""

    choice: RuntimeChoice
    trials: tuple[Trial, ...]


def choose(files: NetworkFiles, cache: ResultCache | None = None) -> RuntimeChoice:
    """The fastest build, tried once for a machine, the networks and the versions of the runtimes."""
    results = cache or ResultCache()
    before = remembered_choice(files, results)
    if before is not None:
        return before
    log.info("trying which runtime is fastest here, once")
    return decide(files, results).choice


def remembered_choice(files: NetworkFiles, cache: ResultCache) -> RuntimeChoice | None:
    """The choice of an earlier start; None without one."""
    return _read_choice(cache.get(_choice_facts(files)))


def decide(files: NetworkFiles, cache: ResultCache) -> Decision:
    """Tries the candidates now, and stores the choice."""
    trials = try_builds(files, candidates(gpu_names()), cache)
    found = RuntimeChoice(fastest(trials), refusals(trials))
    cache.put(_choice_facts(files), {"build": found.build.name, "refusals": list(found.refusals)})
    if remembered_choice(files, cache) is None:
        log.warning("the choice cannot be stored in %s: each start tries again, or name a --runtime", cache.folder)
    return Decision(found, trials)


def candidates(gpus: Sequence[str]) -> Iterator[Build]:
    """The builds that may run here, the most promising first: those for GPUs with a GPU, extras if installed.

    PyTorch has to be named: its CUDA graphs belong to the thread that recorded them, and Omote opens a network in one
    thread and draws in another.
    """
    if gpus:
        yield Build.named("tensorrt-rtx")
        yield Build.named("tensorrt")
    yield Build.named("openvino")
    if find_spec("onnxruntime") is not None:
        yield Build.named("onnxruntime")


def fastest(trials: Sequence[Trial]) -> Build:
    """The fastest build; the first of several similar ones, so that noise does not decide."""
    ran = [trial for trial in trials if not trial.refused]
    least_ms = min((trial.step_ms for trial in ran), default=0.0)
    return next((trial.build for trial in ran if trial.step_ms <= SIMILAR * least_ms), _FALLBACK)


def refusals(trials: Sequence[Trial]) -> tuple[str, ...]:
    """The reasons of the builds that were refused."""
    return tuple(f"{trial.build.name}: {trial.refused}" for trial in trials if trial.refused)


def try_builds(
    files: NetworkFiles, builds: Iterable[Build], cache: ResultCache, clock_ns: Callable[[], int] = time.perf_counter_ns
) -> tuple[Trial, ...]:
    """Compiles each build, checks its picture and times it, or says why it cannot run."""
    opened = [(build, *_checked_networks(files, build, cache)) for build in builds]
    running = [networks for _, networks, _ in opened if not isinstance(networks, str)]
    took_ms = iter(race(running, clock_ns))
    return tuple(
        Trial(build, refused=networks)
        if isinstance(networks, str)
        else Trial(build, networks.name, next(took_ms), parity)
        for build, networks, parity in opened
    )


def _checked_networks(files: NetworkFiles, build: Build, cache: ResultCache) -> tuple[Networks | str, Parity | None]:
    """Networks that draw the right picture, with their parity; or why there are none."""
    try:
        networks = Networks(files.denoiser.path.parent, build)
        networks.denoiser(MOST_AT_ONCE)
        return networks, require_parity(networks, cache)
    except RuntimeUnavailable as error:
        return " ".join(str(error).split()), None
    except Exception as error:  # a library may raise anything, and "auto" must start
        log.debug("%s could not be tried", build.name, exc_info=True)
        return f"{type(error).__name__}: {' '.join(str(error).split())}", None


def race(running: Sequence[Networks], clock_ns: Callable[[], int]) -> list[float]:
    """Milliseconds of one step of each: the median of its best round.

    They take turns, so that other work that lasts a second does not decide.
    """
    rounds = [[median_ms(networks, zero_inputs(), clock_ns) for networks in running] for _ in range(ROUNDS)]
    return [min(of_one) for of_one in zip(*rounds, strict=True)]


def zero_inputs() -> dict[str, Array]:
    """Inputs of zeros, which take as long as any others."""
    inputs = {name: np.zeros(shape, np.float32) for name, shape in denoiser_shapes(MOST_AT_ONCE).items()}
    inputs["present"][:] = inputs["t"][:] = 1.0
    return inputs


def median_ms(networks: Networks, inputs: dict[str, Array], clock_ns: Callable[[], int]) -> float:
    """The median of up to `RUNS` runs, as far as the time allows."""
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


def _read_choice(stored: dict[str, object] | None) -> RuntimeChoice | None:
    """The choice in a stored result; None without one, or with a build that this version does not have."""
    if stored is None or not isinstance(stored.get("refusals"), list):
        return None
    try:
        build = Build.named(str(stored.get("build")))
    except ValueError:
        return None
    lines = stored["refusals"]
    return RuntimeChoice(build, tuple(str(line) for line in lines) if isinstance(lines, list) else ())


@dataclass(frozen=True)
class Parity:
    """How a picture differs from the reference, in premultiplied colour and alpha."""

    max_abs: int  # levels of 255
    psnr_db: float

    def fits(self, precision: str) -> bool:
        least_db, most = BOUNDS[precision]
        return self.psnr_db >= least_db and self.max_abs <= most


@cache
def reference_character(folder: Path = WEIGHTS_FOLDER) -> Character:
    """The character of the reference picture; WeightsError if it is missing or damaged."""
    try:
        return read_character(folder / CHARACTER)
    except ValueError as error:
        raise WeightsError(f"the parity reference cannot be read ({error}): install Omote again") from error


def drawn_for_parity(networks: Networks, character: Character) -> NDArray[np.uint8]:
    """[S,S,4] premultiplied: a face between those of all references, so that it is copied from all of them."""
    renderer = Renderer(networks)
    middle = np.stack([one.params.vector() for one in character.references]).mean(0)
    face = FlameParams.from_vector(np.asarray(middle, np.float32))
    face = replace(face, neck_pose=face.neck_pose + _TURN, jaw_pose=face.jaw_pose + _OPEN)
    return premultiplied(renderer.draw(renderer.prepare(character), face, studio_light(), SIZE), SIZE)


def measure_parity(networks: Networks, folder: Path = WEIGHTS_FOLDER) -> Parity:
    """The difference from the reference picture."""
    with Image.open(folder / PICTURE) as image:
        wanted = np.asarray(image)
    off = drawn_for_parity(networks, reference_character(folder)).astype(np.float64) - wanted
    error = float(np.square(off / 255.0).mean())
    return Parity(int(np.abs(off).max()), float(-10.0 * np.log10(error + 10.0 ** (-SAME_DB / 10.0))))


def require_parity(networks: Networks, cache: ResultCache | None = None) -> Parity | None:
    """What `measure_parity` finds, stored for the next start; None for networks without a reference picture.

    Raises RuntimeUnavailable beyond the bounds. A denoiser must be open, so that the precision is known.
    """
    folder = networks.files.denoiser.path.parent
    if not (folder / CHARACTER).is_file():
        return None
    results = cache or ResultCache()
    facts = _parity_facts(networks, folder)
    parity = _read_parity(results.get(facts))
    if parity is None:
        parity = measure_parity(networks, folder)
        results.put(facts, vars(parity))
    precision = precision_of(networks.name)
    if not parity.fits(precision):
        least_db, most = BOUNDS[precision]
        raise RuntimeUnavailable(
            f"{networks.name} draws another picture than the reference: {parity.psnr_db:.1f} dB and {parity.max_abs} "
            f"levels off, wanted {least_db:g} dB and {most} levels; choose --runtime openvino-f32"
        )
    return parity


def precision_of(name: str) -> str:
    """The precision in a session's name, such as "openvino cpu bf16"."""
    return next((word for word in reversed(name.split()) if word in BOUNDS), "f32")


def _read_parity(stored: dict[str, object] | None) -> Parity | None:
    match stored:
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
