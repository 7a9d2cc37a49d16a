"""A track: numbers that go from key to key, smooth in velocity, and never beyond the keys on either side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .easing import Ease, Wide, eased


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
            rows = _hermite(part, first, last, seconds * self._tangents[end - 1], seconds * self._tangents[end])
        else:
            rows = first + eased(self.eases[end], part, seconds) * (last - first)
        # Rounding alone can lead out, by a last digit.
        return np.asarray(np.clip(rows, np.minimum(first, last), np.maximum(first, last)))

    @cached_property
    def _tangents(self) -> Wide:
        """[k,d] velocities at the keys that keep each number monotone (Fritsch and Butland 1984).

        None where a number turns round, at both ends, and at a key that is reached or left by another ease.
        """
        found = np.zeros_like(self.rows)
        step = np.diff(self.at_s)
        slope = np.diff(self.rows, axis=0) / step[:, None]
        for key in range(1, len(self.at_s) - 1):
            if self.eases[key] == self.eases[key + 1] == "smooth":
                before, after = slope[key - 1], slope[key]
                goes_on = np.sign(before) * np.sign(after) > 0.0
                left, right = 2.0 * step[key] + step[key - 1], step[key] + 2.0 * step[key - 1]
                with np.errstate(divide="ignore", over="ignore"):
                    mean = (left + right) / (left / before[goes_on] + right / after[goes_on])
                found[key, goes_on] = mean
        return found


def _hermite(part: Wide, first: Wide, last: Wide, leaving: Wide, arriving: Wide) -> Wide:
    """The cubic with these ends and these velocities there, over a part of 0 to 1."""
    square, cube = part**2, part**3
    bend = (cube - 2.0 * square + part) * leaving + (cube - square) * arriving
    return np.asarray(first + (3.0 * square - 2.0 * cube) * (last - first) + bend)
