"""Distance from rendered truth: pictures of held-out characters, and the image metrics that compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ...capture.photo import LandmarkFinder, Photo, single_face
from ...data import Character, FlameParams, Reference
from ...face.correspondence import Viewer
from ...face.retarget import from_weights
from ...images import PhotoError
from ...model.compositing import straight
from ...model.networks import face_row
from ...model.photos import references_of
from ...model.renderer import PreparedCharacter, Renderer
from ...rotation import rotation
from .. import examples
from ..examples import DRAWN, PERSON, Subject

if TYPE_CHECKING:
    from ..anime.figure import Figure as DrawnFigure
    from ..anime.kit import Kit as AnimeKit
    from ..faces.figure import Figure
    from ..faces.kit import Kit
    from ..faces.light import Light


Rgb = NDArray[np.uint8]  # [H,W,3]
Rgba = NDArray[np.uint8]  # [H,W,4] straight alpha
Mask = NDArray[np.bool_]  # [H,W]
Floats = NDArray[np.float64]

_GREY = 128
_SAME = 1e-12  # squared error of pictures that are the same: 120 dB


def over_grey(rgba: Rgba) -> Rgb:
    """[...,H,W,3] the picture on mid-grey."""
    alpha = rgba[..., 3:].astype(np.float32) / np.float32(255.0)
    return np.asarray(rgba[..., :3] * alpha + _GREY * (1.0 - alpha) + 0.5, np.uint8)


def psnr_db(ours: Rgb, truth: Rgb, mask: Mask | None = None) -> float:
    """Peak signal-to-noise ratio where `mask` holds; 120 for the same picture, NaN where nothing is masked."""
    chosen = (ours, truth) if mask is None else (ours[mask], truth[mask])
    if not chosen[0].size:
        return float("nan")
    error = np.square(chosen[0].astype(np.float32) - chosen[1]).mean(dtype=np.float64) / 255.0**2
    return float(-10.0 * np.log10(error + _SAME))


def alpha_error(ours: Rgba, truth: Rgba) -> float:
    """Mean absolute error of alpha, 0 to 1."""
    return float(np.abs(ours[..., 3].astype(np.float32) - truth[..., 3]).mean() / 255.0)


def sharpness(rgb: Rgb, mask: Mask | None = None) -> float:
    """Mean slope of brightness in levels a pixel, where `mask` holds; blur lowers it, noise raises it."""
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    slope = np.hypot(np.diff(luma, axis=1)[:-1], np.diff(luma, axis=0)[:, :-1])
    inside = slope if mask is None else slope[mask[:-1, :-1]]
    return float(inside.mean()) if inside.size else float("nan")


def temporal_noise(pictures: NDArray[np.uint8], mask: Mask | None = None) -> float:
    """Standard deviation of each pixel over the pictures [n,H,W,C], in levels: its mean where `mask` holds."""
    spread = pictures.astype(np.float32).std(0)
    return float(spread.mean() if mask is None else spread[mask].mean())


def temporal_change(pictures: NDArray[np.uint8]) -> float:
    """Mean absolute change from picture to picture of [n,H,W,C], in levels."""
    return float(np.abs(_changes(pictures)).mean())


def added_flicker(ours: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Mean absolute change from picture to picture that the truth does not make, in levels."""
    return float(np.abs(_changes(ours) - _changes(truth)).mean())


def _changes(pictures: NDArray[np.uint8]) -> NDArray[np.int16]:
    return np.asarray(np.diff(pictures.astype(np.int16), axis=0), np.int16)


def pearson(asked: NDArray[np.floating], read: NDArray[np.floating]) -> float:
    """Pearson's; 0 where either does not vary."""
    if len(asked) < 2 or asked.std() < 1e-9 or read.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(asked, read)[0, 1])


def least_squares_slope(asked: NDArray[np.floating], read: NDArray[np.floating]) -> float:
    """How much is read for each unit asked, by least squares; 0 where nothing varies."""
    if not len(asked):
        return 0.0
    centred = asked - asked.mean()
    spread = float(np.square(centred).sum())
    return float((centred * read).sum()) / spread if spread > 1e-9 else 0.0


Array = NDArray[np.float32]
LICENCE = "Apache-2.0"


