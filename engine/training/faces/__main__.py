"""Command line: `python -m omote.engine.training.faces --kit DIR sheet ...` for a look, `dataset` for training data."""

from __future__ import annotations

import os

# One process per core draws faster than many threads inside NumPy, which would fight over the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from omote.engine.offline.crew import crew_for

from . import arkit, dataset
from .expression import sample_expression, sample_head_rotation
from .figure import Figure
from .kit import load
from .light import sample_light, studio
from .person import sample_person
from .render import render

_BACKDROP = np.array([205, 208, 214])


def _on_backdrop(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = rgba[..., 3:] / 255.0
    return np.asarray(np.round(rgba[..., :3] * alpha + _BACKDROP * (1.0 - alpha)), np.uint8)


def _sheet(args: argparse.Namespace) -> None:
    """A grid of different people; with --neutral all at rest in portrait light."""
    kit = load(args.kit)
    grid = Image.new("RGB", (args.columns * args.size, args.rows * args.size))
    for k in tqdm(range(args.columns * args.rows), unit="face"):
        seed = args.seed * 1_000_003 + k
        figure, rng = Figure(kit, sample_person(kit, seed)), np.random.default_rng([seed, 2])
        if args.neutral:
            pose = arkit.weights({}), np.array([0.0, 0.15, 0.0], np.float32), studio()
        else:
            pose = sample_expression(rng), sample_head_rotation(rng), sample_light(rng)
        picture = render(figure, *pose, args.size, args.supersampling)
        place = (k % args.columns * args.size, k // args.columns * args.size)
        grid.paste(Image.fromarray(_on_backdrop(picture.rgba)), place)
    grid.save(args.out)


def _dataset(args: argparse.Namespace) -> None:
    only = tuple(args.only or ())
    people = max(only, default=-1) + 1 if only else args.people
    plan = dataset.Plan(
        args.kit,
        args.out,
        people,
        args.per_person,
        args.size,
        args.supersampling,
        args.seed,
        args.drills,
        args.clip,
        only,
        not args.no_anchors,
    )
    done = sum(len(plan.people_of(s)) for s in plan.shards() if plan.paths(s)[0].exists()) * plan.each
    workers = os.cpu_count() if args.workers is None and args.cluster is None else args.workers
    with (
        crew_for(args.cluster, workers, threads=1) as crew,
        tqdm(total=len(plan.drawn()) * plan.each, initial=done, unit="picture") as bar,
    ):
        for count in dataset.write(plan, crew):
            bar.update(count)


def main() -> None:
    parser = argparse.ArgumentParser(prog="omote.engine.training.faces", description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="the face kit's folder")
    commands = parser.add_subparsers(required=True)
    sheet = commands.add_parser("sheet", help="a picture of many faces")
    sheet.add_argument("--columns", type=int, default=4)
    sheet.add_argument("--rows", type=int, default=4)
    sheet.add_argument("--neutral", action="store_true")
    sheet.add_argument("--out", type=Path, required=True)
    sheet.set_defaults(run=_sheet)
    data = commands.add_parser("dataset", help="pictures and labels for training; run again to resume")
    who = data.add_mutually_exclusive_group(required=True)
    who.add_argument("--people", type=int, help="the first so many people of the seed")
    who.add_argument("--only", type=int, nargs="+", metavar="PERSON", help="these people of the seed alone")
    data.add_argument("--per-person", type=int, required=True)
    data.add_argument("--no-anchors", action="store_true", help="without teeth, closed lids and both sides of each")
    data.add_argument("--drills", type=int, default=0, help="further pictures of each, of single shapes and the front")
    data.add_argument("--clip", type=int, default=0, help="then so many consecutive pictures at 30 a second")
    data.add_argument("--workers", type=int, help="processes; all cores where nothing is said")
    data.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="draw on the machines of a Ray cluster instead, or by Ray on this one: local",
    )
    data.add_argument("--out", type=Path, required=True, help="a folder")
    data.set_defaults(run=_dataset)
    for command in (sheet, data):
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--size", type=int, default=256)
        command.add_argument("--supersampling", type=int, default=2)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
