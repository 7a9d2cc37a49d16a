"""How old pictures are when they are sent, and how long each stage took: measured in a fixed amount of memory."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..data import Stamp

CAPACITY = 1 << 14  # pictures: nine minutes at 30 a second; older ones are forgotten
RECENT = 150  # pictures in the status line: five seconds
# A picture waits for the tracker (capture), is tracked, waits for the drawing thread, is posed, drawn and sent.
STAGES = ("capture", "track", "wait", "pose", "draw", "send")
_UNSENT = 64  # most pictures that are drawn and not yet sent
_MS_PER_NS = 1e-6


@dataclass(frozen=True)
class Percentiles:
    """Durations in milliseconds: the median, and what 5 % and 1 % of them exceed."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Latency:
    """From capture to sending, in total and by stage."""

    total: Percentiles | None = None  # None while nothing was sent
    stages: tuple[tuple[str, Percentiles], ...] = ()  # those that ran, in the order of `STAGES`


@dataclass(frozen=True)
class SentPicture:
    """A picture that was sent."""

    sent_ns: int
    age_ms: float  # since its capture
    draw_ms: float | None  # None if the network did not draw it: it was cached, or the face held still


class LatencyMeter:
    """Measures the time from capture to sending. Call `drawn`, then `sent`, for each picture, from any thread.

    The publisher decides when a picture counts as sent: when the socket took the message, or, without subscribers,
    when it was done with the picture.
    """

    def __init__(self, capacity: int = CAPACITY, on_sent: Callable[[SentPicture], None] | None = None) -> None:
        """`on_sent` gets each sent picture that was drawn from a signal, in the thread that calls `sent`."""
        self.on_sent = on_sent  # replaced as a whole
        self._lock = threading.Lock()
        self._total = DurationRing(capacity)
        self._stages = {name: DurationRing(capacity) for name in STAGES}
        # One slot for each picture that is drawn and not yet sent.
        self._index = np.full(_UNSENT, -1, np.int64)
        self._captured_ns = np.zeros(_UNSENT, np.int64)
        self._drawn_ns = np.zeros(_UNSENT, np.int64)
        self._draw_ms = np.zeros(_UNSENT)  # NaN if the network did not draw it

    def drawn(self, stamp: Stamp, is_new: bool = True) -> None:
        """Adds the stages that this picture has passed; `is_new` if the network drew it."""
        with self._lock:
            before_ns, took_ms = stamp.captured_ns, math.nan
            for name, now_ns in stamp.finished:
                took_ms = (now_ns - before_ns) * _MS_PER_NS
                self._stages[name].add(took_ms)
                before_ns = now_ns
            slot = stamp.index % _UNSENT
            self._draw_ms[slot] = took_ms if is_new else math.nan
            self._index[slot], self._captured_ns[slot], self._drawn_ns[slot] = stamp.index, stamp.captured_ns, before_ns

    def sent(self, index: int, sent_ns: int) -> None:
        """Adds the picture's latency; a picture that was not drawn from a signal has none."""
        slot = index % _UNSENT
        with self._lock:
            if self._index[slot] != index:
                return
            self._index[slot] = -1
            age_ms = float(sent_ns - self._captured_ns[slot]) * _MS_PER_NS
            draw_ms = float(self._draw_ms[slot])
            self._total.add(age_ms)
            self._stages["send"].add(float(sent_ns - self._drawn_ns[slot]) * _MS_PER_NS)
        if on_sent := self.on_sent:
            on_sent(SentPicture(sent_ns, age_ms, None if math.isnan(draw_ms) else draw_ms))

    def latency(self, last: int = CAPACITY) -> Latency:
        """Of the newest `last` pictures."""
        with self._lock:
            stages = ((name, ring.percentiles(last)) for name, ring in self._stages.items())
            return Latency(self._total.percentiles(last), tuple((name, took) for name, took in stages if took))


class DurationRing:
    """The newest durations; adding one allocates nothing."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._durations = np.zeros(capacity, np.float32)  # [capacity] milliseconds
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, len(self._durations))

    def add(self, ms: float) -> None:
        self._durations[self._count % len(self._durations)] = ms
        self._count += 1

    def percentiles(self, last: int = CAPACITY) -> Percentiles | None:
        """Of the newest `last`; None without any."""
        count = min(last, len(self))
        if not count:
            return None
        newest = self._durations[np.arange(self._count - count, self._count) % len(self._durations)]
        p50, p95, p99 = np.percentile(newest, (50, 95, 99))
        return Percentiles(float(p50), float(p95), float(p99))
