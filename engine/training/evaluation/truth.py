"""Distance from the truth on characters that were never trained on: by region, turn, light and number of references."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.engine.capture.photo import Finder, Photo, PhotoError, the_face
from omote.engine.face.correspondence import Viewer
from omote.engine.face.head import rotation
from omote.engine.model.character import Character, Reference
from omote.engine.model.networks import face_row
from omote.engine.model.photos import references_of
from omote.engine.model.renderer import Renderer
from omote.engine.nouns import FlameParams

from .. import examples
from ..examples import DRAWN, PERSON, Subject
from . import metrics
from .drawing import LICENCE
from .metrics import Mask, Rgba

Array = NDArray[np.float32]

ANCHORS = 5  # the first pictures of each character: at rest, teeth, closed eyes, both sides
HEADS = ("open", "anime")  # by style
_FRONT_DEG, _TURNED_DEG = 20.0, 45.0
_NEAR_CELLS = 2  # around eyes and mouth: lids, lashes and lips count as well
_FEWEST_PX = 64  # of a region that is measured
_COVERED, _EYE, _MOUTH, _HAIR = 6, 7, 8, 10  # channels of the geometry
_OPAQUE = 128
_FACING = 0.3  # cosine between the camera and what counts as the face where heads are aligned


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One character of a packed shard that training leaves out."""

    name: str
    subject: Subject
    shape: Array  # [100] as inexact as a fitted one

    def __len__(self) -> int:
        return len(self.subject)

    def picture(self, k: int) -> Rgba:
        return np.asarray(self.subject.pack.picture[self.subject.rows[k]])

    def light(self, k: int) -> Array:
        return np.asarray(self.subject.pack.light[self.subject.rows[k]])

    def params(self, k: int) -> FlameParams:
        return params_of(np.asarray(self.subject.pack.face[self.subject.rows[k]]))

    def character(self, chosen: Sequence[int]) -> Character:
        """The character with these of its pictures as references."""
        references = tuple(Reference(self.picture(k), self.params(k), self.light(k), "rendered") for k in chosen)
        return Character(self.name, HEADS[self.subject.style], self.shape, references, LICENCE, "rendered")  # type: ignore[arg-type]


def read(shard: Path, most: int) -> list[HeldOut]:
    """The first characters of a packed shard."""
    subjects = examples.read([shard])[:most]
    with np.load(shard / "subjects.npz", allow_pickle=False) as kept:
        numbers = [int(n) for n in np.unique(kept["person"])]
        shapes = [kept[f"{n}.shape"] for n in numbers]
    rows = zip(numbers, subjects, shapes, strict=False)
    return [HeldOut(f"{shard.parent.name} {n}", subject, shape) for n, subject, shape in rows]


def params_of(face: Array) -> FlameParams:
    """The inverse of `face_row`; a face that was packed has no translation."""
    unit = np.ones(67, np.float32)
    scale = face_row(FlameParams.from_vector(unit))
    return FlameParams.from_vector(np.append(face / scale, np.zeros(3)))


@dataclass(frozen=True)
class Score:
    """One picture, or the mean of several; NaN where a region is not seen."""

    head_db: float  # head and hair, where the truth is opaque
    eyes_db: float
    mouth_db: float
    hair_db: float  # the shell around the head, where the truth is opaque
    alpha_error: float  # of the whole picture
    sharpness: float  # of the head, as a part of the truth's
    hair_sharpness: float


@dataclass(frozen=True)
class Group:
    """The mean over the pictures of a group."""

    name: str
    pictures: int
    score: Score


@dataclass(frozen=True)
class Case:
    """Characters of one kind, from these references."""

    name: str
    characters: int
    groups: tuple[Group, ...]
    failed: tuple[str, ...] = ()  # characters that could not be made, and why

    def group(self, name: str) -> Score:
        """The score of one group; all NaN where it has no pictures."""
        found = [group.score for group in self.groups if group.name == name]
        return found[0] if found else Score(*[float("nan")] * len(fields(Score)))


