"""Keyframe tracks: easing curves and monotone cubic interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from .animation import Float64Array, RenderError, did_you_mean

Ease = Literal["in-out", "in", "out", "linear", "smooth", "cut"]
EASES: tuple[Ease, ...] = get_args(Ease)
DEFAULT_EASE: Ease = "in-out"

# Time of the greatest speed, as a share of the change: an "in" gathers speed for long and brakes at the end.
_PEAK = {"in-out": 0.5, "in": 0.8, "out": 0.2}
# A "linear" change is rounded at both ends for this long, but for no more than this share of it.
_ROUND_S, _MAX_ROUND = 0.1, 0.25


@dataclass(frozen=True, eq=False)
class Track:
    """Keys, each with the ease by which it is reached; nothing moves before the first key and after the last."""

    at_s: Float64Array  # [k] rising
    rows: Float64Array  # [k,d]
    eases: tuple[Ease, ...]  # [k] the first has no effect

    def __post_init__(self) -> None:
        count = len(self.at_s)
        if not count or self.rows.ndim != 2 or len(self.rows) != count or len(self.eases) != count:
            raise ValueError(f"a track has one row and one ease for each of its keys, got {self.rows.shape}")
        if (np.diff(self.at_s) <= 0.0).any():
            raise ValueError("each key of a track must be later than the one before")

    def at(self, time_s: Float64Array) -> Float64Array:
        """[n,d] the values at these times [n]: exact at the keys, and never outside the two keys around a time."""
        next_key = np.searchsorted(self.at_s, time_s, side="right")
        found = np.empty((len(time_s), self.rows.shape[1]))
        found[next_key == 0], found[next_key == len(self.at_s)] = self.rows[0], self.rows[-1]
        for end in range(1, len(self.at_s)):
            if (chosen := next_key == end).any():
                found[chosen] = self._between(end, time_s[chosen])
        return found

    def _between(self, end: int, time_s: Float64Array) -> Float64Array:
        begin_s, seconds = self.at_s[end - 1], self.at_s[end] - self.at_s[end - 1]
        first, last = self.rows[end - 1], self.rows[end]
        part = ((time_s - begin_s) / seconds)[:, None]
        if self.eases[end] == "smooth":
            return cubic_between(
                part, first, last, seconds * self._velocities[end - 1], seconds * self._velocities[end]
            )
        rows = first + apply_ease(self.eases[end], part, seconds) * (last - first)
        # Rounding alone can leave the span of the two keys, by a last digit.
        return np.asarray(np.clip(rows, np.minimum(first, last), np.maximum(first, last)))

    @cached_property
    def _velocities(self) -> Float64Array:
        """[k,d] at the keys; 0 at a key that is reached or left by another ease than "smooth"."""
        is_smooth = np.array([ease == "smooth" for ease in self.eases])
        flows_on = is_smooth & np.append(is_smooth[1:], False)
        return np.asarray(monotone_velocities(self.at_s, self.rows) * flows_on[:, None])


def find_ease(word: object) -> Ease:
    """The ease of this name; RenderError lists them all."""
    for ease in EASES:
        if word == ease:
            return ease
    raise RenderError(f'no ease is called "{word}"{did_you_mean(str(word), EASES)}: there are {", ".join(EASES)}')


def apply_ease(ease: Ease, part: Float64Array, seconds: float) -> Float64Array:
    """Progress of a change, from 0 to 1 and never back, at each `part` 0 to 1 of its `seconds`.

    All eases except "cut" begin and end with no speed. All but "smooth" also begin and end with no acceleration;
    "smooth" is a cubic, which in a chain of keys flows through them (`Track`).
    """
    if ease == "cut":
        return np.asarray(part >= 1.0, np.float64)
    inside = np.clip(part, 0.0, 1.0)
    if ease == "linear":
        ramp = min(_MAX_ROUND, _ROUND_S / seconds) if seconds > 0.0 else _MAX_ROUND
        found = _trapezoid(inside, ramp)
    elif ease == "smooth":
        found = inside**2 * (3.0 - 2.0 * inside)
    else:
        found = _peaked(inside, _PEAK[ease])
    return np.asarray(np.clip(found, 0.0, 1.0))


def _ramp(part: Float64Array) -> Float64Array:
    """The distance while the speed rises from 0 to 1 as 3x²-2x³; one half at the end."""
    return np.asarray(part**3 * (1.0 - 0.5 * part))


def _peaked(part: Float64Array, peak: float) -> Float64Array:
    """Speed rises until `peak` and falls from there. At the peak it is 2 whatever `peak` is, so it does not jump."""
    rising = 2.0 * peak * _ramp(np.minimum(part / peak, 1.0))
    falling = 1.0 - 2.0 * (1.0 - peak) * _ramp(np.minimum((1.0 - part) / (1.0 - peak), 1.0))
    return np.where(part < peak, rising, falling)


def _trapezoid(part: Float64Array, ramp: float) -> Float64Array:
    """Constant speed, except for a ramp at either end."""
    speed = 1.0 / (1.0 - ramp)
    rising = speed * ramp * _ramp(np.minimum(part / ramp, 1.0))
    falling = 1.0 - speed * ramp * _ramp(np.minimum((1.0 - part) / ramp, 1.0))
    between = speed * (part - 0.5 * ramp)
    return np.where(part < ramp, rising, np.where(part > 1.0 - ramp, falling, between))


def monotone_velocities(times_s: Float64Array, rows: Float64Array) -> Float64Array:
    """[k,d] velocities at the points `rows` [k,d], at rising times [k], that keep the cubic between them monotone.

    The weighted harmonic mean of the slopes on both sides (Fritsch and Butland 1984); 0 at extremes and at both ends.
    """
    step = np.diff(times_s)[:, None]
    slope = np.diff(rows, axis=0) / step
    before, after = slope[:-1], slope[1:]
    left, right = 2.0 * step[1:] + step[:-1], step[1:] + 2.0 * step[:-1]
    is_monotone = np.sign(before) * np.sign(after) > 0.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mean = (left + right) / (left / before + right / after)
    found = np.zeros_like(rows)
    found[1:-1] = np.where(is_monotone, mean, 0.0)
    return found


def cubic_between(
    part: Float64Array, first: Float64Array, last: Float64Array, leaving: Float64Array, arriving: Float64Array
) -> Float64Array:
    """The cubic from `first` to `last` at each `part` 0 to 1; both velocities are multiplied by its duration.

    The result is clipped to the span of `first` and `last`. With `monotone_velocities` only rounding leaves it.
    """
    square, cube = part**2, part**3
    bend = (cube - 2.0 * square + part) * leaving + (cube - square) * arriving
    rows = first + (3.0 * square - 2.0 * cube) * (last - first) + bend
    return np.asarray(np.clip(rows, np.minimum(first, last), np.maximum(first, last)))
