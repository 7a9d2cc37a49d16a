"""Turns one to four photos of a person into reference pictures: in our framing, cut out, with pose and light."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..capture.photo import Photo
from ..data import Character, FlameParams, Reference
from ..face.correspondence import COVERED_CHANNEL, EYE_CHANNEL, MOUTH_CHANNEL, NORMAL_CHANNELS
from ..face.fitting import ANCHORED, Fitter, PhotoCamera
from ..face.head import SKIN, OpenHead, Shaped, open_head
from ..face.light import estimated_light, irradiance, linear_of_tone, softened_light, tone_mapped
from ..face.rasterizer import FOV_DEG, Camera, GeometryMapper, rasterize
from ..face.refinement import EYES, LIPS, FittedView, Outline, Refined, Refiner
from ..rotation import rotation
from ..runtime.session import Session
from .matting import cut_out

Array = NDArray[np.float32]
Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Made = TypeVar("Made")

MOST_PHOTOS = 4
FARTHEST_TURN_DEG = 20.0  # in a photo of a head that is turned farther, one side of the face is hardly visible
FEW_PX = 200  # a smaller face shows no lashes and no single teeth
SIDES = (256, 384, 512, 640, 768, 896, 1024)  # of reference pictures, in pixels

_OUTLINE_SIDE = 512  # pixels on a side of the picture in which the head's outline is looked for
_GRID = 192  # pixels on a side of the head's depth map
_SMOOTH = 0.03  # standard deviation of the depth's blur, as a part of the picture's side
_BEND_GRID = 512
# Standard deviations of the blurs over the picture's side, and their weights; then the weights of no displacement and
# of a landmark that does not move.
_BEND_REACH = ((0.006, 1.0), (0.015, 0.05), (0.03, 0.0025))
_BEND_END, _BEND_STILL = 1e-6, 0.3
_BEND_MOST = 0.025  # of the face's size
_FACE_MARGIN = 0.02  # of the picture's side: the part of the face that is nearer to its contour may be covered
_SKIN_GRID = 96  # pixels on a side of the maps on which skin is read

# Thresholds of the warnings. For pairs of rendered pictures, `_OTHER` is exceeded by 1 % of the pairs of one person and
# by half of the pairs of two people.
_OTHER = 160.0  # cost of one shape for two photos, beyond the cost of a shape for each
_SHADOW = 4.0  # light on the brighter side of the face over light on the darker one
_DARK, _BURNT = 0.12, 0.12  # median sRGB of the skin (0 to 1), and the part of the skin that is white
# A covered face: the logarithm of a ratio of linear colours, the part of the face beyond it, and the darkest colour.
_ANOTHER_HUE, _COVERED, _BLACK = 0.5, 0.2, 0.002
_BELIEVED = 0.5  # the share of the estimated light direction that is used
_GLINT = 0.03  # the part of the area around the eyes that shows reflected light, as glasses do
_WHITE, _ABOVE_SKIN = 225.0, 20.0  # least level of a reflection, and least difference from the skin

# MediaPipe's landmarks around lips, eyes and brows, which do not have the skin's colour.
_LIPS = LIPS[:20]
_LEFT_EYE, _RIGHT_EYE = EYES[:16], EYES[16:]
_LEFT_BROW = (276, 283, 282, 295, 285, 336, 296, 334, 293, 300)
_RIGHT_BROW = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
_NOSE_BASE = 2


@dataclass(frozen=True)
class MadeCharacter:
    """A character, and what could look better."""

    character: Character
    warnings: tuple[str, ...]  # each a sentence with its cure


@dataclass(frozen=True)
class PhotoReference:
    """A photo as a reference: the head in our framing, cut out."""

    name: str
    rgba: Rgb  # [S,S,4] sRGB with straight alpha; S follows the photo's resolution, up to 1024
    params: FlameParams  # pose and expression in the photo
    light: Array  # [27] harmonics of the light in the photo
    face_px: float  # the longer side of the face in the photo's own pixels
    residual: float  # mean distance between the head's and the photo's landmarks, over the size of the face

    def reference(self) -> Reference:
        """For a character, with softer light than was estimated.

        That leaves half of a photo's shadows in the picture: light that is removed wrongly stains a head that turns,
        which looks worse than a shadow that turns with it.
        """
        return Reference(self.rgba, self.params, softened_light(self.light, _BELIEVED), "photo")


@dataclass(frozen=True)
class PhotoReferences:
    """One person in one to four photos."""

    shape: Array  # [100]
    references: tuple[PhotoReference, ...]  # in the photos' order
    warnings: tuple[str, ...]  # problems of the photos that will show, each with its cure


def references_of(
    photos: Sequence[Photo], refiner: Refiner | None = None, session: Session | None = None
) -> PhotoReferences:
    """References from photos of one person; about three seconds a photo on one core.

    `refiner` and `session` (the network that cuts people out) default to the shipped ones. Raises ValueError unless
    there are one to four photos.

    >>> with_photos = read_photos((Path("front.jpg"), Path("smile.jpg")))
    >>> references_of(with_photos).references[0].rgba.shape
    (1024, 1024, 4)
    """
    if not 1 <= len(photos) <= MOST_PHOTOS:
        raise ValueError(f"a character is made from 1 to {MOST_PHOTOS} photos, got {len(photos)}")
    refiner = refiner or Refiner()
    readings = [photo.reading for photo in photos]
    first = refiner.refine(readings)
    outlines = _for_each(photos, first, refiner, lambda photo, fitted: _outline(photo, fitted, session))
    found = refiner.refine(readings, outlines)
    references: list[PhotoReference] = []
    warnings: list[str] = []
    for reference, skin in _for_each(photos, found, refiner, lambda photo, fitted: _reference(photo, fitted, session)):
        references.append(reference)
        warnings += _warnings_of_photo(reference, skin)
    warnings += _warnings_of_all(photos, first, refiner)
    return PhotoReferences(found.shape, tuple(references), tuple(warnings))


@dataclass(frozen=True)
class _FittedPhoto:
    """The head that was fitted to a photo."""

    view: FittedView
    mapper: GeometryMapper  # of that head
    fitter: Fitter
    posed: Array  # [N,3]

    def screen(self, side: int) -> Array:
        """[N,3] positions of the vertices in our picture of this size."""
        return self.mapper.camera.project(self.posed, side)

    def is_head(self, side: int) -> Mask:
        """[S,S] the area of the head."""
        mask = np.zeros(side * side, np.bool_)
        mask[rasterize(self.screen(side), self.mapper.head.triangle.astype(np.int64), side)[0]] = True
        return mask.reshape(side, side)

    def landmarks(self, side: int) -> NDArray[np.float64]:
        """[468,2] pixels of our picture."""
        return self.fitter.anchored(self.screen(side)[:, :2])


def _for_each(
    photos: Sequence[Photo], found: Refined, refiner: Refiner, function: Callable[[Photo, _FittedPhoto], Made]
) -> list[Made]:
    head = refiner.fitter.head
    mapper = GeometryMapper(head.shaped(found.shape), head, _SKIN_GRID)
    posed = [head.pose(mapper.shaped, view.params) for view in found.views]
    rows = zip(photos, found.views, posed, strict=True)
    return [function(photo, _FittedPhoto(view, mapper, refiner.fitter, vertex)) for photo, view, vertex in rows]


def _outline(photo: Photo, fitted: _FittedPhoto, session: Session | None) -> Outline:
    """The head's outline in the photo's own pixels."""
    side = _OUTLINE_SIDE
    ours = rectified(photo.picture, fitted.view.camera, fitted.mapper.shaped, fitted.posed, side)
    landmarks, is_head = fitted.landmarks(side), fitted.is_head(side)
    covered = cut_out(ours.picture, is_head, within(landmarks, side), session)[..., 3] * ours.is_photo
    skin = skin_of(ours.picture, landmarks, fitted.mapper, fitted.view.params)
    if not len(skin.colour):
        return Outline.nothing()
    hue = np.median(skin.colour, 0)
    alpha = (covered / 255.0).astype(np.float32)
    found = head_outline(ours.picture, alpha, is_head, fitted.screen(side), fitted.mapper.head, hue)
    if not len(found.vertex):
        return found
    at, beyond = (ours.fetched_from(place) for place in (found.at, found.at + found.across))
    across = (beyond - at) / np.linalg.norm(beyond - at, axis=1, keepdims=True)
    return Outline(found.vertex, at, across)


def _reference(photo: Photo, fitted: _FittedPhoto, session: Session | None) -> tuple[PhotoReference, Skin]:
    view, mapper = fitted.view, fitted.mapper
    side = side_for(view.camera, mapper.shaped)
    landmarks = fitted.landmarks(side)
    most = _BEND_MOST * photo.reading.size_px
    missed = np.clip(view.missed[:ANCHORED], -most, most) * np.isin(np.arange(ANCHORED), (*LIPS, *EYES))[:, None]
    bend = bend_onto(landmarks, missed, side)
    ours = rectified(photo.picture, view.camera, mapper.shaped, fitted.posed, side, bend)
    rgba = cut_out(ours.picture, fitted.is_head(side), within(landmarks, side), session)
    rgba[..., 3] *= ours.is_photo
    skin = skin_of(ours.picture, landmarks, mapper, view.params)
    light = estimated_light(skin.colour, skin.normal, skin.is_beard)
    return PhotoReference(photo.name, rgba, view.params, light, photo.reading.size_px, view.residual), skin


def within(landmarks: NDArray[np.floating], side: int) -> Mask:
    """[S,S] the inner area of the face with these landmarks [468,2]."""
    mask = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(landmarks).astype(np.int32)), 1)
    reach = 2 * round(_FACE_MARGIN * side) + 1
    return np.asarray(cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0)


def _warnings_of_photo(reference: PhotoReference, skin: Skin) -> Iterator[str]:
    """Warnings about one photo."""
    name, looks = reference.name, rotation(reference.params.neck_pose)[2, 2]
    turn_deg = float(np.degrees(np.arccos(np.clip(looks, -1.0, 1.0))))
    if turn_deg > FARTHEST_TURN_DEG:
        yield (
            f"The head in {name} is turned by {turn_deg:.0f} degrees, so one side of the face is hardly visible: "
            "add a photo from the front."
        )
    if reference.face_px < FEW_PX:
        yield (
            f"The face in {name} is only {reference.face_px:.0f} pixels high and will look blurred: use a photo "
            "in which it is at least 400 pixels high."
        )
    if len(skin.colour) == 0:
        return
    level = tone_mapped(skin.colour)
    if np.median(level) < _DARK:
        yield f"The face in {name} is very dark: use a photo with more light."
    if (level.min(1) > 0.985).mean() > _BURNT:
        yield f"Parts of the face in {name} are overexposed: use a photo with softer light."
    sides = irradiance(reference.light, _SIDES_OF_A_FACE).mean(1)
    if sides.max() > _SHADOW * max(float(sides.min()), 1e-3):
        yield (
            f"Strong light from one side in {name} leaves a shadow that stays in the character's face: "
            "use a photo with light from the front."
        )
    if _of_another_hue(skin) > _COVERED:
        yield f"Something covers a part of the face in {name}: use a photo with nothing in front of the face."
    if skin.glint > _GLINT:
        yield f"The glasses in {name} reflect a light: turn the head or the lamp a little, or take them off."


def _of_another_hue(skin: Skin) -> float:
    """The part of the face whose hue is far from the skin's, such as a mask or a cup; a bare hand is not noticed."""
    red, green, blue = np.log(np.maximum(skin.colour, _BLACK)).T
    hue = np.stack([red - green, blue - green], 1)
    return float((np.abs(hue - np.median(hue, 0)).max(1) > _ANOTHER_HUE).mean())


