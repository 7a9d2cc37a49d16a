"""Where the eyes look: ARKit's eyeLook weights to angles, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from .head import LOOK_DOWN_RAD, LOOK_SIDE_RAD, LOOK_UP_RAD

Array = NDArray[np.float32]

_LEFTWARD = {"Left": 1.0, "Right": -1.0}  # looking out turns the left eye to the subject's left, the right eye away


def gaze_from_weights(weights: Array) -> Array:
    """[...,2,2] pitch and yaw in radians of left and right eye, in the head's frame, of [...,52] weights.

    Positive pitch looks down, positive yaw to the subject's left, as the head's rotation does.
    """
    numbers = np.asarray(weights, np.float64)

    def weight(way: str, side: str) -> NDArray[np.float64]:
        return numbers[..., arkit.INDEX[f"eyeLook{way}{side}"]]

    gaze = np.empty((*numbers.shape[:-1], 2, 2), np.float32)
    for eye, (side, leftward) in enumerate(_LEFTWARD.items()):
        gaze[..., eye, 0] = LOOK_DOWN_RAD * weight("Down", side) - LOOK_UP_RAD * weight("Up", side)
        gaze[..., eye, 1] = leftward * LOOK_SIDE_RAD * (weight("Out", side) - weight("In", side))
    return gaze


def weights_from_gaze(gaze: Array) -> Array:
    """[52] the eyeLook weights that stand for this gaze, at most 1; all others are zero."""
    named = {}
    for (side, leftward), (pitch, yaw) in zip(_LEFTWARD.items(), gaze, strict=True):
        outward = leftward * float(yaw) / LOOK_SIDE_RAD
        named[f"eyeLookOut{side}"], named[f"eyeLookIn{side}"] = outward, -outward
        named[f"eyeLookDown{side}"] = float(pitch) / LOOK_DOWN_RAD
        named[f"eyeLookUp{side}"] = -float(pitch) / LOOK_UP_RAD
    return np.clip(arkit.weights(named), 0.0, 1.0)
