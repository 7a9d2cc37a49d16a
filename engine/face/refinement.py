"""Refines the fit of a head to the landmarks of one to four pictures of the same person, by Gauss-Newton steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from omote.bridge import arkit

from ..data import Array, FlameParams
from ..rotation import rotation
from .fitting import ANCHORED, FaceLandmarks, Fitter, PhotoCamera, stood_upright, tracker_row
from .head import (
    CHIN,
    CROWN,
    EYE_LEFT,
    EYE_RIGHT,
    NECK,
    NECK_SHARE,
    SKULL,
    OpenHead,
    look_weights,
)
from .rasterizer import AIM, AIM_BEHIND_EYES_DM, FOV_DEG, FRAME
from .retarget import DRIVEN, UNITS, from_weights, gaze_from_weights

Wide = NDArray[np.float64]

FILE = Path(__file__).with_name("landmark_noise.safetensors")
POINTS = ANCHORED + 2  # the landmarks on the face, then the middles of the left and of the right iris
_IRIS = (473, 468)  # MediaPipe's middles of the left and of the right iris
# Landmarks around the mouth's opening and the lips, and on the rims of the lids.
LIPS: tuple[int, ...] = (
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185),  # outer, then inner
    *(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191),
)
EYES: tuple[int, ...] = (
    *(263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),  # left, then right
    *(33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
)

# The unknowns of each picture beside the shape: the weights that move vertices along straight lines, the pitch and yaw
# of both eyes, the rotation of the head, the logarithm of the scale, the move, and the logarithm of the nearness.
LINEAR: tuple[str, ...] = tuple(name for name in (*UNITS, *DRIVEN) if not name.startswith("eyeLook"))
_LINEAR_AT = np.array([arkit.INDEX[name] for name in LINEAR])
_BLINKS = np.array([arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]])
_BLINK_ROWS = np.array([LINEAR.index("eyeBlinkLeft"), LINEAR.index("eyeBlinkRight")])
_NARROWEST, _WIDEST = 0.1, 1.5  # opening of an eye, in units of the mean head's blink
_LOOKS: tuple[str, ...] = tuple(name for name in DRIVEN if name.startswith("eyeLook"))
_WEIGHTS = slice(0, len(LINEAR))
_GAZE = slice(_WEIGHTS.stop, _WEIGHTS.stop + 4)
_TURN = slice(_GAZE.stop, _GAZE.stop + 3)
_SCALE, _MOVE, _NEARNESS = _TURN.stop, slice(_TURN.stop + 1, _TURN.stop + 3), _TURN.stop + 3
VIEW_SIZE = _NEARNESS + 1

_IRIS_DEPTH_DM = 0.006  # distance from an eyeball's foremost vertex up to which vertices belong to the iris
_STEPS = 12
_LEAST_GAIN = 1e-4  # of the cost; a step that gains less is the last
_SHAPE_SPREAD = 0.5  # standard deviation of a shape's coefficients around those that the regression finds
_OUTLINE_SPREAD = 0.03  # dm; errors of neighbours on an outline are correlated
_LARGEST_GAZE = 0.65  # radians
# Standard deviations of expressions in portraits: of those that people make before a camera, and of all others. Low
# brows or pressed lips are mostly the shape of a face, even if the tracker reports an expression. Taken for an
# expression, they are missing from the face at rest, and so is the likeness.
_RARE = 0.012
_COMMON = {"mouthSmile": 0.8, "jawOpen": 0.5, "eyeBlink": 0.4, "mouthUpperUp": 0.3, "mouthLowerDown": 0.4}
_COMMON |= {"cheekSquint": 0.04, "eyeSquint": 0.04, "mouthFunnel": 0.04, "mouthPucker": 0.04}
_TRACKER_SPREAD = 0.5  # of the tracker's weights on a photo, in addition to their error on rendered people
# Photos are taken from 40 cm to some metres. Mean and standard deviation of the logarithm of their nearness over ours.
_NEARNESS_MEAN, _NEARNESS_SPREAD = -0.2, 0.45
_DELTA = 1e-4  # for finite differences


@dataclass(frozen=True)
class LandmarkNoise:
    """The error of landmarks on rendered people, measured by `omote.engine.training.priors`."""

    mean: Wide  # [470,2] dm on the head that stands upright
    spread: Wide  # [470] dm: the independent error of each landmark
    common: Wide  # [D,470*2] dm: one standard deviation of each component of the correlated error
    start: Wide  # [55,55] covariance of the tracker's weights and rotation around the truth


@dataclass(frozen=True)
class FittedView:
    """The head in one picture."""

    params: FlameParams
    weights: Array  # [52] ARKit weights of `params`
    camera: PhotoCamera
    missed: Wide  # [470,2] pixels from the head's points to the landmarks, irises last
    residual: float  # mean length of `missed` over the size of the face


@dataclass(frozen=True)
class Refined:
    """One person in one or more pictures."""

    shape: Array  # [100]
    views: tuple[FittedView, ...]
    cost: float  # sum of squared standard deviations; lower is likelier


@dataclass(frozen=True)
class Outline:
    """The parts of the head's outline that were found in a picture."""

    vertex: NDArray[np.intp]  # [n] vertices on the outline
    at: Wide  # [n,2] pixels of the outline near them
    across: Wide  # [n,2] unit vectors across the outline there, y down

    @classmethod
    def nothing(cls) -> Self:
        """An empty outline."""
        return cls(np.zeros(0, np.intp), np.zeros((0, 2)), np.zeros((0, 2)))


