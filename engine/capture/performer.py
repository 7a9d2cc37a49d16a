"""Who of several people in the picture is followed: the nearest at first, then the same one, until they have left.

A face on a poster never leaves, so one that does not move at all gives way to another one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from .view import Box

PATIENCE_S = 1.5  # after which whoever is nearest becomes the performer
REACH, REACH_A_SECOND = 1.0, 0.5  # how far from where they were they may be found again, in sizes of their face
ALIKE = 1.7  # by what factor their face may have grown or shrunk meanwhile
# The finder calls a face 0.8 to 0.96 times as large as the tracker did. One that is larger than the performer's, a
# moment after they were lost, is somebody's who walks by before them; it is known again from picture to picture.
LARGER, MOMENT_S, SAME_SIZE = 1.1, 0.3, 1.15
# A poster under a camera's noise strays by at most 0.003 of its size within some seconds, a person who hardly moves by
# 0.01 and more.
STILL, LIFELESS_S = 0.005, 5.0
POSTERS = 8  # that are remembered


class Performer:
    """Remembers where the performer was; told of each picture in which their face was tracked."""

    def __init__(self) -> None:
        self._last: Box | None = None
        self._seen_ns = 0
        self._anchor: Box | None = None  # where the face was when it last moved
        self._moved_ns = 0
        self._lifeless: tuple[Box, ...] = ()  # faces that were followed, and never moved
        self._gave_way_ns: int | None = None  # when another one was seen beside such a face
        self._passing: tuple[Box, ...] = ()  # faces that hide the performer's, where they were last

    def seen(self, face: Box, now_ns: int) -> None:
        """The performer's face is here now."""
        self._last, self._seen_ns, self._passing = face, now_ns, ()
        if self._anchor is None or _strayed(self._anchor, face) > STILL:
            if self._anchor is not None and _are_one(self._anchor, face):
                self._lifeless = tuple(one for one in self._lifeless if not _are_one(one, face))
            self._anchor, self._moved_ns = face, now_ns

    def is_lifeless(self, now_ns: int) -> bool:
        """Whether the face that is followed has not moved for so long that it may be a picture of one."""
        return self._anchor is not None and now_ns - self._moved_ns >= LIFELESS_S * 1e9

    def gives_way(self, others: Sequence[Box], now_ns: int) -> bool:
        """Lets go of a lifeless face where one of these may be alive, and remembers not to take it for the performer's.

        `others` are the faces beside it.
        """
        if self._last is None or not self._alive(others):
            return False
        self._lifeless = (*self._lifeless, self._last)[-POSTERS:]
        self._last = self._anchor = None
        self._gave_way_ns = now_ns
        return True

    def is_awaited(self, now_ns: int) -> bool:
        """Whether they were there a moment ago, so that nobody else is taken for them."""
        return self._last is not None and self._lost_s(now_ns) <= PATIENCE_S

    def choose(self, faces: Sequence[Box], now_ns: int) -> Box | None:
        """Which of these is the performer's face; None where it is none of them.

        Called while the performer is not tracked: an onlooker who comes nearer than them changes nothing before.
        """
        if self._last is None or not self.is_awaited(now_ns):
            alive = self._alive(faces)
            is_expected = self._gave_way_ns is not None and now_ns - self._gave_way_ns <= PATIENCE_S * 1e9
            return max(alive if is_expected else alive or faces, key=lambda face: face.size, default=None)
        passing = self._passing_by(faces, now_ns)
        self._passing = passing or self._passing
        likely = [face for face in faces if face not in passing and self._may_be(face, now_ns)]
        return min(likely, key=self._unlikeness, default=None)

    def _alive(self, faces: Sequence[Box]) -> list[Box]:
        return [face for face in faces if not any(_are_one(face, still) for still in self._lifeless)]

    def _passing_by(self, faces: Sequence[Box], now_ns: int) -> tuple[Box, ...]:
        """The faces of those who walk by between the performer and the camera."""
        assert self._last is not None
        nearest = [(one, min(faces, key=partial(_away, one))) for one in self._passing if faces]
        known = [face for one, face in nearest if _are_one(one, face, SAME_SIZE)]
        is_moment = self._lost_s(now_ns) <= MOMENT_S
        return tuple(face for face in faces if face in known or (is_moment and face.size > LARGER * self._last.size))

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


def _strayed(first: Box, second: Box) -> float:
    """By how many sizes of the face it has moved or grown."""
    apart = (second.x - first.x, second.y - first.y, second.size - first.size)
    return max(abs(one) for one in apart) / first.size


def _are_one(first: Box, second: Box, alike: float = ALIKE) -> bool:
    """Whether these may be the same face, found in two ways."""
    return _away(first, second) < first.size / 2 and abs(math.log(first.size / second.size)) <= math.log(alike)


def _away(first: Box, second: Box) -> float:
    return math.hypot(first.x - second.x, first.y - second.y)
