"""How old pictures are when they leave, and where the time went: counted while the loop runs, in a fixed space."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..data import Stamp

CAPACITY = 1 << 14  # pictures: nine minutes at 30 a second; older ones are forgotten
RECENT = 150  # pictures of which the status line speaks: five seconds
# Until a picture is taken up by the tracker; until it has its face; until that is taken up by the animator; and on.
STAGES = ("capture", "track", "wait", "pose", "draw", "send")
_UNSENT = 64  # pictures that may be on their way out at one time

_MS = 1e-6  # for nanoseconds


@dataclass(frozen=True)
class Percentiles:
    """How long something took, in milliseconds: the middle, and what one in twenty and one in a hundred exceed."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Latency:
    """From the capture of a picture to its sending, and by stage."""

    total: Percentiles | None = None  # None where nothing was sent yet
    stages: tuple[tuple[str, Percentiles], ...] = ()  # those that ran, in the order of `STAGES`


@dataclass(frozen=True)
class SentPicture:
    """A picture that has left."""

    sent_ns: int
    age_ms: float  # from its capture
    draw_ms: float | None  # None where nothing had to be drawn: it was there already, or nothing moved


class DurationRing:
    """The last durations; adding one allocates nothing."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._kept = np.zeros(capacity, np.float32)  # [capacity] milliseconds
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, len(self._kept))

    def add(self, ms: float) -> None:
        self._kept[self._count % len(self._kept)] = ms
        self._count += 1

    def percentiles(self, last: int = CAPACITY) -> Percentiles | None:
        """Of the newest `last`, or of all that are kept; None of none."""
        count = min(last, len(self))
        if not count:
            return None
        newest = self._kept[np.arange(self._count - count, self._count) % len(self._kept)]
        p50, p95, p99 = np.percentile(newest, (50, 95, 99))
        return Percentiles(float(p50), float(p95), float(p99))


class LatencyMeter:
    """Told of each picture twice, when it is drawn and when it is sent, from whatever thread.

    The latency of a picture is from its capture to its sending. The publisher says when that is: when the socket took
    the message, or, where nobody subscribes and nothing is encoded, when it was done with the picture.
    """

    def __init__(self, capacity: int = CAPACITY, on_sent: Callable[[SentPicture], None] | None = None) -> None:
        """`on_sent` is told of each picture that was drawn from a signal, in the thread that calls `sent`."""
        self._on_sent = on_sent
        self._lock = threading.Lock()
        self._total = DurationRing(capacity)
        self._stages = {name: DurationRing(capacity) for name in STAGES}
        self._index = np.full(_UNSENT, -1, np.int64)  # pictures drawn and not yet sent: which, ...
        self._captured_ns = np.zeros(_UNSENT, np.int64)  # when captured, ...
        self._drawn_ns = np.zeros(_UNSENT, np.int64)  # when drawn, ...
        self._draw_ms = np.zeros(_UNSENT)  # and how long that took; NaN where it was not drawn anew

    def drawn(self, stamp: Stamp, is_new: bool = True) -> None:
        """Counts the stages that this picture has passed; `is_new` unless it was there already."""
        with self._lock:
            before_ns = stamp.captured_ns
            for name, now_ns in stamp.finished:
                self._stages[name].add((now_ns - before_ns) * _MS)
                before_ns = now_ns
            slot, draw_ms = stamp.index % _UNSENT, _last_stage_ms(stamp) if is_new else math.nan
            self._draw_ms[slot] = draw_ms
            self._index[slot], self._captured_ns[slot], self._drawn_ns[slot] = stamp.index, stamp.captured_ns, before_ns

    def sent(self, index: int, sent_ns: int) -> None:
        """Counts the picture as sent; one that was never drawn from a signal has no latency."""
        slot = index % _UNSENT
        with self._lock:
            if self._index[slot] != index:
                return
            self._index[slot] = -1
            age_ms, draw_ms = float(sent_ns - self._captured_ns[slot]) * _MS, float(self._draw_ms[slot])
            self._total.add(age_ms)
            self._stages["send"].add(float(sent_ns - self._drawn_ns[slot]) * _MS)
        if self._on_sent:
            self._on_sent(SentPicture(sent_ns, age_ms, None if math.isnan(draw_ms) else draw_ms))

    def latency(self, last: int = CAPACITY) -> Latency:
        """Of the newest `last` pictures, or of all that are remembered."""
        with self._lock:
            ran = ((name, ring.percentiles(last)) for name, ring in self._stages.items())
            stages = tuple((name, took) for name, took in ran if took is not None)
            return Latency(self._total.percentiles(last), stages)


def _last_stage_ms(stamp: Stamp) -> float:
    times = (stamp.captured_ns, *(now_ns for _, now_ns in stamp.finished))
    return (times[-1] - times[-2]) * _MS if stamp.finished else math.nan
