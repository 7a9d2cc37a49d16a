"""What a photo does not show is borrowed from an invented person: the mouth's inside, closed lids, a gaze aside.

Painted in one step they are a blurred mean of all people. Here the photo's own face is drawn in each pose of a shipped
character, and what opens or closes in it is filled with that character's picture, bent onto the photo's lips and lids,
in the photo's colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import Character, FlameParams, Reference
from ..face.correspondence import zone_distance
from ..face.fitting import Fitter
from ..face.head import EYE_LEFT, EYE_RIGHT, open_head
from ..face.rasterizer import Camera
from ..face.refinement import EYES, LIPS
from ..face.retarget import from_weights, to_weights
from .anchors import ALIKE_RAD, APART, PARTING
from .character_file import load_character
from .photos import spread
from .renderer import Renderer

Array = NDArray[np.float32]
Rgba = NDArray[np.uint8]
Wide = NDArray[np.float64]
Level = TypeVar("Level", np.uint8, np.float32)

DONORS = ("noah", "kenji", "marcus")  # light, medium and dark skin, thin lashes, no glasses
SIDE = 768  # the most pixels on a side of a picture that is made here

# MediaPipe's landmarks: the inner rim of the lips, and the middles of its lower and upper half; each eye's rim, and the
# ring of skin around it.
_INNER_LIPS, _LOWER, _UPPER = list(LIPS[20:]), 14, 13
_RIMS = list(EYES[:16]), list(EYES[16:])
_RINGS = (
    [446, 261, 448, 449, 450, 451, 452, 453, 464, 413, 441, 442, 443, 444, 445, 342],
    [226, 31, 228, 229, 230, 231, 232, 233, 244, 189, 221, 222, 223, 224, 225, 113],
)
# Of each eye; one that looks up or down is carried well by the head.
_ASIDE = [[arkit.INDEX[f"eyeLook{way}{side}"] for way in ("In", "Out")] for side in ("Left", "Right")]
_BROWS = [k for k, name in enumerate(arkit.NAMES) if name.startswith("brow")]
_JAW_OPEN = arkit.INDEX["jawOpen"]

_PARTED = 0.2  # of a weight that parts the lips: from here on the mouth's inside shows
_CLOSED = 0.9  # of a blink: from here on a photo's own lids are taken
_SHUT, _AVERTED = 0.6, 0.4  # of a blink, and of a weight of the gaze: from here on lids, and the eye, are borrowed
# How high the photo's own open mouth is, compared with what is wanted, and how far the jaw is down at most, for the
# photo's own teeth to be taken.
_OWN_TEETH, _SMILES_JAW = 0.35, 0.2
_WITHIN = 0.9  # the part of an eye's opening that is borrowed; beyond it may be a lid
_IRIS_DM = 0.06
_SOFT = 0.0015  # standard deviation of a mask's soft edge, as a part of the picture's side
# A photo's few pixels of an eye tell its brightness better than its hue: how far that of the white and of the iris is
# believed.
_EYE_HUES = (0.3, 0.7)
_WHITE_OF_EYE = 0.85  # of the median level, in which reflections count
_FLESH = 0.85  # how bright the inside of a mouth is, compared with the donor's
_TOOTH = (0.4, 0.9)  # the least channel over the greatest: flesh, and teeth
_LASH_SOFT = 0.0009  # blur of borrowed lashes, as a part of the picture's side: photos are less sharp
_GAINS = (0.35, 1.7)  # of borrowed colours
_WHITEST = 98.0  # percentile of a face's levels that tells how bright white is there
# Around an eye, in its widths: what is borrowed with a lid, its soft edge, and the skin that is compared.
_LID_REACH, _LID_SOFT, _SKIN_REACH = 0.12, 0.08, 0.5
_ODD = 0.3  # log of a ratio of levels: what differs more from the usual is no skin


@dataclass(frozen=True)
class _Face:
    """A face in a picture, in pixels."""

    points: Wide  # [468,2] MediaPipe's landmarks
    irises: Wide  # [2,2] the middles of the left and the right iris
    iris_px: float

    @classmethod
    def of(cls, fitter: Fitter, shape: Array, params: FlameParams, side: int) -> _Face:
        """The face of a head with this shape in a picture of `side` pixels."""
        head = open_head()
        shaped = head.shaped(shape)
        screen = Camera.framing(shaped).project(head.pose(shaped, params), side)[:, :2].astype(np.float64)
        # The front of an eyeball at rest is the middle of its iris.
        irises = screen[[rows.start + int(shaped.vertex[rows, 2].argmax()) for rows in head.eye_rows]]
        apart_dm = np.linalg.norm(shaped.anchor[EYE_LEFT] - shaped.anchor[EYE_RIGHT])
        iris_px = _IRIS_DM * float(np.linalg.norm(irises[0] - irises[1]) / apart_dm)
        return cls(fitter.anchored(screen), irises, iris_px)

    def opening(self) -> float:
        """How high the opening between the lips is."""
        return float(self.points[_LOWER, 1] - self.points[_UPPER, 1])

    def iris(self, eye: int, side: int) -> Array:
        """[S,S] 1 in this iris, 0 outside."""
        y, x = np.mgrid[:side, :side].astype(np.float32) + np.float32(0.5)
        off = np.hypot(x - self.irises[eye, 0], y - self.irises[eye, 1])
        return np.asarray(np.clip(self.iris_px - off + 0.5, 0.0, 1.0), np.float32)


def with_borrowed_parts(character: Character, renderer: Renderer) -> Character:
    """A character of photos with nine more references in the first one's pose; one without photos as it is.

    Lids and teeth come from the photos where one shows them, else from the donor: the shipped person with the most
    similar skin. Of the other photos those are kept that show the first one's face from another side. Takes about two
    seconds.
    """
    first, *others = character.references
    if first.kind != "photo":
        return character
    fitter = Fitter()
    photos = [_Source.of(fitter, character.shape, one) for one in character.references if one.kind == "photo"]
    donors = [load_character(name) for name in DONORS]
    fronts = [_Source.of(fitter, donor.shape, donor.references[0]) for donor in donors]
    nearest = int(np.argmin([np.abs(front.skin - photos[0].skin).sum() for front in fronts]))
    faces = np.stack([to_weights(one.params) for one in character.references])
    apart = zone_distance(faces[0], faces, with_gaze=False).max(1)[1:]
    kept = (first, *(one for one, far in zip(others, apart, strict=True) if far < APART))
    borrower = _Borrower(replace(character, references=kept), photos, fronts[nearest], renderer, fitter)
    origin = f"{character.made_from}; some eyes and mouths are {donors[nearest].name}'s, who does not exist"
    return replace(character, references=(*kept, *borrower.references(donors[nearest])), made_from=origin)


@dataclass(frozen=True)
class _Source:
    """A picture, and where its face is."""

    reference: Reference
    face: _Face

    @classmethod
    def of(cls, fitter: Fitter, shape: Array, reference: Reference) -> _Source:
        return cls(reference, _Face.of(fitter, shape, reference.params, len(reference.rgba)))

    @property
    def rgba(self) -> Rgba:
        return self.reference.rgba

    @property
    def opening(self) -> float:
        """How high its mouth is open, as a part of the picture's side."""
        return self.face.opening() / len(self.rgba)

    @cached_property
    def _shown(self) -> Rgba:
        """[n,3] the colours of the face."""
        hull = cv2.convexHull(self.face.points.astype(np.float32))[:, 0]
        return np.asarray(self.rgba[..., :3][_polygon(hull, len(self.rgba)) > 0])

    @cached_property
    def skin(self) -> Array:
        """[3] the median colour of the face."""
        return np.asarray(np.median(self._shown, 0), np.float32)

    @cached_property
    def white(self) -> float:
        """The level of what is white here: teeth, eyes and highlights."""
        return float(np.percentile(self._shown.max(1), _WHITEST))

    def eye_colours(self, eye: int) -> tuple[Array, Array]:
        """[3] each: the median levels of the white of an eye, and of its iris."""
        side = len(self.rgba)
        inside, iris = _polygon(self.face.points[_RIMS[eye]], side) > 127, self.face.iris(eye, side)
        parts = (inside & (iris < 0.5), inside & (iris > 0.5))
        white, coloured = (np.median(self.rgba[part][:, :3], 0) if part.any() else self.skin for part in parts)
        return white.astype(np.float32) + 1.0, coloured.astype(np.float32) + 1.0


