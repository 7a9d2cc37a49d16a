"""The loop: one thread reads the source, one draws, and the caller's waits for the end. Nothing in it queues."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from omote.bridge.latest import Latest

from ..capture.source import Source, SourceError
from ..data import Actor, AnyCharacter, Array
from ..hardware import this_machine, thread_plan
from ..model.portrait_renderer import PortraitRenderer
from ..version import version
from .adaptive_quality import AdaptiveQuality, BudgetStatus
from .latency import RECENT, LatencyMeter
from .metrics import LiveStatus, RunReport
from .scheduling import CapturedSignal, RateLimiter, SourceReader, TrackingScheduler
from .session import CROSSFADE_S, LiveSession, Output

TICK_S = 1.0 / 30.0  # between two pictures while nothing comes from the source
SILENCE_S = 0.5  # a source that says nothing for so long has lost the face
OPEN_S = 15.0  # for a source that is changed to
STOP_S = 0.5
WATCH_S = 0.05
MOST_FAILURES = 30  # pictures in a row that cannot be drawn; then the loop ends

_log = logging.getLogger(__name__)


class LiveLoop:
    """Draws what a source performs and offers it to outputs, which are open already. Runs once.

    Its threads are daemons, and ending waits half a second for them and no more: a source that hangs is left behind.
    """

    def __init__(
        self,
        source: Source,
        artist: PortraitRenderer,
        character: AnyCharacter,
        actor: Actor,
        light: Array,
        outputs: Sequence[Output],
        *,
        meter: LatencyMeter | None = None,
        is_offline: bool = False,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        gearbox: AdaptiveQuality | None = None,
    ) -> None:
        """`meter` is the one whose `sent` an output calls. Offline, the file is drawn picture by picture.

        A `gearbox` holds a latency budget: it is open already, and changes how the artist draws and how often. What is
        on stage (character, light, expressions, the actor) can be changed by `scene` while the loop runs.
        """
        meter, morph_s = meter or LatencyMeter(), 0.0 if is_offline else CROSSFADE_S
        self.scene = LiveSession(artist, character, actor, light, outputs, meter, clock_ns, gearbox, morph_s)
        self._is_offline, self._clock_ns = is_offline, clock_ns
        self._mailbox: Latest[CapturedSignal] = Latest()
        cores = thread_plan()
        self._turns = TrackingScheduler(clock_ns, ahead=cores.tracks_ahead, apart=cores.tracks_apart)
        self.rate = RateLimiter()
        self._gearbox = gearbox
        if gearbox:
            gearbox.on_rate = self.rate.limit
        self._reader = self._reader_of(source)
        self._thread = threading.Thread(target=self._run, name="animate", daemon=True)
        self._is_over = threading.Event()
        self._has_begun = threading.Event()
        self._changing = threading.Lock()
        self._error: BaseException | None = None
        self._seen_ns = 0  # when a signal last came
        self._failed_in_a_row = 0
        self._failures: set[type[Exception]] = set()  # that were logged
        self._dropped_before = 0  # by sources that were replaced
        self.moment = self._moment(clock_ns())  # the last; there is a new one once a second

    def run(self, seconds: float | None = None, on_second: Callable[[LiveStatus], None] | None = None) -> RunReport:
        """Runs until the source ends, or for so many seconds of pictures; whatever fails in a thread is raised here."""
        self._thread.start()
        try:
            self._watch(seconds, on_second)
        finally:
            self._stop()
        if self._error:
            raise self._error
        return self.report()

    def report(self) -> RunReport:
        """The run so far."""
        now_ns, scene, tally = self._clock_ns(), self.scene, self.scene.tally
        return RunReport(
            fps=tally.fps(now_ns),
            pictures=tally.pictures,
            failed=tally.failed,
            latency=scene.meter.latency(),
            dropped=self._dropped,
            tracked_fraction=tally.tracked_fraction,
            size=scene.artist.size,
            steps=scene.artist.steps,
            runtime=scene.artist.runtime,
            hardware=this_machine(),
            source=self._reader.source.name,
            character=scene.character.name,
            seconds=tally.seconds(now_ns),
            warm_up_s=tally.warm_up_s,
            version=version(),
            counts=scene.artist.counts,
            budget=self._budget,
        )

    @property
    def source(self) -> Source:
        """Who performs."""
        return self._reader.source

    def use(self, source: Source) -> None:
        """Changes over to another source, from any thread; SourceError where it will not open: the old one stays."""
        if self._is_offline:
            raise SourceError("the source cannot be changed: a file is being drawn picture by picture")
        if not self._has_begun.is_set():
            raise SourceError("the source cannot be changed: the first picture is still to come")
        with self._changing:
            self._check_goes_on()
            reader = self._opened(source)
            old, self._reader = self._reader, reader
            self._dropped_before += old.source.dropped
            old.stop()
            self.scene.forget_rest()
            self._turns.forget_tracking()
            reader.admit()
            if self._is_over.is_set():  # `_stop` may have stopped the old one, before the change
                reader.stop()
            self._check_goes_on()

    def _check_goes_on(self) -> None:
        if self._is_over.is_set():
            raise SourceError("the source cannot be changed: the loop has ended")

    def _opened(self, source: Source) -> SourceReader:
        reader = self._reader_of(source).start()
        patience_ns = self._clock_ns() + int(OPEN_S * 1e9)
        while not reader.wait_until_open(WATCH_S):
            if self._is_over.is_set() or self._clock_ns() > patience_ns:
                reader.stop()
                self._check_goes_on()
                raise SourceError(f"{source.name} did not open within {OPEN_S:.0f} s: is another program using it?")
        if reader.error:
            raise reader.error
        return reader

    def _reader_of(self, source: Source) -> SourceReader:
        on_signal = self.scene.bear_witness
        return SourceReader(
            source, self._mailbox, self._on_over, self._clock_ns, self._turns, self._is_offline, on_signal
        )

    def _on_over(self, reader: SourceReader) -> None:
        """A source has ended or failed; called in its thread. One that was replaced does not matter any more."""
        if reader is not self._reader:
            return
        if reader.error:
            self._fail(reader.error)
        self._mailbox.close()

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self._is_over.set()

    def _watch(self, seconds: float | None, on_second: Callable[[LiveStatus], None] | None) -> None:
        # Waits in small steps, because on Windows no Ctrl-C interrupts a wait.
        while not self._is_over.wait(WATCH_S):
            now_ns = self._clock_ns()
            if seconds is not None and self.scene.tally.seconds(now_ns) >= seconds:
                return
            if self.scene.tally.seconds_since_moment(now_ns) >= 1.0:
                self.moment = self._moment(now_ns)
                if on_second:
                    on_second(self.moment)

    def _stop(self) -> None:
        self.scene.tally.end(self._clock_ns())
        self._is_over.set()
        self._mailbox.close()
        self._reader.stop()
        deadline_ns = self._clock_ns() + int(STOP_S * 1e9)
        for thread in (self._thread, self._reader.thread):
            if thread.ident is not None:  # it was started
                thread.join(max(deadline_ns - self._clock_ns(), 0) / 1e9)

    def _moment(self, now_ns: int) -> LiveStatus:
        return LiveStatus(
            source=self._reader.source.name,
            character=self.scene.character.name,
            phase=self.scene.phase,
            fps=self.scene.tally.fps_since_moment(now_ns),
            pictures=self.scene.tally.pictures,
            dropped=self._dropped,
            tracked_fraction=self.scene.tally.tracked_fraction,
            latency=self.scene.meter.latency(RECENT),
            counts=self.scene.artist.counts,
            budget=self._budget,
            failed=self.scene.tally.failed,
        )

    @property
    def _budget(self) -> BudgetStatus | None:
        return self._gearbox.budget if self._gearbox else None

    @property
    def _dropped(self) -> int:
        return self._dropped_before + self._reader.source.dropped + self._mailbox.replaced

    # What follows runs in the thread that draws.

    def _run(self) -> None:
        try:
            self.scene.warm_up()
            self._reader.start()
            while not self._reader.wait_until_open(WATCH_S):
                if self._is_over.is_set():
                    return
            self._seen_ns = self._clock_ns()
            self.scene.tally.begin(self._seen_ns)
            self._reader.admit()
            self._reader.ask()
            self._has_begun.set()
            self._animate()
        except BaseException as error:
            self._fail(error)
        finally:
            self._is_over.set()

    def _animate(self) -> None:
        while not self._is_over.is_set():
            seen = self._mailbox.take(TICK_S)
            if seen is None and self._mailbox.is_closed:
                return
            try:
                if seen is not None:
                    self._follow(seen)
                elif not self._is_offline and self._clock_ns() - self._seen_ns > SILENCE_S * 1e9:
                    self._wait()
            except Exception as error:
                self._count_failure(error)
            if seen is not None:
                self._reader.ask()

    def _count_failure(self, error: Exception) -> None:
        """One bad picture does not end the stream: it is counted, and the first of its kind logged with a traceback."""
        self._failed_in_a_row += 1
        if self._is_offline or self._failed_in_a_row >= MOST_FAILURES:
            raise error
        if type(error) not in self._failures:
            self._failures.add(type(error))
            _log.warning("a picture failed; the stream goes on", exc_info=error)
        self.scene.tally.failed += 1
        self._rest(self._clock_ns())

    def _follow(self, seen: CapturedSignal) -> None:
        self._seen_ns = self._clock_ns()
        self._turns.taken()
        self.scene.follow(seen, self._seen_ns)
        self._failed_in_a_row = 0
        self._rest(self._seen_ns)

    def _wait(self) -> None:
        """Draws a portrait that nobody plays; what comes meanwhile is tracked as ever."""
        now_ns = self._clock_ns()
        self._turns.taken(is_seen=False)
        self.scene.wait(now_ns)
        self._failed_in_a_row = 0
        self._rest(now_ns)

    def _rest(self, taken_ns: int) -> None:
        """Until there may be another picture."""
        self._is_over.wait(self.rate.rest_s(taken_ns, self._clock_ns()))
        self._turns.drawn()
