"""Retargeting: ARKit weights and gaze to FLAME parameters in the open basis, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import EXPRESSION_SIZE, OPEN_BASIS, Actor, Array, FlameParams, Signal
from ..errors import DataError
from ..rotation import turn_between, turned
from .head import JAW_OPEN_RAD, JAW_SIDE_RAD, LOOK_DOWN_RAD, LOOK_SIDE_RAD, LOOK_UP_RAD, open_head

_LOOK_WEIGHTS = tuple(f"eyeLook{way}{side}" for side in ("Left", "Right") for way in ("Down", "In", "Out", "Up"))
# Weights that drive a joint or an eyelid, in the order of the open head's `drivendirs`.
DRIVEN: tuple[str, ...] = ("jawOpen", "jawLeft", "jawRight", "eyeBlinkLeft", "eyeBlinkRight", *_LOOK_WEIGHTS)
# Weights that make up `expression`.
UNITS: tuple[str, ...] = tuple(name for name in arkit.NAMES if name not in DRIVEN)
_IS_LOOK_WEIGHT = np.array([name in _LOOK_WEIGHTS for name in arkit.NAMES])
_UNIT_AT = np.array([arkit.INDEX[name] for name in UNITS])
_ROUNDING = 1e-3  # by which a weight may leave 0 to 1
_LEFTWARD = {"Left": 1.0, "Right": -1.0}  # a look outward turns the left eye to the subject's left, the right eye away


@dataclass(frozen=True, eq=False)
class OwnFace:
    """A performer's face, relative to their neutral face."""

    weights: Array  # [52] below 0 for less than at rest; the gaze is in the eyeLook weights
    turn: Array  # [3] rotation vector of the head
    shift: Array  # [3] metres, of the head


def seen_weights(signal: Signal) -> Array:
    """[52] the weights of the signal, with the eyeLook weights that its gaze gives."""
    return np.where(_IS_LOOK_WEIGHT, weights_from_gaze(signal.gaze), signal.weights)


def own_weights(signal: Signal, actor: Actor) -> Array:
    """[52] weights relative to this performer's neutral face; below 0 for less than at rest."""
    own = (seen_weights(signal) - actor.neutral) * actor.gain
    return np.asarray(_above_noise_floor(own, actor.noise_floor), np.float32)


def _above_noise_floor(own: Array, floor: Array) -> Array:
    """0 below the floor, unchanged from three floors on, and continuous between, so that no weight jumps."""
    size = np.abs(own)
    return np.asarray(np.copysign(np.clip((size - floor) * 1.5, 0.0, size), own))


def own_face(signal: Signal, actor: Actor) -> OwnFace:
    """The face in this signal, relative to the performer's neutral face."""
    return OwnFace(
        own_weights(signal, actor),
        turn_between(actor.neutral_rotation, signal.head_rotation),
        turned(
            signal.head_translation - actor.neutral_translation, -actor.neutral_rotation
        ),  # in the performer's frame
    )


def params_of_own_face(own: OwnFace) -> FlameParams:
    """The parameters of the character's face."""
    # The weights are not clipped here: less than the neutral look down is a look up.
    gaze = gaze_from_weights(own.weights)
    return from_weights(np.clip(own.weights, 0.0, 1.0), gaze, own.turn, own.shift)


def retarget(signal: Signal, actor: Actor) -> FlameParams:
    """The face of the character for a tracked face, without smoothing and tuning.

    Parameters
    ----------
    signal
        The tracked face, as `Source.read` returns it.
    actor
        The calibration of the performer; `Actor()` leaves the signal as it is.

    Returns
    -------
    FlameParams
        The parameters that `Animator.draw` takes.

    Examples
    --------
    >>> with open_source("demo") as source:
    ...     params = retarget(source.read(1.0), Actor())
    """
    return params_of_own_face(own_face(signal, actor))


