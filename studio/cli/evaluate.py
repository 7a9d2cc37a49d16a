"""`omote evaluate`: measures portraits against ground truth, photos and a tracker, and writes tables."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from omote.engine.model.kinds import kind

from ..app.config import load_config, with_changes, without_trials
from .terminal import say
from .train import TrainingError, require_modules


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("characters", nargs="*", metavar="CHARACTER", help="names of shipped characters, or files")
    parser.add_argument(
        "--packs", type=Path, nargs="+", default=(), metavar="DIR", help="packed shards; the first of each is used"
    )
    parser.add_argument(
        "--data", type=Path, nargs="+", default=(), metavar="DIR", help="rendered shards; the first of each is used"
    )
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", help="photos of one person each, to measure likeness and control"
    )
    parser.add_argument("--kit", type=Path, metavar="DIR", help="the face kit, to render ground truth")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="exported networks instead of the shipped ones")
    parser.add_argument("--runtime", choices=("openvino", "onnxruntime"), help="runtime of the networks")
    parser.add_argument("--size", type=int, metavar="N", help="size of all but held-out pictures (512)")
    parser.add_argument("--count", type=int, metavar="N", help="characters of each pack (24)")
    parser.add_argument("--photographed", type=int, metavar="N", help="how many of them are made from one photo (8)")
    parser.add_argument("--rendered", type=int, metavar="N", help="people to render for control and steadiness (2)")
    parser.add_argument(
        "--config", type=Path, default=None, metavar="FILE.toml", help="settings of photoreal characters"
    )
    parser.add_argument(
        "--save", type=Path, required=True, metavar="FILE.json", help="the measurements; tables are written beside it"
    )


def main(typed: argparse.Namespace) -> int:
    """Evaluates and prints the tables; returns the exit code."""
    require_modules("omote evaluate", "torch", "numba")
    from omote.engine.training.evaluation import report
    from omote.engine.training.evaluation.evaluation import EvaluationError, Request, evaluate

    options = {name: value for name, value in vars(typed).items() if name in Request.__dataclass_fields__}
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    runtime = {"runtime": typed.runtime} if "runtime" in typed else {}
    config = with_changes(load_config(typed.config), {**runtime, "offline": True})
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("loading", total=None)
        try:
            evaluation = evaluate(
                Request(**{name: value for name, value in options.items() if value is not None}),
                lambda character: kind().open(character, without_trials(config).for_kinds()).renderer,
                lambda name: progress.update(task, description=name),
            )
        except EvaluationError as error:
            raise TrainingError(str(error)) from error
    report.write(evaluation, typed.save)
    say(*report.markdown(report.as_json(evaluation)).splitlines())
    say(f"{typed.save} and {typed.save.with_suffix('.md')}")
    return 0
