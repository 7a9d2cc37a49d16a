"""The live loop: one thread reads the source, one draws, and the caller's thread waits. Nothing queues."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from omote.bridge.latest import Latest

from ..capture.source import Source, SourceError
from ..hardware import this_machine, thread_plan
from ..version import version
from .adaptive_quality import BudgetStatus
from .latency import RECENT
from .metrics import LiveStatus, RunReport
from .scheduling import CapturedSignal, RateLimiter, SourceReader, TrackingScheduler
from .session import LiveSession

IDLE_PERIOD_S = 1.0 / 30.0  # between two pictures while nothing comes from the source
SILENCE_S = 0.5  # a source without a signal for so long has lost the face
OPEN_TIMEOUT_S = 15.0  # for a new source
STOP_S = 0.5
POLL_S = 0.05
MOST_FAILURES = 30  # pictures in a row that cannot be drawn; then the loop ends

_log = logging.getLogger(__name__)


class LiveLoop:
    """Draws what a source performs in a session whose outputs are open. Runs once.

    Its threads are daemons, and ending waits half a second for them and no more: a source that hangs is left behind.

    Parameters
    ----------
    source
        What drives the face: of `open_source`, an `IterableSource`, or your own `Source`. The loop opens and closes it.
    session
        What is drawn, and where it goes.
    is_offline
        Draws every picture of a file, and changes characters by a cut.

    Examples
    --------
    >>> with WireOutput() as wire:
    ...     session = LiveSession(Animator(), "hana", [wire])
    ...     report = LiveLoop(open_source("webcam"), session).run(seconds=60.0)
    """

    def __init__(self, source: Source, session: LiveSession, *, is_offline: bool = False) -> None:
        self.session = session
        self.rate = RateLimiter()
        if session.quality:
            session.quality.on_rate = self.rate.limit
        if is_offline:
            session.crossfade_s = 0.0
        self._is_offline, self._clock_ns = is_offline, session.clock_ns
        self._mailbox: Latest[CapturedSignal] = Latest()
        plan = thread_plan()
        self._scheduler = TrackingScheduler(self._clock_ns, ahead=plan.tracks_ahead, apart=plan.tracks_apart)
        self._reader = self._reader_of(source)
        self._thread = threading.Thread(target=self._draw, name="draw", daemon=True)
        self._has_started, self._has_ended = threading.Event(), threading.Event()
        self._changing = threading.Lock()
        self._error: BaseException | None = None
        self._signal_ns = 0  # when the last signal came
        self._failed_in_a_row = 0
        self._logged: set[type[Exception]] = set()  # kinds of failures
        self._dropped_before = 0  # by earlier sources
        self.status = self._new_status(self._clock_ns())  # replaced once a second

    def run(self, seconds: float | None = None, on_status: Callable[[LiveStatus], None] | None = None) -> RunReport:
        """Runs until the source ends, or for a time.

        Parameters
        ----------
        seconds
            Of pictures, after the first one; None runs until the source ends.
        on_status
            Called about once a second from this thread.

        Returns
        -------
        RunReport
            Rate, latency and counts of the run.

        Raises
        ------
        SourceError
            If the source cannot be opened or read; other errors of the loop's threads are raised as well.
        """
        self._thread.start()
        try:
            self._wait(seconds, on_status)
        finally:
            self._stop()
        if self._error:
            raise self._error
        return self.report()

    def end(self) -> None:
        """Lets `run` return, from any thread."""
        self._has_ended.set()

    @property
    def is_drawing(self) -> bool:
        """Whether the drawing thread runs; after `run` only if it hangs."""
        return self._thread.is_alive()

    def report(self) -> RunReport:
        """The run so far."""
        now_ns, renderer, counters = self._clock_ns(), self.session.renderer, self.session.counters
        return RunReport(
            fps=counters.fps(now_ns),
            pictures=counters.pictures,
            failed=counters.failed,
            latency=self.session.meter.latency(),
            dropped=self._dropped,
            tracked_fraction=counters.tracked_fraction,
            size=renderer.size,
            steps=renderer.steps,
            runtime=renderer.runtime,
            hardware=this_machine(),
            source=self.source.name,
            character=self.session.character.name,
            seconds=counters.seconds(now_ns),
            warm_up_s=counters.warm_up_s,
            version=version(),
            counts=renderer.counts,
            budget=self._budget,
        )

    @property
    def source(self) -> Source:
        """The present source."""
        return self._reader.source

    def change_source(self, source: Source) -> None:
        """Changes to another source, from any thread; SourceError if it does not open: the old one stays."""
        if self._is_offline:
            raise SourceError("the source cannot be changed: a file is being drawn picture by picture")
        if not self._has_started.is_set():
            raise SourceError("the source cannot be changed: the first picture is still to come")
        with self._changing:
            self._check_runs()
            reader = self._opened(source)
            old, self._reader = self._reader, reader
            self._dropped_before += old.source.dropped
            old.stop()
            self.session.performance.forget_rest()
            self._scheduler.reset_tracking()
            reader.start_reading()
            if self._has_ended.is_set():  # `_stop` may have stopped the old reader, before the change
                reader.stop()
            self._check_runs()

    def _check_runs(self) -> None:
        if self._has_ended.is_set():
            raise SourceError("the source cannot be changed: the loop has ended")

    def _opened(self, source: Source) -> SourceReader:
        reader = self._reader_of(source).start()
        deadline_ns = self._clock_ns() + int(OPEN_TIMEOUT_S * 1e9)
        while not reader.wait_until_open(POLL_S):
            if self._has_ended.is_set() or self._clock_ns() > deadline_ns:
                reader.stop()
                self._check_runs()
                raise SourceError(
                    f"{source.name} did not open within {OPEN_TIMEOUT_S:.0f} s: is another program using it?"
                )
        if reader.error:
            raise reader.error
        return reader

    def _reader_of(self, source: Source) -> SourceReader:
        return SourceReader(
            source,
            self._mailbox,
            self._scheduler,
            on_end=self._on_end,
            on_signal=self.session.notify,
            clock_ns=self._clock_ns,
            is_offline=self._is_offline,
        )

    def _on_end(self, reader: SourceReader) -> None:
        """Ends the loop when its source has ended or failed; called in the reader's thread."""
        if reader is self._reader:
            if reader.error:
                self._fail(reader.error)
            self._mailbox.close()

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self._has_ended.set()

    def _wait(self, seconds: float | None, on_status: Callable[[LiveStatus], None] | None) -> None:
        counters = self.session.counters
        # In small steps, because on Windows Ctrl-C does not interrupt a wait.
        while not self._has_ended.wait(POLL_S):
            now_ns = self._clock_ns()
            if seconds is not None and counters.seconds(now_ns) >= seconds:
                return
            if counters.seconds_since_status(now_ns) >= 1.0:
                self.status = self._new_status(now_ns)
                if on_status:
                    on_status(self.status)

    def _stop(self) -> None:
        self.session.counters.end(self._clock_ns())
        self._has_ended.set()
        self._mailbox.close()
        self._reader.stop()
        deadline_ns = self._clock_ns() + int(STOP_S * 1e9)
        for thread in (self._thread, self._reader.thread):
            if thread.ident is not None:  # it was started
                thread.join(max(deadline_ns - self._clock_ns(), 0) / 1e9)

    def _new_status(self, now_ns: int) -> LiveStatus:
        session, counters = self.session, self.session.counters
        return LiveStatus(
            source=self.source.name,
            character=session.character.name,
            phase=session.phase,
            fps=counters.fps_since_status(now_ns),
            pictures=counters.pictures,
            dropped=self._dropped,
            tracked_fraction=counters.tracked_fraction,
            latency=session.meter.latency(RECENT),
            counts=session.renderer.counts,
            budget=self._budget,
            failed=counters.failed,
        )

    @property
    def _budget(self) -> BudgetStatus | None:
        return self.session.quality.budget if self.session.quality else None

    @property
    def _dropped(self) -> int:
        return self._dropped_before + self.source.dropped + self._mailbox.replaced

    # The drawing thread runs what follows. From `_draw` to the network's call it passes few frames.

    def _draw(self) -> None:
        try:
            self.session.warm_up()
            if not self._start_reading():
                return
            while not self._has_ended.is_set():
                captured = self._mailbox.take(IDLE_PERIOD_S)
                if captured is None and self._mailbox.is_closed:
                    return
                now_ns = self._clock_ns()
                if captured is not None:
                    self._signal_ns = now_ns
                elif self._is_offline or now_ns - self._signal_ns <= SILENCE_S * 1e9:
                    continue
                try:
                    self._scheduler.drawing_started(is_tracked=captured is not None)
                    self.session.draw(captured, now_ns)
                    self._failed_in_a_row = 0
                except Exception as error:
                    self._count_failure(error)
                self._has_ended.wait(self.rate.delay_s(now_ns, self._clock_ns()))
                self._scheduler.drawing_finished()
                if captured is not None:
                    self._reader.request()
        except BaseException as error:
            self._fail(error)
        finally:
            self._has_ended.set()

    def _start_reading(self) -> bool:
        """Starts the source, and waits until it is open; whether the loop goes on."""
        self._reader.start()
        while not self._reader.wait_until_open(POLL_S):
            if self._has_ended.is_set():
                return False
        self._signal_ns = self._clock_ns()
        self.session.counters.begin(self._signal_ns)
        self._reader.start_reading()
        self._reader.request()
        self._has_started.set()
        return True

    def _count_failure(self, error: Exception) -> None:
        """One bad picture does not end the stream: it is counted, and the first of its kind logged with a traceback."""
        self._failed_in_a_row += 1
        if self._is_offline or self._failed_in_a_row >= MOST_FAILURES:
            raise error
        if type(error) not in self._logged:
            self._logged.add(type(error))
            _log.warning("a picture failed; the stream goes on", exc_info=error)
        self.session.counters.failed += 1
