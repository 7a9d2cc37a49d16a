"""When the next picture is tracked: the reader thread, which waits until its result is needed, and the rate limit."""

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


@dataclass(frozen=True)
class CapturedSignal:
    """A signal, and when it was really captured: offline the signal's own stamp is the file's time."""

    signal: Signal
    stamp: Stamp


class SourceReader:
    """Opens a source and puts what it gives into a mailbox; a thread that hangs is left behind, it is a daemon.

    It reads when it has been admitted: live when it is the tracker's turn, so that none works for nothing, and offline
    when it is asked for each signal, so that none is lost.
    """

    def __init__(
        self,
        source: Source,
        mailbox: Latest[CapturedSignal],
        on_over: Callable[[SourceReader], None],
        clock_ns: Callable[[], int],
        turns: TrackingScheduler,
        is_offline: bool = False,
        on_signal: Callable[[Signal], None] = lambda signal: None,
    ) -> None:
        """`on_signal` is told of every signal, in the thread that reads; the mailbox keeps the newest."""
        self.source = source
        self.error: BaseException | None = None  # set before `on_over` is called; None where the source just ended
        self._mailbox, self._on_over, self._clock_ns = mailbox, on_over, clock_ns
        self._turns, self._is_offline, self._on_signal = turns, is_offline, on_signal
        self._is_open = threading.Event()
        self._is_admitted = threading.Event()
        self._is_asked = threading.Event()
        self._is_stopped = threading.Event()
        self._handing_over = threading.Lock()
        self.thread = threading.Thread(target=self._run, name=f"capture {source.name}", daemon=True)

    def start(self) -> Self:
        """Begins to open the source, and returns at once."""
        self.thread.start()
        return self

    def wait_until_open(self, timeout_s: float) -> bool:
        """Whether the source is open, or has failed to open, within the time."""
        return self._is_open.wait(timeout_s)

    def admit(self) -> None:
        self._is_admitted.set()

    def ask(self) -> None:
        """Offline: for one signal more."""
        self._is_asked.set()

    def stop(self) -> None:
        """Tells the thread to close the source; it does so when the source's read returns.

        No signal of it is handed over after this, so that none comes between those of the source that follows.
        """
        with self._handing_over:
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
            self._on_over(self)

    def _read(self) -> None:
        while not self._is_stopped.is_set():
            if not self._is_admitted.wait(POLL_S) or not self._may_read():
                continue
            began_ns = self._clock_ns()
            signal = self.source.read(POLL_S)
            with self._handing_over:
                if signal is not None and not self._is_stopped.is_set():
                    self._hand_over(signal, began_ns)

    def _hand_over(self, signal: Signal, began_ns: int) -> None:
        self._is_asked.clear()
        self._on_signal(signal)
        stamp = self._from_now(signal.stamp, began_ns) if self._is_offline else signal.stamp
        done_ns = self._clock_ns()
        self._turns.tracked(done_ns - max(began_ns, _arrived_ns(stamp)))
        self._mailbox.put(CapturedSignal(signal, stamp.after("track", done_ns)))

    def _may_read(self) -> bool:
        """Whether it is time for the next signal, or becomes so soon."""
        return self._is_asked.wait(POLL_S) if self._is_offline else self._turns.wait(POLL_S)

    @staticmethod
    def _from_now(stamp: Stamp, began_ns: int) -> Stamp:
        """The stamp of a picture of a file that counts as captured when it was asked for."""
        return Stamp(stamp.index, began_ns, stamp.captured_wall_ns)


def _arrived_ns(stamp: Stamp) -> int:
    """When the picture was there to be tracked."""
    return stamp.finished[-1][1] if stamp.finished else stamp.captured_ns


REMEMBERED = 16  # durations: the latest show what the machine can do now
CHEAP_NS = 2_000_000  # what is tracked so fast, or comes tracked, is read whenever it comes
TRACK_SHARE, DRAW_SHARE = 0.7, 0.4  # of the last durations, the share that is shorter than what is expected
REFRESH = 2  # times what tracking takes: a face that waits longer is replaced by a newer one


class RecentDurations:
    """The last durations of a piece of work."""

    def __init__(self) -> None:
        self._durations_ns: deque[int] = deque(maxlen=REMEMBERED)

    def add(self, duration_ns: int) -> None:
        self._durations_ns.append(max(duration_ns, 0))

    def quantile(self, share: float) -> int:
        """What this share of them does not exceed; 0 of none."""
        if not self._durations_ns:
            return 0
        return sorted(self._durations_ns)[min(int(share * len(self._durations_ns)), len(self._durations_ns) - 1)]

    def forget(self) -> None:
        self._durations_ns.clear()


