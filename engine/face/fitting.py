"""Fits the open head to MediaPipe's landmarks in one picture: shape, pose and expression; and frames the picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file

from omote.bridge import arkit

from ..data import Array, FlameParams
from ..rotation import rotation, turn_vector
from .head import OpenHead, Shaped, open_head
from .rasterizer import Camera
from .retarget import DRIVEN, UNITS, from_weights

Rgb = NDArray[np.uint8]
Wide = NDArray[np.float64]

FIT_FILE = Path(__file__).with_name("landmark_fit.safetensors")
ANCHORED = 468  # landmarks on the face; those of the irises come after them
_WEIGHTS, _TURN = slice(0, arkit.COUNT), slice(arkit.COUNT, arkit.COUNT + 3)
_NEARNESS = 0.117  # 1 / dm: one over the distance of the camera in the training pictures
_LARGEST_SD = 3.0  # standard deviations to which the components of the residual are clipped
_GREY = (128, 128, 128)
_MARGIN_PX = 4  # around the cut, for the interpolation


@dataclass(frozen=True)
class FaceLandmarks:
    """MediaPipe's landmarks, weights and rotation of one face."""

    points: Array  # [478,2] pixels: x right, y down
    weights: Array  # [52] ARKit weights
    rotation: Array  # [3] radians, +x looks down, +y to the subject's left; too small through a narrow lens

    @property
    def centre(self) -> Array:
        """[2] the middle of the points' box."""
        return np.asarray((self.points.min(0) + self.points.max(0)) / 2.0, np.float32)

    @property
    def size_px(self) -> float:
        """The longer side of the points' box."""
        return float(np.ptp(self.points, 0).max())


@dataclass(frozen=True)
class UprightLandmarks:
    """Landmarks turned in the picture's plane so that the head stands upright."""

    points: Wide  # [468,2] around 0, of any scale: x right, y up
    rotation: Wide  # [3] the head's rotation without the roll
    roll: float  # radians by which the picture was turned, clockwise


@dataclass(frozen=True)
class Fit:
    """The upright head in one picture."""

    shape: Array  # [100]
    params: FlameParams
    roll: float  # radians by which the picture must be turned, clockwise, so that the head is upright


@dataclass(frozen=True)
class FitPrior:
    """The regression from landmarks to a head, trained on rendered people by `omote.engine.training.shape_fit`."""

    anchor: NDArray[np.int64]  # [468,K] vertices of the head around each landmark
    anchor_weight: Wide  # [468,K]
    start: Wide  # [F,55] from the tracker's numbers to weights and turn
    mean: Wide  # [468*2] dm: the mean residual of the landmarks against the average head
    direction: Wide  # [D,468*2] its principal components, each divided by its standard deviation
    estimate: Wide  # [D+F,155] from the components and the tracker's numbers to shape, weights and turn


class Fitter:
    """Fits heads; build once, fit often."""

    def __init__(self, numbers: FitPrior | None = None, head: OpenHead | None = None) -> None:
        self.numbers = numbers or shipped_fit_prior()
        self.head = head or open_head()
        self._template = self.anchored(self.head.template.astype(np.float64))
        self._middle = self._template.mean(0)
        self._unit = np.stack([self.anchored(unit.reshape(-1, 3)) for unit in _units(self.head)])

    def fit(self, reading: FaceLandmarks) -> Fit:
        """The head with these landmarks."""
        upright = stood_upright(reading)
        tracked = tracker_row(reading.weights, upright.rotation)
        residual = self.missed(upright, tracked @ self.numbers.start).ravel() - self.numbers.mean
        components = np.clip(residual @ self.numbers.direction.T, -_LARGEST_SD, _LARGEST_SD)
        found = np.concatenate([components, tracked]) @ self.numbers.estimate
        shape, rest = found[: self.head.shape_size], found[self.head.shape_size :]
        weights = np.clip(rest[_WEIGHTS], 0.0, 1.0).astype(np.float32)
        return Fit(shape.astype(np.float32), from_weights(weights, None, rest[_TURN].astype(np.float32)), upright.roll)

    def missed(self, upright: UprightLandmarks, start: Wide) -> Wide:
        """[468,2] dm: the landmarks minus those of the average head with weights and turn [55], aligned in scale."""
        face = self._template + np.tensordot(np.clip(start[_WEIGHTS], 0.0, 1.0), self._unit, 1)
        expected = (face - self._middle) @ rotation(start[_TURN]).T
        projected = expected[:, :2] / (1.0 - _NEARNESS * expected[:, 2:])
        ours, theirs = _complex(projected), _complex(upright.points)
        scale = np.vdot(ours, theirs) / np.vdot(ours, ours)
        difference = theirs / scale - ours
        return np.stack([difference.real, difference.imag], 1)

    def anchored(self, vertex: NDArray[np.floating]) -> Wide:
        """[468,C] values at the landmarks, from values [N,C] of the head's vertices."""
        return np.asarray(np.einsum("lkc,lk->lc", vertex[self.numbers.anchor], self.numbers.anchor_weight))

    def bring(self, reading: FaceLandmarks, fit: Fit, side: int) -> Similarity:
        """From the picture to our renderer's framing of the fitted head, `side` pixels wide."""
        points = reading.points[:ANCHORED].astype(np.float64)
        return Similarity.between(points, self.landmarks(fit.shape, fit.params, side))

    def landmarks(self, shape: Array, params: FlameParams, side: int) -> Wide:
        """[468,2] pixels of this head's landmarks in our picture of `side` pixels."""
        shaped = self.head.shaped(shape)
        screen = Camera.framing(shaped).project(self.head.pose(shaped, params), side)
        return self.anchored(screen[:, :2])


