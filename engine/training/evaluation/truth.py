"""Measures the distance from rendered truth: held-out characters, and image metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

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
from ...model.making import made_from_photos
from ...model.networks import face_row
from ...model.renderer import PreparedCharacter, Renderer
from ...rotation import rotation
from .. import examples
from ..examples import DRAWN, PERSON, Subject

if TYPE_CHECKING:
    from ..anime.kit import Kit as AnimeKit
    from ..faces.kit import Kit
    from ..faces.light import Light

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Rgb = NDArray[np.uint8]  # [H,W,3]
Rgba = NDArray[np.uint8]  # [H,W,4] straight alpha
Mask = NDArray[np.bool_]  # [H,W]
LICENCE = "Apache-2.0"
UNSEEN_SEED = 900_000_000  # of the first rendered person; data sets of training have seeds below 100
ANCHORS = 5  # the first pictures of each character: at rest, teeth, closed eyes, both sides
HEADS = ("open", "anime")  # by style
_GREY = 128
_SAME = 1e-12  # squared error of equal pictures, 120 dB
_FRONT_DEG, _TURNED_DEG = 20.0, 45.0
_NEAR_CELLS = 2  # around eyes and mouth, so that lids, lashes and lips count
_FEWEST_PX = 64  # smaller regions are not measured
_COVERED, _EYE, _MOUTH, _HAIR = 6, 7, 8, 10  # channels of the geometry
_OPAQUE = 128
_FACING = 0.3  # least cosine of vertices that align two heads


def over_grey(rgba: Rgba) -> Rgb:
    """[...,H,W,3] the picture on mid-grey."""
    alpha = rgba[..., 3:].astype(np.float32) / np.float32(255.0)
    return np.asarray(rgba[..., :3] * alpha + _GREY * (1.0 - alpha) + 0.5, np.uint8)


def psnr_db(ours: Rgb, truth: Rgb, mask: Mask | None = None) -> float:
    """Peak signal-to-noise ratio inside `mask`; 120 for equal pictures, NaN for an empty mask."""
    chosen = (ours, truth) if mask is None else (ours[mask], truth[mask])
    if not chosen[0].size:
        return float("nan")
    error = np.square(chosen[0].astype(np.float32) - chosen[1]).mean(dtype=np.float64) / 255.0**2
    return float(-10.0 * np.log10(error + _SAME))


def alpha_error(ours: Rgba, truth: Rgba) -> float:
    """Mean absolute error of alpha, 0 to 1."""
    return float(np.abs(ours[..., 3].astype(np.float32) - truth[..., 3]).mean() / 255.0)


def sharpness(rgb: Rgb, mask: Mask | None = None) -> float:
    """Mean slope of brightness inside `mask`, in levels a pixel; blur lowers it, noise raises it."""
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    slope = np.hypot(np.diff(luma, axis=1)[:-1], np.diff(luma, axis=0)[:, :-1])
    inside = slope if mask is None else slope[mask[:-1, :-1]]
    return float(inside.mean()) if inside.size else float("nan")


def temporal_noise(pictures: NDArray[np.uint8], mask: Mask | None = None) -> float:
    """Mean standard deviation over the pictures [n,H,W,C] of pixels inside `mask`, in levels."""
    spread = pictures.astype(np.float32).std(0)
    return float(spread.mean() if mask is None else spread[mask].mean())


def temporal_change(pictures: NDArray[np.uint8]) -> float:
    """Mean absolute change between consecutive pictures [n,H,W,C], in levels."""
    return float(np.abs(_changes(pictures)).mean())


def added_flicker(ours: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Mean absolute change between consecutive pictures that the truth does not have, in levels."""
    return float(np.abs(_changes(ours) - _changes(truth)).mean())


def _changes(pictures: NDArray[np.uint8]) -> NDArray[np.int16]:
    return np.asarray(np.diff(pictures.astype(np.int16), axis=0), np.int16)


