"""A tuning, applied to what a performer's face does: gains by region, the head's strength, left for right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.nouns import Array

from .glide import Glide
from .retarget import OwnFace
from .tuning import REGIONS, Tuning

MOST_TURN_RAD = 0.8  # to which a head's turn is enlarged: beyond it the portrait shows an ear


_TURN_MIRRORED = np.array([1.0, -1.0, -1.0], np.float32)  # a rotation is an axial vector
_SHIFT_MIRRORED = np.array([-1.0, 1.0, 1.0], np.float32)
_HEAD, _MIRROR = arkit.COUNT, arkit.COUNT + 1  # their places in a row, behind the gains


class Taste:
    """Shapes one performance. A change is taken up within a fifth of a second."""

    def __init__(self, tuning: Tuning) -> None:
        self._row = Glide(_row(tuning))

    def tune(self, tuning: Tuning) -> None:
        """Shapes what comes from now on to this; from any thread."""
        self._row.ask(_row(tuning))

    def miss(self) -> None:
        """Nobody is seen, so a change needs no time."""
        self._row.jump()

    def shaped(self, own: OwnFace, now_ns: int) -> OwnFace:
        """The same face, as it is liked; the very same where nothing is changed."""
        row = self._row.at(now_ns)
        weights, turn, shift = own.weights, own.turn, own.shift
        if (row[:_HEAD] != 1.0).any():
            weights = _enlarged(weights, row[:_HEAD])
        if row[_HEAD] != 1.0:
            turn, shift = _turned(turn, float(row[_HEAD])), np.asarray(shift * row[_HEAD], np.float32)
        shaped = replace(own, weights=weights, turn=turn, shift=shift)
        return _blended(shaped, mirrored(shaped), float(row[_MIRROR]))


def mirrored(own: OwnFace) -> OwnFace:
    """What a mirror shows: left and right of the face, its looks and its head have changed places."""
    return OwnFace(own.weights[arkit.MIRRORED], own.turn * _TURN_MIRRORED, own.shift * _SHIFT_MIRRORED)


def _row(tuning: Tuning) -> NDArray[np.float64]:
    """[54] the gain of each weight, the head's strength, and 1 for a mirror."""
    row = np.ones(arkit.COUNT + 2)
    for region, names in REGIONS.items():
        row[[arkit.INDEX[name] for name in names]] = tuning.gain[region]
    row[_HEAD], row[_MIRROR] = tuning.head, float(tuning.mirror)
    return row


def _enlarged(weights: Array, gain: NDArray[np.float64]) -> Array:
    """Each weight times its gain, and none is enlarged to more than 1: eyes would turn inwards."""
    most = np.maximum(np.abs(weights), 1.0)
    return np.asarray(np.clip(weights * gain, -most, most), np.float32)


def _turned(turn: Array, strength: float) -> Array:
    angle = float(np.linalg.norm(turn))
    if angle * strength > (most := max(angle, MOST_TURN_RAD)):
        strength = most / angle
    return np.asarray(turn * strength, np.float32)


def _blended(first: OwnFace, second: OwnFace, share: float) -> OwnFace:
    if share in (0.0, 1.0):
        return second if share else first
    parts = ((getattr(first, name), getattr(second, name)) for name in ("weights", "turn", "shift"))
    return OwnFace(*(np.asarray(one + share * (other - one), np.float32) for one, other in parts))
