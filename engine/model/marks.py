"""Draws the marks of comics over a finished picture, fixed to the head: blush, tears, sweat, star eyes ..."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data import FlameParams
from ..face.anime_head import AnimeHead
from ..face.correspondence import Viewer
from ..face.expressions import MARKS
from ..face.head import CROWN, EYE_LEFT, EYE_RIGHT, SKIN, SKULL, skull_seat
from ..rotation import rotation

Array = NDArray[np.float32]
Rgba = NDArray[np.uint8]

_SIDE = 192  # pixels on a side of a mark's own picture
_FINE = 4  # drawn so much larger, then reduced
_AWAY = 0.25  # cosine to the camera below which a mark is not seen any more
_ABOVE_SKIN_DM = 0.03


class _Place(NamedTuple):
    """Where a mark lies on the resting head, in distances between the eyes from the middle of one eye."""

    mark: str
    sprite: str
    right: float  # beyond the eye, away from the nose
    up: float
    size: float  # half of its width
    sides: tuple[int, ...] = (1, -1)  # 1 the character's left, -1 its right
    is_on_skin: bool = True  # else it may extend over the outline
    is_on_eye: bool = False  # then it fades as the eye closes


_PLACES = (
    _Place("blush", "blush", 0.10, -0.36, 0.27),
    _Place("tears", "tear", 0.12, -0.40, 0.21),
    _Place("sweat", "sweat", 0.46, 0.46, 0.27, (1,), is_on_skin=False),
    _Place("star_eyes", "star", 0.0, 0.0, 0.21, is_on_eye=True),
    _Place("shock", "blank", 0.0, 0.0, 0.27, is_on_eye=True),
    _Place("anger", "vein", 0.22, 0.74, 0.37, (-1,), is_on_skin=False),
)


def with_marks(rgba: Rgba, viewer: Viewer, params: FlameParams, amounts: Array) -> Rgba:
    """[S,S,4] the picture with these amounts [6] of `MARKS`, 0 to 1; the same object without any."""
    if not amounts.any():
        return rgba
    out = rgba.copy()
    for place in _PLACES:
        amount = float(amounts[MARKS.index(place.mark)])
        for side in place.sides if amount > 0.0 else ():
            closed = float(params.eyelids[0 if side > 0 else 1]) if place.is_on_eye else 0.0
            _draw_mark(out, viewer, params, place, side, amount * (1.0 - min(max(2.0 * closed - 0.6, 0.0), 1.0)))
    return out


def _draw_mark(out: Rgba, viewer: Viewer, params: FlameParams, place: _Place, side: int, amount: float) -> None:
    """Draws one mark, in place."""
    shaped, size = viewer.shaped, len(out)
    corner, normal = _mark_at_rest(viewer, place, side)
    turn = rotation(params.neck_pose)
    amount *= float(np.clip(((turn @ normal)[2] - _AWAY) / (1.0 - _AWAY) * 2.0, 0.0, 1.0))
    if amount <= 0.0:
        return
    posed = (corner - shaped.anchor[SKULL]) @ turn.T + skull_seat(shaped, params.neck_pose)
    at = viewer.camera.project(posed, size)[:, :2]
    middle, right, up = at[0], at[1] - at[0], at[2] - at[0]
    reach = np.abs(right) + np.abs(up)
    low = np.maximum(np.floor(middle - reach).astype(int), 0)
    high = np.minimum(np.ceil(middle + reach).astype(int) + 1, size)
    if (high <= low).any():
        return
    sprite = _sprite(place.sprite)
    half_px = _SIDE / 2
    to_picture = np.column_stack([right / half_px * side, -up / half_px, middle - low])
    to_picture[:, 2] -= to_picture[:, :2] @ (half_px, half_px) + 0.5 - to_picture[:, :2] @ (0.5, 0.5)
    shrink = _SIDE / (2.0 * max(float(np.linalg.norm(right)), 1.0))
    if shrink > 1.3:
        sprite = cv2.GaussianBlur(sprite, (0, 0), 0.4 * shrink)
    seen = cv2.warpAffine(sprite, to_picture, tuple(int(v) for v in high - low), flags=cv2.INTER_LINEAR)
    part = out[low[1] : high[1], low[0] : high[0]]
    _lay_over(part, np.asarray(seen, np.float32) * np.float32(amount / 255.0), place.is_on_skin)


@lru_cache(maxsize=64)
def _mark_at_rest(viewer: Viewer, place: _Place, side: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[3,3] dm: middle, right and upper end of a mark on the head at rest, and the normal of the skin there [3]."""
    anchor = viewer.shaped.anchor
    apart = float(np.linalg.norm(anchor[EYE_LEFT] - anchor[EYE_RIGHT]))
    point = anchor[EYE_LEFT if side > 0 else EYE_RIGHT].astype(np.float64)
    point += (side * place.right * apart, place.up * apart, 0.0)
    point[1] = min(point[1], anchor[CROWN, 1] - 0.3 * apart)
    point[2] = _front(viewer, point) + _ABOVE_SKIN_DM
    normal = _slope(viewer, point, apart)
    # The eyes of people are smaller relative to their distance.
    half = place.size * apart * (0.72 if place.is_on_eye and not isinstance(viewer.head, AnimeHead) else 1.0)
    # The mark leans half as much as the skin, so that it stays visible on a cheek.
    return point + half * np.array([[0.0, 0.0, 0.0], [1.0, 0.0, -0.5 * normal[0]], [0.0, 1.0, 0.0]]), normal


