"""ARKit's blend shapes for the renderer, and the eye rotation that the eyeLook weights stand for."""

from __future__ import annotations

from omote.bridge.arkit import COUNT, INDEX, NAMES, weights

from ...face.head import LOOK_DOWN_RAD, LOOK_SIDE_RAD, LOOK_UP_RAD
from ...face.retarget import gaze_from_weights as gaze

__all__ = ["COUNT", "INDEX", "NAMES", "gaze", "look", "weights"]


def look(pitch_rad: float, yaw_rad: float) -> dict[str, float]:
    """The eight eyeLook weights that turn both eyes by this pitch and yaw; the inverse of `gaze`."""
    up, down = max(-pitch_rad, 0.0) / LOOK_UP_RAD, max(pitch_rad, 0.0) / LOOK_DOWN_RAD
    left, right = max(yaw_rad, 0.0) / LOOK_SIDE_RAD, max(-yaw_rad, 0.0) / LOOK_SIDE_RAD
    named = {
        "eyeLookOutLeft": left,
        "eyeLookInRight": left,
        "eyeLookInLeft": right,
        "eyeLookOutRight": right,
        "eyeLookUpLeft": up,
        "eyeLookUpRight": up,
        "eyeLookDownLeft": down,
        "eyeLookDownRight": down,
    }
    return {name: min(value, 1.0) for name, value in named.items()}
