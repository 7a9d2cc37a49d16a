"""Fits the open head to MediaPipe's landmarks in one picture: its shape, its pose and its expression."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from omote.bridge import arkit
from omote.engine.nouns import FlameParams

from .framing import Similarity
from .head import OpenHead, open_head, rotation
from .maps import Camera
from .reading import Reading
from .retarget import DRIVEN, UNITS, from_weights

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

FILE = Path(__file__).with_name("landmark_fit.safetensors")
ANCHORED = 468  # landmarks that lie on the face; the irises come after them
_WEIGHTS, _TURN = slice(0, arkit.COUNT), slice(arkit.COUNT, arkit.COUNT + 3)
_NEARNESS = 0.117  # 1 / dm: how near the camera of the training pictures stands
_FARTHEST_SD = 3.0  # what is further from all faces that were ever fitted is cut to this many standard deviations


@dataclass(frozen=True)
class Upright:
    """A reading turned in the picture's plane so that the head stands upright."""

    points: Wide  # [468,2] of any scale around 0: x right, y up
    rotation: Wide  # [3] what is left of the head's turn
    roll: float  # radians by which the picture was turned, clockwise


@dataclass(frozen=True)
class Fit:
    """The head in one picture that stands upright."""

    shape: Array  # [100]
    params: FlameParams
    roll: float  # radians by which the picture must be turned, clockwise, to stand so


@dataclass(frozen=True)
class Numbers:
    """What was learned from people who were rendered; see `omote.engine.training.shape_fit`."""

    anchor: NDArray[np.int64]  # [468,K] vertices of the head on which a landmark hangs
    anchor_weight: Wide  # [468,K]
    start: Wide  # [F,55] from the tracker's own numbers to weights and turn
    mean: Wide  # [468*2] by how much landmarks miss the average head
    direction: Wide  # [D,468*2] by its principal components, each divided by its spread
    estimate: Wide  # [D+F,155] from these and the tracker's numbers to shape, weights and turn


class Fitter:
    """Fits heads; build once, fit often."""

    def __init__(self, numbers: Numbers | None = None, head: OpenHead | None = None) -> None:
        self.numbers = numbers or shipped_numbers()
        self.head = head or open_head()
        self._template = self.anchored(self.head.template.astype(np.float64))
        self._middle = self._template.mean(0)
        self._unit = np.stack([self.anchored(unit.reshape(-1, 3)) for unit in _units(self.head)])

    def fit(self, reading: Reading) -> Fit:
        """The head that would show these landmarks."""
        upright = stood_upright(reading)
        told = tracker_row(reading.weights, upright.rotation)
        missed = (self.missed(upright, told @ self.numbers.start).ravel() - self.numbers.mean) @ (
            self.numbers.direction.T
        )
        found = np.concatenate([np.clip(missed, -_FARTHEST_SD, _FARTHEST_SD), told]) @ self.numbers.estimate
        shape, rest = found[: self.head.shape_size], found[self.head.shape_size :]
        weights = np.clip(rest[_WEIGHTS], 0.0, 1.0).astype(np.float32)
        return Fit(shape.astype(np.float32), from_weights(weights, None, rest[_TURN].astype(np.float32)), upright.roll)

    def missed(self, upright: Upright, start: Wide) -> Wide:
        """[468,2] dm: where the landmarks lie beside those of the average head with this face, sized alike."""
        face = self._template + np.tensordot(np.clip(start[_WEIGHTS], 0.0, 1.0), self._unit, 1)
        expected = (face - self._middle) @ rotation(start[_TURN]).T
        seen = expected[:, :2] / (1.0 - _NEARNESS * expected[:, 2:])
        ours, theirs = _complex(seen), _complex(upright.points)
        scale = np.vdot(ours, theirs) / np.vdot(ours, ours)
        beside = theirs / scale - ours
        return np.stack([beside.real, beside.imag], 1)

    def anchored(self, vertex: NDArray[np.floating]) -> Wide:
        """[468,C] the values [N,C] of the head's vertices where the landmarks hang."""
        return np.asarray(np.einsum("lkc,lk->lc", vertex[self.numbers.anchor], self.numbers.anchor_weight))

    def bring(self, reading: Reading, fit: Fit, side: int) -> Similarity:
        """What brings the picture into our renderer's framing of the fitted head, `side` pixels wide."""
        seen = reading.points[:ANCHORED].astype(np.float64)
        return Similarity.between(seen, self.landmarks(fit.shape, fit.params, side))

    def landmarks(self, shape: Array, params: FlameParams, side: int) -> Wide:
        """[468,2] pixels where the landmarks of such a head are in our picture of `side` pixels."""
        shaped = self.head.shaped(shape)
        screen = Camera.framing(shaped).project(self.head.pose(shaped, params), side)
        return self.anchored(screen[:, :2])


def stood_upright(reading: Reading) -> Upright:
    """The landmarks around their middle, turned until the head's own up is the picture's."""
    turn = rotation(reading.rotation)
    roll = float(np.arctan2(-turn[0, 1], turn[1, 1]))
    level = rotation(np.array([0.0, 0.0, -roll]))
    points = reading.points[:ANCHORED].astype(np.float64) * (1.0, -1.0)
    return Upright((points - points.mean(0)) @ level[:2, :2].T, turn_vector(level @ turn), roll)


def tracker_row(weights: Array, turn: Wide) -> Wide:
    """[F] what the tracker says besides its landmarks, and a one."""
    return np.concatenate([weights, turn, turn * np.abs(turn), [1.0]])


@cache
def shipped_numbers(path: Path = FILE) -> Numbers:
    """What is shipped, or was trained into another file; read once."""
    part = load_file(path)
    wide = {name: array.astype(np.float64) for name, array in part.items() if name != "anchor"}
    return Numbers(anchor=part["anchor"].astype(np.int64), **wide)


def _units(head: OpenHead) -> Wide:
    """[52,N*3] by how much each ARKit weight moves the vertices."""
    units = np.zeros((arkit.COUNT, head.template.size))
    units[[arkit.INDEX[name] for name in UNITS]] = head.unit_to_expression @ head.exprdirs
    units[[arkit.INDEX[name] for name in DRIVEN]] = head.drivendirs
    return units


def _complex(points: Wide) -> NDArray[np.complex128]:
    centred = points - points.mean(0)
    return np.asarray(centred[:, 0] + 1j * centred[:, 1])


def turn_vector(turn: Wide) -> Wide:
    """[3] the rotation vector of a matrix that turns by less than half a circle."""
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2.0
    sine = float(np.linalg.norm(axis))
    angle = np.arctan2(sine, (np.trace(turn) - 1.0) / 2.0)
    return np.asarray(axis * (angle / sine if sine > 1e-9 else 1.0))
