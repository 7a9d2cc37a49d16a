"""Idle motion: breathing, small head and eye movements, blinks and brief expressions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..face.presence import BREATH_M, BREATH_PERIOD_S, BREATH_RAD
from .face_limits import EYELIDS, EYES, MAX, MIN, NECK, PLACE
from .keyframes import DEFAULT_EASE, Wide, apply_ease

MAX_MOTION = 3.0
MAX_BLINKS_PER_MINUTE = 60.0  # a minute

_HEAD_DEG = (1.2, 1.6, 0.8)  # pitch, yaw, roll: never more; mostly a third of it
_HEAD_HZ = (0.05, 0.4)
_GAZE_DEG = (0.8, 1.0)  # pitch, yaw
_GAZE_HZ = (0.15, 1.0)
_WAVES = 8
_BLINK_S = (0.2, 0.3)
# Each layer draws from a stream of its own, so that one that is switched off changes no other.
_OF_HEAD, _OF_GAZE, _OF_BREATH, _OF_BLINKS = range(4)


@dataclass(frozen=True)
class IdleMotion:
    """How much of each: 0 none, 1 as somebody who holds still, to `MOST_MOTION`."""

    head: float = 1.0
    gaze: float = 1.0
    breath: float = 1.0

    def over(self, rows: Wide, time_s: Wide, seed: int) -> Wide:
        """Faces [n,67] that also move a little, in the order of `face_range.NAMES`; the same seed, the same motion.

        The nearer to its bound a number is, the less it moves, so that none leaves its range.
        """
        moved = np.zeros_like(rows)
        for axis, most_deg in enumerate(_HEAD_DEG):
            wander = _wander(time_s, _HEAD_HZ, _generator(seed, _OF_HEAD, axis))
            moved[:, NECK.start + axis] = self.head * np.deg2rad(most_deg) * wander
        for axis, most_deg in enumerate(_GAZE_DEG):
            wander = self.gaze * np.deg2rad(most_deg) * _wander(time_s, _GAZE_HZ, _generator(seed, _OF_GAZE, axis))
            moved[:, EYES.start + axis] = moved[:, EYES.start + 3 + axis] = wander  # both eyes at one place
        breath = self.breath * _breathing(time_s, seed)
        moved[:, NECK.start] += BREATH_RAD * breath
        moved[:, PLACE.start + 1] += BREATH_M * breath
        return rows + moved * _distance_to_limits(rows)


def random_blinks(per_minute: float, seconds: float, seed: int) -> tuple[Envelope, ...]:
    """So many a minute, now sooner and now later, all of them over before the end."""
    if per_minute <= 0.0:
        return ()
    stream, gap_s = _generator(seed, _OF_BLINKS, 0), 60.0 / per_minute
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


def _wander(time_s: Wide, band_hz: tuple[float, float], stream: np.random.Generator) -> Wide:
    """[n] from -1 to 1, with nothing in it that is slower or faster than the band."""
    low, high = np.log(band_hz)
    hz = np.exp(stream.uniform(low, high, _WAVES))
    phase = stream.uniform(0.0, 2.0 * np.pi, _WAVES)
    size = hz**-0.5
    waves = np.sin(2.0 * np.pi * hz * time_s[:, None] + phase)
    return np.asarray(waves @ (size / size.sum()))


def _breathing(time_s: Wide, seed: int) -> Wide:
    """[n] from -1 (out) to 1 (in), no two breaths equally long."""
    stream = _generator(seed, _OF_BREATH, 0)
    phase = stream.uniform(0.0, 2.0 * np.pi)
    late = 0.8 * _wander(time_s, (0.03, 0.15), stream)
    return np.asarray(np.sin(2.0 * np.pi * time_s / BREATH_PERIOD_S + phase + late))


def _distance_to_limits(rows: Wide) -> Wide:
    """1 for a number at rest, to 0 at either of its bounds, and smooth on the way."""
    least, most = np.where(MIN < 0.0, MIN, -1.0), np.where(MAX > 0.0, MAX, 1.0)
    return np.asarray(np.maximum(1.0 - rows / most, 0.0) * np.maximum(1.0 - rows / least, 0.0))


MIN_ENVELOPE_S = 0.04


@dataclass(frozen=True)
class EnvelopeShape:
    """What part of the time something comes, and what part it goes; between the two it is there in full."""

    comes: float
    goes: float


BLINK = EnvelopeShape(0.35, 0.5)
FLASH = EnvelopeShape(0.25, 0.3)


@dataclass(frozen=True)
class Envelope:
    """From nothing to `amount` and back within so many seconds."""

    at_s: float  # when it begins
    seconds: float
    amount: float = 1.0
    shape: EnvelopeShape = FLASH

    def shares(self, fps: Fraction, count: int, among: slice = slice(None)) -> Wide:
        """[n] how much there is of it in each of so many pictures, 0 to `amount`; or only in those `among` them.

        It is moved to the picture that is nearest to its middle, by half a picture at most, so that one shows all of
        it: the shortest would fall between two.
        """
        pictures = np.arange(*among.indices(count))
        since_top = (pictures - self._top(fps, count)) / float(fps) / self.seconds  # in parts of all its time
        room = 0.5 * (1.0 - self.shape.comes - self.shape.goes)
        came = apply_ease(DEFAULT_EASE, np.asarray(1.0 + (since_top + room) / self.shape.comes), self.seconds)
        went = apply_ease(DEFAULT_EASE, np.asarray((since_top - room) / self.shape.goes), self.seconds)
        return np.asarray(self.amount * np.minimum(came, 1.0 - went))

    def over(self, rows: Wide, asked: Wide, fps: Fraction) -> None:
        """Lays so much of a face [67] over the faces [n,67] that it lasts for, as `raised` does."""
        top, reach = self._top(fps, len(rows)), math.ceil(self.seconds * float(fps))
        among = slice(max(top - reach, 0), top + reach + 1)
        rows[among] = layer_over(rows[among], asked, self.shares(fps, len(rows), among))

    def _top(self, fps: Fraction, count: int) -> int:
        """The picture that shows all of it."""
        top_s = self.at_s + 0.5 * self.seconds * (1.0 + self.shape.comes - self.shape.goes)
        return min(max(round(Fraction(top_s) * fps), 0), count - 1)

    @property
    def end_s(self) -> float:
        return self.at_s + self.seconds


def layer_over(rows: Wide, asked: Wide, shares: Wide) -> Wide:
    """Faces [n,67] with so much [n] of another [67] on top, in the order of `face_range.NAMES`.

    Each number goes a part of the way to its own bound, so that it comes as near as it can, and neither leaves its
    range nor is cut off at its end: of 0..1 it is 1-(1-a)(1-b).
    """
    bound = np.where(asked > 0.0, MAX, MIN)
    part = np.divide(asked, bound, out=np.zeros_like(asked), where=bound != 0.0)
    return np.asarray(rows + shares[:, None] * part * (bound - rows))


def closed_eyes() -> Wide:
    """[67] a face that does nothing but shut both eyes."""
    row = np.zeros(len(MIN))
    row[EYELIDS] = 1.0
    return row
