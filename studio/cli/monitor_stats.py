"""Receives one subject for `omote monitor`, and measures counts, rates and ages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from omote.bridge.control import Clock, ControlClient, ControlError
from omote.bridge.frame import Frame
from omote.bridge.keys import ClientKeys
from omote.bridge.payload import Hello, Schema
from omote.bridge.subscriber import ReceptionCounts, Subscriber
from omote.engine.live.latency import CAPACITY, DurationRing, Percentiles

_RECENT = 600  # frames: ten seconds at 60 a second
_POLL_S = 0.1
_MS = 1e-6  # for nanoseconds
_POLL_PERIOD_S = 1.0
_CLOCK_PERIOD_S = 10.0
_TIMEOUT_S = 1.0
_SHUTDOWN_S = 0.5


@dataclass(frozen=True)
class Timing:
    """How old frames are when they arrive, in milliseconds."""

    age: Percentiles  # since they were captured
    transit: Percentiles  # since they were sent


@dataclass(frozen=True)
class MonitorStats:
    """Everything that the monitor shows."""

    endpoint: str
    subject: str
    format: str  # the requested one
    state: str  # "waiting", "live" or "stale"
    seconds: float  # since the start
    reception: ReceptionCounts
    skipped: int  # replaced by newer ones before this program took them
    frame: Frame | None  # the last one
    fps: float  # since the last statistics
    mean_fps: float  # from the first frame to the last
    recent: Timing | None  # of the last seconds; None without a known clock
    whole: Timing | None  # of all frames
    is_clock_known: bool  # this machine's own, or a measured one
    clock: Clock | None  # if measured
    hello: Hello | None
    schema: Schema | None
    last_error: str
    refusal: str  # why the sender refuses the connection, or ""
    replies: ControlReplies


class MonitorReceiver:
    """Connects while it is entered; `receive` waits for frames, `account` returns the statistics.

    If the sender's clock is not this machine's own, ages are unknown until `set_clock`.
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
        self._counted = 0  # frames, at the last statistics
        self._first_ns = self._last_ns = 0
        self._ages, self._transits = DurationRing(), DurationRing()
        self._timed_from = 0  # the first frame whose age is right
        self._clock: Clock | None = None
        self._clock_sessions = 0  # runs of the sender when it was measured
        self._frame: Frame | None = None

    def __enter__(self) -> Self:
        self._subscriber.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._subscriber.__exit__(*error)

    @property
    def hello(self) -> Hello | None:
        """The hello of the sender, which a params endpoint receives."""
        return self._subscriber.hello

    @property
    def session(self) -> int | None:
        """The session of the last frame."""
        return self._frame.header.session if self._frame else None

    def receive(self, until_s: float) -> None:
        """Receives frames until this time of `time.monotonic`."""
        while (left_s := until_s - time.monotonic()) > 0:
            self._frame = self._subscriber.take(min(left_s, _POLL_S)) or self._frame

    def set_clock(self, clock: Clock | None) -> None:
        """Sets a measured clock, if it is of the current run of the sender."""
        sessions = self._subscriber.reception.sessions
        measured = clock if clock and clock.session == self.session else None
        if measured:
            self._count_by(measured)
        self._clock, self._clock_sessions = measured, sessions

    def _count_by(self, clock: Clock) -> None:
        # On one machine the offset is only noise, but through a tunnel the clocks differ.
        is_same = self._is_own_clock and abs(clock.offset_ns) <= clock.uncertainty_ns
        offset_ns = 0 if is_same else clock.offset_ns
        if offset_ns != self._subscriber.offset_ns:
            self._subscriber.offset_ns = offset_ns
            # The next frame may still be timed with the old offset.
            self._timed_from = self._subscriber.reception.received + 2
        if self._is_own_clock and not is_same:
            self._is_own_clock = False
            self._ages, self._transits = DurationRing(), DurationRing()

    def stats(self, replies: ControlReplies) -> MonitorStats:
        """Returns the statistics."""
        subscriber, reception, now_ns = self._subscriber, self._subscriber.reception, self._now()
        fps = _rate(reception.received - self._counted, now_ns - self._counted_ns)
        self._counted, self._counted_ns = reception.received, now_ns
        return MonitorStats(
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
            replies=replies,
        )

    @property
    def _is_clock_known(self) -> bool:
        """Another run of the sender may have another clock."""
        is_measured = self._clock is not None and self._clock_sessions == self._subscriber.reception.sessions
        return self._is_own_clock or is_measured

    def _state(self, reception: ReceptionCounts) -> str:
        if not reception.received:
            return "waiting"
        return "stale" if self._subscriber.is_stale else "live"

    def _timing(self, last: int) -> Timing | None:
        age, transit = self._ages.percentiles(last), self._transits.percentiles(last)
        return Timing(age, transit) if age and transit else None

    def _arrived(self, transit_ns: int) -> None:
        """Called in the subscriber's thread for each frame."""
        self._last_ns = self._now()
        self._first_ns = self._first_ns or self._last_ns
        reception = self._subscriber.reception
        if self._is_clock_known and reception.received >= self._timed_from:
            self._ages.add(reception.age_ns * _MS)
            self._transits.add(transit_ns * _MS)


def _rate(count: int, took_ns: int) -> float:
    return count / took_ns * 1e9 if took_ns > 0 else 0.0


@dataclass(frozen=True)
class ControlReplies:
    """The last replies of the control endpoint."""

    endpoint: str = ""  # "" if unknown
    hello: Mapping[str, object] | None = None
    stats: Mapping[str, object] | None = None
    clock: Clock | None = None
    error: str = ""  # why there is no new reply


class ControlPoller:
    """Polls the control endpoint while it is entered. `where` returns the endpoint, "" if it is unknown."""

    def __init__(self, where: Callable[[], str], keys: ClientKeys | None = None) -> None:
        self.replies = ControlReplies()
        self._where = where
        self._keys = keys
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_stopping.set()
        self._thread.join(_SHUTDOWN_S)  # it may still wait for a reply

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            if endpoint := self._where():
                self.replies = ControlReplies(endpoint)
                with ControlClient(endpoint, self._keys) as client:
                    self._ask_while(endpoint, client)
            self._is_stopping.wait(_POLL_PERIOD_S / 10)

    def _ask_while(self, endpoint: str, client: ControlClient) -> None:
        clock_due_s = time.monotonic()
        while not self._is_stopping.is_set() and self._where() == endpoint:
            try:
                if time.monotonic() >= clock_due_s:
                    clock, hello = client.measure_clock(), _request(client, "hello")
                    self.replies = replace(self.replies, clock=clock, hello=hello)
                    clock_due_s = time.monotonic() + _CLOCK_PERIOD_S
                self.replies = replace(self.replies, stats=_request(client, "stats"), error="")
            except ControlError as error:
                # The next reply may be of another run with another clock.
                self.replies = ControlReplies(endpoint, error=error.message)
                clock_due_s = time.monotonic()
            self._is_stopping.wait(_POLL_PERIOD_S)


def _request(client: ControlClient, method: str) -> Mapping[str, object] | None:
    """The result; None if the sender does not know the method. ControlError without a reply."""
    try:
        return client.call(method, timeout_s=_TIMEOUT_S)
    except ControlError as error:
        if error.code != "unsupported":
            raise
        return None