def _lay_over(part: Rgba, mark: Array, is_on_skin: bool) -> None:
    """Lays a premultiplied picture [h,w,4], 0 to 1, over a part of one with straight alpha, in place."""
    alpha = part[..., 3:].astype(np.float32) / 255.0
    if is_on_skin:
        mark = mark * alpha
    cover = mark[..., 3:]
    total = cover + alpha * (1.0 - cover)
    mixed = mark[..., :3] + part[..., :3].astype(np.float32) / 255.0 * alpha * (1.0 - cover)
    part[..., :3] = (mixed / np.maximum(total, 1e-4) * 255.0 + 0.5).clip(0.0, 255.0)
    part[..., 3:] = (total * 255.0 + 0.5).clip(0.0, 255.0)


def _front(viewer: Viewer, point: NDArray[np.floating]) -> float:
    """The z of the skin at rest at a point's x and y, dm."""
    vertex = _skin(viewer)
    far = np.square(vertex[:, :2] - point[:2]).sum(1)
    near = np.argsort(far)[:24]
    return float(vertex[near, 2].max())


def _slope(viewer: Viewer, point: NDArray[np.floating], apart: float) -> NDArray[np.float64]:
    """[3] the normal of the skin around a point."""
    step = 0.2 * apart
    across, up = (
        (_front(viewer, point + step * axis) - _front(viewer, point - step * axis)) / (2.0 * step)
        for axis in np.eye(3)[:2]
    )
    normal = np.array([-across, -up, 1.0])
    return np.asarray(normal / np.linalg.norm(normal))


def _skin(viewer: Viewer) -> Array:
    return np.asarray(viewer.shaped.vertex[viewer.head.region == SKIN])


# The marks' own pictures, drawn on a square from -1 to 1, x away from the nose, y up.


