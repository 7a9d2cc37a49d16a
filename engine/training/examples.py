"""Training examples: a wanted picture of a person, and other pictures of the same person as references."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from omote.engine.diffusion.conditioning import face_row
from omote.engine.face.correspondence import GRID, View, Viewer
from omote.engine.face.head import open_head
from omote.engine.face.retarget import from_weights
from omote.engine.model.denoiser import References, Wanted, log_irradiance

from .faces.dataset import seed_of
from .faces.kit import Kit, load
from .faces.person import sample_person
from .head import shape_of

Array = NDArray[np.float32]
Rgba = NDArray[np.uint8]
_SHAPE_NOISE = 0.15  # of the spread of shapes: fitted heads are not exact
_WEIGHT_NOISE = 0.02
_TURN_NOISE_RAD = 0.01


@dataclass(frozen=True)
class Shot:
    """One rendered picture and what it shows, as far as a fitted head tells."""

    picture: Rgba  # [S,S,4] straight alpha
    view: View
    face: Array  # [64]
    light: Array  # [27]
    style: int


@dataclass(frozen=True)
class Subject:
    """One person with all pictures of them; the first is at rest, from the front."""

    viewer: Viewer
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class Example:
    """A batch: references and wanted pictures as the denoiser reads them."""

    wanted: Wanted
    references: References  # features and identity are still empty
    geometry: Tensor  # [B,K,10,G,G] of the references
    pictures: Tensor  # [B,K,4,S,S] premultiplied, full resolution
    truth: Tensor  # [B,4,S,S] premultiplied


def read(folder: Path, kit_folder: Path, people: slice = slice(None)) -> list[Subject]:
    """Subjects of a rendered data set, with heads as inexact as fitted ones."""
    kit, seed, subjects = load(kit_folder), seed_of(folder), []
    for labels in sorted(folder.glob("*.npz"))[people]:
        with np.load(labels, allow_pickle=False) as rows, tarfile.open(labels.with_suffix(".tar")) as tar:
            names = tar.getnames()
            for number in np.unique(rows["person"]):
                at = np.flatnonzero(rows["person"] == number)
                pictures = [_decode(tar, names[i]) for i in at]
                part = {key: rows[key][at] for key in ("weights", "head_rotation", "light")}
                subjects.append(_subject(kit, seed * 1_000_003 + int(number), pictures, part))
    return subjects


def _decode(tar: tarfile.TarFile, name: str) -> Rgba:
    file = tar.extractfile(name)
    if file is None:
        raise ValueError(f"{name} in {tar.name} is no file")
    return np.asarray(Image.open(io.BytesIO(file.read())).convert("RGBA"))


def _subject(kit: Kit, seed: int, pictures: list[Rgba], rows: dict[str, Array]) -> Subject:
    rng = np.random.default_rng(seed)
    shape = shape_of(kit, sample_person(kit, seed))
    shape = shape + rng.normal(0.0, _SHAPE_NOISE, shape.shape).astype(np.float32) * shape.std()
    viewer, shots = Viewer(open_head().shaped(shape)), []
    for k, picture in enumerate(pictures):
        weights = np.clip(rows["weights"][k] + rng.normal(0.0, _WEIGHT_NOISE, 52), 0.0, 1.0).astype(np.float32)
        turn = rows["head_rotation"][k] + rng.normal(0.0, _TURN_NOISE_RAD, 3).astype(np.float32)
        params = from_weights(weights, None, turn)
        shots.append(Shot(picture, viewer.view(params), face_row(params), rows["light"][k], 0))
    return Subject(viewer, tuple(shots))


def example(
    subjects: list[Subject], who: NDArray[np.intp], count: int, rng: np.random.Generator | None, wanted: int | None = None
) -> Example:
    """One wanted picture of each of these subjects with `count` references; without `rng` as they are, else as photos."""
    chooser = rng or np.random.default_rng(0)
    parts: dict[str, list[Array]] = {k: [] for k in ("geometry", "face", "light", "style", "place", "trust", "of", "lit", "reference", "truth")}
    for n in who:
        shots = subjects[n].shots
        target = int(chooser.integers(len(shots))) if wanted is None else wanted
        others = [k for k in range(len(shots)) if k != target]
        first = 0 if target and (rng is None or chooser.random() < 0.5) else int(chooser.choice(others))
        rest = [k for k in others if k != first]
        chosen = [first, *(int(k) for k in chooser.permutation(rest)[: count - 1])]
        shot, references = shots[target], [shots[k] for k in chosen]
        found = subjects[n].viewer.correspondence(shot.view, [r.view for r in references])
        tint = _tint(rng)
        parts["geometry"].append(shot.view.geometry)
        parts["face"].append(shot.face)
        parts["light"].append(shot.light)
        parts["style"].append(np.eye(2, dtype=np.float32)[shot.style])
        parts["place"].append(found.place)
        parts["trust"].append(found.trust)
        parts["of"].append(np.stack([r.view.geometry for r in references]))
        parts["lit"].append(np.stack([r.light for r in references]))
        parts["reference"].append(np.stack([_photographed(r.picture, tint, rng) for r in references]))
        parts["truth"].append(_premultiplied(shot.picture, tint))
    t = {key: torch.from_numpy(np.stack(value).astype(np.float32)) for key, value in parts.items()}
    return Example(
        wanted=Wanted(t["geometry"], t["face"], t["light"], t["style"]),
        references=empty_references(t["reference"], t["of"], t["lit"], t["place"], t["trust"]),
        geometry=t["of"],
        pictures=t["reference"],
        truth=t["truth"],
    )


def empty_references(pictures: Tensor, geometry: Tensor, light: Tensor, place: Tensor, trust: Tensor) -> References:
    """References on the grid, without the features that only the encoder knows; all present."""
    b, k = pictures.shape[:2]
    small = torch.nn.functional.interpolate(pictures.flatten(0, 1), size=(GRID, GRID), mode="area")
    lit = log_irradiance(light.flatten(0, 1), geometry.flatten(0, 1)[:, 3:6])
    picture = torch.cat([small, lit, torch.ones_like(lit[:, :1])], 1).unflatten(0, (b, k))
    nothing = pictures.new_zeros(0)
    return References(picture, (nothing, nothing), nothing, place, trust, pictures.new_ones(b, k))


def _tint(rng: np.random.Generator | None) -> tuple[Array, float]:
    """A camera's white balance and exposure [3], and gamma: the same for all pictures of an example."""
    if rng is None or rng.random() < 0.3:
        return np.ones(3, np.float32), 1.0
    gain = np.exp(rng.normal(0.0, 0.08, 3)) * np.exp(rng.normal(0.0, 0.2))
    return gain.astype(np.float32), float(np.exp(rng.normal(0.0, 0.15)))