def pearson(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """Pearson's correlation; 0 if one of the two does not vary."""
    if len(x) < 2 or x.std() < 1e-9 or y.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def least_squares_slope(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """The slope of y over x by least squares; 0 if x does not vary."""
    if not len(x):
        return 0.0
    centred = x - x.mean()
    spread = float(np.square(centred).sum())
    return float((centred * y).sum()) / spread if spread > 1e-9 else 0.0


@dataclass(frozen=True, eq=False)
class Pose:
    """The expression of a face and the rotation of its head."""

    weights: Array  # [52] ARKit order, 0 to 1
    head_rotation: Array  # [3] radians, as in `Signal`

    @classmethod
    def of(cls, weights: Mapping[str, float], pitch_deg: float = 0.0, yaw_deg: float = 0.0) -> Pose:
        """From ARKit weights by name; a name without a side, as "eyeBlink", sets both sides."""
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
    """Draws a character with the shipped renderer, in this light [27]."""
    prepared = renderer.prepare(character)
    return lambda pose: renderer.draw(prepared, pose.params(), light, size, steps)


def copying_renderer(renderer: Renderer, character: Character, size: int) -> Draw:
    """Draws the first reference moved by the posed head, without a network: the baseline of the model."""
    prepared = renderer.prepare(character)
    return lambda pose: copy_reference(prepared, pose.params(), size)


def copy_reference(prepared: PreparedCharacter, params: FlameParams, size: int) -> Rgba:
    """[S,S,4] straight RGBA: the first reference, sampled by the geometry."""
    found = prepared.viewer.correspondence(prepared.viewer.view(params), prepared.views[:1])
    at = cv2.resize(found.place[0], (size, size), interpolation=cv2.INTER_LINEAR)
    at = np.ascontiguousarray((at + 1.0) * (size / 2) - 0.5, np.float32)
    fetched = cv2.remap(prepared.pictures(size)[0].rgba, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return straight(np.asarray(fetched, np.uint8))


@dataclass(frozen=True, eq=False)
class RenderedCharacter:
    """An invented person or drawing that training never saw, made into a character by exact labels."""

    name: str
    head: Literal["open", "anime"]
    shape: Array  # [100]
    anchors: tuple[Pose, ...]  # of the references
    render: Callable[[Pose, Light], Rgba]

    @classmethod
    def person(cls, kit: Kit, seed: int, size: int) -> RenderedCharacter:
        """Person `seed` of the kit; seeds from `UNSEEN_SEED` on are in no data set of training."""
        from ..faces.dataset import ANCHORS
        from ..faces.figure import Figure
        from ..faces.head import shape_of
        from ..faces.person import sample_person
        from ..faces.render import render

        person = sample_person(kit, seed)
        figure = Figure(kit, person)
        anchors = (REST, *(Pose.of(weights, 0.0, yaw_deg) for weights, yaw_deg in ANCHORS))

        def draw(pose: Pose, light: Light) -> Rgba:
            return render(figure, pose.weights, pose.head_rotation, light, size).rgba

        return cls(f"person {seed}", "open", shape_of(kit, person), anchors, draw)

    @classmethod
    def drawing(cls, kit: AnimeKit, seed: int, size: int) -> RenderedCharacter:
        """The same for a drawn character in held-out styles."""
        from ..anime.character import sample_character
        from ..anime.dataset import anchor_poses
        from ..anime.figure import Figure
        from ..anime.head import shape_of
        from ..anime.render import render

        character = sample_character(kit, seed, is_held_out=True)
        figure = Figure(kit, character)
        anchors = tuple(Pose(weights, turn) for weights, turn, _ in anchor_poses())

        def draw(pose: Pose, light: Light) -> Rgba:
            return render(figure, pose.weights, pose.head_rotation, light, size).rgba

        return cls(f"drawing {seed}", "anime", shape_of(kit, character), anchors, draw)

    def truth(self, light: Light) -> Draw:
        return lambda pose: self.render(pose, light)

    def character(self, light: Light) -> Character:
        """The character with the anchors, rendered in this light, as references."""
        harmonics = light.harmonics()
        references = tuple(
            Reference(self.render(pose, light), pose.params(), harmonics, "rendered") for pose in self.anchors
        )
        return Character(self.name, self.head, self.shape, references, LICENCE, "rendered")


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A character of a packed shard that is held out of training."""

    name: str
    subject: Subject
    shape: Array  # [100] with the error of a fit

    def __len__(self) -> int:
        return len(self.subject)

    def picture(self, k: int) -> Rgba:
        return np.asarray(self.subject.pack.picture[self.subject.rows[k]])

    def light(self, k: int) -> Array:
        return np.asarray(self.subject.pack.light[self.subject.rows[k]])

    def params(self, k: int) -> FlameParams:
        return params_of(np.asarray(self.subject.pack.face[self.subject.rows[k]]))

    def character(self, chosen: Sequence[int]) -> Character:
        """The character with these pictures as references."""
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
    """The inverse of `face_row`; a packed face has no translation."""
    unit = np.ones(67, np.float32)
    scale = face_row(FlameParams.from_vector(unit))
    return FlameParams.from_vector(np.append(face / scale, np.zeros(3)))


@dataclass(frozen=True)
class Score:
    """Scores of one picture, or the mean of several; NaN for invisible regions."""

    head_db: float  # of head and hair, where the truth is opaque
    eyes_db: float
    mouth_db: float
    hair_db: float  # the shell around the head, where the truth is opaque
    alpha_error: float  # of the whole picture
    sharpness: float  # of the head, as a share of the truth
    hair_sharpness: float


@dataclass(frozen=True)
class Group:
    """The mean over the pictures of a group."""

    name: str
    pictures: int
    score: Score


@dataclass(frozen=True)
class Case:
    """The scores of characters of one kind from one choice of references."""

    name: str
    characters: int
    groups: tuple[Group, ...]
    failed: tuple[str, ...] = ()  # characters that could not be made, and why

    def group(self, name: str) -> Score:
        """The score of one group; all NaN without pictures."""
        found = [group.score for group in self.groups if group.name == name]
        return found[0] if found else Score(*[float("nan")] * len(fields(Score)))


def score(ours: Rgba, truth: Rgba, geometry: Array) -> Score:
    """Compares one picture with the truth; `geometry` [12,G,G] is of the true head."""
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
    """[S,S] the cells that are set, and `around` cells around them."""
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
    name: str, people: Sequence[HeldOut], renderer: Renderer, make: Callable[[HeldOut], Character], first: int
) -> Case:
    """Draws the pictures from number `first` on of each person, with the character that `make` makes.

    A character that is fitted to a photo has its own framing and exposure, which one picture does not determine. So its
    pictures are moved by the similarity between the fitted and the true head at rest, and the wanted light is scaled as
    the estimated light of the photo is.
    """
    rows: list[_Row] = []
    failed = []
    for one in people:
        try:
            character = make(one)
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
    prepared = renderer.prepare(character)
    is_fitted = character.references[0].kind == "photo"
    for k in range(first, len(one)):
        params, light, truth = one.params(k), one.light(k), one.picture(k)
        if is_fitted:
            ours = renderer.draw(prepared, params, exposed(light, one.light(0), prepared.character), len(truth))
            ours = apply_similarity(ours, framing(prepared.viewer, one.subject.viewer, len(truth)))
        else:
            ours = renderer.draw(prepared, params, light, len(truth))
        is_relit = not np.allclose(light, one.light(0), atol=1e-3)
        yield _Row(k, abs(yaw_deg(params)), is_relit, score(ours, truth, one.subject.view(k).geometry))


def exposed(light: Array, true: Array, character: Character) -> Array:
    """[27] the light scaled, channel by channel, as the first reference's light is to its true light [27]."""
    mean, known = (np.reshape(one, (3, 9))[:, :1] for one in (character.references[0].light, true))
    return np.asarray(np.reshape(light, (3, 9)) * (mean / np.maximum(known, 1e-3)), np.float32).ravel()


def framing(fitted: Viewer, true: Viewer, size: int) -> NDArray[np.float64]:
    """[2,3] the similarity from pictures of a fitted head to those of the true one at rest, in pixels."""
    rest = FlameParams.neutral()
    ours, theirs = fitted.view(rest), true.view(rest)
    face = np.flatnonzero(theirs.facing[: len(true.shaped.vertex)] > _FACING)
    scale = size / true.grid
    matrix, _ = cv2.estimateAffinePartial2D(
        ours.screen[face, :2] * scale - 0.5, theirs.screen[face, :2] * scale - 0.5, method=cv2.LMEDS
    )
    return np.asarray(matrix, np.float64)


def apply_similarity(rgba: Rgba, matrix: NDArray[np.float64]) -> Rgba:
    """[S,S,4] straight RGBA moved by a similarity; the border is repeated."""
    side = (len(rgba), len(rgba))
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    faded = np.concatenate([rgba[..., :3] * alpha, rgba[..., 3:]], 2).astype(np.float32)
    out = cv2.warpAffine(faded, matrix, side, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    out[..., :3] /= np.maximum(out[..., 3:] / 255.0, 1e-3)
    out = np.clip(out, 0.0, 255.0)
    return np.asarray(out + 0.5, np.uint8)


def yaw_deg(params: FlameParams) -> float:
    """The yaw of the head, positive to the subject's left."""
    ahead = rotation(params.neck_pose)[:, 2]
    return float(np.degrees(np.arctan2(ahead[0], ahead[2])))


def mean_scores(scores: Sequence[Score]) -> Score:
    """The mean of each figure over the pictures that have it."""
    table = np.array([[getattr(one, field.name) for field in fields(Score)] for one in scores])
    known = np.isfinite(table)
    total = np.where(known, table, 0.0).sum(0)
    return Score(*(float(t / n) if n else float("nan") for t, n in zip(total, known.sum(0), strict=True)))


def cases(
    people: Sequence[HeldOut], renderer: Renderer, finder: LandmarkFinder | None, photographed: int
) -> Iterator[Case]:
    """Measures from one reference, from all anchors, and for some people from one photo through the whole pipeline."""
    for style, kind in ((PERSON, "people"), (DRAWN, "anime")):
        chosen = [one for one in people if one.subject.style == style]
        if not chosen:
            continue
        yield measure(f"{kind}, one reference", chosen, renderer, lambda one: one.character([0]), 1)
        yield measure(f"{kind}, with anchors", chosen, renderer, lambda one: one.character(range(ANCHORS)), ANCHORS)
        if style == PERSON and finder is not None and photographed:
            some = chosen[:photographed]
            yield measure("people, one photo", some, renderer, lambda one: photographed_as(one, finder, renderer), 1)


def photographed_as(one: HeldOut, finder: LandmarkFinder, renderer: Renderer) -> Character:
    """The character that a user would make from the first picture on a background. Raises PhotoError if that fails."""
    rgba = one.picture(0)
    alpha = rgba[..., 3:] / 255.0
    picture = np.asarray(rgba[..., :3] * alpha + background(len(rgba)) * (1.0 - alpha) + 0.5, np.uint8)
    photo = Photo(one.name, picture, single_face(one.name, picture, finder))
    return made_from_photos(one.name, [photo], "a rendered person", renderer).character


def background(size: int) -> NDArray[np.float32]:
    """[S,S,3] a blurred room, 0 to 255; always the same."""
    coarse = np.random.default_rng(7).uniform(40.0, 210.0, (4, 4, 3)).astype(np.float32)
    large = np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)
    return large.clip(0.0, 255.0)
