"""Computes an actor from a face at rest and its extremes: rest, gains, noise floor and thresholds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from omote.bridge import arkit
from omote.bridge.errors import OmoteError
from omote.engine.data import Actor, Array
from omote.engine.face.expressions import EXPRESSION_RULES
from omote.engine.face.retarget import own_weights
from omote.engine.face.stabilizer import SignalSmoother

from .poses import BY_NAME, RestMeasurement, jitter

MIN_GAIN, MAX_GAIN = 0.5, 3.0
ASYMMETRY = 1.5  # ratio from which the two sides of a face get separate gains
MIN_REACH = 0.05  # a weight that moved less, or less than REACH_SIGMAS, was not moved
REACH_SIGMAS = 4.0  # standard deviations of the jitter
FLOOR_SIGMAS = 3.0  # one picture in 370 exceeds it
MAX_FLOOR = 0.1
MAX_GAZE_FLOOR = 0.03  # 1 degree: a larger floor would make the eyes stare
SMOOTHED_JITTER = 0.5  # share of the jitter that the usual smoothing, which comes before the floor, leaves at most
THRESHOLD_SHARE = 0.5  # of the way from rest to the extreme
BLINK_THRESHOLD_SHARE = 0.35  # in a blink, a camera seldom sees the eyes as closed as in the pose
MIN_THRESHOLD, MAX_THRESHOLD = 0.25, 0.7

# Each recognised expression, and the poses that it consists of.
_POSES_OF: Mapping[str, tuple[str, ...]] = {
    "smile": ("smile",),
    "surprise": ("mouth_open", "brows_up"),
    "blink": ("eyes_shut",),
    "brow_raise": ("brows_up",),
    "frown": ("brows_down",),
    "open_mouth": ("mouth_open",),
    "pucker": ("pucker",),
    "puff": ("puff",),
}
_IS_GAZE = np.array([name.startswith("eyeLook") for name in arkit.NAMES])


class CalibrationError(OmoteError, ValueError):
    """The session has no result, and nothing was written; the message says why and the cure."""


def measure_actor(name: str, still: RestMeasurement, extremes: Mapping[str, Array]) -> Actor:
    """The actor for this rest and these extremes [52] of poses, which after calibration reach about 1.

    Weights without a pose, and weights that did not move in theirs, keep a gain of 1.
    """
    gain = np.ones(arkit.COUNT, np.float32)
    for pose, extreme in extremes.items():
        for weight, value in _gains(BY_NAME[pose].weights, extreme - still.weights, still.jitter).items():
            gain[arkit.INDEX[weight]] = value
    floor = np.minimum(FLOOR_SIGMAS * still.jitter * gain, np.where(_IS_GAZE, MAX_GAZE_FLOOR, MAX_FLOOR))
    return Actor(
        name,
        np.clip(still.weights, 0.0, 1.0),
        gain,
        np.asarray(floor, np.float32),
        still.rotation,
        still.translation,
        _thresholds(still, extremes, gain),
    )


def residual_jitter(still: RestMeasurement, actor: Actor) -> Array:
    """[52] the jitter of the still face after the usual smoothing and this actor's calibration."""
    smoothing = SignalSmoother()
    rows = [np.clip(own_weights(smoothing.smooth(signal), actor), 0.0, 1.0) for signal in still.signals]
    return jitter(np.array(rows, np.float64))


def _gains(names: tuple[str, ...], reach: Array, jitters: Array) -> dict[str, float]:
    moved = {name: float(reach[arkit.INDEX[name]]) for name in names}
    noise = {name: float(jitters[arkit.INDEX[name]]) for name in names}
    moved = {name: value for name, value in moved.items() if value > max(MIN_REACH, REACH_SIGMAS * noise[name])}
    return {name: float(np.clip(1.0 / _reach_of_pair(name, moved), MIN_GAIN, _max_gain(noise[name]))) for name in moved}


def _max_gain(noise: float) -> float:
    """The largest gain, at least 1, that keeps the jitter of a still face below the floor."""
    return float(np.clip(MAX_FLOOR / max(FLOOR_SIGMAS * SMOOTHED_JITTER * noise, 1e-6), 1.0, MAX_GAIN))


def _reach_of_pair(name: str, moved: Mapping[str, float]) -> float:
    """How far this weight moved; the mean of both sides, unless they clearly differ."""
    other = arkit.NAMES[arkit.MIRRORED[arkit.INDEX[name]]]
    pair = (moved[name], moved.get(other, 0.0))
    return float(np.mean(pair)) if max(pair) < ASYMMETRY * min(pair) else moved[name]


def _thresholds(still: RestMeasurement, extremes: Mapping[str, Array], gain: Array) -> tuple[tuple[str, float], ...]:
    """The threshold of each expression whose poses were made: halfway from rest to this person's extreme."""
    found = []
    for rule, poses in _POSES_OF.items():
        if all(pose in extremes for pose in poses):
            extreme = np.clip((np.max([extremes[pose] for pose in poses], axis=0) - still.weights) * gain, 0.0, 1.0)
            share = BLINK_THRESHOLD_SHARE if rule == "blink" else THRESHOLD_SHARE
            threshold = share * EXPRESSION_RULES[rule].score(np.asarray(extreme, np.float32))
            found.append((rule, float(np.clip(threshold, MIN_THRESHOLD, MAX_THRESHOLD))))
    return tuple(found)
