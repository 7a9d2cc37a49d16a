"""Fits the anime head to some twenty points on a drawn face: its shape, its turn, its expression, and its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import FlameParams
from .anime_head import AnimeHead, anime_head
from .fitting import Similarity
from .rasterizer import Camera
from .retarget import from_weights

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

# The points by name, and the landmarks of the 68-point set (and the irises, left then right) whose mean each one is.
# Left and right are the character's own.
POINTS: dict[str, tuple[int, ...]] = {
    "right_brow_outer": (17,),
    "right_brow_inner": (21,),
    "left_brow_inner": (22,),
    "left_brow_outer": (26,),
    "right_eye_outer": (36,),
    "right_eye_top": (37, 38),
    "right_eye_inner": (39,),
    "right_eye_bottom": (40, 41),
    "left_eye_inner": (42,),
    "left_eye_top": (43, 44),
    "left_eye_outer": (45,),
    "left_eye_bottom": (46, 47),
    "right_iris": (69,),
    "left_iris": (68,),
    "nose": (30,),
    "mouth_right": (48,),
    "mouth_top": (51,),
    "mouth_left": (54,),
    "mouth_bottom": (57,),
    "right_jaw": (4,),
    "chin": (8,),
    "left_jaw": (12,),
}
NAMES = tuple(POINTS)
# Without these no head can be placed; the others may be left out.
NEEDED = ("right_eye_outer", "right_eye_inner", "left_eye_inner", "left_eye_outer", "mouth_right", "mouth_left", "chin")
# Each point's partner in a mirror.
MIRRORED = tuple(
    NAMES.index(name.replace("left", "#").replace("right", "left").replace("#", "right") if name != "nose" else name)
    for name in NAMES
)

_STEPS = 12
_EASE = 1e-3  # for finite differences
_SPREAD_DM = 0.03  # how far a point lies from where it belongs; the face is 1.9 dm wide
_VAGUE = {"nose": 2.0, "right_jaw": 2.0, "left_jaw": 2.0, "chin": 1.5} | {n: 2.0 for n in NAMES if "brow" in n}
_SHAPE_SPREAD = 1.3  # standard deviations: artists vary more than the characters of the training pictures
_MOST_SHAPE = 3.5
# The expressions that a drawn face may show, and how strong: what a character does at rest belongs to its shape.
_WORN: tuple[tuple[tuple[str, ...], float], ...] = (
    (("jawOpen",), 0.4),
    (("mouthSmileLeft", "mouthSmileRight"), 0.3),
    (("eyeBlinkLeft",), 0.35),
    (("eyeBlinkRight",), 0.35),
    (("browInnerUp", "browOuterUpLeft", "browOuterUpRight"), 0.15),
)
_FACE_WIDTH_DM, _FACE_BEFORE_AIM_DM = 1.86, 0.6
_TURN_SPREAD = np.array([0.12, 0.3])  # radians of pitch and yaw
_STRAIGHT = np.array([1e-3, 1e-3])
_MOST_TURN = np.array([0.35, 0.7])


@dataclass(frozen=True)
class DrawnFace:
    """Where a drawing shows the anime head."""

    shape: Array  # [100]
    params: FlameParams
    weights: Array  # [52] ARKit weights of `params`
    place: Similarity  # from our picture of that head, 1 pixel on a side, to the drawing's pixels
    missed: Wide  # [n,2] pixels of the drawing from where the head has a point to where it was seen
    residual: float  # mean length of `missed`, as a part of the face's width


def fit_anime_head(
    points: Mapping[str, tuple[float, float]], head: AnimeHead | None = None, is_straight: bool = False
) -> DrawnFace:
    """The head with these points (pixels, x right, y down); ValueError where one of `NEEDED` is not among them.

    With `is_straight` it is known to look at the camera.

    Gauss-Newton over shape, expression and turn; size, roll and place follow from them.
    """
    unknown = [name for name in points if name not in POINTS]
    missing = [name for name in NEEDED if name not in points]
    if unknown or missing:
        told = f"unknown: {', '.join(unknown)}; " if unknown else ""
        told += f"missing: {', '.join(missing)}; " if missing else ""
        raise ValueError(f"{told}the points of a face are {', '.join(NAMES)}, of which {', '.join(NEEDED)} are needed")
    names = [name for name in NAMES if name in points]
    seen = np.array([points[name] for name in names], np.float64)
    if not np.isfinite(seen).all() or np.ptp(seen, 0).min() < 1.0:
        raise ValueError("the points of a face must be finite and lie apart: wanted pixels, x to the right, y down")
    model = _FitModel(head or anime_head(), names, seen, _STRAIGHT if is_straight else _TURN_SPREAD)
    state = np.zeros(model.size)
    cost, rows, slope = model.equations(state)
    damping = 1e-2
    for _ in range(_STEPS):
        normal = slope.T @ slope
        tried = model.bounded(state - np.linalg.solve(normal + damping * np.diag(np.diag(normal)), slope.T @ rows))
        there = model.cost(tried)
        if there >= cost:
            damping *= 8.0
            continue
        state, damping = tried, damping * 0.3
        is_done = cost - there < 1e-4 * cost
        cost, rows, slope = model.equations(state)
        if is_done:
            break
    return model.found(state)


class _FitModel:
    """The points of one drawing, and the head that shall have them."""

    def __init__(self, head: AnimeHead, names: list[str], seen: Wide, turn: Wide) -> None:
        self._head, self._seen = head, seen
        self._shapes = int(np.flatnonzero(np.abs(head.shapedirs).max(1) > 0.0)[-1]) + 1
        self._pick = np.zeros((len(names), 70))
        for row, name in enumerate(names):
            self._pick[row, list(POINTS[name])] = 1.0 / len(POINTS[name])
        self._spread = _SPREAD_DM * np.array([_VAGUE.get(name, 1.0) for name in names])
        self._weights = slice(self._shapes, self._shapes + len(_WORN))
        self._turn = slice(self._weights.stop, self._weights.stop + 2)
        self.size = self._turn.stop
        self._prior = np.array([*[_SHAPE_SPREAD] * self._shapes, *(most for _, most in _WORN), *turn])

    def bounded(self, state: Wide) -> Wide:
        """The nearest state that a face can have."""
        low = np.concatenate([np.full(self._shapes, -_MOST_SHAPE), np.zeros(len(_WORN)), -_MOST_TURN])
        high = np.concatenate([np.full(self._shapes, _MOST_SHAPE), np.ones(len(_WORN)), _MOST_TURN])
        return np.clip(state, low, high)

    def face(self, state: Wide) -> tuple[Array, FlameParams, Array]:
        """Shape [100], parameters and ARKit weights [52]."""
        shape = np.zeros(len(self._head.shapedirs), np.float32)
        shape[: self._shapes] = state[: self._shapes]
        weights = np.zeros(arkit.COUNT, np.float32)
        for (group, _), value in zip(_WORN, state[self._weights], strict=True):
            weights[[arkit.INDEX[name] for name in group]] = value
        turn = np.array([*state[self._turn], 0.0], np.float32)
        return shape, from_weights(weights, None, turn), weights

    def placed(self, state: Wide) -> tuple[Wide, Similarity, float]:
        """[n,2] pixels by which the drawing's points lie beside the head's, its place, and its pixels a dm."""
        shape, params, _ = self.face(state)
        shaped = self._head.shaped(shape)
        camera = Camera.framing(shaped)
        point = self._head.landmarks(self._head.pose(shaped, params))
        ours = self._pick @ camera.project(point, 1)[:, :2].astype(np.float64)
        place = _weighted(ours, self._seen, 1.0 / self._spread**2)
        per_dm = place.scale * _per_dm(camera)
        return self._seen - place.apply(ours), place, per_dm

    def residuals(self, state: Wide) -> Wide:
        """Everything in standard deviations."""
        beside, _, per_dm = self.placed(state)
        return np.concatenate([(beside / per_dm / self._spread[:, None]).ravel(), state / self._prior])

    def cost(self, state: Wide) -> float:
        rows = self.residuals(state)
        return float(rows @ rows)

    def equations(self, state: Wide) -> tuple[float, Wide, Wide]:
        """Cost, residuals [m] and their derivative [m,size]."""
        rows = self.residuals(state)
        slope = np.empty((len(rows), self.size))
        for k in range(self.size):
            eased = state.copy()
            eased[k] += _EASE
            slope[:, k] = (self.residuals(eased) - rows) / _EASE
        return float(rows @ rows), rows, slope

    def found(self, state: Wide) -> DrawnFace:
        shape, params, weights = self.face(state)
        beside, place, per_dm = self.placed(state)
        width = _FACE_WIDTH_DM * per_dm
        return DrawnFace(shape, params, weights, place, beside, float(np.linalg.norm(beside, axis=1).mean() / width))


def _per_dm(camera: Camera) -> float:
    """How much of our picture's side 1 dm at the face covers."""
    ends = np.array([[0.0, 0.0, _FACE_BEFORE_AIM_DM], [1.0, 0.0, _FACE_BEFORE_AIM_DM]])
    left, right = camera.project(camera.aim + ends, 1)
    return float(right[0] - left[0])


def _weighted(start: Wide, end: Wide, weight: Wide) -> Similarity:
    """The similarity that brings points nearest to others by weighted least squares."""
    a, b = start[:, 0] + 1j * start[:, 1], end[:, 0] + 1j * end[:, 1]
    share = weight / weight.sum()
    middle_a, middle_b = complex(share @ a), complex(share @ b)
    a, b = a - middle_a, b - middle_b
    turn = complex((share * np.conj(a)) @ b / ((share * np.conj(a)) @ a))
    return Similarity(turn, middle_b - turn * middle_a)
