"""From a face at rest and its extremes to an actor: rest, gains, noise floor, thresholds."""

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
UNLIKE = 1.5  # from this ratio on, the two sides of a face are different and no accident of one picture
LEAST_REACH = 0.05  # a weight that moved by less, or by less than it trembles, was not moved
TREMBLE = 4.0  # standard deviations
FLOOR = 3.0  # standard deviations at rest, which one picture in 370 leaves
MOST_FLOOR = 0.1
SMOOTHED = 0.5  # of a still face's trembling is left, at most, by the usual smoothing, which comes before the floor
MOST_LOOK_FLOOR = 0.03  # 1 degree: eyes that stay put for longer stare
THRESHOLD_SHARE = 0.5  # of the way from rest to the extreme an expression counts as made
BLINK_THRESHOLD_SHARE = 0.35  # a camera seldom catches both eyes as shut as they are when they are kept shut
LEAST_THRESHOLD, MOST_THRESHOLD = 0.25, 0.7

# Each recognised expression, and the poses that it is made of.
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
_IS_LOOK = np.array([name.startswith("eyeLook") for name in arkit.NAMES])


class CalibrationError(OmoteError, ValueError):
    """Nothing was measured, and nothing written; the message says why and the cure."""


def measure_actor(name: str, still: RestMeasurement, extremes: Mapping[str, Array]) -> Actor:
    """The actor who rests like this and whose extremes [52], by the names of their poses, reach about 1.

    What no pose is about, and what did not move in its own, keeps a gain of 1.
    """
    gain = np.ones(arkit.COUNT, np.float32)
    for pose, extreme in extremes.items():
        for weight, value in _gains(BY_NAME[pose].made, extreme - still.weights, still.jitter).items():
            gain[arkit.INDEX[weight]] = value
    floor = np.minimum(FLOOR * still.jitter * gain, np.where(_IS_LOOK, MOST_LOOK_FLOOR, MOST_FLOOR))
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
    """[52] how much of the still face's jitter is left, smoothed as usual and counted by this actor."""
    smoothing = SignalSmoother()
    rows = [np.clip(own_weights(smoothing.smooth(signal), actor), 0.0, 1.0) for signal in still.signals]
    return jitter(np.array(rows, np.float64))


def _gains(names: tuple[str, ...], reach: Array, trembles: Array) -> dict[str, float]:
    moved = {name: float(reach[arkit.INDEX[name]]) for name in names}
    noise = {name: float(trembles[arkit.INDEX[name]]) for name in names}
    moved = {name: value for name, value in moved.items() if value > max(LEAST_REACH, TREMBLE * noise[name])}
    return {name: float(np.clip(1.0 / _of_both(name, moved), MIN_GAIN, _most_gain(noise[name]))) for name in moved}


def _most_gain(noise: float) -> float:
    """The greatest gain, 1 or more, that lifts no trembling above the floor; one of 3 would be seen on a still face."""
    return float(np.clip(MOST_FLOOR / max(FLOOR * SMOOTHED * noise, 1e-6), 1.0, MAX_GAIN))


def _of_both(name: str, moved: Mapping[str, float]) -> float:
    """How far this weight moved; the mean of both sides, unless they are clearly different."""
    other = name.replace("Left", "Right") if name.endswith("Left") else name.replace("Right", "Left")
    pair = (moved[name], moved.get(other, 0.0))
    return float(np.mean(pair)) if max(pair) < UNLIKE * min(pair) else moved[name]


def _thresholds(still: RestMeasurement, extremes: Mapping[str, Array], gain: Array) -> tuple[tuple[str, float], ...]:
    """Halfway from rest to this person's own extreme, of each expression whose poses were made."""
    found = []
    for rule, poses in _POSES_OF.items():
        if all(pose in extremes for pose in poses):
            own = np.clip((np.max([extremes[pose] for pose in poses], axis=0) - still.weights) * gain, 0.0, 1.0)
            share = BLINK_THRESHOLD_SHARE if rule == "blink" else THRESHOLD_SHARE
            at = share * EXPRESSION_RULES[rule].score(np.asarray(own, np.float32))
            found.append((rule, float(np.clip(at, LEAST_THRESHOLD, MOST_THRESHOLD))))
    return tuple(found)
