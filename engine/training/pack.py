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
from omote.engine.face.head import open_head
from omote.engine.face.maps import CHANNELS, GRID, MapMaker
from omote.engine.face.retarget import from_weights

from .faces.dataset import seed_of
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
    person: NDArray[np.int32]  # [N]
    face: Array  # [N,64]
    light: Array  # [N,27]
    weights: Array  # [N,52]
    head_rotation: Array  # [N,3]
    is_held_out: NDArray[np.bool_]  # [N] never trained on
    shape: Array  # [P,100]
    seed: NDArray[np.int64]  # [P] of `sample_person`

    @property
    def people(self) -> int:
        return len(self.shape)


_LARGE = ("picture", "geometry", "uv")


def read(folder: Path) -> Pack:
    """Opens a pack; FileNotFoundError where it is missing."""
    large = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _LARGE}
    with np.load(folder / "rows.npz", allow_pickle=False) as rows:
        # By name: an older NumPy writes savez's own option into the file as one row more.
        return Pack(**large, **{field.name: rows[field.name] for field in fields(Pack) if field.name not in _LARGE})


def write(kit_path: Path, shards: Path, out: Path, held_out: int, workers: int) -> int:
    """Packs all shards of a data set; the last `held_out` pictures of each person are kept for evaluation."""
    labels = [np.load(path, allow_pickle=False) for path in sorted(shards.glob("*.npz"))]
    rows = {
        name: np.concatenate([part[name] for part in labels])
        for name in ("person", "weights", "head_rotation", "light")
    }
    count = len(rows["person"])
    pictures = sorted(shards.glob("*.tar"))
    with tarfile.open(pictures[0]) as tar:
        size = _decode(tar, tar.getnames()[0]).shape[0]
    out.mkdir(parents=True, exist_ok=True)
    _blank(out / "picture.npy", (count, size, size, 4), np.uint8)
    _blank(out / "geometry.npy", (count, CHANNELS, GRID, GRID), np.float16)
    _blank(out / "uv.npy", (count, GRID, GRID, 2), np.float16)
    kit = load(kit_path)
    people = int(rows["person"].max()) + 1
    seed = seed_of(shards)
    seeds = np.array([seed * 1_000_003 + person for person in range(people)])
    shape = np.stack([shape_of(kit, sample_person(kit, int(s))) for s in seeds])
    first, tasks = 0, []
    for path, part in zip(pictures, labels, strict=True):
        tasks.append((path, out, first, rows["weights"], rows["head_rotation"], shape[rows["person"]]))
        first += len(part["person"])
    with get_context("spawn").Pool(workers) as pool:
        faces = np.concatenate(pool.starmap(_pack_shard, tasks))
    order = np.zeros(count, np.int64)
    for person in range(people):
        mine = np.flatnonzero(rows["person"] == person)
        order[mine] = np.arange(len(mine))[::-1]
    np.savez(
        out / "rows.npz",
        allow_pickle=False,
        **rows,
        face=faces,
        shape=shape,
        seed=seeds,
        is_held_out=order < held_out,
    )
    return count


def _blank(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    np.lib.format.open_memmap(path, "w+", dtype, shape).flush()


def _decode(tar: tarfile.TarFile, name: str) -> NDArray[np.uint8]:
    member = tar.extractfile(name)
    assert member is not None
    with Image.open(io.BytesIO(member.read())) as image:
        return np.asarray(image.convert("RGBA"))


def _pack_shard(path: Path, out: Path, first: int, weights: Array, turns: Array, shape: Array) -> Array:
    """Fills the rows of one shard; [n,64] its face rows."""
    picture = np.load(out / "picture.npy", mmap_mode="r+")
    geometry = np.load(out / "geometry.npy", mmap_mode="r+")
    uv = np.load(out / "uv.npy", mmap_mode="r+")
    faces, maker, shaped = [], None, np.zeros(0)
    with tarfile.open(path) as tar:
        for row, name in enumerate(tar.getnames(), first):
            if maker is None or not np.array_equal(shaped, shape[row]):
                shaped = shape[row]
                maker = MapMaker(open_head().shaped(shape[row]))
            params = from_weights(weights[row], None, turns[row])
            maps = maker.draw(params)
            picture[row] = _decode(tar, name)
            geometry[row], uv[row] = maps.geometry, maps.uv
            faces.append(face_row(params))
    return np.stack(faces).reshape(-1, FACE_SIZE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True)
    parser.add_argument("--shards", type=Path, required=True, help="a folder that `faces dataset` wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--held-out", type=int, default=10, help="pictures of each person kept for evaluation")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    print(write(args.kit, args.shards, args.out, args.held_out, args.workers), "pictures packed")


if __name__ == "__main__":
    main()