@dataclass(frozen=True, eq=False)
class Pose:
    """What a face does and where the head turns."""

    weights: Array  # [52] ARKit order, 0 to 1
    head_rotation: Array  # [3] radians, as in `Signal`

    @classmethod
    def of(cls, weights: Mapping[str, float], pitch_deg: float = 0.0, yaw_deg: float = 0.0) -> Pose:
        """ARKit weights by name; a name without its side, as "eyeBlink", stands for both sides."""
        row = np.zeros(arkit.COUNT, np.float32)
        for name, weight in weights.items():
            for one in [name] if name in arkit.INDEX else [f"{name}Left", f"{name}Right"]:
                row[arkit.INDEX[one]] = weight
        return cls(row, np.radians([pitch_deg, yaw_deg, 0.0]).astype(np.float32))

    def params(self) -> FlameParams:
        return from_weights(self.weights, None, self.head_rotation)


REST = Pose.of({})
Draw = Callable[[Pose], Rgba]  # in one light, at one size


def shipped_renderer(renderer: Renderer, character: Character, light: Array, size: int, steps: int = 1) -> Draw:
    """The character as it ships, in this light [27]."""
    look = renderer.look(character)
    return lambda pose: renderer.draw(look, pose.params(), light, size, steps)


def copying_renderer(renderer: Renderer, character: Character, size: int) -> Draw:
    """The character's first picture moved by the posed head, with no network: the least that the model must beat."""
    look = renderer.look(character)
    return lambda pose: copy_reference(look, pose.params(), size)


