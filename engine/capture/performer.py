"""Who of several people in the picture is followed: the nearest at first, then the same one, until they have left."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .view import Box

PATIENCE_S = 1.5  # after which whoever is nearest becomes the performer
REACH, REACH_A_SECOND = 1.0, 0.5  # how far from where they were they may be found again, in sizes of their face
ALIKE = 1.7  # by what factor their face may have grown or shrunk meanwhile


class Performer:
    """Remembers where the performer was; told of each picture in which their face was tracked."""

    def __init__(self) -> None:
        self._last: Box | None = None
        self._seen_ns = 0

    def seen(self, face: Box, now_ns: int) -> None:
        """The performer's face is here now."""
        self._last, self._seen_ns = face, now_ns

    def is_awaited(self, now_ns: int) -> bool:
        """Whether they were there a moment ago, so that nobody else is taken for them."""
        return self._last is not None and self._lost_s(now_ns) <= PATIENCE_S

    def choose(self, faces: Sequence[Box], now_ns: int) -> Box | None:
        """Which of these is the performer's face; None where it is none of them.

        Called while the performer is not tracked: an onlooker who comes nearer than them changes nothing before.
        """
        if self._last is None or not self.is_awaited(now_ns):
            return max(faces, key=lambda face: face.size, default=None)
        likely = [face for face in faces if self._may_be(face, now_ns)]
        return min(likely, key=self._unlikeness, default=None)

    def _lost_s(self, now_ns: int) -> float:
        return max(now_ns - self._seen_ns, 0) / 1e9

    def _may_be(self, face: Box, now_ns: int) -> bool:
        away, growth = self._differences(face)
        return away <= REACH + REACH_A_SECOND * self._lost_s(now_ns) and growth <= math.log(ALIKE)

    def _unlikeness(self, face: Box) -> float:
        away, growth = self._differences(face)
        return away + growth

    def _differences(self, face: Box) -> tuple[float, float]:
        """By how many sizes of the face it has moved, and the logarithm of by how much it has grown or shrunk."""
        assert self._last is not None
        away = math.hypot(face.x - self._last.x, face.y - self._last.y) / self._last.size
        return away, abs(math.log(face.size / self._last.size))
