"""A track: numbers that go from key to key, smooth in velocity, and never beyond the keys on either side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .easing import Ease, Wide, eased
from .monotone import between, velocities


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
            return between(part, first, last, seconds * self._velocities[end - 1], seconds * self._velocities[end])
        rows = first + eased(self.eases[end], part, seconds) * (last - first)
        # Rounding alone can lead out, by a last digit.
        return np.asarray(np.clip(rows, np.minimum(first, last), np.maximum(first, last)))

    @cached_property
    def _velocities(self) -> Wide:
        """[k,d] at the keys; none at one that is reached or left by another ease than "smooth"."""
        is_smooth = np.array([ease == "smooth" for ease in self.eases])
        flows_on = is_smooth & np.append(is_smooth[1:], False)
        return np.asarray(velocities(self.at_s, self.rows) * flows_on[:, None])