def _premultiplied(rgba: Rgba, tint: tuple[Array, float]) -> Array:
    """[4,S,S] premultiplied, 0 to 1, as this camera would have seen it."""
    gain, gamma = tint
    colour, alpha = rgba[..., :3].astype(np.float32) / 255.0, rgba[..., 3:].astype(np.float32) / 255.0
    if gamma != 1.0 or (gain != 1.0).any():
        colour = np.minimum(np.maximum(colour, 1e-4) ** gamma * gain, 1.0)
    return np.concatenate([colour * alpha, alpha], 2).transpose(2, 0, 1)


def _photographed(rgba: Rgba, tint: tuple[Array, float], rng: np.random.Generator | None) -> Array:
    """[4,S,S] a reference as a photo and its matte are: a little askew, soft, noisy, its edge not exact."""
    premultiplied = _premultiplied(rgba, tint)
    if rng is None:
        return premultiplied
    side = premultiplied.shape[1]
    image = np.ascontiguousarray(premultiplied.transpose(1, 2, 0))
    angle, scale = rng.normal(0.0, 0.008), np.exp(rng.normal(0.0, 0.006))
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    x, y = rng.normal(0.0, 0.0025 * side, 2)
    half = side / 2
    matrix = np.array([[c, -s, x + half - c * half + s * half], [s, c, y + half - s * half - c * half]])
    image = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.2)) * side / 256)
    if rng.random() < 0.3:
        noise = rng.normal(0.0, rng.uniform(0.0, 0.02), (side, side, 3)).astype(np.float32)
        image[..., :3] += noise * image[..., 3:]
    if rng.random() < 0.3:  # what is left of the background at the matte's edge
        alpha = image[..., 3:]
        edge = cv2.GaussianBlur(alpha, (0, 0), float(rng.uniform(0.7, 2.5)) * side / 256)[..., None]
        ground = rng.random(3).astype(np.float32)
        image = np.concatenate([image[..., :3] + np.maximum(edge - alpha, 0.0) * ground, np.maximum(edge, alpha)], 2)
    return np.clip(image, 0.0, 1.0).transpose(2, 0, 1)
