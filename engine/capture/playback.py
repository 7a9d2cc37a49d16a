"""Which part of a recording is played, and how fast."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .source import SourceError


@dataclass(frozen=True)
class Playback:
    """As a person asked for it; SourceError where that cannot be. The default plays all of it as it was recorded."""

    speed: float = 1.0  # 2 plays it twice as fast
    start_s: float = 0.0  # in the recording's own seconds, and so is the end
    end_s: float | None = None  # before which the last picture lies; None: to its end

    def __post_init__(self) -> None:
        if not (math.isfinite(self.speed) and self.speed > 0.0):
            raise SourceError(f"a recording plays at a speed above 0, got {self.speed:g}")
        if not 0.0 <= self.start_s < self.past_s:
            raise SourceError(f"nothing lies {self.span}: wanted a start from 0 s on, and an end after it")

    @property
    def past_s(self) -> float:
        """The end, as a number."""
        return math.inf if self.end_s is None else self.end_s

    @property
    def span(self) -> str:
        """For people."""
        return f"from {self.start_s:g} s to {'the end' if self.end_s is None else f'{self.end_s:g} s'}"


WHOLE = Playback()