@dataclass(frozen=True)
class _Picture:
    """The landmarks of a picture, turned upright and centred, with the priors of its view."""

    points: Wide  # [470,2] pixels, y up
    middle: complex  # pixel around which they were turned, y down
    roll: float
    start: Wide  # [VIEW_SIZE]
    prior: Wide  # [VIEW_SIZE] the expected value of each unknown
    precision: Wide  # [VIEW_SIZE,VIEW_SIZE] the inverse covariance around it
    outline: tuple[HeadPoints, Wide, Wide] | None = None  # points of the head, pixels [n,2] and unit vectors [n,2]


class Refiner:
    """Finds shape, expression, gaze, turn and camera together; build once, refine often."""

    def __init__(self, fitter: Fitter | None = None, noise: LandmarkNoise | None = None) -> None:
        self.fitter = fitter or Fitter()
        self.noise = noise or shipped_noise()
        self.face = anchored_face(self.fitter)

    def refine(self, readings: Sequence[FaceLandmarks], outlines: Sequence[Outline] = ()) -> Refined:
        """The head of one person in these readings; an outline per picture makes ears and skull more exact."""
        fits = [self.fitter.fit(reading) for reading in readings]
        shape = np.mean([fit.shape for fit in fits], axis=0).astype(np.float64)
        given = outlines or [Outline.nothing()] * len(readings)
        pictures = [self._picture(reading, shape, outline) for reading, outline in zip(readings, given, strict=True)]
        state = np.concatenate([shape, *(picture.start for picture in pictures)])
        damping = 1e-3
        normal, slope, cost = self._equations(state, shape, pictures)
        for _ in range(_STEPS):
            tried = self._step(state, normal, slope, damping)
            tried_normal, tried_slope, tried_cost = self._equations(tried, shape, pictures)
            if tried_cost >= cost:
                damping *= 10.0
                continue
            gain, state, cost = cost - tried_cost, tried, tried_cost
            normal, slope, damping = tried_normal, tried_slope, damping * 0.3
            if gain < _LEAST_GAIN * cost:
                break
        size = self.face.shape_size
        found = state[:size]
        views = [
            self._view(found, state[size + k * VIEW_SIZE :][:VIEW_SIZE], picture) for k, picture in enumerate(pictures)
        ]
        return Refined(found.astype(np.float32), tuple(views), cost)

    def _picture(self, reading: FaceLandmarks, shape: Wide, outline: Outline) -> _Picture:
        upright = stood_upright(reading)
        turned, middle = landmarks_of(reading, upright.roll)
        tracked = tracker_row(reading.weights, upright.rotation) @ self.fitter.numbers.start
        weights, turn = np.clip(tracked[: arkit.COUNT], 0.0, 1.0), tracked[arkit.COUNT :]
        # The tracker's blinks are shares of this eye's opening, the solver's are in units of the mean head.
        weights[_BLINKS] *= self._openings(shape, FlameParams.neutral())
        prior = state_of(weights, turn, _NEARNESS_MEAN)
        precision = np.zeros((VIEW_SIZE, VIEW_SIZE))
        known = np.concatenate([_LINEAR_AT, arkit.COUNT + np.arange(3)])
        rows = np.concatenate([np.arange(len(LINEAR)), np.arange(_TURN.start, _TURN.stop)])
        covariance = self.noise.start[np.ix_(known, known)]
        covariance[: len(LINEAR), : len(LINEAR)] += _TRACKER_SPREAD**2 * np.eye(len(LINEAR))
        tracker_precision = np.linalg.inv(covariance)
        both = tracker_precision.copy()
        both[: len(LINEAR), : len(LINEAR)] += np.diag(1.0 / _expression_spread() ** 2)
        # The prior of the weights combines the tracker's values with the rarity of strong expressions.
        prior[rows] = np.linalg.solve(both, tracker_precision @ prior[rows])
        precision[np.ix_(rows, rows)] = both
        precision[_GAZE, _GAZE] = np.eye(4) / 0.3**2
        precision[_NEARNESS, _NEARNESS] = 1.0 / _NEARNESS_SPREAD**2
        start = prior.copy()
        projected, _ = self.face.seen(shape, start)
        ours = projected[:, 0] + 1j * projected[:, 1]
        # The scale and the move from the head to the landmarks, which are turned upright already.
        centred = ours - ours.mean()
        scale = float((np.conj(centred) * (turned - turned.mean())).real.sum() / (np.abs(centred) ** 2).sum())
        move = turned.mean() - scale * ours.mean()
        start[_SCALE], start[_MOVE] = np.log(scale), (move.real / scale, move.imag / scale)
        found = _Picture(np.stack([turned.real, turned.imag], 1), middle, upright.roll, start, prior, precision)
        if not len(outline.vertex):
            return found
        # Turn the outline upright as well.
        at, across = (np.conj(one[:, 0] + 1j * one[:, 1]) for one in (outline.at, outline.across))
        to_upright = np.exp(-1j * upright.roll)
        at, across = (at - np.conj(middle)) * to_upright, across * to_upright
        points = HeadPoints(self.face.head, lambda vertex: vertex[outline.vertex])
        return replace(
            found, outline=(points, np.stack([at.real, at.imag], 1), np.stack([across.real, across.imag], 1))
        )

    def _equations(self, state: Wide, expected: Wide, pictures: Sequence[_Picture]) -> tuple[Wide, Wide, float]:
        """Gauss-Newton's matrix, gradient and cost, with a prior of the shape around `expected` [100]."""
        size = self.face.shape_size
        normal, slope = np.zeros((len(state), len(state))), np.zeros(len(state))
        shape = state[:size]
        away = (shape - expected) / _SHAPE_SPREAD
        normal[:size, :size] = np.eye(size) / _SHAPE_SPREAD**2
        slope[:size] = away / _SHAPE_SPREAD
        cost = float(away @ away)
        for k, picture in enumerate(pictures):
            own = slice(size + k * VIEW_SIZE, size + (k + 1) * VIEW_SIZE)
            view = state[own]
            residual, change = self.missed(shape, view, picture)
            residual, change = self._whitened(residual), self._whitened(change)
            difference = view - picture.prior
            at = np.concatenate([np.arange(size), np.arange(own.start, own.stop)])
            outline_residual, outline_change = self._outline_residual(shape, view, picture)
            residual, change = np.concatenate([residual, outline_residual]), np.concatenate([change, outline_change])
            normal[np.ix_(at, at)] += change.T @ change
            normal[own, own] += picture.precision
            slope[at] += change.T @ residual
            slope[own] += picture.precision @ difference
            cost += float(residual @ residual + difference @ picture.precision @ difference)
        return normal, slope, cost

    def missed(self, shape: Wide, view: Wide, picture: _Picture) -> tuple[Wide, Wide]:
        """[940] dm from the landmarks to the head, and the derivative [940,100+VIEW_SIZE] by shape and view."""
        residual, change = self._residual(self.face, picture.points, shape, view)
        return (residual + self.noise.mean).ravel(), change.reshape(2 * POINTS, -1)

    def _outline_residual(self, shape: Wide, view: Wide, picture: _Picture) -> tuple[Wide, Wide]:
        """[n] distance of the head from its outline in standard deviations, and its derivative [n,100+VIEW_SIZE]."""
        if picture.outline is None:
            return np.zeros(0), np.zeros((0, self.face.shape_size + VIEW_SIZE))
        points, at, across = picture.outline
        residual, change = self._residual(points, at, shape, view)
        distance = np.einsum("nk,nk->n", across, residual) / _OUTLINE_SPREAD
        return distance, np.einsum("nk,nkp->np", across, change) / _OUTLINE_SPREAD

    def _residual(self, points: HeadPoints, pixels: Wide, shape: Wide, view: Wide) -> tuple[Wide, Wide]:
        """[n,2] dm from pixels [n,2] to points of the head, and the derivative [n,2,100+VIEW_SIZE]."""
        projected, change = points.seen(shape, view)
        wanted = pixels / np.exp(view[_SCALE])
        full = np.zeros((len(projected), 2, self.face.shape_size + VIEW_SIZE))
        full[..., : change.shape[-1] - 1] = change[..., :-1]
        first = self.face.shape_size
        full[..., first + _NEARNESS] = change[..., -1]
        full[..., first + _SCALE] = wanted  # A larger scale shrinks the wanted positions.
        full[:, 0, first + _MOVE.start] = full[:, 1, first + _MOVE.start + 1] = 1.0
        return projected + view[_MOVE] - wanted, full

    def _whitened(self, residual: Wide) -> Wide:
        """The residual [940], or its derivative [940,n], in units of its noise."""
        spread = np.repeat(self.noise.spread, 2)
        scaled = (residual.T / spread).T
        basis, shrink = self._common
        return np.asarray(scaled - basis @ ((basis.T @ scaled).T * shrink).T)

    @cached_property
    def _common(self) -> tuple[Wide, Wide]:
        """Orthonormal directions [940,D] of the correlated error after whitening, and their shrinkage [D]."""
        spread = np.repeat(self.noise.spread, 2)
        basis, value, _ = np.linalg.svd((self.noise.common / spread).T, full_matrices=False)
        return basis, 1.0 - 1.0 / np.sqrt(1.0 + value**2)

    def _step(self, state: Wide, normal: Wide, slope: Wide, damping: float) -> Wide:
        """The state after one step; a weight that would leave its range is fixed at the bound."""
        low, high = self._bounds(len(state))
        matrix = normal + damping * np.diag(np.diag(normal))
        is_free = ~(((state <= low) & (slope > 0.0)) | ((state >= high) & (slope < 0.0)))
        tried = state.copy()
        for _ in range(4):
            rows = np.flatnonzero(is_free)
            held = tried - state
            held[rows] = 0.0
            gradient = slope[rows] + matrix[rows] @ held
            tried[rows] = state[rows] - np.linalg.solve(matrix[np.ix_(rows, rows)], gradient)
            outside = is_free & ((tried < low) | (tried > high))
            tried = np.clip(tried, low, high)
            if not outside.any():
                break
            is_free &= ~outside
        return tried

    def _bounds(self, length: int) -> tuple[Wide, Wide]:
        low, high = np.full(length, -np.inf), np.full(length, np.inf)
        for first in range(self.face.shape_size, length, VIEW_SIZE):
            low[first : first + len(LINEAR)], high[first : first + len(LINEAR)] = 0.0, 1.0
            high[first + _BLINK_ROWS] = _WIDEST
            low[first + _GAZE.start : first + _GAZE.stop] = -_LARGEST_GAZE
            high[first + _GAZE.start : first + _GAZE.stop] = _LARGEST_GAZE
        return low, high

    def _openings(self, shape: Wide, params: FlameParams) -> Array:
        head = self.face.head
        return head.openings(head.shaped(shape.astype(np.float32)), params)

    def _view(self, shape: Wide, view: Wide, picture: _Picture) -> FittedView:
        weights = np.zeros(arkit.COUNT, np.float32)
        weights[_LINEAR_AT] = view[_WEIGHTS]
        gaze = view[_GAZE].reshape(2, 2).astype(np.float32)
        params = from_weights(weights, gaze, view[_TURN].astype(np.float32))
        # From blinks in units of the mean head to shares of this eye's opening.
        opening = np.maximum(self._openings(shape, params), _NARROWEST)
        weights[_BLINKS] = np.clip(weights[_BLINKS] / opening, 0.0, 1.0)
        params = replace(params, eyelids=weights[_BLINKS])
        scale = np.exp(view[_SCALE])
        # From upright, y up, around the landmarks' middle, to the picture's pixels, y down.
        turn = scale * np.exp(-1j * picture.roll)
        move = picture.middle + turn * complex(view[_MOVE.start], -view[_MOVE.start + 1])
        nearness = self.face.nearness(shape) * np.exp(view[_NEARNESS])
        residual = -self.missed(shape, view, picture)[0].reshape(-1, 2)
        missed = turn * (residual[:, 0] - 1j * residual[:, 1])
        size = float(np.ptp(picture.points[:ANCHORED], 0).max())
        camera = PhotoCamera(turn, move, float(nearness))
        relative = float(np.abs(missed).mean() / size)
        return FittedView(params, weights, camera, np.stack([missed.real, missed.imag], 1), relative)


