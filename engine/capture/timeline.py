"""When each row of a recording happened, by the clock that whoever cuts it goes by."""

from __future__ import annotations

import time
from typing import NamedTuple

from omote.engine.nouns import Stamp

from .take_csv import DAY_NS

_FASTEST = 16  # times, at which a replay still keeps its timecodes
_JITTER_NS = 100_000_000  # that packets may come too early by
_LONGEST_GAP_NS = 11 * 3600 * 1_000_000_000  # half a day back and half a day on look alike in a timecode
_SET_AFTER = 30  # rows in a row that go by another time: the source's clock was set


class _Mark(NamedTuple):
    """A row that has its place."""

    timecode_ns: int | None
    captured_ns: int
    now_ns: int


class Timeline:
    """Gives each row its timecode, never back: the source's own where it has one, else the wall clock's time of day.

    The wall clock is asked once; from then on time goes on as it does between captures, so that a clock that is set
    meanwhile changes nothing. What was dropped leaves a gap, and so does a machine that slept where that clock goes on.
    A stray row, whose timecode is of another time than those around it, stretches nothing.
    """

    def __init__(self) -> None:
        self._first = self._before = _Mark(None, 0, 0)
        self._followed: _Mark | None = None  # the last row that went by the source's clock as it is followed
        self._strays = 0  # rows since, each a step from the one before
        self._is_empty = True

    def place(self, stamp: Stamp) -> int:
        """Nanoseconds since the midnight before the first row."""
        said, captured_ns, before = stamp.timecode_ns, stamp.captured_ns, self._before
        if self._is_empty:
            now_ns = time_of_day_ns(stamp.captured_wall_ns) if said is None else said
            self._first = before = _Mark(said, captured_ns, now_ns)
            self._is_empty = False
        followed = self._followed or before
        on_ns, step_ns = self._step_ns(followed, stamp), self._step_ns(before, stamp)
        if on_ns is not None and (
            step_ns is None or _off_ns(followed, stamp, on_ns) <= _off_ns(before, stamp, step_ns)
        ):
            now_ns = max(followed.now_ns + on_ns, before.now_ns)
            self._strays = 0
        else:
            now_ns = before.now_ns + (_passed_ns(before, captured_ns) if step_ns is None else step_ns)
            self._strays = 1 if step_ns is None else self._strays + 1
        self._before = _Mark(said, captured_ns, now_ns)
        if not 0 < self._strays < _SET_AFTER:
            self._followed = self._before
        return now_ns

    @property
    def elapsed_ns(self) -> int:
        """Since the first row."""
        return self._before.now_ns - self._first.now_ns

    def _step_ns(self, mark: _Mark, stamp: Stamp) -> int | None:
        """How much later than this mark the source says the row to be; None where it cannot be."""
        if mark.timecode_ns is None or stamp.timecode_ns is None:
            return None
        said_ns = (stamp.timecode_ns - mark.timecode_ns) % DAY_NS
        passed_ns = _passed_ns(mark, stamp.captured_ns)
        # After a stall, rows that waited on their way come at once, and some of them are lost.
        behind_ns = max(mark.captured_ns - self._first.captured_ns - (mark.now_ns - self._first.now_ns), 0)
        most_ns = min(_FASTEST * passed_ns + behind_ns + _JITTER_NS, _LONGEST_GAP_NS)
        return said_ns if said_ns <= most_ns else None


def _off_ns(mark: _Mark, stamp: Stamp, said_ns: int) -> int:
    """How far what the source says has passed since a mark is from what has passed here."""
    return abs(said_ns - _passed_ns(mark, stamp.captured_ns))


def _passed_ns(mark: _Mark, captured_ns: int) -> int:
    return min(max(captured_ns - mark.captured_ns, 0), _LONGEST_GAP_NS)


def time_of_day_ns(wall_ns: int) -> int:
    """Since midnight where this machine stands, as an iPhone's timecode says it."""
    seconds, rest_ns = divmod(wall_ns, 1_000_000_000)
    here = time.localtime(seconds)
    return (here.tm_sec + 60 * (here.tm_min + 60 * here.tm_hour)) * 1_000_000_000 % DAY_NS + rest_ns
