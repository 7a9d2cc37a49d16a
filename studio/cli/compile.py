"""`omote compile`: tries every runtime of this machine, or compiles engines for other GPUs."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from omote.engine.data import PhotorealCharacter
from omote.engine.errors import AnimatorError
from omote.engine.hardware import ResultCache
from omote.engine.model import autotune
from omote.engine.model.animator import runtime_options
from omote.engine.model.autotune import Trial, try_builds
from omote.engine.model.character_file import load_any_character
from omote.engine.model.kinds import kind
from omote.engine.model.networks import denoiser_graph
from omote.engine.model.renderer import MOST_AT_ONCE
from omote.engine.models import NetworkFiles, shipped_networks
from omote.engine.runtime.session import AUTO, Build, RuntimeUnavailable
from omote.engine.runtime.tensorrt_engine import engine_folder
from omote.engine.storage import cache_folder

from ..app.config import load_config
from .terminal import say

_AHEAD = "tensorrt-rtx"  # the runtime that can compile for another GPU


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runtime",
        choices=runtime_options(),
        metavar="NAME",
        default=AUTO,
        help="try this runtime; auto tries all of them",
    )
    parser.add_argument(
        "--target",
        dest="targets",
        action="append",
        default=[],
        metavar="SM",
        help="compile a TensorRT-RTX engine for GPUs such as sm86 or sm89; may be repeated, and needs no GPU",
    )
    parser.add_argument("--out", type=Path, default=None, metavar="DIR", help="folder for the engine of --target")
    parser.add_argument("--again", action="store_true", default=False, help="discard earlier results and compile again")
    parser.add_argument(
        "--character", metavar="NAME", default=None, help="compile the networks of this photoreal character"
    )
    parser.add_argument(
        "--config", type=Path, default=None, metavar="FILE.toml", help="settings of photoreal characters"
    )


def main(typed: argparse.Namespace) -> int:
    """Prints the trials of the runtimes, or the paths of compiled engines; returns the exit code."""
    shown = load_any_character(typed.character) if typed.character else None
    _check(typed)
    if isinstance(shown, PhotorealCharacter):
        return _photoreal(typed, shown)
    files = shipped_networks()
    if typed.targets:
        return _build_ahead(files, typed.targets, typed.out or Path())
    kept = ResultCache()
    if typed.again:
        _clear_cache(kept)
    if typed.runtime != AUTO:
        return _one(files, Build.named(typed.runtime), kept)
    found = autotune.decide(files, kept)
    say(*table(found.trials, found.choice.build).splitlines())
    return 0


def _check(typed: argparse.Namespace) -> None:
    if typed.out and not typed.targets:
        raise AnimatorError("--out needs --target: what is compiled for this machine has a fixed place")
    if typed.targets and (typed.runtime not in (AUTO, _AHEAD) or typed.again):
        raise AnimatorError(f"--target compiles for {_AHEAD}, each time anew: leave out --runtime and --again")


def _photoreal(typed: argparse.Namespace, character: PhotorealCharacter) -> int:
    if typed.again:
        _clear_cache(ResultCache())
    settings = replace(load_config(typed.config).for_kinds(), runtime=typed.runtime)
    for line in kind().compile(character, settings, typed.targets, typed.out or Path(), again=typed.again):
        say(line)
    return 0


def _clear_cache(kept: ResultCache) -> None:
    """Removes the results and compiled networks of earlier starts."""
    kept.clear()
    for folder in (cache_folder() / "openvino", engine_folder()):
        shutil.rmtree(folder, ignore_errors=True)


def _build_ahead(files: NetworkFiles, targets: Sequence[str], out: Path) -> int:
    """Compiles one engine for each number of references."""
    from omote.engine.runtime.tensorrt_rtx import compile_ahead

    try:
        for count in range(1, MOST_AT_ONCE + 1):
            say(str(compile_ahead(denoiser_graph(files, count), targets, out)))
    except RuntimeUnavailable as error:
        raise AnimatorError(str(error)) from error
    return 0


def _one(files: NetworkFiles, build: Build, kept: ResultCache) -> int:
    (trial,) = try_builds(files, (build,), kept)
    if trial.refused:
        raise AnimatorError(trial.refused)
    say(*table((trial,), None).splitlines())
    return 0


def table(trials: tuple[Trial, ...], chosen: Build | None) -> str:
    """A line for each trial: its time and its difference to the reference, or why it was refused."""
    ran = [trial for trial in trials if not trial.refused]
    fastest = min(ran, key=lambda trial: trial.step_ms, default=None)
    reason = []
    if chosen is not None and fastest is not None and fastest.build != chosen:
        percent = round(100.0 * (autotune.SIMILAR - 1.0))
        reason = [
            f"{chosen.name} is chosen: it takes at most {percent} % longer than {fastest.build.name}, "
            "and of similar ones the first is taken, so that two starts choose the same"
        ]
    lines = [f"{'runtime':22}{'runs as':28}{'ms':>8}{'dB':>8}{'levels off':>12}"]
    return "\n".join([*lines, *(_line(trial, trial.build == chosen) for trial in trials), *reason])


def _line(trial: Trial, is_chosen: bool) -> str:
    if trial.refused:
        return f"{trial.build.name:22}refused: {trial.refused}"
    near = f"{trial.parity.psnr_db:8.1f}{trial.parity.max_abs:12d}" if trial.parity else f"{'':8}{'':12}"
    return f"{trial.build.name:22}{trial.name:28}{trial.step_ms:8.1f}{near}{'  chosen' if is_chosen else ''}"
