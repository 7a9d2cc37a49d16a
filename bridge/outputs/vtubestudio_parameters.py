"""A face in VTube Studio's tracking parameters.

Its model is a mirror: who turns to their own right turns it to the right of the
screen, and these parameters grow to the right of the screen, upwards, and to the
camera. Names and ranges as VTube Studio lists them (InputParameterListRequest);
how it reads a face into them is nowhere written, so that is after what plugins
of others do, and has not been held against VTube Studio itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .. import arkit
from ..angles import angles_from_rotation
from ..payload import Params

DEFAULTS = (
    *("FaceAngleX", "FaceAngleY", "FaceAngleZ", "FacePositionX", "FacePositionY", "FacePositionZ"),
    *("MouthOpen", "MouthSmile", "EyeOpenLeft", "EyeOpenRight", "EyeLeftX", "EyeLeftY", "EyeRightX", "EyeRightY"),
    *("Brows", "BrowLeftY", "BrowRightY", "TongueOut", "CheekPuff"),
)
_REST = 0.5  # of what has two directions in one number from 0 to 1: a mouth between sad and glad, brows
_MOST_DEG, _MOST_CM = 90.0, 15.0
PREFIX = "Omote"  # so that no parameter of VTube Studio's own, nor of another plugin, has the same name
CUSTOM: Mapping[str, str] = {PREFIX + name[:1].upper() + name[1:]: name for name in arkit.NAMES}


def default_parameters(params: Params) -> dict[str, float]:
    """What VTube Studio has by itself, of the face that the portrait shows."""
    weights = shown(params)

    def of(*names: str) -> float:
        return float(np.mean([weights[arkit.INDEX[name]] for name in names]))

    yaw, pitch, roll = np.degrees(angles_from_rotation(params.neck_pose))
    x, y, z = 100.0 * np.asarray(params.translation, np.float64)
    brows = {
        side: _REST + (of("browInnerUp", f"browOuterUp{side}") - of(f"browDown{side}")) / 2
        for side in ("Left", "Right")
    }
    smile = of("mouthSmileLeft", "mouthSmileRight") - of("mouthFrownLeft", "mouthFrownRight") - of("mouthPucker") / 2
    said = {
        "FaceAngleX": _held(-yaw, _MOST_DEG),
        "FaceAngleY": _held(-pitch, _MOST_DEG),
        "FaceAngleZ": _held(roll, _MOST_DEG),
        "FacePositionX": _held(-x, _MOST_CM),
        "FacePositionY": _held(y, _MOST_CM),
        "FacePositionZ": _held(z, _MOST_CM),
        "MouthOpen": _part(of("jawOpen") - of("mouthClose")),
        "MouthSmile": _part(_REST + smile / 2),
        "EyeOpenLeft": _part(1.0 - of("eyeBlinkLeft")),
        "EyeOpenRight": _part(1.0 - of("eyeBlinkRight")),
        "EyeLeftX": _held(of("eyeLookInLeft") - of("eyeLookOutLeft"), 1.0),
        "EyeLeftY": _held(of("eyeLookUpLeft") - of("eyeLookDownLeft"), 1.0),
        "EyeRightX": _held(of("eyeLookOutRight") - of("eyeLookInRight"), 1.0),
        "EyeRightY": _held(of("eyeLookUpRight") - of("eyeLookDownRight"), 1.0),
        "Brows": _part((brows["Left"] + brows["Right"]) / 2),
        "BrowLeftY": _part(brows["Left"]),
        "BrowRightY": _part(brows["Right"]),
        "TongueOut": _part(of("tongueOut")),
        "CheekPuff": _part(of("cheekPuff")),
    }
    return {name: round(value, 5) + 0.0 for name, value in said.items()}  # no -0.0


def custom_parameters(params: Params) -> dict[str, float]:
    """The 52 ARKit weights under names of our own: OmoteJawOpen."""
    weights = shown(params)
    return {name: round(_part(float(weights[arkit.INDEX[own]])), 5) for name, own in CUSTOM.items()}


def shown(params: Params) -> NDArray[np.float32]:
    """[52] what the portrait shows; what was seen, where the sender does not say."""
    return params.weights if params.shown_weights is None else params.shown_weights


def _part(value: float) -> float:
    return min(max(float(value), 0.0), 1.0)


def _held(value: float, most: float) -> float:
    return min(max(float(value), -most), most)
