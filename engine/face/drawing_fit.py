"""Fits the anime head to some twenty points on a drawn face: shape, turn, expression, and place in the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import Array, FlameParams
from .anime_head import AnimeHead, anime_head
from .fitting import Similarity
from .rasterizer import Camera
from .retarget import from_weights

Wide = NDArray[np.float64]

# The points by name. Each is the mean of these landmarks of the 68-point set, to which the left and the right iris are
# added. Left and right are the character's.
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
# Without these no head can be fitted; the others are optional.
NEEDED = ("right_eye_outer", "right_eye_inner", "left_eye_inner", "left_eye_outer", "mouth_right", "mouth_left", "chin")
# The index of each point's partner in a mirror.
MIRRORED = tuple(
    NAMES.index(name.replace("left", "#").replace("right", "left").replace("#", "right")) for name in NAMES
)

_STEPS = 12
_DELTA = 1e-3  # for finite differences
_SPREAD_DM = 0.03  # standard deviation of a point; the face is 1.9 dm wide
_SPREAD_FACTOR = {"nose": 2.0, "right_jaw": 2.0, "left_jaw": 2.0, "chin": 1.5} | {n: 2.0 for n in NAMES if "brow" in n}
_SHAPE_SPREAD = 1.3  # standard deviations: artists vary more than the characters of the training pictures
_MOST_SHAPE = 3.5
# The expressions that a drawn face may have, and their standard deviations. The usual expression of a character belongs
# to its shape.
_EXPRESSIONS: tuple[tuple[tuple[str, ...], float], ...] = (
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
    """The anime head in a drawing."""

    shape: Array  # [100]
    params: FlameParams
    weights: Array  # [52] ARKit weights of `params`
    place: Similarity  # from our picture of that head, 1 pixel on a side, to the drawing's pixels
    missed: Wide  # [n,2] pixels of the drawing, from the head's points to the given ones
    residual: float  # mean length of `missed` over the width of the face


def fit_anime_head(
    points: Mapping[str, tuple[float, float]], head: AnimeHead | None = None, is_straight: bool = False
) -> DrawnFace:
    """The head with these points (pixels, x right, y down); ValueError if one of `NEEDED` is missing.

    With `is_straight` the head looks at the camera. Gauss-Newton finds shape, expression and turn; scale, roll and
    place follow from them.
    """
    unknown = [name for name in points if name not in POINTS]
    missing = [name for name in NEEDED if name not in points]
    if unknown or missing:
        found = f"unknown: {', '.join(unknown)}; " if unknown else ""
        found += f"missing: {', '.join(missing)}; " if missing else ""
        raise ValueError(f"{found}the points of a face are {', '.join(NAMES)}, of which {', '.join(NEEDED)} are needed")
    names = [name for name in NAMES if name in points]
    given = np.array([points[name] for name in names], np.float64)
    if not np.isfinite(given).all() or np.ptp(given, 0).min() < 1.0:
        raise ValueError("the points of a face must be finite and lie apart: wanted pixels, x to the right, y down")
    model = _FitModel(head or anime_head(), names, given, _STRAIGHT if is_straight else _TURN_SPREAD)
    state = np.zeros(model.size)
    cost, rows, slope = model.equations(state)
    damping = 1e-2
    for _ in range(_STEPS):
        normal = slope.T @ slope
        tried = model.bounded(state - np.linalg.solve(normal + damping * np.diag(np.diag(normal)), slope.T @ rows))
        residuals = model.residuals(tried)
        tried_cost = float(residuals @ residuals)
        if tried_cost >= cost:
            damping *= 8.0
            continue
        state, damping = tried, damping * 0.3
        is_done = cost - tried_cost < 1e-4 * cost
        cost, rows, slope = model.equations(state)
        if is_done:
            break
    return model.found(state)


class _FitModel:
    """The least-squares problem of one drawing: [shape, expressions, pitch and yaw] to standardized residuals."""

    def __init__(self, head: AnimeHead, names: list[str], points: Wide, turn: Wide) -> None:
        self._head, self._points = head, points
        self._shapes = int(np.flatnonzero(np.abs(head.shapedirs).max(1) > 0.0)[-1]) + 1
        self._pick = np.zeros((len(names), 70))
        for row, name in enumerate(names):
            self._pick[row, list(POINTS[name])] = 1.0 / len(POINTS[name])
        self._spread = _SPREAD_DM * np.array([_SPREAD_FACTOR.get(name, 1.0) for name in names])
        self._weights = slice(self._shapes, self._shapes + len(_EXPRESSIONS))
        self._turn = slice(self._weights.stop, self._weights.stop + 2)
        self.size = self._turn.stop
        self._prior = np.array([*[_SHAPE_SPREAD] * self._shapes, *(most for _, most in _EXPRESSIONS), *turn])

    def bounded(self, state: Wide) -> Wide:
        """The nearest possible state."""
        low = np.concatenate([np.full(self._shapes, -_MOST_SHAPE), np.zeros(len(_EXPRESSIONS)), -_MOST_TURN])
        high = np.concatenate([np.full(self._shapes, _MOST_SHAPE), np.ones(len(_EXPRESSIONS)), _MOST_TURN])
        return np.clip(state, low, high)

    def face(self, state: Wide) -> tuple[Array, FlameParams, Array]:
        """Shape [100], parameters and ARKit weights [52]."""
        shape = np.zeros(len(self._head.shapedirs), np.float32)
        shape[: self._shapes] = state[: self._shapes]
        weights = np.zeros(arkit.COUNT, np.float32)
        for (group, _), value in zip(_EXPRESSIONS, state[self._weights], strict=True):
            weights[[arkit.INDEX[name] for name in group]] = value
        turn = np.array([*state[self._turn], 0.0], np.float32)
        return shape, from_weights(weights, None, turn), weights

    def placed(self, state: Wide) -> tuple[Wide, Similarity, float]:
        """[n,2] pixels from the head's points to the drawing's, the head's place, and its pixels a dm."""
        shape, params, _ = self.face(state)
        shaped = self._head.shaped(shape)
        camera = Camera.framing(shaped)
        point = self._head.landmarks(self._head.pose(shaped, params))
        ours = self._pick @ camera.project(point, 1)[:, :2].astype(np.float64)
        place = _weighted(ours, self._points, 1.0 / self._spread**2)
        per_dm = place.scale * _per_dm(camera)
        return self._points - place.apply(ours), place, per_dm

    def residuals(self, state: Wide) -> Wide:
        """[m] the errors of the points and the prior, in standard deviations."""
        missed, _, per_dm = self.placed(state)
        return np.concatenate([(missed / per_dm / self._spread[:, None]).ravel(), state / self._prior])

    def equations(self, state: Wide) -> tuple[float, Wide, Wide]:
        """Cost, residuals [m] and their derivative [m,size]."""
        rows = self.residuals(state)
        slope = np.empty((len(rows), self.size))
        for k in range(self.size):
            changed = state.copy()
            changed[k] += _DELTA
            slope[:, k] = (self.residuals(changed) - rows) / _DELTA
        return float(rows @ rows), rows, slope

    def found(self, state: Wide) -> DrawnFace:
        shape, params, weights = self.face(state)
        missed, place, per_dm = self.placed(state)
        width = _FACE_WIDTH_DM * per_dm
        return DrawnFace(shape, params, weights, place, missed, float(np.linalg.norm(missed, axis=1).mean() / width))


def _per_dm(camera: Camera) -> float:
    """The part of our picture's side that 1 dm at the face covers."""
    ends = np.array([[0.0, 0.0, _FACE_BEFORE_AIM_DM], [1.0, 0.0, _FACE_BEFORE_AIM_DM]])
    left, right = camera.project(camera.aim + ends, 1)
    return float(right[0] - left[0])


def _weighted(start: Wide, end: Wide, weight: Wide) -> Similarity:
    """The weighted least-squares similarity from points to others."""
    a, b = start[:, 0] + 1j * start[:, 1], end[:, 0] + 1j * end[:, 1]
    share = weight / weight.sum()
    middle_a, middle_b = complex(share @ a), complex(share @ b)
    a, b = a - middle_a, b - middle_b
    turn = complex((share * np.conj(a)) @ b / ((share * np.conj(a)) @ a))
    return Similarity(turn, middle_b - turn * middle_a)