@cache
def _sprite(name: str) -> Array:
    """[192,192,4] premultiplied, 0 to 255."""
    large: Array = np.zeros((_SIDE * _FINE, _SIDE * _FINE, 4), np.float32)
    for color, alpha, outline in _DRAWINGS[name]():
        mask = np.zeros(large.shape[:2], np.uint8)
        at = (np.asarray(outline) * (1.0, -1.0) + 1.0) * (_SIDE * _FINE / 2)
        cv2.fillPoly(mask, [np.round(at * 16.0).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        share = (mask / np.float32(255.0) * np.float32(alpha))[..., None]
        large += (np.array([*color, 255.0], np.float32) - large) * share
    small = np.asarray(cv2.resize(large, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)
    if name == "blush":
        small = np.maximum(cv2.GaussianBlur(_disc(), (0, 0), 16.0), small)
    return small


Shape = tuple[tuple[float, float, float], float, NDArray[np.float64]]  # colour, alpha, outline [n,2]


def _disc() -> Array:
    """A soft red patch."""
    y, x = np.mgrid[-1.0 : 1.0 : _SIDE * 1j, -1.0 : 1.0 : _SIDE * 1j]
    share = np.exp(-2.2 * (np.square(x / 0.85) + np.square(y / 0.5)))[..., None] * 0.55
    return np.asarray(share * np.array([240.0, 90.0, 95.0, 255.0]), np.float32)


def _circle(x: float, y: float, wide: float, high: float) -> NDArray[np.float64]:
    angle = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
    return np.stack([x + wide * np.cos(angle), y + high * np.sin(angle)], 1)


def _drop(x: float, y: float, size: float) -> NDArray[np.float64]:
    """A drop with its point up."""
    angle = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
    slim = np.sin(angle / 2.0) ** 1.6
    return np.stack([x + size * np.sin(angle) * slim * 0.8, y + size * np.cos(angle)], 1)


def _blush() -> list[Shape]:
    slant = np.array([[-0.10, -0.26], [-0.03, -0.26], [0.10, 0.26], [0.03, 0.26]])
    return [((225.0, 60.0, 70.0), 0.75, slant + np.array([x, 0.0])) for x in (-0.36, 0.0, 0.36)]


def _tear() -> list[Shape]:
    line, water, light = (70.0, 120.0, 190.0), (165.0, 215.0, 250.0), (255.0, 255.0, 255.0)
    return [
        (line, 0.9, _drop(0.0, 0.0, 0.92)),
        (water, 0.95, _drop(0.0, -0.02, 0.80)),
        (light, 0.95, _circle(-0.22, -0.36, 0.12, 0.2)),
    ]


def _star() -> list[Shape]:
    def points(size: float) -> NDArray[np.float64]:
        angle = np.pi / 2 + np.arange(10) * np.pi / 5
        reach = size * np.where(np.arange(10) % 2 == 0, 1.0, 0.48)
        return np.stack([reach * np.cos(angle), reach * np.sin(angle)], 1)

    return [
        ((150.0, 90.0, 0.0), 1.0, points(0.98)),
        ((255.0, 214.0, 50.0), 1.0, points(0.82)),
        ((255.0, 246.0, 190.0), 1.0, points(0.40)),
    ]


def _blank() -> list[Shape]:
    return [
        ((30.0, 25.0, 30.0), 1.0, _circle(0.0, 0.0, 0.98, 0.98)),
        ((255.0, 255.0, 255.0), 1.0, _circle(0.0, 0.0, 0.90, 0.90)),
        ((30.0, 25.0, 30.0), 1.0, _circle(0.0, 0.0, 0.10, 0.10)),
    ]


def _vein() -> list[Shape]:
    """Four bent strokes around a free middle, with a light rim that shows them on red hair."""

    def strokes(color: tuple[float, float, float], rim: float) -> list[Shape]:
        bow = np.linspace(-0.05 - rim, np.pi / 2 + 0.05 + rim, 24)
        arc = np.stack([np.cos(bow), np.sin(bow)], 1)
        stroke = 0.91 * np.concatenate([1.0 - (0.88 + rim) * arc, 1.0 - (0.64 - rim) * arc[::-1]])
        return [(color, 1.0, stroke * flip) for flip in ((1, 1), (-1, 1), (1, -1), (-1, -1))]

    return strokes((255.0, 240.0, 236.0), 0.05) + strokes((215.0, 30.0, 35.0), 0.0)


_DRAWINGS: dict[str, Callable[[], list[Shape]]] = {
    "blush": _blush,
    "tear": _tear,
    "sweat": _tear,
    "star": _star,
    "blank": _blank,
    "vein": _vein,
}