def from_weights(
    weights: Array | Mapping[str, float],
    gaze: Array | None = None,
    neck_pose: Array | None = None,
    translation: Array | None = None,
) -> FlameParams:
    """The face that these ARKit weights describe, in the open basis.

    Opposed weights (jawLeft with jawRight, a look in with a look out) cancel; `to_weights` gives all others back
    exactly.

    Parameters
    ----------
    weights
        By ARKit's name, each from 0 (rest) to 1 (full); or all 52 as float [52], in ARKit's order.
    gaze
        float [2, 2]: pitch and yaw of the left and the right eye in radians. It replaces the eyeLook weights.
    neck_pose
        float [3]: rotation vector of the head in radians. +x looks down, +y turns to the subject's left.
    translation
        float [3]: metres, x to the subject's left, y up, z to the camera.

    Returns
    -------
    FlameParams
        The parameters that `Animator.draw` takes.

    Raises
    ------
    FaceWeightError
        For a weight that ARKit lacks, a value that is no number from 0 to 1, and an array of another shape.
    DataError
        For a gaze, pose or translation of another shape, or one that is not finite.

    Examples
    --------
    >>> float(from_weights({"eyeBlinkLeft": 1.0}).eyelids[0])
    1.0
    """
    weights = arkit.weights(weights) if isinstance(weights, Mapping) else _checked_weights(weights)
    value = {name: float(weights[arkit.INDEX[name]]) for name in DRIVEN}
    expression = np.zeros(EXPRESSION_SIZE, np.float32)
    coefficients = weights[_UNIT_AT].astype(np.float64) @ open_head().unit_to_expression
    expression[: len(coefficients)] = coefficients
    if gaze is not None and np.shape(gaze) != (2, 2):
        raise DataError(f"gaze must be [2, 2], pitch and yaw of each eye in radians, got {list(np.shape(gaze))}")
    eyes = gaze_from_weights(weights) if gaze is None else gaze
    nothing = np.zeros(3, np.float32)
    return FlameParams(
        expression=expression,
        jaw_pose=np.array(
            [value["jawOpen"] * JAW_OPEN_RAD, (value["jawLeft"] - value["jawRight"]) * JAW_SIDE_RAD, 0.0], np.float32
        ),
        neck_pose=nothing if neck_pose is None else np.asarray(neck_pose, np.float32),
        eye_pose=np.column_stack([eyes, np.zeros(2)]).astype(np.float32),
        eyelids=np.array([value["eyeBlinkLeft"], value["eyeBlinkRight"]], np.float32),
        translation=nothing if translation is None else np.asarray(translation, np.float32),
    )


def _checked_weights(weights: Array) -> Array:
    row = np.asarray(weights)
    is_usable = row.shape == (arkit.COUNT,) and row.dtype.kind in "fiu"
    if not is_usable or not -_ROUNDING <= row.min() <= row.max() <= 1.0 + _ROUNDING:
        found = f"from {row.min():g} to {row.max():g}" if is_usable else f"{row.dtype} {list(row.shape)}"
        raise arkit.FaceWeightError(f"a face has {arkit.COUNT} weights from 0 (rest) to 1 (full), got {found}")
    return row


def to_weights(params: FlameParams) -> Array:
    """The ARKit weights of a face; the inverse of `from_weights`.

    Parameters
    ----------
    params
        A face in the open basis.

    Returns
    -------
    Array
        float32 [52], in ARKit's order. Weights of a face that no weights make may leave 0 to 1.

    Raises
    ------
    FaceWeightError
        If the face is in another basis, which has no such map.

    Examples
    --------
    >>> to_weights(from_weights({"jawOpen": 0.5}))[arkit.INDEX["jawOpen"]]
    0.5
    """
    if params.basis != OPEN_BASIS:
        raise arkit.FaceWeightError(f'a face in the basis "{params.basis}" has no ARKit weights: "{OPEN_BASIS}" has')
    weights = np.zeros(arkit.COUNT, np.float32)
    head = open_head()
    known = params.expression[: len(head.exprdirs)].astype(np.float64)
    weights[_UNIT_AT] = np.linalg.solve(head.unit_to_expression.T, known)
    for name, weight in zip(DRIVEN, head.driven(params), strict=True):
        weights[arkit.INDEX[name]] = weight
    return weights


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
    """[52] the eyeLook weights of this gaze, at most 1; all others are zero."""
    named = {}
    for (side, leftward), (pitch, yaw) in zip(_LEFTWARD.items(), gaze, strict=True):
        outward = leftward * float(yaw) / LOOK_SIDE_RAD
        named[f"eyeLookOut{side}"], named[f"eyeLookIn{side}"] = outward, -outward
        named[f"eyeLookDown{side}"] = float(pitch) / LOOK_DOWN_RAD
        named[f"eyeLookUp{side}"] = -float(pitch) / LOOK_UP_RAD
    return arkit.clipped_weights(named)
