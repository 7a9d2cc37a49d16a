"""Command line: draw sheets of anime characters, render data sets."""

from __future__ import annotations

import os

# One process per core is faster than threads inside NumPy, which would compete for the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ...ray_pool import pool_for
from ..faces import dataset as faces_dataset
from . import dataset
from .character import sample_character
from .dataset import anchor_poses, sample_pose
from .figure import Figure
from .kit import load
from .render import render

_BACKDROP = (205, 208, 214)


def _sheet(args: argparse.Namespace) -> None:
    """A grid of different characters; with --neutral at rest in portrait light."""
    kit = load(args.kit)
    grid = Image.new("RGB", (args.columns * args.size, args.rows * args.size), _BACKDROP)
    for k in tqdm(range(args.columns * args.rows), unit="character"):
        seed = args.seed * 1_000_003 + k
        figure = Figure(kit, sample_character(kit, seed, args.held_out))
        pose = anchor_poses()[0] if args.neutral else sample_pose(np.random.default_rng([seed, 2]))
        tile = Image.fromarray(render(figure, *pose, args.size, args.supersampling).rgba)
        grid.paste(tile, (k % args.columns * args.size, k // args.columns * args.size), tile)
    grid.save(args.out)


def _dataset(args: argparse.Namespace) -> None:
    spec = dataset.AnimeDatasetSpec(
        args.kit,
        args.out,
        args.characters,
        args.per_character,
        args.size,
        args.supersampling,
        args.seed,
        is_held_out=args.held_out,
    )
    done = sum(len(spec.people_of(s)) for s in spec.shards() if spec.paths(s)[0].exists()) * spec.each
    with (
        pool_for(None, args.workers or os.cpu_count(), threads=1) as pool,
        tqdm(total=len(spec.drawn()) * spec.each, initial=done, unit="picture") as bar,
    ):
        for count in faces_dataset.write_shards(spec, pool, dataset.draw_shard):
            bar.update(count)


def main() -> None:
    parser = argparse.ArgumentParser(prog="omote.engine.training.anime", description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="folder of the anime kit")
    commands = parser.add_subparsers(required=True)
    sheet = commands.add_parser("sheet", help="a picture of many characters")
    sheet.add_argument("--columns", type=int, default=6)
    sheet.add_argument("--rows", type=int, default=4)
    sheet.add_argument("--neutral", action="store_true")
    sheet.add_argument("--out", type=Path, required=True)
    sheet.set_defaults(run=_sheet)
    data = commands.add_parser("dataset", help="pictures and labels for training; run again to resume")
    data.add_argument("--characters", type=int, required=True, help="this many characters, from the first of the seed")
    data.add_argument("--per-character", type=int, required=True, help="pictures of each; the first five are fixed")
    data.add_argument("--workers", type=int, help="processes (default: one a core)")
    data.add_argument("--out", type=Path, required=True, help="a folder")
    data.set_defaults(run=_dataset)
    for command, size in ((sheet, 256), (data, 512)):
        command.add_argument("--held-out", action="store_true", help="characters with parts that no other has")
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--size", type=int, default=size)
        command.add_argument("--supersampling", type=int, default=2)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