class TrackingPacer:
    """Told what the animator and the tracker do, says when to track the next picture.

    While the animator waits, that is at once. While it draws, tracking is put off until it would be done just when the
    drawing is: the picture is the newest there is then, and none is tracked that another overtakes. The drawing is
    expected to take as long as its quicker ones did lately and the tracking as long as its slower ones, because a face
    that is ready early is a little older, but one that is late leaves the animator idle. With `ahead` every picture is
    tracked as it comes: for a machine with cores to spare. With `apart` tracking begins when the drawing is done: for
    one with so few that each would hold up the other.
    """

    def __init__(self, *, ahead: bool = False, apart: bool = False) -> None:
        self._ahead, self._apart = ahead, apart
        self._draws, self._tracks = RecentDurations(), RecentDurations()
        self._taken_ns: int | None = None  # when the animator took up what it draws; None while it waits
        self._ready_ns: int | None = None  # since when a face waits for it; None where none does

    def taken(self, now_ns: int, is_seen: bool = True) -> None:
        """The animator begins to draw: a face that waited, or, where that is not so, one of its own."""
        self._taken_ns = now_ns
        if is_seen:
            self._ready_ns = None

    def drawn(self, now_ns: int) -> None:
        """The animator is done, and waits for the next face."""
        if self._taken_ns is not None:
            self._draws.add(now_ns - self._taken_ns)
        self._taken_ns = None

    def tracked(self, took_ns: int, now_ns: int) -> None:
        """A face is ready; finding it took so long."""
        self._tracks.add(took_ns)
        self._ready_ns = now_ns

    def forget_tracking(self) -> None:
        """Another source is tracked in its own time."""
        self._tracks.forget()
        self._ready_ns = None

    def begin_ns(self, now_ns: int) -> int:
        """When to track the next picture: now, or later."""
        track_ns, begin_ns = self._tracks.quantile(TRACK_SHARE), now_ns
        if self._ahead or track_ns < CHEAP_NS:
            return now_ns
        if self._taken_ns is not None:
            begin_ns = self._taken_ns + self._draws.quantile(DRAW_SHARE) - (0 if self._apart else track_ns)
        if self._ready_ns is not None:
            begin_ns = max(begin_ns, self._ready_ns + REFRESH * track_ns)
        return max(begin_ns, now_ns)


class RateLimiter:
    """Lets the animator rest, where there shall be no more than so many pictures a second."""

    def __init__(self) -> None:
        self._least_ns = 0  # from one picture to the next
        self._free_ns = 0  # when the next one may be taken up

    def limit(self, fps: float | None) -> None:
        """To so many a second from now on, or to as many as come; from any thread."""
        self._least_ns = round(1e9 / fps) if fps else 0

    def rest_s(self, taken_ns: int, now_ns: int) -> float:
        """How long to rest now, after the picture that was taken up at `taken_ns`.

        One that came late is followed up to half a period sooner, so that the pictures keep the rate.
        """
        least_ns = self._least_ns
        if not least_ns:
            return 0.0
        self._free_ns = max(self._free_ns, taken_ns - least_ns // 2) + least_ns
        return max(self._free_ns - now_ns, 0) / 1e9


class TrackingScheduler:
    """Holds back the thread that tracks until it is its turn; the one that draws never waits for it here."""

    def __init__(self, clock_ns: Callable[[], int], *, ahead: bool = False, apart: bool = False) -> None:
        self._pacing, self._clock_ns = TrackingPacer(ahead=ahead, apart=apart), clock_ns
        self._condition = threading.Condition()

    def taken(self, is_seen: bool = True) -> None:
        """The animator begins to draw."""
        with self._condition:
            self._pacing.taken(self._clock_ns(), is_seen)
            self._condition.notify_all()

    def drawn(self) -> None:
        """The animator is done."""
        with self._condition:
            self._pacing.drawn(self._clock_ns())
            self._condition.notify_all()

    def tracked(self, took_ns: int) -> None:
        """A face is ready; finding it took so long."""
        with self._condition:
            self._pacing.tracked(took_ns, self._clock_ns())

    def forget_tracking(self) -> None:
        """Another source is tracked in its own time."""
        with self._condition:
            self._pacing.forget_tracking()

    def wait(self, timeout_s: float) -> bool:
        """Whether it is time to track the next picture, or becomes so within the time."""
        end_ns = self._clock_ns() + int(timeout_s * 1e9)
        with self._condition:
            while (begin_ns := self._pacing.begin_ns(now_ns := self._clock_ns())) > now_ns:
                if now_ns >= end_ns:
                    return False
                self._condition.wait((min(begin_ns, end_ns) - now_ns) / 1e9)
        return True
