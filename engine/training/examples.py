"""Packs rendered shards and makes training examples: a wanted picture, and others of the character as references."""

from __future__ import annotations

import argparse
import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..face.anime_head import anime_head
from ..face.correspondence import GRID, View, Viewer, expression_similarity
from ..face.head import OpenHead, open_head
from ..face.retarget import from_weights, to_weights
from ..face.shell import Shell
from ..model.denoiser import STATE, References, WantedView, lit_normals, log_irradiance
from ..model.networks import face_params, face_row
from .anime import character as anime_character
from .anime import head as anime_shapes
from .anime import kit as anime_kit
from .faces import kit as people_kit
from .faces import person
from .faces.dataset import picture_names, seed_of
from .faces.head import shape_of

Array = NDArray[np.float32]
Rgba = NDArray[np.uint8]
PERSON, DRAWN = range(2)  # styles
_SHAPE_NOISE = 0.1  # of the spread of shapes: fitted heads are not exact
# Errors of references against the fitted head: an angle in radians, the logarithm of a scale, and as shares of the side
# a shift and a bend over an 8x8 grid. About one pixel of 512: with four, networks learned to blur what they copy.
_LEAN, _SIZE, _SHIFT, _BEND = 0.002, 0.002, 0.0008, 0.0015
_OTHER_COLOURS = 0.3  # share of examples whose camera changes hues
_UNCOVERED = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class Pack:
    """One shard as memory-mapped arrays, a row for each picture."""

    picture: Rgba  # [n,S,S,4] straight alpha
    small: Rgba  # [n,256,256,4] the same reduced
    triangle: NDArray[np.uint16]  # [n,G,G] at each cell, or _UNCOVERED
    weight: NDArray[np.float16]  # [n,2,G,G] the first two barycentric weights
    normal: NDArray[np.int8]  # [n,3,G,G] at the cells, times 127
    screen: Array  # [n,N,3]
    facing: NDArray[np.float16]  # [n,N]
    face: Array  # [n,64]
    light: Array  # [n,27]


@dataclass(frozen=True)
class Subject:
    """One character with all its pictures; the first is at rest, from the front."""

    viewer: Viewer
    pack: Pack
    rows: NDArray[np.intp]
    style: int

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def weights(self) -> Array:
        """[n,52] the ARKit weights of the faces."""
        return np.stack([to_weights(face_params(np.asarray(self.pack.face[row]))) for row in self.rows])

    def view(self, k: int) -> View:
        """The head in picture k, as the viewer rasterized it."""
        row, pack = int(self.rows[k]), self.pack
        flat = np.asarray(pack.triangle[row]).ravel()
        cell = np.flatnonzero(flat != _UNCOVERED)
        first = np.asarray(pack.weight[row], np.float32).reshape(2, -1)[:, cell]
        weight = np.stack([*first, 1.0 - first.sum(0)], 1)
        normal = np.asarray(pack.normal[row], np.float32).reshape(3, -1)[:, cell] / np.float32(127.0)
        screen, facing = np.asarray(pack.screen[row]), np.asarray(pack.facing[row], np.float32)
        return self.viewer.seen(screen, facing, cell, flat[cell].astype(np.int64), weight, normal)


@dataclass(frozen=True)
class Example:
    """A batch: wanted pictures and references as inputs of the denoiser."""

    wanted: WantedView
    references: References  # without features and identity
    geometry: Tensor  # [B,K,12,G,G] of the references
    pictures: Tensor  # [B,K,4,S,S] premultiplied, full resolution
    truth: Tensor  # [B,4,S,S] premultiplied


_PARTS = ("picture", "small", "triangle", "weight", "normal", "screen", "facing", "face", "light")


