"""`omote train`: runs one stage of training, each with its own options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from omote.bridge.errors import OmoteError
from omote.engine.model.kinds import kind

from ..app.config import load_config

_TRAINING = "omote.engine.training"
# In their order: what each stage does, its module, and the packages it needs.
STAGES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "faces": (
        "Render pictures and labels of people who do not exist; run again to resume.",
        "faces.__main__",
        ("numba", "tqdm"),
    ),
    "anime": (
        "Render pictures and labels of drawn characters; run again to resume.",
        "anime.__main__",
        ("numba", "tqdm"),
    ),
    "pack": ("Pack rendered shards for training; run again for new shards.", "examples", ("torch", "numba")),
    "denoiser": ("Train the model on packed shards; run again to resume.", "trainer", ("torch", "numba")),
    "export": ("Write a training run's networks as ONNX.", "onnx_export", ("torch", "onnx")),
    "arc2face": (
        "Teach a one-step student of the published weights a photoreal character; run again to resume.",
        "",  # of an optional kind of characters
        ("torch", "onnx", "tflite", "diffusers", "transformers", "peft"),
    ),
}
_RENDERED = {"faces": "head.npz", "anime": "hair.npz"}  # stages that need a kit, and a file in it


class TrainingError(OmoteError, ValueError):
    """Training or evaluation cannot start; the message says what to install or to pass."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the stages; all other options, with --help, are for the stage itself."""
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for name, (purpose, _, _) in STAGES.items():
        stage = stages.add_parser(name, help=purpose, add_help=False, allow_abbrev=False)
        if name in _RENDERED:
            stage.add_argument("--kit", type=Path, default=None, help="the kit's folder")


def main(typed: argparse.Namespace) -> int:
    """Runs `omote train`; returns the exit code."""
    return run(typed.stage, getattr(typed, "kit", None), typed.rest)


def run(stage: str, kit: Path | None, options: Sequence[str]) -> int:
    """Runs one stage with its own options; TrainingError if something is missing."""
    _, module, needed = STAGES[stage]
    require_modules(f"omote train {stage}", *needed)
    before: list[str] = []
    if stage in _RENDERED:
        is_help = "--help" in options or "-h" in options
        if not is_help and not (kit and (kit / _RENDERED[stage]).is_file()):
            raise TrainingError(f"--kit takes the kit's folder, which holds {_RENDERED[stage]}; got {kit or 'none'}")
        before = ["--kit", str(kit), "dataset"]
    elif not module:
        try:
            kind().train(options, load_config().for_kinds())
        except (OSError, ValueError) as error:
            raise TrainingError(str(error)) from error
        return 0
    _run_command_line(import_module(f"{_TRAINING}.{module}").main, f"omote train {stage}", *before, *options)
    return 0


def require_modules(command: str, *modules: str) -> None:
    """TrainingError unless these modules are installed."""
    if missing := [name for name in modules if find_spec(name) is None]:
        extra = "photoreal" if command.endswith("arc2face") else "training"
        raise TrainingError(f"{command} needs {', '.join(missing)}: pip install 'omote[{extra}]'")


def _run_command_line(command: Callable[[], None], name: str, *options: str) -> None:
    """Runs another command line under this name."""
    before, sys.argv = sys.argv, [name, *options]
    try:
        command()
    except (OSError, ValueError) as error:
        raise TrainingError(str(error)) from error
    finally:
        sys.argv = before
