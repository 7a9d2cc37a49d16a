"""Command line: draw sheets of synthetic people, render data sets, measure detail."""

from __future__ import annotations

import os

# One process per core is faster than threads inside NumPy, which would compete for the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")


import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from omote.bridge import arkit

from ...ray_pool import pool_for
from . import dataset
from .expression import PERFORMED, sample_expression, sample_head_rotation
from .figure import Figure
from .kit import load
from .light import sample_light, sample_real, studio
from .person import sample_person
from .rasterize import LABELS, Bytes
from .render import Picture, render

_BACKDROP = np.array([205, 208, 214])

REGIONS = ("skin", "hair", "eye", "mouth", "brow", "cloth")

_GROUND = 128.0


def _on_backdrop(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = rgba[..., 3:] / 255.0
    return np.asarray(np.round(rgba[..., :3] * alpha + _BACKDROP * (1.0 - alpha)), np.uint8)


def _sheet(args: argparse.Namespace) -> None:
    """A grid of different people, or of one person in different poses."""
    kit = load(args.kit)
    shots = args.columns * args.rows
    one = Figure(kit, sample_person(kit, args.seed)) if args.show != "people" else None
    grid = Image.new("RGB", (args.columns * args.size, args.rows * args.size))
    for k in tqdm(range(shots), unit="picture"):
        seed = args.seed * 1_000_003 + k
        figure = one or Figure(kit, sample_person(kit, seed))
        pose = _sheet_pose(args.show, args.neutral, k, shots, np.random.default_rng([seed, 2]), args.kit)
        picture = render(figure, *pose, args.size, args.supersampling)
        place = (k % args.columns * args.size, k // args.columns * args.size)
        grid.paste(Image.fromarray(_on_backdrop(picture.rgba)), place)
    grid.save(args.out)


def _sheet_pose(show: str, is_neutral: bool, k: int, shots: int, rng: np.random.Generator, kit: Path) -> dataset.Pose:
    """The pose of the k-th picture of a sheet."""
    rest, ahead = arkit.weights({}), np.array([0.0, 0.15, 0.0], np.float32)
    if show == "turns":
        share = k / max(shots - 1, 1)
        angle = np.radians([20.0 * np.sin(6.28 * share), 120.0 * share - 60.0, 0.0])
        return rest, angle.astype(np.float32), studio()
    if show == "lights":
        return rest, ahead, sample_light(rng) if k % 3 == 2 else sample_real(rng, kit)
    if show == "expressions":
        name = list(PERFORMED)[k % len(PERFORMED)]
        return arkit.weights(PERFORMED[name]), ahead, studio()
    if is_neutral:
        return rest, ahead, studio()
    return sample_expression(rng), sample_head_rotation(rng), sample_real(rng, kit) if k % 2 else sample_light(rng)


def _detail(args: argparse.Namespace) -> None:
    """Prints the loss at half the resolution, by region."""
    kit = load(args.kit)
    pictures = []
    for k in tqdm(range(args.people), unit="person"):
        figure, rng = Figure(kit, sample_person(kit, args.seed * 1_000_003 + k)), np.random.default_rng([args.seed, k])
        grin = arkit.weights(dataset.ANCHORS[0][0])
        for pose in (
            (grin, np.zeros(3, np.float32), studio()),
            (arkit.weights({}), sample_head_rotation(rng), sample_real(rng, args.kit)),
        ):
            pictures.append(render(figure, *pose, args.size, args.supersampling))
    for name, by in (("area", Image.Resampling.BOX), ("lanczos", Image.Resampling.LANCZOS)):
        print(name, {region: round(db, 1) for region, db in detail_psnr(pictures, by).items()})


def _dataset(args: argparse.Namespace) -> None:
    only = tuple(args.only or ())
    people = max(only, default=-1) + 1 if only else args.people
    spec = dataset.DatasetSpec(
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
    done = sum(len(spec.people_of(s)) for s in spec.shards() if spec.paths(s)[0].exists()) * spec.each
    workers = os.cpu_count() if args.workers is None and args.cluster is None else args.workers
    with (
        pool_for(args.cluster, workers, threads=1) as pool,
        tqdm(total=len(spec.drawn()) * spec.each, initial=done, unit="picture") as bar,
    ):
        for count in dataset.write_shards(spec, pool):
            bar.update(count)


def halve_and_restore(rgba: Bytes, reduced_by: Image.Resampling) -> Bytes:
    """[H,W,3] a picture on grey, reduced to half its side and scaled up again (bicubic)."""
    whole = Image.fromarray(on_grey(rgba))
    half = whole.resize((whole.width // 2, whole.height // 2), reduced_by)
    return np.asarray(half.resize(whole.size, Image.Resampling.BICUBIC))


def on_grey(rgba: Bytes) -> Bytes:
    """[H,W,3] a picture on grey."""
    alpha = rgba[..., 3:] / 255.0
    return np.asarray(np.round(rgba[..., :3] * alpha + _GROUND * (1.0 - alpha)), np.uint8)


def detail_psnr(pictures: Iterable[Picture], reduced_by: Image.Resampling = Image.Resampling.BOX) -> dict[str, float]:
    """PSNR in dB at half the resolution, by region; infinite without loss, NaN if the region is not visible."""
    error = dict.fromkeys((*REGIONS, "all"), 0.0)
    count = dict.fromkeys(error, 0)
    for picture in pictures:
        lost = (halve_and_restore(picture.rgba, reduced_by).astype(np.float64) - on_grey(picture.rgba)) ** 2
        for name in error:
            where = picture.material > 0 if name == "all" else picture.material == LABELS.index(name)
            error[name] += float(lost[where].sum())
            count[name] += int(where.sum()) * 3
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = {name: np.float64(error[name]) / np.float64(count[name]) for name in error}
        return {name: float(10.0 * np.log10(255.0**2 / value)) for name, value in mean.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="omote.engine.training.faces", description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="folder of the face kit")
    commands = parser.add_subparsers(required=True)
    sheet = commands.add_parser("sheet", help="a picture of many faces")
    sheet.add_argument("--columns", type=int, default=4)
    sheet.add_argument("--rows", type=int, default=4)
    sheet.add_argument("--neutral", action="store_true")
    sheet.add_argument(
        "--show",
        choices=("people", "turns", "lights", "expressions"),
        default="people",
        help="all but `people` show one person",
    )
    sheet.add_argument("--out", type=Path, required=True)
    sheet.set_defaults(run=_sheet)
    detail = commands.add_parser("detail", help="the loss at half the resolution, by region")
    detail.add_argument("--people", type=int, default=12)
    detail.set_defaults(run=_detail)
    data = commands.add_parser("dataset", help="pictures and labels for training; run again to resume")
    chosen = data.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--people", type=int, help="this many people, from the first of the seed")
    chosen.add_argument("--only", type=int, nargs="+", metavar="PERSON", help="only these people of the seed")
    data.add_argument("--per-person", type=int, required=True)
    data.add_argument("--no-anchors", action="store_true", help="without teeth, closed lids and both sides of each")
    data.add_argument("--drills", type=int, default=0, help="further pictures of each, of single shapes and the front")
    data.add_argument("--clip", type=int, default=0, help="then this many consecutive pictures at 30 a second")
    data.add_argument("--workers", type=int, help="processes (default: one a core)")
    data.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="draw on a Ray cluster, or with Ray on this machine: local",
    )
    data.add_argument("--out", type=Path, required=True, help="a folder")
    data.set_defaults(run=_dataset)
    for command in (sheet, detail, data):
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--size", type=int, default=256)
        command.add_argument("--supersampling", type=int, default=2)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