def stood_upright(reading: FaceLandmarks) -> UprightLandmarks:
    """The landmarks around their middle, turned until the head's up is the picture's."""
    turn = rotation(reading.rotation)
    roll = float(np.arctan2(-turn[0, 1], turn[1, 1]))
    level = rotation(np.array([0.0, 0.0, -roll]))
    points = reading.points[:ANCHORED].astype(np.float64) * (1.0, -1.0)
    return UprightLandmarks((points - points.mean(0)) @ level[:2, :2].T, turn_vector(level @ turn), roll)


def tracker_row(weights: Array, turn: Wide) -> Wide:
    """[F] the tracker's numbers besides its landmarks, and a one."""
    return np.concatenate([weights, turn, turn * np.abs(turn), [1.0]])


@cache
def shipped_fit_prior(path: Path = FIT_FILE) -> FitPrior:
    """The shipped prior, or one in another file; read once."""
    part = load_file(path)
    wide = {name: array.astype(np.float64) for name, array in part.items() if name != "anchor"}
    return FitPrior(anchor=part["anchor"].astype(np.int64), **wide)


def _units(head: OpenHead) -> Wide:
    """[52,N*3] dm: the movement of the vertices by each ARKit weight."""
    units = np.zeros((arkit.COUNT, head.template.size))
    units[[arkit.INDEX[name] for name in UNITS]] = head.unit_to_expression @ head.exprdirs
    units[[arkit.INDEX[name] for name in DRIVEN]] = head.drivendirs
    return units


def _complex(points: Wide) -> NDArray[np.complex128]:
    centred = points - points.mean(0)
    return np.asarray(centred[:, 0] + 1j * centred[:, 1])


# Framing a photo as our renderer does.


@dataclass(frozen=True)
class Similarity:
    """Rotates, scales and moves points: z ↦ turn z + move, for points x + iy in pixels, y down."""

    turn: complex
    move: complex

    @classmethod
    def between(cls, start: Wide, end: Wide) -> Similarity:
        """The least-squares similarity from points [n,2] to others."""
        a, b = start[:, 0] + 1j * start[:, 1], end[:, 0] + 1j * end[:, 1]
        middle_a, middle_b = complex(a.mean()), complex(b.mean())
        turn = complex(np.vdot(a - middle_a, b - middle_b) / np.vdot(a - middle_a, a - middle_a))
        return cls(turn, middle_b - turn * middle_a)

    def apply(self, points: Wide) -> Wide:
        """[n,2] the transformed points."""
        moved = self.turn * (points[:, 0] + 1j * points[:, 1]) + self.move
        return np.stack([moved.real, moved.imag], 1)

    def inverse(self) -> Similarity:
        return Similarity(1.0 / self.turn, -self.move / self.turn)

    @property
    def scale(self) -> float:
        return abs(self.turn)


@dataclass(frozen=True)
class PhotoCamera:
    """The camera of a photo: from points of the upright head to pixels x + iy, y down."""

    turn: complex  # pixels a dm at the point that our camera aims at, and the rotation from upright to the picture
    move: complex  # pixel of that point
    nearness: float  # 1 / dm: one over the distance of the camera from that point

    def project(self, point: NDArray[np.floating], shaped: Shaped) -> Wide:
        """[n,2] pixels of points [n,3] in dm of the posed head."""
        offset = np.asarray(point, np.float64) - Camera.framing(shaped).aim
        projected = (offset[:, 0] - 1j * offset[:, 1]) / (1.0 - self.nearness * offset[:, 2])
        pixel = self.turn * projected + self.move
        return np.stack([pixel.real, pixel.imag], 1)


@dataclass(frozen=True)
class FramedPhoto:
    """A photo in our renderer's framing."""

    picture: Rgb  # [S,S,3]; grey beyond the photo
    is_photo: NDArray[np.bool_]  # [S,S]


def frame_photo(photo: Rgb, similarity: Similarity, side: int) -> FramedPhoto:
    """The part of a photo that `similarity` maps into a square of `side` pixels."""
    height, width = photo.shape[:2]
    back = similarity.inverse()
    corners = back.apply(np.array([[0.0, 0.0], [side, 0.0], [0.0, side], [side, side]]))
    low = np.maximum(np.floor(corners.min(0)) - _MARGIN_PX, 0.0)
    high = np.minimum(np.ceil(corners.max(0)) + _MARGIN_PX, (width, height))
    if (high - low < 2.0).any():
        raise ValueError(f"nothing of a photo of {width}x{height} pixels lies in the picture")
    # Average before shrinking, since the interpolation uses only four pixels a side.
    small = np.maximum(np.round((high - low) * min(similarity.scale, 1.0)), 2.0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    cut = Image.fromarray(photo).resize((int(small[0]), int(small[1])), Image.Resampling.BOX, box)
    ratio, first = small / (high - low), complex(*low)
    solid = cut.convert("RGBA")
    turn, move = back.turn, back.move - first
    matrix = (
        *(turn.real * ratio[0], -turn.imag * ratio[0], move.real * ratio[0]),
        *(turn.imag * ratio[1], turn.real * ratio[1], move.imag * ratio[1]),
    )
    framed = solid.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    ground = Image.new("RGBA", framed.size, _GREY)
    picture = np.asarray(Image.alpha_composite(ground, framed).convert("RGB"))
    return FramedPhoto(picture, np.asarray(framed)[..., 3] > 127)
