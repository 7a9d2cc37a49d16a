"""`omote compile`: tries every runtime of this machine, or makes engines for GPUs that are elsewhere."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

from omote.engine.data import PhotorealCharacter
from omote.engine.errors import AnimatorError
from omote.engine.hardware import ResultCache
from omote.engine.model import autotune
from omote.engine.model.animator import runtime_options
from omote.engine.model.autotune import Trial, try_builds
from omote.engine.model.character_file import load_any_character
from omote.engine.model.networks import denoiser_graph
from omote.engine.model.renderer import MOST_AT_ONCE
from omote.engine.models import NetworkFiles, shipped_networks
from omote.engine.runtime.session import AUTO, Build, RuntimeUnavailable
from omote.engine.runtime.tensorrt_engine import engine_folder
from omote.engine.storage import cache_folder

from ..app.config import load_config
from . import compile_photoreal

_AHEAD = "tensorrt-rtx"  # the runtime that compiles for a GPU that is elsewhere


@dataclass(frozen=True)
class CompileRequest:
    """What was typed."""

    runtime: str
    targets: tuple[str, ...]
    out: Path | None
    again: bool
    character: str | None = None
    config: Path | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runtime", choices=runtime_options(), default=AUTO, help="that one alone; auto tries them all"
    )
    parser.add_argument(
        "--target",
        dest="targets",
        action="append",
        default=[],
        metavar="SM",
        help="make a TensorRT-RTX engine for such GPUs, as sm86 or sm89; may be repeated, and wants no GPU here",
    )
    parser.add_argument("--out", type=Path, default=None, metavar="DIR", help="where the engine of --target goes")
    parser.add_argument("--again", action="store_true", default=False, help="forget what was found and compiled")
    parser.add_argument(
        "--character", metavar="NAME", default=None, help="compile what draws this one, where that is photoreal"
    )
    parser.add_argument(
        "--config", type=Path, default=None, metavar="FILE.toml", help="settings of photoreal characters"
    )


def request_of(typed: argparse.Namespace) -> CompileRequest:
    return CompileRequest(typed.runtime, tuple(typed.targets), typed.out, typed.again, typed.character, typed.config)


def main(typed: argparse.Namespace) -> int:
    """Runs `omote compile` as it was typed; the exit code."""
    return run(request_of(typed))


def run(order: CompileRequest) -> int:
    """Prints what was tried, or where the engine lies; errors that a person can mend are raised."""
    shown = load_any_character(order.character) if order.character else None
    if isinstance(shown, PhotorealCharacter):
        return _photoreal(order, shown)
    files = shipped_networks()
    _check(order)
    if order.targets:
        return _build_ahead(files, order)
    kept = ResultCache()
    if order.again:
        _clear_cache(kept)
    if order.runtime != AUTO:
        return _one(files, Build.named(order.runtime), kept)
    found = autotune.decide(files, kept)
    print(table(found.trials, found.choice.build))
    return 0


def _check(order: CompileRequest) -> None:
    if order.out and not order.targets:
        raise AnimatorError("--out is for the engine of a --target: what is compiled for this machine has its place")
    if order.targets and (order.runtime not in (AUTO, _AHEAD) or order.again):
        raise AnimatorError(f"--target makes an engine for {_AHEAD}, anew each time: leave out --runtime and --again")


def _photoreal(order: CompileRequest, character: PhotorealCharacter) -> int:
    _check(order)
    config = load_config(order.config)
    if order.targets:
        return compile_photoreal.ahead(config, character, order.targets, order.out or Path())
    if order.again:
        compile_photoreal.forget(config, character)
        _clear_cache(ResultCache())
    return compile_photoreal.run(config, character, order.runtime)


def _clear_cache(kept: ResultCache) -> None:
    """What earlier starts found and compiled: it is all made again when it is wanted."""
    kept.forget()
    for folder in (cache_folder() / "openvino", engine_folder()):
        shutil.rmtree(folder, ignore_errors=True)


def _build_ahead(files: NetworkFiles, order: CompileRequest) -> int:
    """One engine for each number of references that a picture may copy from."""
    from omote.engine.runtime.tensorrt_rtx import compile_ahead

    try:
        for count in range(1, MOST_AT_ONCE + 1):
            print(compile_ahead(denoiser_graph(files, count), order.targets, order.out or Path()), flush=True)
    except RuntimeUnavailable as error:
        raise AnimatorError(str(error)) from error
    return 0


def _one(files: NetworkFiles, build: Build, kept: ResultCache) -> int:
    (trial,) = try_builds(files, (build,), kept)
    if trial.refused:
        raise AnimatorError(trial.refused)
    print(table((trial,), None))
    return 0


def table(trials: tuple[Trial, ...], chosen: Build | None) -> str:
    """A line each: what ran, in how many milliseconds, how near to the reference; or why not."""
    lines = [f"{'runtime':22}{'runs as':28}{'ms':>8}{'dB':>8}{'levels off':>12}"]
    return "\n".join([*lines, *(_line(trial, trial.build == chosen) for trial in trials)])


def _line(trial: Trial, is_chosen: bool) -> str:
    if trial.refused:
        return f"{trial.build.name:22}refused: {trial.refused}"
    near = f"{trial.parity.psnr_db:8.1f}{trial.parity.max_abs:12d}" if trial.parity else f"{'':8}{'':12}"
    return f"{trial.build.name:22}{trial.name:28}{trial.step_ms:8.1f}{near}{'  chosen' if is_chosen else ''}"
