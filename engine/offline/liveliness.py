"""What a face that does nothing does: it blinks, breathes, and neither head nor eyes ever quite hold still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omote.engine.face.presence import BREATH_M, BREATH_PERIOD_S, BREATH_RAD

from .easing import Wide
from .face_range import EYES, LEAST, MOST, NECK, PLACE
from .pulse import BLINK, Pulse

MOST_MOTION = 3.0
MOST_BLINKS = 60.0  # a minute

_HEAD_DEG = (1.2, 1.6, 0.8)  # pitch, yaw, roll: never more; mostly a third of it
_HEAD_HZ = (0.05, 0.4)
_GAZE_DEG = (0.8, 1.0)  # pitch, yaw
_GAZE_HZ = (0.15, 1.0)
_WAVES = 8
_BLINK_S = (0.2, 0.3)
# Each layer draws from a stream of its own, so that one that is switched off changes no other.
_OF_HEAD, _OF_GAZE, _OF_BREATH, _OF_BLINKS = range(4)


@dataclass(frozen=True)
class Motion:
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
            wander = _wander(time_s, _HEAD_HZ, _stream(seed, _OF_HEAD, axis))
            moved[:, NECK.start + axis] = self.head * np.deg2rad(most_deg) * wander
        for axis, most_deg in enumerate(_GAZE_DEG):
            wander = self.gaze * np.deg2rad(most_deg) * _wander(time_s, _GAZE_HZ, _stream(seed, _OF_GAZE, axis))
            moved[:, EYES.start + axis] = moved[:, EYES.start + 3 + axis] = wander  # both eyes at one place
        breath = self.breath * _breath(time_s, seed)
        moved[:, NECK.start] += BREATH_RAD * breath
        moved[:, PLACE.start + 1] += BREATH_M * breath
        return rows + moved * _room(rows)


def blinks(per_minute: float, seconds: float, seed: int) -> tuple[Pulse, ...]:
    """So many a minute, now sooner and now later, all of them over before the end."""
    if per_minute <= 0.0:
        return ()
    stream, gap_s = _stream(seed, _OF_BLINKS, 0), 60.0 / per_minute
    found: list[Pulse] = []
    at_s = gap_s * stream.uniform(0.2, 1.0)
    while True:
        blink = Pulse(at_s, stream.uniform(*_BLINK_S), shape=BLINK)
        if blink.end_s > seconds:
            return tuple(found)
        found.append(blink)
        at_s += gap_s * stream.uniform(0.5, 1.5)


def _stream(seed: int, layer: int, axis: int) -> np.random.Generator:
    return np.random.default_rng([seed, layer, axis])


def _wander(time_s: Wide, band_hz: tuple[float, float], stream: np.random.Generator) -> Wide:
    """[n] from -1 to 1, with nothing in it that is slower or faster than the band."""
    low, high = np.log(band_hz)
    hz = np.exp(stream.uniform(low, high, _WAVES))
    phase = stream.uniform(0.0, 2.0 * np.pi, _WAVES)
    size = hz**-0.5
    waves = np.sin(2.0 * np.pi * hz * time_s[:, None] + phase)
    return np.asarray(waves @ (size / size.sum()))


def _breath(time_s: Wide, seed: int) -> Wide:
    """[n] from -1 (out) to 1 (in), no two breaths equally long."""
    stream = _stream(seed, _OF_BREATH, 0)
    phase = stream.uniform(0.0, 2.0 * np.pi)
    late = 0.8 * _wander(time_s, (0.03, 0.15), stream)
    return np.asarray(np.sin(2.0 * np.pi * time_s / BREATH_PERIOD_S + phase + late))


def _room(rows: Wide) -> Wide:
    """1 for a number at rest, to 0 at either of its bounds, and smooth on the way."""
    least, most = np.where(LEAST < 0.0, LEAST, -1.0), np.where(MOST > 0.0, MOST, 1.0)
    return np.asarray(np.maximum(1.0 - rows / most, 0.0) * np.maximum(1.0 - rows / least, 0.0))
