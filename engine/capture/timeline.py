"""When each row of a recording happened, by the clock that whoever cuts it goes by."""

from __future__ import annotations

import time

from omote.engine.nouns import Stamp

from .take_csv import DAY_NS

# A step of a source's own clock that is this much longer than ours is no gap: the clock was set, or it is another one.
_SLACK_NS = 10_000_000_000
_FASTEST = 16  # times, at which a replay still keeps its timecodes
_LONGEST_GAP_NS = 11 * 3600 * 1_000_000_000  # half a day back and half a day on look alike in a timecode


class Timeline:
    """Gives each row its timecode, never back: the source's own where it has one, else the wall clock's time of day.

    The wall clock is asked once; from then on time goes on as it does between captures, so that a clock that is set
    meanwhile changes nothing. What was dropped leaves a gap, and so does a machine that slept where that clock goes on.
    """

    def __init__(self) -> None:
        self._start_ns = 0
        self._now_ns = 0  # since the midnight before the first row
        self._before: Stamp | None = None

    def place(self, stamp: Stamp) -> int:
        """Nanoseconds since the midnight before the first row."""
        if self._before is None:
            said = stamp.timecode_ns
            self._start_ns = self._now_ns = time_of_day_ns(stamp.captured_wall_ns) if said is None else said
        else:
            self._now_ns += _step_ns(self._before, stamp)
        self._before = stamp
        return self._now_ns

    @property
    def elapsed_ns(self) -> int:
        """Since the first row."""
        return self._now_ns - self._start_ns


def time_of_day_ns(wall_ns: int) -> int:
    """Since midnight where this machine stands, as an iPhone's timecode says it."""
    seconds, rest_ns = divmod(wall_ns, 1_000_000_000)
    here = time.localtime(seconds)
    return (here.tm_sec + 60 * (here.tm_min + 60 * here.tm_hour)) * 1_000_000_000 % DAY_NS + rest_ns


def _step_ns(before: Stamp, now: Stamp) -> int:
    passed_ns = min(max(now.captured_ns - before.captured_ns, 0), _LONGEST_GAP_NS)
    if before.timecode_ns is None or now.timecode_ns is None:
        return passed_ns
    said_ns = (now.timecode_ns - before.timecode_ns) % DAY_NS
    return said_ns if said_ns <= _FASTEST * passed_ns + _SLACK_NS and said_ns <= _LONGEST_GAP_NS else passed_ns
