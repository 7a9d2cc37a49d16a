"""`omote train`: trains our own model, stage by stage, or a student of published weights; each has its own options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from .config import load_config

STAGES = {
    "faces": "Render pictures and labels of people who do not exist; run again to resume.",
    "teacher": "Train the model of many steps; run again to resume.",
    "student": "Distil it into a model of few steps; run again to resume.",
    "arc2face": "Teach a one-step student of the published weights a photoreal character; run again to resume.",
}
_WANTED = {"faces": ("numba", "tqdm"), "teacher": ("torch",), "student": ("torch",), "arc2face": ("torch", "onnx")}


class TrainingError(ValueError):
    """What training or evaluation want is not there; the message says what to install or to pass."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stages; what else is typed is for the stage itself, `--help` too."""
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for name, purpose in STAGES.items():
        stage = stages.add_parser(name, help=purpose, add_help=False, allow_abbrev=False)
        if name == "faces":
            stage.add_argument("--kit", type=Path, default=None, help="the face kit's folder")


def run(stage: str, kit: Path | None, options: Sequence[str]) -> int:
    """Carries out one stage with its own options; TrainingError where something is missing."""
    want(f"omote train {stage}", *_WANTED[stage])
    if stage == "arc2face":
        from omote.engine.training.photoreal import train as photoreal

        _typed(photoreal.main, f"omote train {stage}", *_configured(), *options)
        return 0
    if stage != "faces":
        from omote.engine.training import train

        _typed(train.main, f"omote train {stage}", "--stage", stage, *options)
        return 0
    is_help = "--help" in options or "-h" in options
    if not is_help and not (kit and (kit / "head.npz").is_file()):
        raise TrainingError(f"--kit wants the face kit's folder, in which head.npz is; got {kit or 'none'}")
    from omote.engine.training.faces import __main__ as faces

    _typed(faces.main, "omote train faces", "--kit", str(kit), "dataset", *options)
    return 0


def _configured() -> Iterator[str]:
    """The user's settings as the stage's own options; what is typed comes after them, and counts."""
    config = load_config()
    for flag, path in (("--photoreal", config.photoreal), ("--flame-map", config.flame_map)):
        if path is not None:
            yield from (flag, str(path))
    if config.allow_noncommercial:
        yield "--allow-noncommercial"


def want(command: str, *modules: str) -> None:
    """TrainingError unless these modules are installed."""
    if missing := [name for name in modules if find_spec(name) is None]:
        raise TrainingError(f"{command} wants {' and '.join(missing)}: pip install 'omote[training]'")


def _typed(command: Callable[[], None], name: str, *options: str) -> None:
    """Runs another command line as if it had been typed: its usage then bears this name."""
    before, sys.argv = sys.argv, [name, *options]
    try:
        command()
    except (OSError, ValueError) as error:
        raise TrainingError(str(error)) from error
    finally:
        sys.argv = before