def pack(folder: Path, kit_folder: Path, out: Path) -> Iterator[int]:
    """Packs the shards of a rendered data set that are not packed yet; yields their numbers of pictures."""
    seed = seed_of(folder)
    people = people_kit.load(kit_folder)
    drawn = anime_kit.load(kit_folder / "anime")
    for labels in sorted(folder.glob("*.npz")):
        target = out / labels.stem
        if (target / "subjects.npz").exists() or not labels.with_suffix(".tar").exists():
            continue
        with np.load(labels, allow_pickle=False) as rows, tarfile.open(labels.with_suffix(".tar")) as tar:
            names = picture_names(tar)
            style = DRAWN if "style" in rows and rows["style"][0] else PERSON
            found: dict[str, list[NDArray[np.generic]]] = {name: [] for name in _PARTS}
            subjects: dict[str, NDArray[np.generic]] = {"style": np.array(style), "person": rows["person"]}
            for number in np.unique(rows["person"]):
                character_seed = seed * 1_000_003 + int(number)
                if style == DRAWN:
                    held = _is_held_out(folder)
                    shape = anime_shapes.shape_of(drawn, anime_character.sample_character(drawn, character_seed, held))
                else:
                    shape = shape_of(people, person.sample_person(people, character_seed))
                at = np.flatnonzero(rows["person"] == number)
                pictures = [_decode(tar, names[i]) for i in at]
                part = {key: rows[key][at] for key in ("weights", "head_rotation", "light")}
                _add(
                    found,
                    subjects,
                    int(number),
                    _head(style),
                    shape,
                    pictures,
                    part,
                    np.random.default_rng(character_seed),
                )
        target.mkdir(parents=True, exist_ok=True)
        for name in _PARTS:
            np.save(target / f"{name}.npy", np.stack(found[name]), allow_pickle=False)
        np.savez(target / "subjects.npz", allow_pickle=False, **subjects)
        yield len(found["picture"])


def _is_held_out(folder: Path) -> bool:
    return '"is_held_out": true' in (folder / "plan.json").read_text(encoding="utf-8")


def _head(style: int) -> OpenHead:
    return anime_head() if style == DRAWN else open_head()


def _decode(tar: tarfile.TarFile, name: str) -> Rgba:
    file = tar.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is not a file in its shard")
    return np.asarray(Image.open(io.BytesIO(file.read())).convert("RGBA"))