_SIDES_OF_A_FACE = np.array([[-0.64, 0.0, 0.77], [0.64, 0.0, 0.77], [0.0, 0.5, 0.87], [0.0, -0.5, 0.87]], np.float32)


def _warnings_of_all(photos: Sequence[Photo], found: Refined, refiner: Refiner) -> Iterator[str]:
    """Warnings about photos that may show different people."""
    if len(photos) < 2:
        return
    alone = [refiner.refine([photo.reading]).cost for photo in photos]
    for k, m in combinations(range(len(photos)), 2):
        together = refiner.refine([photos[k].reading, photos[m].reading]).cost if len(photos) > 2 else found.cost
        if together - alone[k] - alone[m] > _OTHER:
            yield (
                f"{photos[k].name} and {photos[m].name} may show different people, because the faces have different "
                "proportions: use photos of one person."
            )


@dataclass(frozen=True)
class Rectified:
    """A photo, warped to the view of our camera."""

    picture: Rgb  # [S,S,3]; the photo's border pixels are repeated beyond its edge
    is_photo: Mask  # [S,S]
    where: Array  # [S,S,2] the photo's pixel for each pixel of the picture

    def fetched_from(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n,2] pixels of the photo for these pixels [n,2] of the picture."""
        x, y = ((place[:, k, None] - 0.5).astype(np.float32) for k in (0, 1))
        return np.asarray(cv2.remap(self.where, x, y, cv2.INTER_LINEAR)[:, 0], np.float64)


def side_for(camera: PhotoCamera, shaped: Shaped) -> int:
    """Pixels on a side of the reference picture that keeps the photo's resolution."""
    half_dm = float(np.tan(np.radians(FOV_DEG) / 2.0)) / camera_nearness(shaped)
    wanted = abs(camera.turn) * 2.0 * half_dm
    return next((side for side in SIDES if side >= 0.95 * wanted), SIDES[-1])


