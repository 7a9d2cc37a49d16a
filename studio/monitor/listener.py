"""Receives one subject at one endpoint, and times every arrival by the sender's clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

from omote.bridge.control import Clock
from omote.bridge.frame import Frame, Hello
from omote.bridge.keys import ClientKeys
from omote.bridge.subscriber import Reception, Subscriber
from omote.engine.latency import CAPACITY, Ring

from .account import Account, Timing
from .asker import Answers

_RECENT = 600  # frames: ten seconds at 60 a second
_LOOK_S = 0.1
_MS = 1e-6  # for nanoseconds


class Listener:
    """`with` connects; `watch` receives for a while, `account` says how it stands.

    Where the sender's clock is not `own`, ages are unknown until `set_clock`.
    """

    def __init__(
        self,
        endpoint: str,
        subject: str,
        format: str,
        keys: ClientKeys | None,
        is_own_clock: bool,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._subscriber = Subscriber(endpoint, subject, clock, format=format, keys=keys, on_arrival=self._arrived)
        self._is_own_clock = is_own_clock
        self._now = clock
        self._begun_ns = self._counted_ns = clock()
        self._counted = 0  # frames, at the last account
        self._first_ns = self._last_ns = 0
        self._ages, self._latencies = Ring(), Ring()
        self._timed_from = 0  # the number of the frame from which on ages are right
        self._clock: Clock | None = None
        self._clock_sessions = 0  # of the sender, that had been seen when it was measured
        self._frame: Frame | None = None

    def __enter__(self) -> Self:
        self._subscriber.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._subscriber.__exit__(*error)

    @property
    def hello(self) -> Hello | None:
        """What the sender says of itself; on a params endpoint."""
        return self._subscriber.hello

    @property
    def session(self) -> int | None:
        """The run of the sender from which the last frame was."""
        return self._frame.header.session if self._frame else None

    def watch(self, until_s: float) -> None:
        """Takes what arrives until that moment of `time.monotonic`."""
        while (left_s := until_s - time.monotonic()) > 0:
            self._frame = self._subscriber.take(min(left_s, _LOOK_S)) or self._frame

    def set_clock(self, clock: Clock | None) -> None:
        """Tells what has been measured; it counts for the run of the sender that it is of."""
        sessions = self._subscriber.reception.sessions
        measured = clock if clock and clock.session == self.session else None
        if measured:
            self._count_by(measured)
        self._clock, self._clock_sessions = measured, sessions

    def _count_by(self, clock: Clock) -> None:
        # Where the two may well be one clock the difference is only noise; through a tunnel they are not.
        is_same = self._is_own_clock and abs(clock.offset_ns) <= clock.uncertainty_ns
        offset_ns = 0 if is_same else clock.offset_ns
        if offset_ns != self._subscriber.offset_ns:
            self._subscriber.offset_ns = offset_ns
            # One may be on its way to `_arrived` whose age is still by the offset before.
            self._timed_from = self._subscriber.reception.received + 2
        if self._is_own_clock and not is_same:
            self._is_own_clock = False
            self._ages, self._latencies = Ring(), Ring()

    def account(self, answers: Answers) -> Account:
        """How it stands."""
        subscriber, reception, now_ns = self._subscriber, self._subscriber.reception, self._now()
        fps = _rate(reception.received - self._counted, now_ns - self._counted_ns)
        self._counted, self._counted_ns = reception.received, now_ns
        return Account(
            endpoint=subscriber.endpoint,
            subject=subscriber.subject,
            format=subscriber.format,
            state=self._state(reception),
            seconds=(now_ns - self._begun_ns) * 1e-9,
            reception=reception,
            skipped=subscriber.skipped,
            frame=self._frame,
            fps=fps,
            mean_fps=_rate(reception.received - 1, self._last_ns - self._first_ns),
            recent=self._timing(_RECENT),
            whole=self._timing(CAPACITY),
            is_clock_known=self._is_clock_known,
            clock=self._clock,
            hello=subscriber.hello,
            schema=subscriber.schema,
            last_error=subscriber.last_error,
            refusal=subscriber.refusal,
            answers=answers,
        )

    @property
    def _is_clock_known(self) -> bool:
        """Another run of the sender may have another clock, though the last one's is still at hand."""
        is_measured = self._clock is not None and self._clock_sessions == self._subscriber.reception.sessions
        return self._is_own_clock or is_measured

    def _state(self, reception: Reception) -> str:
        if not reception.received:
            return "waiting"
        return "stale" if self._subscriber.is_stale else "live"

    def _timing(self, last: int) -> Timing | None:
        age, latency = self._ages.percentiles(last), self._latencies.percentiles(last)
        return Timing(age, latency) if age and latency else None

    def _arrived(self, age_ns: int) -> None:
        """In the subscriber's thread, for each picture and params."""
        self._last_ns = self._now()
        self._first_ns = self._first_ns or self._last_ns
        reception = self._subscriber.reception
        if self._is_clock_known and reception.received >= self._timed_from:
            self._ages.add(age_ns * _MS)
            self._latencies.add(reception.latency_ns * _MS)


def _rate(count: int, took_ns: int) -> float:
    return count / took_ns * 1e9 if took_ns > 0 else 0.0