def landmarks_of(reading: FaceLandmarks, roll: float) -> tuple[NDArray[np.complex128], complex]:
    """[470] pixels x + iy (y up) around the middle of the face, turned upright; and that middle, y down."""
    points = np.concatenate([reading.points[:ANCHORED], reading.points[list(_IRIS)]]).astype(np.float64)
    flat = points[:, 0] + 1j * points[:, 1]
    middle = complex(flat[:ANCHORED].mean())
    return np.conj(flat - middle) * np.exp(-1j * roll), middle


def state_of(weights: NDArray[np.floating], turn: Wide, nearness: float = 0.0) -> Wide:
    """[VIEW_SIZE] the unknowns of a picture with these ARKit weights [52] and head rotation, without scale and move.

    `nearness` is the logarithm of the camera's nearness over ours.
    """
    view = np.zeros(VIEW_SIZE)
    view[_WEIGHTS] = weights[_LINEAR_AT]
    view[_GAZE] = gaze_from_weights(np.asarray(weights, np.float32)).ravel()
    view[_TURN], view[_NEARNESS] = turn, nearness
    return view


@cache
def _expression_spread() -> Wide:
    """[44] the standard deviation of each expression weight in portraits."""
    return np.array([next((v for start, v in _COMMON.items() if name.startswith(start)), _RARE) for name in LINEAR])


