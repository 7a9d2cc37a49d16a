"""Turns rendered shards into flat arrays that training reads without decoding: pictures, maps and labels."""

from __future__ import annotations

import argparse
import io
import os
import tarfile
from dataclasses import dataclass, fields
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.engine.diffusion.conditioning import FACE_SIZE, face_row
from omote.engine.face import atlas
from omote.engine.face.head import open_head
from omote.engine.face.lift import Lifter
from omote.engine.face.maps import CHANNELS, GRID
from omote.engine.face.memory import TURN_NOISE_RAD, WEIGHT_NOISE
from omote.engine.face.retarget import from_weights

from .attributes import attributes
from .faces.dataset import CLIP, VARIED, picture_names, seed_of
from .faces.kit import load
from .faces.person import sample_person
from .head import shape_of

Half = NDArray[np.float16]
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Pack:
    """One row a picture; the large arrays stay on disk until they are read."""

    picture: NDArray[np.uint8]  # [N,S,S,4] sRGB, straight alpha
    geometry: Half  # [N,10,G,G]
    uv: Half  # [N,G,G,2]
    lift: Half  # [N,256,128,3] where each texel is in the picture, -1 to 1, and how well seen; zeros in clips
    person: NDArray[np.int32]  # [N] rows of `shape`
    kind: NDArray[np.int8]  # [N] of `faces.dataset`
    face: Array  # [N,64]
    light: Array  # [N,27]
    weights: Array  # [N,52]
    head_rotation: Array  # [N,3]
    is_held_out: NDArray[np.bool_]  # [N] never trained on
    shape: Array  # [P,100]
    seed: NDArray[np.int64]  # [P] of `sample_person`
    attributes: Array  # [P,A] of `attributes`

    @property
    def people(self) -> int:
        return len(self.shape)


_LARGE = ("picture", "geometry", "uv", "lift")


def read(folder: Path) -> Pack:
    """Opens a pack; FileNotFoundError where it is missing."""
    large = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _LARGE}
    with np.load(folder / "rows.npz", allow_pickle=False) as rows:
        # By name: an older NumPy writes savez's own option into the file as one row more.
        return Pack(**large, **{field.name: rows[field.name] for field in fields(Pack) if field.name not in _LARGE})


@dataclass(frozen=True)
class HeldOut:
    """What is never trained on."""

    people: int = 0  # the first so many, wholly
    pictures: int = 0  # of everybody else, the last so many that vary


def write(kit_path: Path, shards: Path, out: Path, held_out: HeldOut, workers: int) -> int:
    """Packs all shards of a data set."""
    labels = [np.load(path, allow_pickle=False) for path in sorted(shards.glob("*.npz"))]
    rows = {name: np.concatenate([part[name] for part in labels]) for name in _COPIED}
    count = len(rows["person"])
    pictures = sorted(shards.glob("*.tar"))
    with tarfile.open(pictures[0]) as tar:
        size = _decode(tar, picture_names(tar)[0]).shape[0]
    out.mkdir(parents=True, exist_ok=True)
    _blank(out / "picture.npy", (count, size, size, 4), np.uint8)
    _blank(out / "geometry.npy", (count, CHANNELS, GRID, GRID), np.float16)
    _blank(out / "uv.npy", (count, GRID, GRID, 2), np.float16)
    _blank(out / "lift.npy", (count, atlas.HEIGHT, atlas.WIDTH, 3), np.float16)
    kit, seed = load(kit_path), seed_of(shards)
    numbers, person = np.unique(rows["person"], return_inverse=True)
    seeds = np.array([seed * 1_000_003 + int(number) for number in numbers])
    people = [sample_person(kit, int(s)) for s in seeds]
    shape = np.stack([shape_of(kit, one) for one in people])
    first, tasks = 0, []
    for path, part in zip(pictures, labels, strict=True):
        tasks.append((path, out, first, {name: rows[name] for name in _COPIED}, shape[person]))
        first += len(part["person"])
    with get_context("spawn").Pool(workers) as pool:
        faces = np.concatenate(pool.starmap(_pack_shard, tasks))
    np.savez(
        out / "rows.npz",
        allow_pickle=False,
        **rows | {"person": person.astype(np.int32)},
        face=faces,
        shape=shape,
        seed=seeds,
        attributes=np.stack([attributes(one) for one in people]),
        is_held_out=_held_out(person, rows["kind"], held_out),
    )
    return count


_COPIED = ("person", "kind", "weights", "head_rotation", "light")


def _held_out(person: NDArray[np.intp], kind: NDArray[np.int8], held_out: HeldOut) -> NDArray[np.bool_]:
    is_kept = person < held_out.people
    for one in range(held_out.people, int(person.max()) + 1):
        varied = np.flatnonzero((person == one) & (kind == VARIED))
        is_kept[varied[len(varied) - min(held_out.pictures, len(varied)) :]] = True
    return np.asarray(is_kept)


def _blank(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    np.lib.format.open_memmap(path, "w+", dtype, shape).flush()


def _decode(tar: tarfile.TarFile, name: str) -> NDArray[np.uint8]:
    member = tar.extractfile(name)
    assert member is not None
    with Image.open(io.BytesIO(member.read())) as image:
        return np.asarray(image.convert("RGBA"))


def _pack_shard(path: Path, out: Path, first: int, rows: dict[str, Array], shape: Array) -> Array:
    """Fills the rows of one shard; [n,64] its face rows."""
    arrays = {name: np.load(out / f"{name}.npy", mmap_mode="r+") for name in _LARGE}
    faces, lifter, shaped = [], None, np.zeros(0)
    with tarfile.open(path) as tar:
        for row, name in enumerate(picture_names(tar), first):
            if lifter is None or not np.array_equal(shaped, shape[row]):
                shaped = shape[row]
                lifter = Lifter(open_head().shaped(shaped))
            weights, turn = rows["weights"][row], rows["head_rotation"][row]
            if rows["kind"][row] == CLIP:
                weights, turn = _trembling(row, weights, turn)
            params = from_weights(weights, None, turn)
            maps = lifter.maker.draw(params)
            arrays["picture"][row] = _decode(tar, name)
            arrays["geometry"][row], arrays["uv"][row] = maps.geometry, maps.uv
            if rows["kind"][row] != CLIP:
                lift = lifter.lift(params)
                arrays["lift"][row] = np.concatenate([lift.xy, lift.weight[..., None]], 2)
            faces.append(face_row(params))
    return np.stack(faces).reshape(-1, FACE_SIZE)


def _trembling(row: int, weights: Array, turn: Array) -> tuple[Array, Array]:
    """Control with a tracker's noise, more of it in some clips than in others; the picture does not tremble."""
    rng = np.random.default_rng([row, 3])
    strength = rng.choice((0.0, 0.6, 1.2, 2.0))
    weights = np.clip(weights + strength * rng.normal(0.0, WEIGHT_NOISE, weights.shape), 0.0, 1.0)
    return weights.astype(np.float32), (turn + strength * rng.normal(0.0, TURN_NOISE_RAD, 3)).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True)
    parser.add_argument("--shards", type=Path, required=True, help="a folder that `faces dataset` wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--held-out", type=int, default=0, help="pictures of each person kept for evaluation")
    parser.add_argument("--held-out-people", type=int, default=0, help="the first so many are never trained on")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    held_out = HeldOut(args.held_out_people, args.held_out)
    print(write(args.kit, args.shards, args.out, held_out, args.workers), "pictures packed")


if __name__ == "__main__":
    main()
