"""Keyframe tracks: easing curves and monotone cubic interpolation."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .animation import RenderError


@dataclass(frozen=True, eq=False)
class Track:
    """Keys, each with how it is reached from the one before; before the first and after the last nothing moves."""

    at_s: Wide  # [k] each later than the one before
    rows: Wide  # [k,d]
    eases: tuple[Ease, ...]  # k of them; the first says nothing

    def __post_init__(self) -> None:
        count = len(self.at_s)
        if not count or self.rows.ndim != 2 or len(self.rows) != count or len(self.eases) != count:
            raise ValueError(f"a track has one row and one ease for each of its keys, got {self.rows.shape}")
        if (np.diff(self.at_s) <= 0.0).any():
            raise ValueError("each key of a track must be later than the one before")

    def at(self, time_s: Wide) -> Wide:
        """[n,d] at these times [n]: a key at a key's time, and between two never outside what they span."""
        place = np.searchsorted(self.at_s, time_s, side="right")
        found = np.empty((len(time_s), self.rows.shape[1]))
        found[place == 0], found[place == len(self.at_s)] = self.rows[0], self.rows[-1]
        for end in range(1, len(self.at_s)):
            if (chosen := place == end).any():
                found[chosen] = self._between(end, time_s[chosen])
        return found

    def _between(self, end: int, time_s: Wide) -> Wide:
        begin_s, seconds = self.at_s[end - 1], self.at_s[end] - self.at_s[end - 1]
        first, last = self.rows[end - 1], self.rows[end]
        part = ((time_s - begin_s) / seconds)[:, None]
        if self.eases[end] == "smooth":
            return cubic_between(
                part, first, last, seconds * self._velocities[end - 1], seconds * self._velocities[end]
            )
        rows = first + apply_ease(self.eases[end], part, seconds) * (last - first)
        # Rounding alone can lead out, by a last digit.
        return np.asarray(np.clip(rows, np.minimum(first, last), np.maximum(first, last)))

    @cached_property
    def _velocities(self) -> Wide:
        """[k,d] at the keys; none at one that is reached or left by another ease than "smooth"."""
        is_smooth = np.array([ease == "smooth" for ease in self.eases])
        flows_on = is_smooth & np.append(is_smooth[1:], False)
        return np.asarray(monotone_velocities(self.at_s, self.rows) * flows_on[:, None])


Wide = NDArray[np.float64]
Ease = Literal["in-out", "in", "out", "linear", "smooth", "cut"]
EASES: tuple[Ease, ...] = get_args(Ease)
DEFAULT_EASE: Ease = "in-out"

# Where the speed is greatest, as a share of the time: an "in" gathers speed for long and brakes at the end.
_PEAK = {"in-out": 0.5, "in": 0.8, "out": 0.2}
_ROUND_S, _ROUND_MOST = 0.1, 0.25  # at either end of a "linear" change: seconds, and no more than this share of it


def find_ease(word: object) -> Ease:
    """The ease of this name; RenderError says which there are."""
    for ease in EASES:
        if word == ease:
            return ease
    near = difflib.get_close_matches(str(word), EASES, 1)
    hint = f' (did you mean "{near[0]}"?)' if near else ""
    raise RenderError(f'no ease is called "{word}"{hint}: there are {", ".join(EASES)}')


def apply_ease(ease: Ease, part: Wide, seconds: float) -> Wide:
    """How far a change has come, 0 to 1 and never back, at each `part` 0 to 1 of its `seconds`.

    All but "cut" set out and arrive with no speed, and all but "smooth" with no acceleration either: that is a cubic,
    which in a chain of keys flows through them (`Track`).
    """
    if ease == "cut":
        return np.asarray(part >= 1.0, np.float64)
    inside = np.clip(part, 0.0, 1.0)
    if ease == "linear":
        ramp = min(_ROUND_MOST, _ROUND_S / seconds) if seconds > 0.0 else _ROUND_MOST
        found = _even(inside, ramp)
    elif ease == "smooth":
        found = inside**2 * (3.0 - 2.0 * inside)
    else:
        found = _peaked(inside, _PEAK[ease])
    return np.asarray(np.clip(found, 0.0, 1.0))


def _started(part: Wide) -> Wide:
    """The way made while the speed rises from 0 to 1 as 3x²-2x³; one half at the end."""
    return np.asarray(part**3 * (1.0 - 0.5 * part))


def _peaked(part: Wide, peak: float) -> Wide:
    """Faster until `peak`, slower from there; the speed there is 2 whatever `peak` is, so nothing jumps."""
    rising = 2.0 * peak * _started(np.minimum(part / peak, 1.0))
    falling = 1.0 - 2.0 * (1.0 - peak) * _started(np.minimum((1.0 - part) / (1.0 - peak), 1.0))
    return np.where(part < peak, rising, falling)


def _even(part: Wide, ramp: float) -> Wide:
    """One speed but for a ramp at either end."""
    speed = 1.0 / (1.0 - ramp)
    rising = speed * ramp * _started(np.minimum(part / ramp, 1.0))
    falling = 1.0 - speed * ramp * _started(np.minimum((1.0 - part) / ramp, 1.0))
    between = speed * (part - 0.5 * ramp)
    return np.where(part < ramp, rising, np.where(part > 1.0 - ramp, falling, between))


def monotone_velocities(at: Wide, rows: Wide) -> Wide:
    """[k,d] at each of the points `rows` [k,d], `at` [k] rising times: what keeps each number monotone.

    The weighted harmonic mean of the slopes on both sides (Fritsch and Butland 1984); 0 where a number turns round, and
    at both ends.
    """
    step = np.diff(at)[:, None]
    slope = np.diff(rows, axis=0) / step
    before, after = slope[:-1], slope[1:]
    left, right = 2.0 * step[1:] + step[:-1], step[1:] + 2.0 * step[:-1]
    goes_on = np.sign(before) * np.sign(after) > 0.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mean = (left + right) / (left / before + right / after)
    found = np.zeros_like(rows)
    found[1:-1] = np.where(goes_on, mean, 0.0)
    return found


def cubic_between(part: Wide, first: Wide, last: Wide, leaving: Wide, arriving: Wide) -> Wide:
    """The cubic from the first to the last over a `part` of 0 to 1, at these velocities times the time that it takes.

    Where the velocities are those of `velocities`, held to what the two span: rounding alone can lead out.
    """
    square, cube = part**2, part**3
    bend = (cube - 2.0 * square + part) * leaving + (cube - square) * arriving
    rows = first + (3.0 * square - 2.0 * cube) * (last - first) + bend
    return np.asarray(np.clip(rows, np.minimum(first, last), np.maximum(first, last)))