def anchored_face(fitter: Fitter) -> HeadPoints:
    """The points of the head at the landmarks, then the centres of the irises."""
    iris = [_iris(fitter.head, rows) for rows in fitter.head.eye_rows]

    def anchored(vertex: NDArray[np.floating]) -> Wide:
        return np.concatenate([fitter.anchored(vertex), *(vertex[rows].mean(0)[None] for rows in iris)])

    return HeadPoints(fitter.head, anchored, has_irises=True)


class HeadPoints:
    """Points on the head, their projection into a picture, and its derivatives.

    `chosen` maps values of the head's vertices [N,C] to values of the points [n,C]. With `has_irises` the last two
    points are the centres of the irises.
    """

    def __init__(self, head: OpenHead, chosen: Callable[[Wide], Wide], has_irises: bool = False) -> None:
        self.head, self.shape_size, self._has_irises = head, head.shape_size, has_irises

        def anchored(vertex: NDArray[np.floating]) -> Wide:
            return chosen(np.asarray(vertex, np.float64))

        self._template = anchored(head.template.astype(np.float64))
        by_shape = head.shapedirs.reshape(-1, len(head.template), 3).astype(np.float64)
        self._by_shape = np.stack([anchored(one) for one in by_shape], -1)  # [n,3,100]
        of_unit = head.unit_to_expression @ head.exprdirs
        units = dict(zip((*UNITS, *DRIVEN), (*of_unit, *head.drivendirs), strict=True))
        moved = {name: anchored(units[name].reshape(-1, 3)) for name in units}
        self._by_weight = np.stack([moved[name] for name in LINEAR], -1)  # [n,3,44]
        self._by_look = np.stack([moved[name] for name in _LOOKS], -1)  # [n,3,8]
        self._skin = anchored(head.skin_weight.astype(np.float64))  # [n,2]
        if has_irises:
            self._skin[-2:] = (1.0, 0.0)
        self._anchor = head.anchor.astype(np.float64)
        self._anchor_by_shape = head.anchor_shapedirs.reshape(-1, 6, 3).transpose(1, 2, 0).astype(np.float64)

    def nearness(self, shape: Wide) -> float:
        """1 / dm: one over the distance of our camera from the point that it aims at."""
        anchor = self._anchor + self._anchor_by_shape @ shape
        return float(np.tan(np.radians(FOV_DEG) / 2.0) / (FRAME * (anchor[CROWN, 1] - anchor[CHIN, 1])))

    def seen(self, shape: Wide, view: Wide) -> tuple[Wide, Wide]:
        """[n,2] dm of the projected points, relative to the point that our camera aims at.

        The second value is the derivative [n,2,100+44+4+3+1] by shape, weights, gaze, turn and nearness.
        """
        anchor = self._anchor + self._anchor_by_shape @ shape
        turn = view[_TURN]
        skull, neck = rotation(turn), rotation(NECK_SHARE * turn)
        w_skull, w_neck = self._skin[:, 0, None, None], self._skin[:, 1, None, None]
        blend = np.eye(3) + w_skull * (skull - np.eye(3)) + w_neck * (neck - np.eye(3))  # [n,3,3]
        rest = self._rest(shape, view, anchor)
        aim, aim_by_shape = self._aim(anchor)
        point = np.einsum("nij,nj->ni", blend, rest) + self._offset(anchor, turn) - aim
        by_shape = blend @ self._rest_by_shape(view)
        by_shape += (w_skull * (neck - skull)) @ self._anchor_by_shape[SKULL]
        by_shape += ((w_skull + w_neck) * (np.eye(3) - neck)) @ self._anchor_by_shape[NECK]
        by_shape -= aim_by_shape
        by_weight = blend @ self._by_weight
        others = []
        for k in range(_GAZE.start, _TURN.stop):
            changed = view.copy()
            changed[k] += _DELTA
            if k < _GAZE.stop:
                moved = np.einsum("nij,nj->ni", blend, self._rest(shape, changed, anchor) - rest)
            else:
                skull_k, neck_k = rotation(changed[_TURN]), rotation(NECK_SHARE * changed[_TURN])
                blend_k = w_skull * (skull_k - skull) + w_neck * (neck_k - neck)
                moved = np.einsum("nij,nj->ni", blend_k, rest)
                moved += self._offset(anchor, changed[_TURN]) - self._offset(anchor, turn)
            others.append(moved / _DELTA)
        near = self.nearness(shape) * np.exp(view[_NEARNESS])
        ratio = 1.0 / (1.0 - near * point[:, 2])
        projected = point[:, :2] * ratio[:, None]
        in_space = np.concatenate([by_shape, by_weight, np.stack(others, -1)], -1)  # [n,3,P]
        change = in_space[:, :2] * ratio[:, None, None]
        change += (projected * (near * ratio)[:, None])[..., None] * in_space[:, 2:]
        by_near = projected * (near * point[:, 2] * ratio)[:, None]
        # Our camera is farther away from a longer head.
        length = anchor[CROWN, 1] - anchor[CHIN, 1]
        longer = self._anchor_by_shape[CROWN, 1] - self._anchor_by_shape[CHIN, 1]
        change[..., : self.shape_size] -= by_near[..., None] * (longer / length)
        return projected, np.concatenate([change, by_near[..., None]], -1)

    def _rest(self, shape: Wide, view: Wide, anchor: Wide) -> Wide:
        """[n,3] the points of the face before the head turns."""
        looks = look_weights(view[_GAZE].reshape(2, 2))
        point = self._template + self._by_shape @ shape + self._by_weight @ view[_WEIGHTS] + self._by_look @ looks
        for row, eye, turn in self._irises(view):
            point[row] = turn @ (point[row] - anchor[eye]) + anchor[eye]
        return np.asarray(point)

    def _rest_by_shape(self, view: Wide) -> Wide:
        """[n,3,100] their derivative by shape."""
        change = self._by_shape.copy()
        for row, eye, turn in self._irises(view):
            change[row] = turn @ (change[row] - self._anchor_by_shape[eye]) + self._anchor_by_shape[eye]
        return change

    def _irises(self, view: Wide) -> Iterator[tuple[int, int, Wide]]:
        """For each iris: its row in the points, its eye's row in the head's anchors, and the rotation of the eye."""
        gaze = view[_GAZE].reshape(2, 2) if self._has_irises else ()
        for row, eye, (pitch, yaw) in zip((-2, -1), (EYE_LEFT, EYE_RIGHT), gaze, strict=self._has_irises):
            yield row, eye, rotation(np.array([0.0, yaw, 0.0])) @ rotation(np.array([pitch, 0.0, 0.0]))

    def _offset(self, anchor: Wide, turn: Wide) -> Wide:
        """[n,3] the translation of the points by skinning."""
        skull, neck = rotation(turn), rotation(NECK_SHARE * turn)
        seat = neck @ (anchor[SKULL] - anchor[NECK]) + anchor[NECK]
        by_skull, by_neck = seat - skull @ anchor[SKULL], anchor[NECK] - neck @ anchor[NECK]
        return np.asarray(self._skin[:, :1] * by_skull + self._skin[:, 1:] * by_neck)

    def _aim(self, anchor: Wide) -> tuple[Wide, Wide]:
        """[3] the point that our camera aims at, as in `Camera.framing`, and its derivative [3,100] by shape."""
        height = (1.0 - AIM) * anchor[CHIN, 1] + AIM * anchor[CROWN, 1]
        aim = np.array([0.0, height, anchor[[EYE_LEFT, EYE_RIGHT], 2].mean() - AIM_BEHIND_EYES_DM])
        change = np.zeros((3, self.shape_size))
        change[1] = (1.0 - AIM) * self._anchor_by_shape[CHIN, 1] + AIM * self._anchor_by_shape[CROWN, 1]
        change[2] = self._anchor_by_shape[[EYE_LEFT, EYE_RIGHT], 2].mean(0)
        return aim, change


def _iris(head: OpenHead, rows: slice) -> NDArray[np.intp]:
    """The vertices at the front of an eyeball."""
    depth = head.template[rows, 2]
    return np.asarray(rows.start + np.flatnonzero(depth > depth.max() - _IRIS_DEPTH_DM), np.intp)


@cache
def shipped_noise(path: Path = FILE) -> LandmarkNoise:
    """The shipped measurements; read once."""
    return LandmarkNoise(**{name: array.astype(np.float64) for name, array in load_file(path).items()})