class _Borrower:
    """Makes the further references of one character."""

    def __init__(
        self, character: Character, photos: Sequence[_Source], donor: _Source, renderer: Renderer, fitter: Fitter
    ) -> None:
        self.character, self.photo, self.donor = character, photos[0], donor
        self.renderer, self.fitter = renderer, fitter
        self.smile = max(
            (one for one in photos if one is photos[0] or to_weights(one.reference.params)[_JAW_OPEN] < _SMILES_JAW),
            key=lambda one: one.opening,
        )
        self.closed = [one for one in photos if one.reference.params.eyelids.min() > _CLOSED]
        self.side = min(len(self.photo.rgba), SIDE)

    def references(self, donor: Character) -> Iterator[Reference]:
        """One for each picture of the donor's from the front, but for the first."""
        look, first = self.renderer.prepare(self.character), self.photo.reference
        for given in donor.references[1:]:
            if np.abs(given.params.neck_pose).max() < ALIKE_RAD:
                params = from_weights(_browless(given.params), None, first.params.neck_pose)
                rgba = self.renderer.draw(look, params, first.light, self.side)
                self._fill(rgba, params, _Source.of(self.fitter, donor.shape, given))
                yield Reference(rgba, params, first.light, "painted")

    def _fill(self, rgba: Rgba, params: FlameParams, source: _Source) -> None:
        """Borrows what this face opens and closes, in place."""
        wanted, weights = self._face(params), to_weights(params)
        if weights[PARTING].max() > _PARTED:
            self._fill_mouth(rgba, wanted, source, weights[_JAW_OPEN] < _SMILES_JAW)
        for eye in range(2):
            if params.eyelids[eye] > _SHUT:
                opened = self._face(replace(params, eyelids=np.zeros(2, np.float32)))
                is_closed = params.eyelids[eye] > _CLOSED
                self._fill_lids(rgba, wanted, opened, eye, self.closed[0] if is_closed and self.closed else source)
            elif weights[_ASIDE[eye]].max() > _AVERTED:
                self._fill_eye(rgba, wanted, eye, source)

    def _face(self, params: FlameParams) -> _Face:
        return _Face.of(self.fitter, self.character.shape, params, self.side)

    def _fill_mouth(self, rgba: Rgba, wanted: _Face, source: _Source, is_smile: bool) -> None:
        lips = wanted.points[_INNER_LIPS]
        mask = _polygon(lips, self.side)
        if is_smile and self.smile.opening > _OWN_TEETH * wanted.opening() / self.side:
            filled = _bent(self.smile.rgba[..., :3], self.smile.face.points[_INNER_LIPS], lips, mask)
            filled *= np.float32(self.photo.white / self.smile.white)
        else:
            filled = self._in_this_light(_bent(source.rgba[..., :3], source.face.points[_INNER_LIPS], lips, mask))
        _mix(rgba, filled, mask, _SOFT * self.side)

    def _in_this_light(self, mouth: Array) -> Array:
        """The donor's mouth [S,S,3] with teeth as white as the photo's white, gums and tongue as bright as its skin."""
        white, skin = self.photo.white / self.donor.white, self.photo.skin.mean() / self.donor.skin.mean()
        on_teeth, on_flesh = np.clip([white, _FLESH * skin], *_GAINS).astype(np.float32)
        hueless = mouth.min(2, keepdims=True) / np.maximum(mouth.max(2, keepdims=True), 1.0)
        is_tooth = np.clip((hueless - _TOOTH[0]) / (_TOOTH[1] - _TOOTH[0]), 0.0, 1.0)
        return np.asarray(mouth * (on_flesh + (on_teeth - on_flesh) * is_tooth), np.float32)

    def _fill_eye(self, rgba: Rgba, wanted: _Face, eye: int, source: _Source) -> None:
        rim = wanted.points[_RIMS[eye]]
        mask = _polygon(rim.mean(0) + _WITHIN * (rim - rim.mean(0)), self.side)
        with_iris = np.dstack([source.rgba[..., :3].astype(np.float32), source.face.iris(eye, len(source.rgba))])
        filled = _bent(with_iris, source.face.points[_RIMS[eye]], rim, mask)
        pairs = zip(self.photo.eye_colours(eye), self.donor.eye_colours(eye), _EYE_HUES, strict=True)
        white, coloured = (_gain(own, other, hue) for own, other, hue in pairs)
        white *= _WHITE_OF_EYE
        filled = filled[..., :3] * (white + (coloured - white) * filled[..., 3:])
        _mix(rgba, filled, mask, _SOFT * self.side)

    def _fill_lids(self, rgba: Rgba, wanted: _Face, opened: _Face, eye: int, source: _Source) -> None:
        around, rim = [*_RIMS[eye], *_RINGS[eye]], opened.points[_RIMS[eye]]
        width = float(np.ptp(rim[:, 0]))
        over = cv2.convexHull(np.concatenate([rim, wanted.points[_RIMS[eye]]]).astype(np.float32))[:, 0]
        mask, reach = (_grown(_polygon(over, self.side), share * width) for share in (_LID_REACH, _SKIN_REACH))
        filled = _bent(source.rgba[..., :3], source.face.points[around], wanted.points[around], reach)
        filled = cv2.GaussianBlur(filled, (0, 0), _LASH_SOFT * self.side) + np.float32(1.0)
        ratio = np.log(rgba[..., :3] + np.float32(1.0)) - np.log(filled)
        # The skin below the eye tells what skin looks like; above it the photo's lid is stretched and painted over.
        is_beside = (reach > 0) & (mask == 0)
        is_below = np.arange(self.side)[:, None] > wanted.points[_RIMS[eye], 1].mean()
        usual = np.median(ratio[is_beside & is_below], 0)
        is_skin = is_beside & (np.abs(ratio - usual).max(2) < _ODD)
        known = is_skin.astype(np.float32)
        gain = np.dstack(
            [spread(one, known) for one in np.moveaxis(np.where(known[..., None] > 0.0, ratio, usual), 2, 0)]
        )
        _mix(rgba, filled * np.exp(gain) - np.float32(1.0), mask, _LID_SOFT * width)


