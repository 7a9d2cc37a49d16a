"""Reads the source in a thread of its own, each picture as late as possible, and limits the rate of drawing."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from omote.bridge.latest import Latest

from ..capture.source import EndOfSource, Source
from ..data import Signal, Stamp

POLL_S = 0.1

REMEMBERED = 16  # durations: the latest show what the machine can do now
CHEAP_NS = 2_000_000  # a source that reads so fast, such as a phone, is read whenever a signal comes
TRACK_QUANTILE, DRAW_QUANTILE = 0.7, 0.4  # of the last durations: what tracking and drawing are expected to take
REFRESH = 2  # a face that waits so many times as long as tracking takes is replaced by a newer one


@dataclass(frozen=True)
class CapturedSignal:
    """A signal, and the stamp of its real capture: offline, the signal's own stamp has the file's time."""

    signal: Signal
    stamp: Stamp


class SourceReader:
    """Opens a source and puts its signals into a mailbox. Its thread is a daemon: one that hangs is left behind.

    It reads after `start_reading`: live when the scheduler says so, and offline one signal for each `request`, so that
    none is lost.
    """

    def __init__(
        self,
        source: Source,
        mailbox: Latest[CapturedSignal],
        scheduler: TrackingScheduler,
        *,
        on_end: Callable[[SourceReader], None],
        on_signal: Callable[[Signal], None],
        clock_ns: Callable[[], int],
        is_offline: bool = False,
    ) -> None:
        """Both callbacks run in the reading thread; `on_signal` gets every signal, the mailbox keeps the newest."""
        self.source = source
        self.error: BaseException | None = None  # set before `on_end` is called; None if the source just ended
        self._mailbox, self._scheduler = mailbox, scheduler
        self._on_end, self._on_signal = on_end, on_signal
        self._clock_ns, self._is_offline = clock_ns, is_offline
        self._is_open = threading.Event()
        self._may_read = threading.Event()
        self._is_requested = threading.Event()
        self._is_stopped = threading.Event()
        self._delivering = threading.Lock()
        self.thread = threading.Thread(target=self._run, name=f"capture {source.name}", daemon=True)

    def start(self) -> Self:
        """Starts to open the source, and returns at once."""
        self.thread.start()
        return self

    def wait_until_open(self, timeout_s: float) -> bool:
        """Whether the source opens, or fails to open, within the time."""
        return self._is_open.wait(timeout_s)

    def start_reading(self) -> None:
        self._may_read.set()

    def request(self) -> None:
        """Offline: reads one more signal."""
        self._is_requested.set()

    def stop(self) -> None:
        """Makes the thread close the source as soon as its read returns.

        No signal of it is delivered after this call, so that none comes between those of the next source.
        """
        with self._delivering:
            self._is_stopped.set()

    def _run(self) -> None:
        try:
            with self.source:
                self._is_open.set()
                self._read()
        except EndOfSource:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self._is_open.set()
            self._on_end(self)

    def _read(self) -> None:
        while not self._is_stopped.is_set():
            is_due = self._is_requested.wait if self._is_offline else self._scheduler.wait
            if not self._may_read.wait(POLL_S) or not is_due(POLL_S):
                continue
            began_ns = self._clock_ns()
            signal = self.source.read(POLL_S)
            with self._delivering:
                if signal is not None and not self._is_stopped.is_set():
                    self._deliver(signal, began_ns)

    def _deliver(self, signal: Signal, began_ns: int) -> None:
        self._is_requested.clear()
        self._on_signal(signal)
        stamp = signal.stamp
        if self._is_offline:  # a picture of a file counts as captured when it was requested
            stamp = Stamp(stamp.index, began_ns, stamp.captured_wall_ns)
        done_ns = self._clock_ns()
        arrived_ns = stamp.finished[-1][1] if stamp.finished else stamp.captured_ns
        self._scheduler.tracking_finished(done_ns - max(began_ns, arrived_ns))
        self._mailbox.put(CapturedSignal(signal, stamp.after("track", done_ns)))


class TrackingScheduler:
    """Decides when the next picture is tracked; the drawing thread never waits for it.

    While the drawing thread is idle, that is at once. While it draws, tracking starts so that it ends together with
    the drawing: the face is then the newest possible, and no picture is tracked in vain. Drawing is expected to take as
    long as the faster ones did lately, and tracking as long as the slower ones: a face that is early is a little older,
    but one that is late leaves the drawing thread idle. With `ahead` every picture is tracked as it comes, for a
    machine with cores to spare. With `apart` tracking starts when the drawing ends, for a machine with so few cores
    that each would slow the other down.
    """

    def __init__(self, clock_ns: Callable[[], int], *, ahead: bool = False, apart: bool = False) -> None:
        self._clock_ns, self._ahead, self._apart = clock_ns, ahead, apart
        self._condition = threading.Condition()
        self._draws, self._tracks = RecentDurations(), RecentDurations()
        self._drawing_since_ns: int | None = None  # None while the drawing thread is idle
        self._waiting_since_ns: int | None = None  # of a tracked face; None if none waits

    def drawing_started(self, is_tracked: bool = True) -> None:
        """The drawing thread draws: a tracked face that waited, or the idle portrait."""
        with self._condition:
            self._drawing_since_ns = self._clock_ns()
            if is_tracked:
                self._waiting_since_ns = None
            self._condition.notify_all()

    def drawing_finished(self) -> None:
        """The drawing thread is idle."""
        with self._condition:
            if self._drawing_since_ns is not None:
                self._draws.add(self._clock_ns() - self._drawing_since_ns)
            self._drawing_since_ns = None
            self._condition.notify_all()

    def tracking_finished(self, took_ns: int) -> None:
        """A tracked face waits for the drawing thread."""
        with self._condition:
            self._tracks.add(took_ns)
            self._waiting_since_ns = self._clock_ns()

    def reset_tracking(self) -> None:
        """Forgets how long tracking takes: another source follows."""
        with self._condition:
            self._tracks.clear()
            self._waiting_since_ns = None

    def wait(self, timeout_s: float) -> bool:
        """Whether the next picture is due, or becomes due within the time."""
        end_ns = self._clock_ns() + int(timeout_s * 1e9)
        with self._condition:
            while (due_ns := self.due_ns(now_ns := self._clock_ns())) > now_ns:
                if now_ns >= end_ns:
                    return False
                self._condition.wait((min(due_ns, end_ns) - now_ns) / 1e9)
        return True

    def due_ns(self, now_ns: int) -> int:
        """When to track the next picture: now, or later."""
        track_ns, due_ns = self._tracks.quantile(TRACK_QUANTILE), now_ns
        if self._ahead or track_ns < CHEAP_NS:
            return now_ns
        if self._drawing_since_ns is not None:
            drawn_ns = self._drawing_since_ns + self._draws.quantile(DRAW_QUANTILE)
            due_ns = drawn_ns - (0 if self._apart else track_ns)
        if self._waiting_since_ns is not None:
            due_ns = max(due_ns, self._waiting_since_ns + REFRESH * track_ns)
        return max(due_ns, now_ns)


class RecentDurations:
    """The last durations of a piece of work."""

    def __init__(self) -> None:
        self._durations_ns: deque[int] = deque(maxlen=REMEMBERED)

    def add(self, duration_ns: int) -> None:
        self._durations_ns.append(max(duration_ns, 0))

    def quantile(self, share: float) -> int:
        """What this share of them does not exceed; 0 without any."""
        if not self._durations_ns:
            return 0
        return sorted(self._durations_ns)[min(int(share * len(self._durations_ns)), len(self._durations_ns) - 1)]

    def clear(self) -> None:
        self._durations_ns.clear()


class RateLimiter:
    """Holds the drawing thread back, so that it draws no more than a number of pictures a second."""

    def __init__(self) -> None:
        self._period_ns = 0  # between two pictures, at least
        self._next_ns = 0  # when the next one may start

    def limit(self, fps: float | None) -> None:
        """Limits the rate from now on; None removes the limit. From any thread."""
        self._period_ns = round(1e9 / fps) if fps else 0

    def delay_s(self, started_ns: int, now_ns: int) -> float:
        """How long to wait now, after the picture that was started at `started_ns`.

        After a late picture the next one comes up to half a period sooner, so that the mean rate is kept.
        """
        period_ns = self._period_ns
        if not period_ns:
            return 0.0
        self._next_ns = max(self._next_ns, started_ns - period_ns // 2) + period_ns
        return max(self._next_ns - now_ns, 0) / 1e9
