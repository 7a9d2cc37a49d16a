"""The 52 ARKit blend shapes in Apple's order: the language that trackers, takes and game engines share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")


def _sides(*names: str) -> tuple[str, ...]:
    return tuple(name + side for name in names for side in ("Left", "Right"))


# Apple's order: the left eye's seven, the right eye's, then jaw, mouth, brows, cheeks, nose and tongue.
# Left is the subject's left.
NAMES: tuple[str, ...] = (
    *(f"eye{part}Left" for part in _EYE),
    *(f"eye{part}Right" for part in _EYE),
    *("jawForward", "jawLeft", "jawRight", "jawOpen"),
    *("mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight"),
    *_sides("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *_sides("mouthPress", "mouthLowerDown", "mouthUpperUp", "browDown"),
    "browInnerUp",
    *_sides("browOuterUp"),
    "cheekPuff",
    *_sides("cheekSquint", "noseSneer"),
    "tongueOut",
)
INDEX: dict[str, int] = {name: index for index, name in enumerate(NAMES)}
COUNT = len(NAMES)


def _other_side(name: str) -> str:
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


MIRRORED: NDArray[np.intp] = np.array([INDEX[_other_side(name)] for name in NAMES])  # the weight on the other side


def weights(named: Mapping[str, float]) -> NDArray[np.float32]:
    """The [52] vector with these weights, zero elsewhere; KeyError on a name that is not ARKit's."""
    vector = np.zeros(COUNT, np.float32)
    for name, value in named.items():
        vector[INDEX[name]] = value
    return vector