def camera_nearness(shaped: Shaped) -> float:
    """1 / dm: one over the distance of our camera from its target."""
    ours = Camera.framing(shaped)
    return 1.0 / float(ours.eye[2] - ours.aim[2])


def rectified(
    photo: Rgb, camera: PhotoCamera, shaped: Shaped, posed: Array, side: int, bend: Array | None = None
) -> Rectified:
    """The photo, warped to our camera's view of this posed head [N,3].

    The warp removes the perspective of the photo's camera: each pixel is fetched from the projection of its surface
    point into the photo, displaced by `bend` [S,S,2] pixels.
    """
    depth = smooth_depth(shaped, posed, open_head(), _GRID)
    near = camera_nearness(shaped)
    large = cv2.resize(depth, (side, side), interpolation=cv2.INTER_LINEAR)
    step = (np.arange(side, dtype=np.float32) + 0.5) / side * 2.0 - 1.0
    half = np.float32(np.tan(np.radians(FOV_DEG) / 2.0) / near)
    ratio = half * (1.0 - near * large) / (1.0 - camera.nearness * large)
    x, down = ratio * step[None, :], ratio * step[:, None]
    # The picture's x + iy is turn * (X - iY) + move, and Y is -down.
    turn, move = camera.turn, camera.move
    at_x = turn.real * x - turn.imag * down + move.real
    at_y = turn.imag * x + turn.real * down + move.imag
    if bend is not None:
        at_x, at_y = at_x + bend[..., 0], at_y + bend[..., 1]
    where = np.dstack([at_x, at_y]).astype(np.float32)
    height, width = photo.shape[:2]
    is_photo = (at_x >= 0.0) & (at_x <= width) & (at_y >= 0.0) & (at_y <= height)
    # A photo that shrinks is averaged first, because bicubic interpolation reads only four pixels a side.
    shrink = min(side / (2.0 * float(half)) / abs(turn), 1.0)
    if shrink < 0.9:
        size = (max(round(width * shrink), 1), max(round(height * shrink), 1))
        photo = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        at_x, at_y = at_x * (size[0] / width), at_y * (size[1] / height)
    picture = cv2.remap(
        photo,
        at_x.astype(np.float32) - 0.5,
        at_y.astype(np.float32) - 0.5,
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Rectified(picture, is_photo, where)


def bend_onto(landmarks: NDArray[np.floating], missed: NDArray[np.floating], side: int) -> Array:
    """[S,S,2] displacements `missed` [n,2] of these points [n,2], interpolated over a picture; 0 far from them.

    They bring a photo's lids and lips exactly onto the head's; the fit alone misses them by half a percent of the
    face's size. Points that do not move count less than those that do.
    """
    grid = min(side, _BEND_GRID)
    at = np.clip(landmarks * (grid / side), 0.0, grid - 1.001)
    low = at.astype(np.int64)
    right, down = (at - low).T
    weight = np.where(missed.any(1), 1.0, _BEND_STILL)
    values = np.column_stack([missed, np.ones(len(at))])
    summed = np.zeros((grid, grid, 3), np.float32)
    for x, y, share in (
        (0, 0, (1 - right) * (1 - down)),
        (1, 0, right * (1 - down)),
        (0, 1, (1 - right) * down),
        (1, 1, right * down),
    ):
        np.add.at(summed, (low[:, 1] + y, low[:, 0] + x), (share * weight)[:, None] * values)
    total = np.zeros_like(summed)
    for wider, share in _BEND_REACH:
        total += share * cv2.GaussianBlur(summed, (0, 0), wider * grid, borderType=cv2.BORDER_CONSTANT)
    bend = total[..., :2] / (total[..., 2:] + _BEND_END)
    return np.asarray(cv2.resize(bend, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


def smooth_depth(shaped: Shaped, posed: Array, head: OpenHead, grid: int) -> Array:
    """[G,G] dm by which the surface lies before our camera's target; extended smoothly beyond the head."""
    ours = Camera.framing(shaped)
    screen = ours.project(posed, grid)
    pixel, triangle, bary = rasterize(screen, head.triangle.astype(np.int64), grid)
    depth = np.zeros(grid * grid, np.float32)
    weight = np.zeros(grid * grid, np.float32)
    depth[pixel] = np.einsum("nk,nk->n", posed[head.triangle[triangle], 2], bary) - ours.aim[2]
    weight[pixel] = 1.0
    filled = spread(depth.reshape(grid, grid), weight.reshape(grid, grid))
    sigma = _SMOOTH * grid
    return np.asarray(cv2.GaussianBlur(filled, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def spread(value: Array, weight: Array) -> Array:
    """[G,G] the values where `weight` is 1, and interpolated values elsewhere (push-pull)."""
    if min(value.shape) <= 2:
        total = float(weight.sum())
        return np.full_like(value, float((value * weight).sum()) / total if total > 0.0 else 0.0)
    half = (-(-value.shape[1] // 2), -(-value.shape[0] // 2))
    small = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    summed = cv2.resize(value * weight, half, interpolation=cv2.INTER_AREA)
    below = spread(summed / np.maximum(small, 1e-6), np.minimum(small * 4.0, 1.0))
    coarse = cv2.resize(below, value.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(value * weight + coarse * (1.0 - weight), np.float32)


@dataclass(frozen=True)
class Skin:
    """Sampled points of the face's skin in a picture."""

    colour: Array  # [n,3] linear
    normal: Array  # [n,3]
    is_beard: Mask  # [n] whether a beard may grow there
    glint: float  # the part of the area around the eyes that is white and much brighter than skin


def skin_of(picture: Rgb, landmarks: NDArray[np.floating], mapper: GeometryMapper, params: FlameParams) -> Skin:
    """The skin in a picture [S,S,3] in our framing; `landmarks` [468,2] lie in its pixels."""
    grid = mapper.grid
    geometry = mapper.draw(params)
    scale = grid / len(picture)
    at = landmarks * scale
    is_skin = np.zeros((grid, grid), np.uint8)
    cv2.fillConvexPoly(is_skin, cv2.convexHull(np.round(at).astype(np.int32)), 1)
    for around in (_LIPS, _LEFT_EYE, _RIGHT_EYE, _LEFT_BROW, _RIGHT_BROW):
        cv2.fillPoly(is_skin, [np.round(at[list(around)]).astype(np.int32)], 0)
    is_skin = cv2.erode(is_skin, np.ones((3, 3), np.uint8), iterations=2) > 0
    is_skin &= (geometry[COVERED_CHANNEL] > 0.0) & (geometry[EYE_CHANNEL] <= 0.0) & (geometry[MOUTH_CHANNEL] <= 0.0)
    is_skin &= geometry[NORMAL_CHANNELS][2] > 0.2
    small = cv2.resize(linear_of_tone(picture), (grid, grid), interpolation=cv2.INTER_AREA)
    rows, _ = np.nonzero(is_skin)
    normal = geometry[NORMAL_CHANNELS].transpose(1, 2, 0)[is_skin]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return Skin(small[is_skin], normal, rows > at[_NOSE_BASE, 1], _glint(picture, landmarks))


def _glint(picture: Rgb, landmarks: NDArray[np.floating]) -> float:
    """The part of the area around the eyes, without the eyes, that shows reflected light."""
    side = len(picture)
    around, eyes = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
    for eye in (_LEFT_EYE, _RIGHT_EYE):
        points = np.round(landmarks[list(eye)]).astype(np.int32)
        cv2.fillPoly(eyes, [points], 1)
        cv2.fillConvexPoly(around, cv2.convexHull(points), 1)
    wide = max(round(float(np.ptp(landmarks[list(_LEFT_EYE), 0])) / 2.0), 1)
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * wide + 1, 2 * wide + 1))
    small = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide // 2 * 2 + 1,) * 2)
    near = (cv2.dilate(around, ellipse) > 0) & ~(cv2.dilate(eyes, small) > 0)
    shown = picture[near].astype(np.float32)
    if not len(shown):
        return 0.0
    is_white = shown.min(1) > max(_WHITE, float(np.median(shown.max(1))) + _ABOVE_SKIN)
    return float(is_white.mean())


_EARS_DM = (0.66, 6.78, 7.55)  # vertices of the resting average head farther out, and between these heights
# Parts of the picture's side: the distance from the head's outline in which the person's is searched; the depth at
# which the colour is compared with skin; the distance from the edge of the vertices that make it; the blur of the edge;
# and the distance by which the skull may reach beyond hair.
_EAR_REACH, _SKULL_REACH = 0.03, 0.06
_INWARD, _RIM, _OUTLINE_SMOOTH, _SLACK = 0.008, 0.004, 0.004, 0.004
_SAME_HUE, _DARKEST = 0.55, 0.25  # how far skin's hue may differ there, and how dark it may be beside the face's
_ENOUGH = 0.35  # the share of an ear's outline that must be found; else hair or a collar hides it
_FEWEST = 6  # vertices


def head_outline(
    picture: Rgb, alpha: Array, is_head: Mask, screen: NDArray[np.floating], head: OpenHead, hue: Array
) -> Outline:
    """The vertices of the outline that lie beside the person's outline, and the pixels through which that goes.

    `picture` [S,S,3] in our framing, cut out by `alpha` [S,S]; `is_head` [S,S] is where the fitted head lies, whose
    vertices are at `screen` [N,2+]. `hue` [3] is the face's usual linear colour, by which bare ears are recognised. The
    skull ends where hair does, or before.
    """
    side = len(picture)
    inner = np.asarray(cv2.distanceTransform(is_head.astype(np.uint8), cv2.DIST_L2, 5), np.float32)
    signed = inner - cv2.distanceTransform(1 - is_head.astype(np.uint8), cv2.DIST_L2, 5)
    down, right = np.gradient(cv2.GaussianBlur(signed, (0, 0), _OUTLINE_SMOOTH * side))
    found: list[tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]] = []
    for vertex, is_ear in _outline_parts(head):
        at = screen[vertex, :2].astype(np.float64)
        column, row = np.clip(at.astype(np.int64), 0, side - 1).T
        rim = np.flatnonzero(inner[row, column] < max(_RIM * side, 1.5))
        if len(rim) < _FEWEST:  # turned away
            continue
        out = -np.stack([right[row, column], down[row, column]], 1)[rim]
        out /= np.linalg.norm(out, axis=1, keepdims=True) + 1e-9
        reach = (_EAR_REACH if is_ear else _SKULL_REACH) * side
        shift, is_skin = _outline_crossings(picture, alpha, at[rim], out, hue, reach)
        is_known = np.isfinite(shift) & (is_skin if is_ear else shift < -_SLACK * side)
        if is_known.sum() >= (max(_ENOUGH * len(rim), _FEWEST) if is_ear else 1):
            moved = at[rim[is_known]] + shift[is_known, None] * out[is_known]
            found.append((vertex[rim[is_known]], moved, out[is_known]))
    if not found:
        return Outline.nothing()
    vertices, moved, across = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Outline(vertices, moved, across)


def _outline_parts(head: OpenHead) -> tuple[tuple[NDArray[np.intp], bool], ...]:
    """The vertices of the left ear, of the right ear and of the skull, and whether they are an ear's."""
    outward, low, high = _EARS_DM
    x, y, _ = head.template.T
    is_skin = head.region == SKIN
    is_ear = is_skin & (y > low) & (y < high)
    ears = np.flatnonzero(is_ear & (x > outward)), np.flatnonzero(is_ear & (x < -outward))
    return (ears[0], True), (ears[1], True), (np.flatnonzero(is_skin & (y > high)), False)


def _outline_crossings(
    picture: Rgb, alpha: Array, at: NDArray[np.float64], out: NDArray[np.float64], hue: Array, reach: float
) -> tuple[NDArray[np.float64], Mask]:
    """[n] pixels along `out` from each place to the person's edge, NaN without one; and whether that is skin."""
    side = len(picture)
    steps = np.arange(-reach, reach + 1.0)
    x, y = ((at[:, k, None] + steps * out[:, k, None]).astype(np.float32) for k in (0, 1))
    along = cv2.remap(alpha, x - 0.5, y - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    ends = (along[:, :-1] >= 0.5) & (along[:, 1:] < 0.5)
    distance = np.where(ends, np.abs(steps[:-1]), np.inf)
    nearest = distance.argmin(1)
    rows = np.arange(len(at))
    before, after = along[rows, nearest], along[rows, nearest + 1]
    shift = steps[nearest] + (before - 0.5) / np.maximum(before - after, 1e-6)
    within = shift - _INWARD * side
    place = (at + within[:, None] * out).astype(np.float32)
    colour = cv2.remap(picture, place[:, :1] - 0.5, place[:, 1:] - 0.5, cv2.INTER_LINEAR)[:, 0].astype(np.float64)
    linear = (colour / 255.0) ** 2.2 + 1e-3
    off = np.log(linear) - np.log(np.maximum(hue, 1e-3))
    is_skin = (np.abs(off[:, [0, 2]] - off[:, 1:2]).max(1) < _SAME_HUE) & (off[:, 1] > np.log(_DARKEST))
    return np.where(np.isfinite(distance.min(1)), shift, np.nan), is_skin
