"""Idle motion: breathing, small head and eye movements, blinks and brief expressions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..face.presence import BREATH_M, BREATH_PERIOD_S, BREATH_RAD
from .animation import Float64Array
from .face_limits import EYELIDS, EYES, MAX, MIN, NECK, PLACE
from .keyframes import DEFAULT_EASE, apply_ease

MAX_MOTION = 3.0
MAX_BLINKS_PER_MINUTE = 60.0
MIN_ENVELOPE_S = 0.04

_HEAD_DEG = (1.2, 1.6, 0.8)  # largest pitch, yaw and roll; mostly a third of it
_HEAD_HZ = (0.05, 0.4)
_GAZE_DEG = (0.8, 1.0)  # largest pitch and yaw
_GAZE_HZ = (0.15, 1.0)
_BREATH_HZ = (0.03, 0.15)  # of the change of the breath's period
_WAVES = 8
_BLINK_S = (0.2, 0.3)
# Each layer has a random stream of its own, so that switching one off changes no other.
_HEAD_STREAM, _GAZE_STREAM, _BREATH_STREAM, _BLINK_STREAM = range(4)

# Rows [n,67] and [67] are faces in the order of `face_limits.NAMES`.


@dataclass(frozen=True)
class IdleMotion:
    """The amount of each motion: 0 for none, 1 for a person who holds still, at most `MAX_MOTION`."""

    head: float = 1.0
    gaze: float = 1.0
    breath: float = 1.0

    def add_to(self, rows: Float64Array, time_s: Float64Array, seed: int) -> Float64Array:
        """[n,67] the faces with idle motion; the same seed gives the same motion.

        The nearer a number is to its bound, the less it moves, so none leaves its range.
        """
        motion = np.zeros_like(rows)
        for axis, max_deg in enumerate(_HEAD_DEG):
            wave = _noise(time_s, _HEAD_HZ, _generator(seed, _HEAD_STREAM, axis))
            motion[:, NECK.start + axis] = self.head * np.deg2rad(max_deg) * wave
        for axis, max_deg in enumerate(_GAZE_DEG):
            wave = self.gaze * np.deg2rad(max_deg) * _noise(time_s, _GAZE_HZ, _generator(seed, _GAZE_STREAM, axis))
            motion[:, EYES.start + axis] = motion[:, EYES.start + 3 + axis] = wave  # both eyes look at one point
        breath = self.breath * _breath(time_s, seed)
        motion[:, NECK.start] += BREATH_RAD * breath
        motion[:, PLACE.start + 1] += BREATH_M * breath
        return rows + motion * _room(rows)


def random_blinks(per_minute: float, seconds: float, seed: int) -> tuple[Envelope, ...]:
    """Blinks at irregular times, all of which end before `seconds`."""
    if per_minute <= 0.0:
        return ()
    stream, gap_s = _generator(seed, _BLINK_STREAM, 0), 60.0 / per_minute
    found: list[Envelope] = []
    at_s = gap_s * stream.uniform(0.2, 1.0)
    while True:
        blink = Envelope(at_s, stream.uniform(*_BLINK_S), shape=BLINK)
        if blink.end_s > seconds:
            return tuple(found)
        found.append(blink)
        at_s += gap_s * stream.uniform(0.5, 1.5)


def _generator(seed: int, layer: int, axis: int) -> np.random.Generator:
    return np.random.default_rng([seed, layer, axis])


def _noise(time_s: Float64Array, band_hz: tuple[float, float], stream: np.random.Generator) -> Float64Array:
    """[n] from -1 to 1, with frequencies in the band only."""
    low, high = np.log(band_hz)
    hz = np.exp(stream.uniform(low, high, _WAVES))
    phase = stream.uniform(0.0, 2.0 * np.pi, _WAVES)
    size = hz**-0.5
    waves = np.sin(2.0 * np.pi * hz * time_s[:, None] + phase)
    return np.asarray(waves @ (size / size.sum()))


def _breath(time_s: Float64Array, seed: int) -> Float64Array:
    """[n] from -1 (out) to 1 (in); no two breaths are equally long."""
    stream = _generator(seed, _BREATH_STREAM, 0)
    phase = stream.uniform(0.0, 2.0 * np.pi)
    delay = 0.8 * _noise(time_s, _BREATH_HZ, stream)
    return np.asarray(np.sin(2.0 * np.pi * time_s / BREATH_PERIOD_S + phase + delay))


def _room(rows: Float64Array) -> Float64Array:
    """[n,67] 1 for a number at rest, falling smoothly to 0 at either bound."""
    low, high = np.where(MIN < 0.0, MIN, -1.0), np.where(MAX > 0.0, MAX, 1.0)
    return np.asarray(np.maximum(1.0 - rows / high, 0.0) * np.maximum(1.0 - rows / low, 0.0))


# Brief expressions.


@dataclass(frozen=True)
class EnvelopeShape:
    """Shares of the duration in which an envelope rises and falls; between the two it is at its full amount."""

    rise: float
    fall: float


BLINK = EnvelopeShape(0.35, 0.5)
FLASH = EnvelopeShape(0.25, 0.3)


@dataclass(frozen=True)
class Envelope:
    """Rises from 0 to `amount` and falls back within a duration."""

    at_s: float  # when it begins
    seconds: float
    amount: float = 1.0
    shape: EnvelopeShape = FLASH

    @property
    def end_s(self) -> float:
        return self.at_s + self.seconds

    def amounts(self, fps: Fraction, count: int, part: slice = slice(None)) -> Float64Array:
        """[n] its amount in each of `count` pictures, or in those of the `part`.

        It is moved by up to half a picture, so that one picture shows the full amount: without that the shortest would
        fall between two.
        """
        pictures = np.arange(*part.indices(count))
        since_top = (pictures - self._top(fps, count)) / float(fps) / self.seconds  # in units of its duration
        half_plateau = 0.5 * (1.0 - self.shape.rise - self.shape.fall)
        risen = apply_ease(DEFAULT_EASE, np.asarray(1.0 + (since_top + half_plateau) / self.shape.rise), self.seconds)
        fallen = apply_ease(DEFAULT_EASE, np.asarray((since_top - half_plateau) / self.shape.fall), self.seconds)
        return np.asarray(self.amount * np.minimum(risen, 1.0 - fallen))

    def add_to(self, rows: Float64Array, face: Float64Array, fps: Fraction) -> None:
        """Puts this face [67] on top of the faces [n,67] for its duration, as `layer_over` does."""
        top, reach = self._top(fps, len(rows)), math.ceil(self.seconds * float(fps))
        part = slice(max(top - reach, 0), top + reach + 1)
        rows[part] = layer_over(rows[part], face, self.amounts(fps, len(rows), part))

    def _top(self, fps: Fraction, count: int) -> int:
        """The picture that shows the full amount."""
        top_s = self.at_s + 0.5 * self.seconds * (1.0 + self.shape.rise - self.shape.fall)
        return min(max(round(Fraction(top_s) * fps), 0), count - 1)


def layer_over(rows: Float64Array, face: Float64Array, amounts: Float64Array) -> Float64Array:
    """Faces [n,67] with an amount [n] of another face [67] on top.

    Each number goes a part of the way to its bound, so it neither leaves its range nor is clipped: in the range 0 to 1
    the result is 1-(1-a)(1-b).
    """
    bound = np.where(face > 0.0, MAX, MIN)
    part = np.divide(face, bound, out=np.zeros_like(face), where=bound != 0.0)
    return np.asarray(rows + amounts[:, None] * part * (bound - rows))


def closed_eyes() -> Float64Array:
    """[67] a face at rest with both eyes shut."""
    row = np.zeros(len(MIN))
    row[EYELIDS] = 1.0
    return row
