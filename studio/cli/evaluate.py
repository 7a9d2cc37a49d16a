"""`omote evaluate`: measures drawn portraits against the truth, photos and a tracker's reading, and writes tables."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ..app.config import load_config, with_changes
from .photoreal import open_photoreal
from .train import TrainingError, require_modules


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("characters", nargs="*", metavar="CHARACTER", help="shipped names, or files")
    parser.add_argument(
        "--packs", type=Path, nargs="+", default=(), metavar="DIR", help="packed shards; the first of each is measured"
    )
    parser.add_argument(
        "--data", type=Path, nargs="+", default=(), metavar="DIR", help="rendered shards; the first of each is measured"
    )
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", help="photos of one person each, for likeness and control"
    )
    parser.add_argument("--kit", type=Path, metavar="DIR", help="the face kit, with which the truth is rendered")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="exported networks other than the shipped ones")
    parser.add_argument("--runtime", choices=("openvino", "onnxruntime"), help="what executes the networks")
    parser.add_argument("--size", type=int, metavar="N", help="pixels on a side of all but held-out pictures (512)")
    parser.add_argument("--count", type=int, metavar="N", help="characters of each pack (24)")
    parser.add_argument("--photographed", type=int, metavar="N", help="of them, made from one photo (8)")
    parser.add_argument("--rendered", type=int, metavar="N", help="people rendered for control and steadiness (2)")
    parser.add_argument(
        "--config", type=Path, default=None, metavar="FILE.toml", help="settings of photoreal characters"
    )
    parser.add_argument(
        "--save", type=Path, required=True, metavar="FILE.json", help="the figures; tables are written beside it"
    )


def main(typed: argparse.Namespace) -> int:
    """Evaluates, prints the tables, and returns the exit code; errors that a user can mend are raised."""
    require_modules("omote evaluate", "torch", "numba")
    from omote.engine.training.evaluation import report
    from omote.engine.training.evaluation.evaluation import EvaluationError, Request, evaluate

    asked = {name: value for name, value in vars(typed).items() if name in Request.__dataclass_fields__}
    asked = {name: tuple(value) if isinstance(value, list) else value for name, value in asked.items()}
    said = {"runtime": typed.runtime} if "runtime" in typed else {}
    config = with_changes(load_config(typed.config), {**said, "offline": True})
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("loading", total=None)
        try:
            evaluation = evaluate(
                Request(**{name: value for name, value in asked.items() if value is not None}),
                lambda character: open_photoreal(config, character).animator,
                lambda name: progress.update(task, description=name),
            )
        except EvaluationError as error:
            raise TrainingError(str(error)) from error
    report.write(evaluation, typed.save)
    print(report.markdown(report.as_json(evaluation)))
    print(f"{typed.save} and {typed.save.with_suffix('.md')}")
    return 0