def _add(
    found: dict[str, list[NDArray[np.generic]]],
    subjects: dict[str, NDArray[np.generic]],
    number: int,
    head: OpenHead,
    shape: Array,
    pictures: Sequence[Rgba],
    rows: dict[str, Array],
    rng: np.random.Generator,
) -> None:
    """Appends one character, whose head has the error of a fit."""
    shape = shape + rng.normal(0.0, _SHAPE_NOISE, shape.shape).astype(np.float32) * shape.std()
    params = [from_weights(w, None, turn) for w, turn in zip(rows["weights"], rows["head_rotation"], strict=True)]
    matte = cv2.resize(pictures[0][..., 3], (GRID, GRID), interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    viewer = Viewer(head.shaped(shape), head).with_hair(params[0], matte)
    assert viewer.shell is not None
    for name, value in (
        ("vertex", viewer.shell.vertex),
        ("triangle", viewer.shell.triangle),
        ("follow", viewer.shell.follow),
    ):
        subjects[f"{number}.{name}"] = value
    subjects[f"{number}.shape"] = shape
    for picture, param, light in zip(pictures, params, rows["light"], strict=True):
        view = viewer.view(param)
        triangle = np.full(GRID * GRID, _UNCOVERED, np.uint16)
        triangle[view.cell] = view.triangle
        weight, normal = np.zeros((2, GRID * GRID), np.float16), np.zeros((3, GRID * GRID), np.int8)
        weight[:, view.cell] = view.weight[:, :2].T
        normal[:, view.cell] = np.round(view.geometry[3:6].reshape(3, -1)[:, view.cell] * 127.0)
        square = (GRID, GRID)
        values = (
            picture,
            reduced(picture, STATE),
            triangle.reshape(square),
            weight.reshape(2, *square),
            normal.reshape(3, *square),
        )
        for name, value in zip(
            _PARTS, (*values, view.screen, view.facing.astype(np.float16), face_row(param), light), strict=True
        ):
            found[name].append(value)


def read(folders: Sequence[Path]) -> list[Subject]:
    """All characters of these packed shards."""
    subjects = []
    for folder in folders:
        parts = Pack(**{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _PARTS})
        with np.load(folder / "subjects.npz", allow_pickle=False) as kept:
            style, people = int(kept["style"]), kept["person"]
            head = _head(style)
            for number in np.unique(people):
                shell = Shell(*(kept[f"{number}.{name}"] for name in ("vertex", "triangle", "follow")))
                viewer = Viewer(head.shaped(kept[f"{number}.shape"]), head, shell=shell)
                subjects.append(Subject(viewer, parts, np.flatnonzero(people == number), style))
    return subjects


def example(
    subjects: Sequence[Subject],
    chosen: NDArray[np.intp],
    count: int,
    rng: np.random.Generator | None,
    wanted: int | None = None,
    size: int | None = None,
) -> Example:
    """One wanted picture of each chosen subject with `count` references; with `rng`, references look like photos.

    `size` reduces the pictures to this many pixels on a side.
    """
    chooser = rng or np.random.default_rng(0)
    keys = ("geometry", "face", "light", "style", "place", "trust", "of", "lit", "reference", "truth")
    parts: dict[str, list[Array]] = {key: [] for key in keys}
    for n in chosen:
        subject = subjects[n]
        target = int(chooser.integers(len(subject))) if wanted is None else wanted
        others = [k for k in range(len(subject)) if k != target]
        first = 0 if target and (rng is None or chooser.random() < 0.6) else int(chooser.choice(others))
        numbers = [first, *(int(k) for k in chooser.permutation([k for k in others if k != first])[: count - 1])]
        view, views = subject.view(target), [subject.view(k) for k in numbers]
        row, rows = subject.rows[target], subject.rows[numbers]
        shown = subject.weights[numbers]
        place = subject.viewer.correspondence(view, views, expression_similarity(subject.weights[target], shown))
        camera, pack = _camera(rng), subject.pack
        parts["geometry"].append(view.geometry)
        parts["face"].append(pack.face[row])
        parts["light"].append(pack.light[row])
        parts["style"].append(np.eye(2, dtype=np.float32)[subject.style])
        parts["place"].append(place.place)
        parts["trust"].append(place.trust)
        parts["of"].append(np.stack([each.geometry for each in views]))
        lights = [pack.light[k] for k in rows]
        pictures = pack.small if size == STATE else pack.picture
        references = [_photographed(reduced(pictures[k], size), camera, rng) for k in rows]
        parts["lit"].append(np.stack(lights))
        parts["reference"].append(np.stack(references))
        parts["truth"].append(_premultiplied(reduced(pictures[row], size), camera).transpose(2, 0, 1))
    t = {key: torch.from_numpy(np.stack(value).astype(np.float32)) for key, value in parts.items()}
    return Example(
        wanted=WantedView(t["geometry"], t["face"], t["light"], t["style"]),
        references=empty_references(t["reference"], t["of"], t["lit"], t["style"], t["place"], t["trust"]),
        geometry=t["of"],
        pictures=t["reference"],
        truth=t["truth"],
    )


def empty_references(
    pictures: Tensor, geometry: Tensor, light: Tensor, style: Tensor, place: Tensor, trust: Tensor
) -> References:
    """References on the grid, all present, without the features of the encoder."""
    b, k = pictures.shape[:2]
    small = F.interpolate(pictures.flatten(0, 1), size=(GRID, GRID), mode="area")
    lit = log_irradiance(light.flatten(0, 1), lit_normals(geometry.flatten(0, 1), style.repeat_interleave(k, 0)))
    picture = torch.cat([small, lit, torch.ones_like(lit[:, :1])], 1).reshape(b, k, -1, GRID, GRID)
    nothing = pictures.new_zeros(0)
    return References(picture, (nothing, nothing), nothing, place, trust, pictures.new_ones(b, k))


def reduced(rgba: Rgba, size: int | None) -> Rgba:
    """[S,S,4] straight alpha at another size; colours are weighted by alpha."""
    if size is None or size == len(rgba):
        return rgba
    alpha = cv2.resize(rgba[..., 3], (size, size), interpolation=cv2.INTER_AREA)
    faded = cv2.multiply(rgba[..., :3], cv2.merge([rgba[..., 3]] * 3), scale=1.0 / 255.0)
    faded = cv2.resize(faded, (size, size), interpolation=cv2.INTER_AREA)
    colour = cv2.divide(faded, cv2.merge([np.maximum(alpha, 1)] * 3), scale=255.0)
    return np.dstack([colour, alpha])


class _Camera(NamedTuple):
    """The colours of a camera, equal in all pictures of an example."""

    gain: Array  # [3] white balance and exposure
    gamma: float
    mixed: Array | None  # [3,3] matrix that mixes the channels, applied last


def _camera(rng: np.random.Generator | None) -> _Camera:
    if rng is None or rng.random() < 0.3:
        return _Camera(np.ones(3, np.float32), 1.0, None)
    gain = np.exp(rng.normal(0.0, 0.08, 3)) * np.exp(rng.normal(0.0, 0.2))
    mixed = _other_colours(rng) if rng.random() < _OTHER_COLOURS else None
    return _Camera(gain.astype(np.float32), float(np.exp(rng.normal(0.0, 0.15))), mixed)


def _other_colours(rng: np.random.Generator) -> Array:
    """[3,3] a rotation of hues with another saturation: colours that only the references show."""
    angle, strength = rng.normal(0.0, 1.0), np.exp(rng.normal(0.0, 0.4))
    grey = np.full((3, 3), 1.0 / 3.0)
    cross = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / np.sqrt(3.0)
    turned = np.cos(angle) * (np.eye(3) - grey) + np.sin(angle) * cross
    return np.asarray(grey + strength * turned, np.float32)


def _premultiplied(rgba: Rgba, camera: _Camera) -> Array:
    """[S,S,4] premultiplied, 0 to 1, in the colours of this camera."""
    level = np.arange(256, dtype=np.float32) / np.float32(255.0)
    curve = np.minimum((level**camera.gamma)[:, None] * camera.gain, 1.0).astype(np.float32)  # [256,3]
    alpha = level[rgba[..., 3]]
    out = np.empty(rgba.shape, np.float32)
    for k in range(3):
        np.multiply(curve[:, k].take(rgba[..., k]), alpha, out=out[..., k])
    if camera.mixed is not None:
        mixed = cv2.transform(np.ascontiguousarray(out[..., :3]), camera.mixed)
        np.clip(mixed, 0.0, alpha[..., None], out=out[..., :3])
    out[..., 3] = alpha
    return out


def _photographed(rgba: Rgba, camera: _Camera, rng: np.random.Generator | None) -> Array:
    """[4,S,S] a reference with the faults of a photo and its matte: misaligned, soft, noisy, with rough edges."""
    image = _premultiplied(rgba, camera)
    if rng is None:
        return image.transpose(2, 0, 1)
    side = len(image)
    angle, scale = rng.normal(0.0, _LEAN), np.exp(rng.normal(0.0, _SIZE))
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    x, y = rng.normal(0.0, _SHIFT * side, 2)
    half = side / 2
    across, down = np.meshgrid(*[np.arange(side, dtype=np.float32) - np.float32(half)] * 2)
    bend = rng.normal(0.0, _BEND * side, (8, 8, 2)).astype(np.float32)
    bend = cv2.resize(bend, (side, side), interpolation=cv2.INTER_CUBIC)
    column = (c * across - s * down + bend[..., 0] + (x + half)).astype(np.float32)
    row = (s * across + c * down + bend[..., 1] + (y + half)).astype(np.float32)
    image = cv2.remap(image, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.0)) * side / 256)
    if rng.random() < 0.25:
        noise = np.empty((side, side, 3), np.float32)
        cv2.setRNGSeed(int(rng.integers(1 << 31)))
        cv2.randn(noise, 0.0, float(rng.uniform(0.0, 0.02)))
        image[..., :3] += noise * image[..., 3:]
    if rng.random() < 0.25:  # background that is left at the edge of the matte
        alpha = image[..., 3:]
        edge = cv2.GaussianBlur(alpha, (0, 0), float(rng.uniform(0.7, 2.0)) * side / 256)[..., None]
        ground = rng.random(3).astype(np.float32)
        image = np.concatenate([image[..., :3] + np.maximum(edge - alpha, 0.0) * ground, np.maximum(edge, alpha)], 2)
    return np.clip(image, 0.0, 1.0, out=image).transpose(2, 0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Packs rendered shards for training; run it again for new shards.")
    parser.add_argument("--data", type=Path, required=True, help="a folder of rendered shards")
    parser.add_argument("--kit", type=Path, required=True, help="folder of the face kit")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    for count in pack(args.data, args.kit, args.out):
        print(f"{count} pictures", flush=True)


if __name__ == "__main__":
    main()
