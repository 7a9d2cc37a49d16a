"""When tracking starts, on a simulated clock: camera, tracker and drawing take as long as the test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pytest

from omote.bridge import arkit
from omote.bridge.latest import Latest
from omote.engine.data import Signal, Stamp
from omote.engine.live.scheduling import (
    REFRESH,
    REMEMBERED,
    CapturedSignal,
    RateLimiter,
    RecentDurations,
    SourceReader,
    TrackingScheduler,
)

MS = 1_000_000
TICK = MS // 2
TIMEOUT_S = 20.0


class Clock:
    """A clock that the test sets, and a scheduler that reads it."""

    def __init__(self, *, ahead: bool = False, apart: bool = False) -> None:
        self.now_ns = 0
        self.scheduler = TrackingScheduler(lambda: self.now_ns, ahead=ahead, apart=apart)

    def at_ms(self, ms: float) -> TrackingScheduler:
        """The scheduler at this time."""
        self.now_ns = round(ms * MS)
        return self.scheduler

    def due_ms(self) -> float:
        """When the next picture is tracked."""
        return self.scheduler.due_ns(self.now_ns) / MS


def after_a_second(track_ms: int, draw_ms: int, *, apart: bool = False) -> Clock:
    """After a second of a stream."""
    clock = Clock(apart=apart)
    for start_ms in range(0, 1000, 100):
        clock.at_ms(start_ms).tracking_finished(track_ms * MS)
        clock.scheduler.drawing_started()
        clock.at_ms(start_ms + draw_ms).drawing_finished()
    return clock


@dataclass
class Simulation:
    """What the reading and the drawing thread do, in steps of half a millisecond."""

    clock: Clock
    camera_ms: float  # between two pictures
    track_ms: Callable[[int], float]  # of the nth picture that is tracked
    draw_ms: Callable[[int], float]  # of the nth picture that is drawn
    tracked: int = 0
    ages_ms: list[float] = field(default_factory=list)  # from capture to drawn
    waits_ms: list[float] = field(default_factory=list)  # of tracked faces for the drawing thread

    def run(self, seconds: float = 10.0) -> Simulation:
        drawing: tuple[int, int] | None = None  # captured, done
        tracking: tuple[int, int, int] | None = None  # captured, began, done
        waiting: tuple[int, int] | None = None  # captured, since
        last_tracked = -1
        camera_ns, scheduler = int(self.camera_ms * MS), self.clock.scheduler
        for now in range(0, int(seconds * 1e9), TICK):
            self.clock.now_ns = now
            if drawing and now >= drawing[1]:
                self.ages_ms.append((now - drawing[0]) / MS)
                scheduler.drawing_finished()
                drawing = None
            if tracking and now >= tracking[2]:
                scheduler.tracking_finished(now - tracking[1])
                waiting, tracking = (tracking[0], now), None
            if waiting and not drawing:
                self.waits_ms.append((now - waiting[1]) / MS)
                scheduler.drawing_started()
                drawing = (waiting[0], now + int(self.draw_ms(len(self.ages_ms)) * MS))
                waiting = None
            newest = now // camera_ns
            if not tracking and newest > last_tracked and scheduler.due_ns(now) <= now:
                tracking = (newest * camera_ns, now, now + int(self.track_ms(self.tracked) * MS))
                last_tracked = newest
                self.tracked += 1
        return self

    @property
    def drawn(self) -> int:
        return len(self.ages_ms)

    def age_ms(self, share: float) -> float:
        return sorted(self.ages_ms)[int(share * self.drawn)]


def always(ms: float) -> Callable[[int], float]:
    return lambda count: ms


def uneven(ms: float, spread: float) -> Callable[[int], float]:
    """Up and down by a share of it, in no order that an estimate could follow."""
    return lambda count: ms * (1.0 + spread * ((count * 7919) % 100 / 50.0 - 1.0))


def both(
    camera_ms: float, track: Callable[[int], float], draw: Callable[[int], float]
) -> tuple[Simulation, Simulation]:
    """Ten seconds, scheduled and with every picture tracked."""
    scheduled, eager = (Simulation(clock, camera_ms, track, draw).run() for clock in (Clock(), Clock(ahead=True)))
    return scheduled, eager


def test_no_picture_is_tracked_in_vain_where_drawing_is_slow() -> None:
    scheduled, eager = both(1000 / 60, always(15.0), always(62.0))
    assert eager.tracked > 3 * eager.drawn
    assert scheduled.tracked <= scheduled.drawn + 2
    assert scheduled.drawn >= max(eager.drawn - 1, 10_000 / 63.0 - 2)
    assert scheduled.age_ms(0.5) <= eager.age_ms(0.5)
    assert max(scheduled.waits_ms[2:]) < 1.0


@pytest.mark.parametrize("camera_ms", [1000 / 30, 1000 / 60])
@pytest.mark.parametrize("draw_ms", [5.0, 10.0, 14.0])
def test_where_drawing_waits_for_tracking_every_picture_is_tracked(camera_ms: float, draw_ms: float) -> None:
    scheduled, eager = both(camera_ms, always(13.0), always(draw_ms))
    assert scheduled.ages_ms == eager.ages_ms


@pytest.mark.parametrize("draw_ms", [20.0, 27.0, 36.0, 48.0])
def test_uneven_durations_cost_few_pictures_and_little_age(draw_ms: float) -> None:
    scheduled, eager = both(1000 / 60, uneven(15.0, 0.2), uneven(draw_ms, 0.2))
    # The work that scheduling saves on the same cores is not simulated: drawing gets no faster by it here.
    assert scheduled.tracked <= scheduled.drawn + 2 < eager.tracked
    assert scheduled.drawn >= 0.97 * eager.drawn
    assert scheduled.age_ms(0.5) <= eager.age_ms(0.5) + 5.0
    assert scheduled.age_ms(0.95) <= eager.age_ms(0.95) + 10.0


@pytest.mark.parametrize(("before_ms", "after_ms"), [(60.0, 25.0), (25.0, 60.0)])
def test_another_speed_of_drawing_is_learnt_within_the_remembered_pictures(before_ms: float, after_ms: float) -> None:
    changes = 50
    ran = Simulation(Clock(), 1000 / 60, always(15.0), lambda count: before_ms if count < changes else after_ms).run()
    assert max(ran.waits_ms[changes + REMEMBERED :]) < 1.0
    period_ms = (10_000 - changes * before_ms) / (ran.drawn - changes)
    assert period_ms < after_ms + 3.0


def test_a_face_that_waits_through_a_pause_is_replaced_by_a_newer_one() -> None:
    ran = Simulation(Clock(), 1000 / 60, always(15.0), lambda count: 500.0 if count == 50 else 60.0).run()
    assert max(ran.waits_ms) <= (REFRESH + 1) * 15.0 + 1000 / 60 + 1.0
    assert ran.tracked <= ran.drawn + 500.0 / (REFRESH * 15.0) + 2


def test_a_source_that_needs_no_tracking_is_read_whenever_a_signal_comes() -> None:
    scheduled, eager = both(1000 / 60, always(0.5), always(62.0))
    assert scheduled.tracked == eager.tracked
    assert scheduled.ages_ms == eager.ages_ms


def test_without_measurements_tracking_starts_at_once() -> None:
    clock = Clock()
    clock.at_ms(7)
    assert clock.due_ms() == 7
    clock.at_ms(10).drawing_started()
    clock.at_ms(12)
    assert clock.due_ms() == 12


def test_while_drawing_is_idle_tracking_starts_at_once_unless_a_face_waits() -> None:
    clock = after_a_second(track_ms=15, draw_ms=60)
    clock.at_ms(2000)
    assert clock.due_ms() == 2000
    clock.scheduler.tracking_finished(15 * MS)
    assert clock.due_ms() == 2000 + REFRESH * 15


def test_the_idle_portrait_leaves_the_face_that_waits() -> None:
    clock = after_a_second(track_ms=15, draw_ms=20)
    clock.at_ms(2000).tracking_finished(15 * MS)
    clock.scheduler.drawing_started(is_tracked=False)
    clock.at_ms(2020).drawing_finished()
    assert clock.due_ms() == 2000 + REFRESH * 15


def test_another_source_is_tracked_in_its_own_time() -> None:
    clock = after_a_second(track_ms=15, draw_ms=60)
    clock.at_ms(2000).drawing_started()
    assert clock.due_ms() == 2045
    clock.scheduler.reset_tracking()
    assert clock.due_ms() == 2000


@pytest.mark.parametrize(("apart", "due_ms"), [(False, 2020), (True, 2030)])
def test_where_cores_are_scarce_tracking_starts_when_the_drawing_ends(apart: bool, due_ms: float) -> None:
    clock = after_a_second(track_ms=10, draw_ms=30, apart=apart)
    clock.at_ms(2000).drawing_started()
    assert clock.due_ms() == due_ms


def test_only_the_last_durations_are_remembered() -> None:
    recent = RecentDurations()
    assert recent.quantile(0.5) == 0
    for duration in range(100):
        recent.add(duration)
    assert (recent.quantile(0.0), recent.quantile(1.0)) == (100 - REMEMBERED, 99)
    recent.clear()
    assert recent.quantile(0.5) == 0


def test_waiting_ends_after_the_timeout() -> None:
    scheduler = Clock().scheduler
    assert scheduler.wait(0.0)
    scheduler.tracking_finished(15 * MS)
    assert not scheduler.wait(0.0)
    scheduler.drawing_started()
    assert scheduler.wait(0.0)  # how long drawing takes is not known yet


def test_the_end_of_a_drawing_wakes_the_reader_at_once() -> None:
    clock = Clock()
    clock.scheduler.tracking_finished(15 * MS)
    clock.scheduler.drawing_started()
    clock.at_ms(60_000).drawing_finished()  # the next drawing is expected to take a minute too
    clock.scheduler.drawing_started()
    results: list[bool] = []
    waiter = threading.Thread(target=lambda: results.append(clock.scheduler.wait(TIMEOUT_S)), daemon=True)
    waiter.start()
    clock.scheduler.drawing_finished()
    waiter.join(TIMEOUT_S)
    assert results == [True]


# The limit of the rate.


def started_ms(limiter: RateLimiter, ready_ms: list[float], draw_ms: float = 5.0) -> list[float]:
    """When pictures that are ready at these times are started."""
    started, free = [], 0.0
    for ready in ready_ms:
        at = max(ready, free)
        started.append(at)
        done = at + draw_ms
        free = done + 1000.0 * limiter.delay_s(round(at * MS), round(done * MS))
    return started


@pytest.fixture
def limiter() -> RateLimiter:
    limiter = RateLimiter()
    limiter.limit(25.0)
    return limiter


def test_no_more_pictures_come_than_the_rate_allows(limiter: RateLimiter) -> None:
    wanted = [1000.0, *(1020.0 + 40.0 * count for count in range(9))]
    assert started_ms(limiter, [1000.0] * 10) == pytest.approx(wanted)


def test_pictures_that_come_unevenly_keep_the_rate(limiter: RateLimiter) -> None:
    ready = [40.0 * count + (15.0 if count % 2 else 0.0) for count in range(100)]
    assert started_ms(limiter, ready)[-1] == pytest.approx(ready[-1])


def test_after_a_pause_pictures_do_not_catch_up(limiter: RateLimiter) -> None:
    started_ms(limiter, [0.0])
    assert started_ms(limiter, [1000.0] * 3) == pytest.approx([1000.0, 1020.0, 1060.0])


def test_without_a_limit_nothing_waits(limiter: RateLimiter) -> None:
    assert limiter.delay_s(0, 5 * MS) > 0.0
    limiter.limit(None)
    assert limiter.delay_s(0, 5 * MS) == 0.0


# The thread that reads a source.


class EndlessSource:
    """Gives picture after picture."""

    name, dropped = "endless", 0

    def __init__(self) -> None:
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read(self, timeout_s: float) -> Signal | None:
        self._count += 1
        return Signal(Stamp.now(self._count), np.zeros(arkit.COUNT, np.float32))


def test_after_stop_returns_no_signal_of_the_source_is_delivered() -> None:
    events, is_delivering, goes_on, has_ended = list[str](), threading.Event(), threading.Event(), threading.Event()

    def on_signal(_: Signal) -> None:
        is_delivering.set()
        assert goes_on.wait(TIMEOUT_S)
        events.append("delivered")

    def stop() -> None:
        reader.stop()
        events.append("stopped")

    mailbox: Latest[CapturedSignal] = Latest()
    clock = time.perf_counter_ns
    reader = SourceReader(
        EndlessSource(),
        mailbox,
        TrackingScheduler(clock),
        on_end=lambda _: has_ended.set(),
        on_signal=on_signal,
        clock_ns=clock,
    ).start()
    reader.start_reading()
    assert is_delivering.wait(TIMEOUT_S)
    stopper = threading.Thread(target=stop, daemon=True)
    stopper.start()
    stopper.join(0.1)  # however long: it waits for the signal that is being delivered
    goes_on.set()
    stopper.join(TIMEOUT_S)
    assert has_ended.wait(TIMEOUT_S)
    assert events == ["delivered", "stopped"]
    assert mailbox.take(0.0) is not None
    assert mailbox.replaced == 0