def copy_reference(look: PreparedCharacter, params: FlameParams, size: int) -> Rgba:
    """[S,S,4] straight RGBA: the first reference, fetched where the geometry says."""
    found = look.viewer.correspondence(look.viewer.view(params), look.views[:1])
    at = cv2.resize(found.place[0], (size, size), interpolation=cv2.INTER_LINEAR)
    at = np.ascontiguousarray((at + 1.0) * (size / 2) - 0.5, np.float32)
    fetched = cv2.remap(look.pictures(size)[0].rgba, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return straight(np.asarray(fetched, np.uint8))


@dataclass(frozen=True, eq=False)
class RenderedPerson:
    """A person who does not exist: known exactly, never trained on, and made into a character by exact labels."""

    name: str
    figure: Figure
    shape: Array  # [100]
    size: int

    @classmethod
    def of(cls, kit: Kit, seed: int, size: int) -> RenderedPerson:
        """Training counts its seeds from 0 in data sets of 1,000,003; see `UNSEEN_SEED`."""
        from ..faces.figure import Figure
        from ..faces.head import shape_of
        from ..faces.person import sample_person

        person = sample_person(kit, seed)
        return cls(f"person {seed}", Figure(kit, person), shape_of(kit, person), size)

    def truth(self, light: Light) -> Draw:
        from ..faces.render import render

        return lambda pose: render(self.figure, pose.weights, pose.head_rotation, light, self.size).rgba

    def character(self, light: Light) -> Character:
        """Rendered at rest and in the poses of the usual anchors."""
        from ..faces.dataset import ANCHORS

        draw, harmonics = self.truth(light), light.harmonics()
        poses = [REST, *(Pose.of(weights, 0.0, yaw_deg) for weights, yaw_deg in ANCHORS)]
        references = tuple(Reference(draw(pose), pose.params(), harmonics, "rendered") for pose in poses)
        return Character(self.name, "open", self.shape, references, LICENCE, "rendered")


@dataclass(frozen=True, eq=False)
class RenderedDrawing:
    """A drawn character in the styles that training never sees, likewise."""

    name: str
    figure: DrawnFigure
    shape: Array  # [100]
    size: int

    @classmethod
    def of(cls, kit: AnimeKit, seed: int, size: int) -> RenderedDrawing:
        from ..anime.character import sample_character
        from ..anime.figure import Figure
        from ..anime.head import shape_of

        who = sample_character(kit, seed, is_held_out=True)
        return cls(f"drawing {seed}", Figure(kit, who), shape_of(kit, who), size)

    def truth(self, light: Light) -> Draw:
        from ..anime.render import render

        return lambda pose: render(self.figure, pose.weights, pose.head_rotation, light, self.size).rgba

    def character(self, light: Light) -> Character:
        """Rendered at rest and in the poses of the usual anchors."""
        from ..anime.dataset import anchor_poses

        draw, harmonics = self.truth(light), light.harmonics()
        poses = [Pose(weights, turn) for weights, turn, _ in anchor_poses()]
        references = tuple(Reference(draw(pose), pose.params(), harmonics, "rendered") for pose in poses)
        return Character(self.name, "anime", self.shape, references, LICENCE, "rendered")


UNSEEN_SEED = 900_000_000  # of the first rendered person; data sets of training have numbers below 100


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


def read_held_out(shard: Path, most: int) -> list[HeldOut]:
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
    mine, true = over_grey(ours), over_grey(truth)
    opaque = truth[..., 3] >= _OPAQUE
    head, hair = (_region(geometry[k], size) & opaque for k in (_COVERED, _HAIR))
    eyes, mouth = (_region(geometry[k], size, _NEAR_CELLS) & opaque for k in (_EYE, _MOUTH))
    return Score(
        head_db=_psnr(mine, true, head),
        eyes_db=_psnr(mine, true, eyes),
        mouth_db=_psnr(mine, true, mouth),
        hair_db=_psnr(mine, true, hair),
        alpha_error=alpha_error(ours, truth),
        sharpness=_sharpness(mine, true, head),
        hair_sharpness=_sharpness(mine, true, hair),
    )


def _region(cells: Array, size: int, around: int = 0) -> Mask:
    """[S,S] where the cells are set, and so many cells around."""
    mask = (cells > 0.5).astype(np.uint8)
    if around:
        mask = cv2.dilate(mask, np.ones((2 * around + 1,) * 2, np.uint8))
    return np.asarray(cv2.resize(mask, (size, size), interpolation=cv2.INTER_NEAREST) > 0)


def _psnr(ours: Rgb, truth: Rgb, region: Mask) -> float:
    return psnr_db(ours, truth, region) if region.sum() >= _FEWEST_PX else float("nan")


def _sharpness(ours: Rgb, truth: Rgb, region: Mask) -> float:
    if region.sum() < _FEWEST_PX:
        return float("nan")
    return sharpness(ours, region) / max(sharpness(truth, region), 1e-6)


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
            groups.append(Group(group, len(inside), mean_scores(inside)))
    return Case(name, len(people) - len(failed), tuple(groups), tuple(failed))


def _rows(one: HeldOut, renderer: Renderer, character: Character, first: int) -> Iterator[_Row]:
    look = renderer.look(character)
    is_fitted = character.references[0].kind == "photo"
    for k in range(first, len(one)):
        params, light, truth = one.params(k), one.light(k), one.picture(k)
        if is_fitted:
            ours = renderer.draw(look, params, exposed(light, one.light(0), look.character), len(truth))
            ours = apply_similarity(ours, framing(look.viewer, one.subject.viewer, len(truth)))
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


def apply_similarity(rgba: Rgba, matrix: NDArray[np.float64]) -> Rgba:
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


def mean_scores(scores: Sequence[Score]) -> Score:
    """The mean of each figure over the pictures in which it is known."""
    table = np.array([[getattr(one, field.name) for field in fields(Score)] for one in scores])
    known = np.isfinite(table)
    total = np.where(known, table, 0.0).sum(0)
    return Score(*(float(t / n) if n else float("nan") for t, n in zip(total, known.sum(0), strict=True)))


def cases(
    people: Sequence[HeldOut], renderer: Renderer, finder: LandmarkFinder | None, photographed: int
) -> Iterator[Case]:
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


def photographed_as(one: HeldOut, finder: LandmarkFinder) -> Character:
    """The character that a user would make of the first picture, on a background; PhotoError where none is made."""
    rgba = one.picture(0)
    alpha = rgba[..., 3:] / 255.0
    picture = np.asarray(rgba[..., :3] * alpha + background(len(rgba)) * (1.0 - alpha) + 0.5, np.uint8)
    found = references_of([Photo(one.name, picture, single_face(one.name, picture, finder))])
    references = tuple(one.reference() for one in found.references)
    return Character(one.name, "open", found.shape, references, LICENCE, "a rendered photo")


def background(size: int) -> NDArray[np.float32]:
    """[S,S,3] a room out of focus, 0 to 255; always the same."""
    coarse = np.random.default_rng(7).uniform(40.0, 210.0, (4, 4, 3)).astype(np.float32)
    large = np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)
    return large.clip(0.0, 255.0)