def _browless(params: FlameParams) -> Array:
    """[52] the weights of a face, with brows at rest: those of a photo are carried by the head."""
    weights = to_weights(params)
    weights[_BROWS] = 0.0
    return weights


def _gain(own: Array, other: Array, hue: float) -> Array:
    """[3] what takes other levels to one's own, with this share of the difference in hue."""
    ratio = np.log(own / other)
    gain = np.exp(hue * ratio + (1.0 - hue) * ratio.mean())
    return np.asarray(np.clip(gain, *_GAINS), np.float32)


def _polygon(points: NDArray[np.floating], side: int) -> Rgba:
    """[S,S] 255 within these pixels [n,2]."""
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.round((points - 0.5) * 16.0).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask


def _grown(mask: Rgba, pixels: float) -> Rgba:
    reach = 2 * max(round(pixels), 1) + 1
    return np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))), np.uint8)


def _bent(picture: NDArray[Level], points: Wide, onto: Wide, mask: Rgba) -> Array:
    """[S,S,C] where `mask` [S,S] is not 0, the picture with these points bent onto others by a thin-plate spline."""
    y, x = np.nonzero(mask)
    at = _thin_plate(onto, points, np.stack([x, y], 1).astype(np.float64) + 0.5) - 0.5
    columns, rows = at.astype(np.float32).T[..., None]
    found = cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    out = np.zeros((*mask.shape, picture.shape[2]), np.float32)
    out[y, x] = found[:, 0]
    return out