def score(ours: Rgba, truth: Rgba, geometry: Array) -> Score:
    """One picture against the truth; `geometry` [12,G,G] says where the true head is."""
    size = len(truth)
    mine, true = metrics.over_grey(ours), metrics.over_grey(truth)
    opaque = truth[..., 3] >= _OPAQUE
    head, hair = (_region(geometry[k], size) & opaque for k in (_COVERED, _HAIR))
    eyes, mouth = (_region(geometry[k], size, _NEAR_CELLS) & opaque for k in (_EYE, _MOUTH))
    return Score(
        head_db=_psnr(mine, true, head),
        eyes_db=_psnr(mine, true, eyes),
        mouth_db=_psnr(mine, true, mouth),
        hair_db=_psnr(mine, true, hair),
        alpha_error=metrics.alpha_error(ours, truth),
        sharpness=_sharpness(mine, true, head),
        hair_sharpness=_sharpness(mine, true, hair),
    )


def _region(cells: Array, size: int, around: int = 0) -> Mask:
    """[S,S] where the cells are set, and so many cells around."""
    mask = (cells > 0.5).astype(np.uint8)
    if around:
        mask = cv2.dilate(mask, np.ones((2 * around + 1,) * 2, np.uint8))
    return np.asarray(cv2.resize(mask, (size, size), interpolation=cv2.INTER_NEAREST) > 0)


def _psnr(ours: metrics.Rgb, truth: metrics.Rgb, region: Mask) -> float:
    return metrics.psnr_db(ours, truth, region) if region.sum() >= _FEWEST_PX else float("nan")


def _sharpness(ours: metrics.Rgb, truth: metrics.Rgb, region: Mask) -> float:
    if region.sum() < _FEWEST_PX:
        return float("nan")
    return metrics.sharpness(ours, region) / max(metrics.sharpness(truth, region), 1e-6)


@dataclass(frozen=True)
class _Row:
    """One drawn picture."""

    k: int
    yaw_deg: float
    is_relit: bool  # in another light than the first reference
    score: Score


_GROUPS: tuple[tuple[str, Callable[[_Row], bool]], ...] = (
    ("varied", lambda row: row.k >= ANCHORS),
    ("front", lambda row: row.yaw_deg < _FRONT_DEG),
    ("20 to 45 degrees", lambda row: _FRONT_DEG <= row.yaw_deg < _TURNED_DEG),
    ("beyond 45 degrees", lambda row: row.yaw_deg >= _TURNED_DEG),
    ("front, same light", lambda row: row.yaw_deg < _FRONT_DEG and not row.is_relit),
    ("front, other light", lambda row: row.yaw_deg < _FRONT_DEG and row.is_relit),
)


def measure(
    name: str, people: Sequence[HeldOut], renderer: Renderer, made: Callable[[HeldOut], Character], first: int
) -> Case:
    """Draws the pictures from number `first` on of each of these, by the character that `made` makes of them.

    A character that is fitted to a photo has a framing and an exposure of its own, which one picture does not tell:
    its pictures are brought into the truth's framing by the similarity that brings the fitted head at rest onto the
    true one, and the wanted light is as much stronger as the estimated light of the photo is.
    """
    rows: list[_Row] = []
    failed = []
    for one in people:
        try:
            character = made(one)
        except PhotoError as error:
            failed.append(f"{one.name}: {error}")
            continue
        rows += _rows(one, renderer, character, first)
    groups = []
    for group, belongs in _GROUPS:
        inside = [row.score for row in rows if belongs(row)]
        if inside:
            groups.append(Group(group, len(inside), mean(inside)))
    return Case(name, len(people) - len(failed), tuple(groups), tuple(failed))


def _rows(one: HeldOut, renderer: Renderer, character: Character, first: int) -> Iterator[_Row]:
    look = renderer.look(character)
    is_fitted = character.references[0].kind == "photo"
    for k in range(first, len(one)):
        params, light, truth = one.params(k), one.light(k), one.picture(k)
        if is_fitted:
            ours = renderer.draw(look, params, exposed(light, one.light(0), look.character), len(truth))
            ours = moved(ours, framing(look.viewer, one.subject.viewer, len(truth)))
        else:
            ours = renderer.draw(look, params, light, len(truth))
        is_relit = not np.allclose(light, one.light(0), atol=1e-3)
        yield _Row(k, abs(yaw_deg(params)), is_relit, score(ours, truth, one.subject.view(k).geometry))


