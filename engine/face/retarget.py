"""Retargeting: ARKit weights and gaze to FLAME parameters in the open basis, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import EXPRESSION_SIZE, Actor, Array, FlameParams, Signal
from ..rotation import turn_between, turned
from .head import JAW_OPEN_RAD, JAW_SIDE_RAD, LOOK_DOWN_RAD, LOOK_SIDE_RAD, LOOK_UP_RAD, open_head

_LOOK_WEIGHTS = tuple(f"eyeLook{way}{side}" for side in ("Left", "Right") for way in ("Down", "In", "Out", "Up"))
# Weights that drive a joint or an eyelid, in the order of the open head's `drivendirs`.
DRIVEN: tuple[str, ...] = ("jawOpen", "jawLeft", "jawRight", "eyeBlinkLeft", "eyeBlinkRight", *_LOOK_WEIGHTS)
# Weights that make up `expression`.
UNITS: tuple[str, ...] = tuple(name for name in arkit.NAMES if name not in DRIVEN)
_IS_LOOK_WEIGHT = np.array([name in _LOOK_WEIGHTS for name in arkit.NAMES])
_UNIT_AT = np.array([arkit.INDEX[name] for name in UNITS])
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
    """The parameters of the character's face for this signal, without tuning."""
    return params_of_own_face(own_face(signal, actor))


def from_weights(
    weights: Array, gaze: Array | None = None, neck_pose: Array | None = None, translation: Array | None = None
) -> FlameParams:
    """FlameParams of [52] ARKit weights; `gaze` [2,2] pitch and yaw takes the place of the eyeLook weights.

    Opposed weights (jawLeft with jawRight, a look in with a look out) cancel; all others come back exactly.
    """
    value = {name: float(weights[arkit.INDEX[name]]) for name in DRIVEN}
    expression = np.zeros(EXPRESSION_SIZE, np.float32)
    coefficients = weights[_UNIT_AT].astype(np.float64) @ open_head().unit_to_expression
    expression[: len(coefficients)] = coefficients
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


def to_weights(params: FlameParams) -> Array:
    """[52] the ARKit weights of these parameters; the inverse of `from_weights`."""
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
    return np.clip(arkit.weights(named), 0.0, 1.0)
