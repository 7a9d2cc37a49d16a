"""ARKit's 52 face weights: names, order and spellings, and the Euler angles that its programs send."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .errors import OmoteError

Array = NDArray[np.float32]

_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
_DIRECTIONS = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")  # movements to a side, not weights of one side


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


def _mirrored(name: str) -> str:
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


MIRRORED: NDArray[np.intp] = np.array([INDEX[_mirrored(name)] for name in NAMES])  # the weight of the other side


class FaceWeightError(OmoteError, ValueError):
    """A face has a weight that ARKit lacks, or a number that is no weight; the message names it."""


def weights(named: Mapping[str, float]) -> Array:
    """ARKit's 52 weights as a vector.

    Parameters
    ----------
    named
        Weights by ARKit's name, each from 0 (rest) to 1 (full); those that are left out are 0.

    Returns
    -------
    Array
        float32 [52], in the order of `NAMES`.

    Raises
    ------
    FaceWeightError
        For a name that ARKit lacks, and for a value that is no number from 0 to 1.

    Examples
    --------
    >>> weights({"jawOpen": 0.5})[INDEX["jawOpen"]]
    0.5
    """
    for name, value in named.items():
        if name not in INDEX:
            raise FaceWeightError(_unknown_weight(name))
        if not isinstance(value, int | float | np.number) or not 0.0 <= value <= 1.0:
            raise FaceWeightError(f"{name} must be a number from 0 (rest) to 1 (full), got {value!r:.40}")
    return _vector(named)


def clipped_weights(named: Mapping[str, float]) -> Array:
    """[52] weights of a tracker that may leave the range, clipped to 0 to 1; FaceWeightError for an unknown name."""
    for name in named:
        if name not in INDEX:
            raise FaceWeightError(_unknown_weight(name))
    return np.clip(_vector(named), 0.0, 1.0)


def _vector(named: Mapping[str, float]) -> Array:
    vector = np.zeros(COUNT, np.float32)
    for name, value in named.items():
        vector[INDEX[name]] = value
    return vector


def _unknown_weight(name: object) -> str:
    near = difflib.get_close_matches(str(name)[:40], NAMES, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}"
    return f"ARKit has no weight {name!r:.40}: {hint}"


def weight_index(name: str) -> int | None:
    """The index of this weight in ARKit's order; None for any other name.

    Programs write jawOpen or JawOpen, and eyeBlinkLeft or eyeBlink_L.
    """
    return _INDEX_OF_SPELLING.get(name.lower())


def _spellings(name: str) -> tuple[str, ...]:
    for side in ("Left", "Right"):
        if name.endswith(side) and name not in _DIRECTIONS:
            return name.lower(), f"{name.removesuffix(side)}_{side[0]}".lower()
    return (name.lower(),)


_INDEX_OF_SPELLING = {spelling: index for index, name in enumerate(NAMES) for spelling in _spellings(name)}


def rotation_from_angles(yaw_pitch_roll: NDArray[np.floating]) -> Array:
    """[...,3] rotation vectors from [...,3] yaw, pitch, roll in radians."""
    half = np.asarray(yaw_pitch_roll, np.float64) / 2
    (sy, sx, sz), (cy, cx, cz) = np.moveaxis(np.sin(half), -1, 0), np.moveaxis(np.cos(half), -1, 0)
    w = cy * cx * cz + sy * sx * sz
    axis = np.stack([cy * sx * cz + sy * cx * sz, sy * cx * cz - cy * sx * sz, cy * cx * sz - sy * sx * cz], -1)
    axis, w = np.where(w[..., None] < 0, -axis, axis), np.abs(w)  # the shorter way round
    length = np.linalg.norm(axis, axis=-1)
    angle = 2 * np.arctan2(length, w)
    scale = np.where(length > 1e-12, angle / np.maximum(length, 1e-12), 2.0)
    return (axis * scale[..., None]).astype(np.float32)


def angles_from_rotation(rotation: NDArray[np.floating]) -> NDArray[np.float64]:
    """[...,3] yaw, pitch, roll in radians from [...,3] rotation vectors."""
    vector = np.asarray(rotation, np.float64)
    angle = np.linalg.norm(vector, axis=-1)
    scale = np.where(angle > 1e-12, np.sin(angle / 2) / np.maximum(angle, 1e-12), 0.5)
    x, y, z = np.moveaxis(vector * scale[..., None], -1, 0)
    w = np.cos(angle / 2)
    yaw = np.arctan2(2 * (x * z + w * y), 1 - 2 * (x * x + y * y))
    pitch = np.arcsin(np.clip(2 * (w * x - y * z), -1.0, 1.0))
    roll = np.arctan2(2 * (x * y + w * z), 1 - 2 * (x * x + z * z))
    return np.stack([yaw, pitch, roll], -1)