def exposed(light: Array, true: Array, character: Character) -> Array:
    """[27] the light as much stronger, channel by channel, as the first reference's is than its true one [27]."""
    mean, known = (np.reshape(one, (3, 9))[:, :1] for one in (character.references[0].light, true))
    return np.asarray(np.reshape(light, (3, 9)) * (mean / np.maximum(known, 1e-3)), np.float32).ravel()


def framing(fitted: Viewer, true: Viewer, size: int) -> NDArray[np.float64]:
    """[2,3] the similarity from pictures of a fitted head into those of the true one, in pixels: both at rest."""
    rest = FlameParams.neutral()
    ours, theirs = fitted.view(rest), true.view(rest)
    face = np.flatnonzero(theirs.facing[: len(true.shaped.vertex)] > _FACING)
    scale = size / true.grid
    matrix, _ = cv2.estimateAffinePartial2D(
        ours.screen[face, :2] * scale - 0.5, theirs.screen[face, :2] * scale - 0.5, method=cv2.LMEDS
    )
    return np.asarray(matrix, np.float64)


def moved(rgba: Rgba, matrix: NDArray[np.float64]) -> Rgba:
    """[S,S,4] straight RGBA moved by a similarity; what comes in from beyond the border repeats the border."""
    side = (len(rgba), len(rgba))
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    faded = np.concatenate([rgba[..., :3] * alpha, rgba[..., 3:]], 2).astype(np.float32)
    out = cv2.warpAffine(faded, matrix, side, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    out[..., :3] /= np.maximum(out[..., 3:] / 255.0, 1e-3)
    out = np.clip(out, 0.0, 255.0)
    return np.asarray(out + 0.5, np.uint8)


def yaw_deg(params: FlameParams) -> float:
    """How far the head looks to the subject's left."""
    ahead = rotation(params.neck_pose)[:, 2]
    return float(np.degrees(np.arctan2(ahead[0], ahead[2])))


def mean(scores: Sequence[Score]) -> Score:
    """The mean of each figure over the pictures in which it is known."""
    table = np.array([[getattr(one, field.name) for field in fields(Score)] for one in scores])
    known = np.isfinite(table)
    total = np.where(known, table, 0.0).sum(0)
    return Score(*(float(t / n) if n else float("nan") for t, n in zip(total, known.sum(0), strict=True)))


def cases(people: Sequence[HeldOut], renderer: Renderer, finder: Finder | None, photographed: int) -> Iterator[Case]:
    """From one reference, from all anchors, and of so many people from one photo through the whole pipeline."""
    for style, kind in ((PERSON, "people"), (DRAWN, "anime")):
        chosen = [one for one in people if one.subject.style == style]
        if not chosen:
            continue
        yield measure(f"{kind}, one reference", chosen, renderer, lambda one: one.character([0]), 1)
        yield measure(f"{kind}, with anchors", chosen, renderer, lambda one: one.character(range(ANCHORS)), ANCHORS)
        if style == PERSON and finder is not None and photographed:
            some = chosen[:photographed]
            yield measure("people, one photo", some, renderer, lambda one: photographed_as(one, finder), 1)


def photographed_as(one: HeldOut, finder: Finder) -> Character:
    """The character that a user would make of the first picture, on a background; PhotoError where none is made."""
    rgba = one.picture(0)
    alpha = rgba[..., 3:] / 255.0
    picture = np.asarray(rgba[..., :3] * alpha + background(len(rgba)) * (1.0 - alpha) + 0.5, np.uint8)
    found = references_of([Photo(one.name, picture, the_face(one.name, picture, finder))])
    references = tuple(one.reference() for one in found.references)
    return Character(one.name, "open", found.shape, references, LICENCE, "a rendered photo")


def background(size: int) -> NDArray[np.float32]:
    """[S,S,3] a room out of focus, 0 to 255; always the same."""
    coarse = np.random.default_rng(7).uniform(40.0, 210.0, (4, 4, 3)).astype(np.float32)
    large = np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)
    return large.clip(0.0, 255.0)
