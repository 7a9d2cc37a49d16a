"""Numbers that go evenly to where they are asked to be, so that a slider that was moved does not make a face jump."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

GLIDE_S = 0.2


class Glide:
    """Some numbers in a row. `ask` is called from any thread, the others from the one that draws."""

    def __init__(self, values: Numbers, within_s: float = GLIDE_S) -> None:
        self._asked = self._from = self._to = self._now = values
        self._within_ns = within_s * 1e9
        self._since_ns = 0

    def ask(self, values: Numbers) -> None:
        """Where they shall be, within the time from the next picture on."""
        self._asked = values

    def at(self, now_ns: int) -> Numbers:
        """Where they are now; read only."""
        asked = self._asked
        if asked is not self._to or now_ns < self._since_ns:
            self._from, self._to, self._since_ns = self._now, asked, now_ns
        share = min((now_ns - self._since_ns) / self._within_ns, 1.0)
        self._now = self._to if share >= 1.0 else self._from + share * (self._to - self._from)
        return self._now

    def jump(self) -> Numbers:
        """Where they shall be, at once: while nobody sees it."""
        self._now = self._from = self._to = self._asked
        return self._now