def _thin_plate(points: Wide, values: Wide, at: Wide) -> Wide:
    """[m,2] the thin-plate spline through `values` [n,2] at `points` [n,2], read at `at` [m,2] (Bookstein 1989)."""
    count, stiff = len(points), 1e-3
    flat = np.concatenate([np.ones((count, 1)), points], 1)
    system = np.zeros((count + 3, count + 3))
    scale = float(np.ptp(points, 0).max())
    system[:count, :count] = _radial(points, points, scale) + stiff * np.eye(count)
    system[:count, count:], system[count:, :count] = flat, flat.T
    weight = np.linalg.solve(system, np.concatenate([values, np.zeros((3, 2))]))
    return np.asarray(_radial(at, points, scale) @ weight[:count] + weight[count] + at @ weight[count + 1 :])


def _radial(first: Wide, second: Wide, scale: float) -> Wide:
    """[m,n] r^2 log r between points [m,2] and [n,2]."""
    squared = np.square((first[:, None] - second) / scale).sum(2)
    return np.asarray(0.5 * squared * np.log(np.maximum(squared, 1e-12)))


def _mix(rgba: Rgba, filled: Array, mask: Rgba, soft_px: float) -> None:
    """Lays `filled` [S,S,3] over the colours, in place."""
    share = cv2.GaussianBlur(mask, (0, 0), max(soft_px, 0.3)).astype(np.float32)[..., None] / np.float32(255.0)
    mixed = rgba[..., :3] + (filled - rgba[..., :3]) * share
    rgba[..., :3] = np.clip(mixed + np.float32(0.5), 0.0, 255.0)
