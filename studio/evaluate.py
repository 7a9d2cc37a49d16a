"""`omote evaluate`: figures and pictures that show how good characters are, against the renderer where it is known."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from omote.engine.runtime.build import names

from .config import Config, changed, load_config
from .photoreal import open_photoreal
from .train import TrainingError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, default=None, metavar="FILE.toml", help="settings of photoreal characters"
    )
    parser.add_argument("characters", nargs="*", metavar="CHARACTER", help="shipped names, or files")
    parser.add_argument("--people", metavar="SEED:NUMBERS", help="rendered people whom no network knows, as 21:0-15")
    parser.add_argument("--take", metavar="TAKE.csv", help="a recorded performance, or demo")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new folder, or an earlier evaluation's"
    )
    parser.add_argument("--kit", type=Path, metavar="DIR", help="the face kit, with which the truth is rendered")
    parser.add_argument("--truth", type=Path, metavar="DIR", help="keep what is rendered for the next evaluation")
    parser.add_argument("--steps", type=int, nargs="+", metavar="N", help="of the sampler; the first is looked at most")
    parser.add_argument("--network", type=Path, metavar="DIR", help="an exported network instead of the shipped one")
    parser.add_argument("--teacher", type=Path, metavar="DIR", help="an exported teacher, drawn in many steps")
    parser.add_argument("--runtime", choices=names(), help="what executes the network")
    parser.add_argument(
        "--recogniser", type=Path, metavar="FILE.onnx", help="an ArcFace that tells faces apart, not dlib"
    )
    parser.add_argument("--real", type=Path, metavar="DIR", help="photos with whose faces those drawn are compared")
    parser.add_argument("--pictures", type=int, metavar="N", help="of faces, turns and lights never trained on")
    parser.add_argument("--frames", type=int, metavar="N", help="of a sequence, and of the take")
    parser.add_argument(
        "--baseline",
        dest="is_baseline",
        action="store_true",
        help="show --people by the nearest shipped character: what a made one must beat",
    )


def run(typed: argparse.Namespace) -> int:
    """Evaluates, prints the tables, and returns the exit code; errors that a person can mend are raised."""
    from omote.engine.training.evaluation.request import Request, carry_out
    from omote.engine.training.evaluation.subjects import EvaluationError
    from omote.engine.training.evaluation.tables import tables

    known = Request.__dataclass_fields__
    asked = {name: value for name, value in vars(typed).items() if name in known}
    for name in ("characters", "steps"):
        if name in asked:
            asked[name] = tuple(asked[name])
    config = _config(typed)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("getting ready", total=None)
        try:
            evaluation = carry_out(
                Request(**asked),
                lambda character: open_photoreal(config, character).animator,
                lambda name: progress.update(task, description=name),
            )
        except EvaluationError as error:
            raise TrainingError(str(error)) from error
    print("\n\n".join((*evaluation.notes, *(table.text() for table in tables(evaluation)))))
    print(f"\nreport.html, evaluation.json and sheets of pictures in {typed.out}")
    return 0


def _config(typed: argparse.Namespace) -> Config:
    """How photoreal characters are drawn: picture by picture, by what was typed over the settings."""
    said = {"runtime": typed.runtime} if "runtime" in typed else {}
    steps = {"steps": typed.steps[0]} if "steps" in typed else {}
    return changed(load_config(typed.config), {**said, **steps, "offline": True})
