"""When tracking begins, on a simulated clock: camera, tracker and animator take as long as they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from omote.engine.live.scheduling import (
    REFRESH,
    REMEMBERED,
    RateLimiter,
    RecentDurations,
    TrackingPacer,
    TrackingScheduler,
)

MS = 1_000_000
TICK = MS // 2
PATIENCE_S = 20.0


@dataclass
class Simulation:
    """What the reader's and the animator's threads do, in steps of half a millisecond."""

    pacing: TrackingPacer
    camera_ms: float  # between two pictures
    track_ms: Callable[[int], float]  # of the nth picture that is tracked
    draw_ms: Callable[[int], float]  # of the nth picture that is drawn
    tracked: int = 0
    ages_ms: list[float] = field(default_factory=list)  # from capture to drawn
    waits_ms: list[float] = field(default_factory=list)  # of faces for the animator

    def run(self, seconds: float) -> Simulation:
        drawing: tuple[int, int] | None = None  # captured, done
        tracking: tuple[int, int, int] | None = None  # captured, began, done
        waiting: tuple[int, int] | None = None  # captured, since
        last_tracked = -1
        camera_ns = int(self.camera_ms * MS)
        for now in range(0, int(seconds * 1e9), TICK):
            if drawing and now >= drawing[1]:
                self.ages_ms.append((now - drawing[0]) / MS)
                self.pacing.drawn(now)
                drawing = None
            if tracking and now >= tracking[2]:
                self.pacing.tracked(now - tracking[1], now)
                waiting, tracking = (tracking[0], now), None
            if waiting and not drawing:
                self.waits_ms.append((now - waiting[1]) / MS)
                self.pacing.taken(now)
                drawing = (waiting[0], now + int(self.draw_ms(len(self.ages_ms)) * MS))
                waiting = None
            newest = now // camera_ns
            if not tracking and newest > last_tracked and self.pacing.begin_ns(now) <= now:
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
    """Ten seconds paced, and the same without pacing."""
    return tuple(
        Simulation(pacing, camera_ms, track, draw).run(10.0) for pacing in (TrackingPacer(), TrackingPacer(ahead=True))
    )  # type: ignore[return-value]


def test_no_picture_is_tracked_for_nothing_where_drawing_is_slow() -> None:
    paced, eager = both(1000 / 60, always(15.0), always(62.0))
    assert eager.tracked > 3 * eager.drawn
    assert paced.tracked <= paced.drawn + 2
    assert paced.drawn >= eager.drawn - 1
    assert paced.age_ms(0.5) <= eager.age_ms(0.5)


def test_a_face_is_ready_when_the_animator_is() -> None:
    paced = Simulation(TrackingPacer(), 1000 / 60, always(15.0), always(62.0)).run(10.0)
    assert max(paced.waits_ms[2:]) < 1.0
    assert paced.drawn >= 10_000 / 63.0 - 2


@pytest.mark.parametrize("camera_ms", [1000 / 30, 1000 / 60])
@pytest.mark.parametrize("draw_ms", [5.0, 10.0, 14.0])
def test_an_animator_that_waits_for_the_tracker_gets_the_same_as_without_pacing(
    camera_ms: float, draw_ms: float
) -> None:
    paced, eager = both(camera_ms, always(13.0), always(draw_ms))
    assert paced.ages_ms == eager.ages_ms


@pytest.mark.parametrize("draw_ms", [20.0, 27.0, 36.0, 48.0])
def test_uneven_durations_cost_few_pictures_and_little_age(draw_ms: float) -> None:
    paced, eager = both(1000 / 60, uneven(15.0, 0.2), uneven(draw_ms, 0.2))
    # What pacing saves, the tracker's work on the same cores, is not simulated: here drawing gets no faster by it.
    assert paced.tracked <= paced.drawn + 2 < eager.tracked
    assert paced.drawn >= 0.97 * eager.drawn
    assert paced.age_ms(0.5) <= eager.age_ms(0.5) + 5.0
    assert paced.age_ms(0.95) <= eager.age_ms(0.95) + 10.0


@pytest.mark.parametrize(("before_ms", "after_ms"), [(60.0, 25.0), (25.0, 60.0)])
def test_another_speed_of_drawing_is_learnt_within_the_pictures_that_are_remembered(
    before_ms: float, after_ms: float
) -> None:
    changes = 50
    draw = Simulation(
        TrackingPacer(), 1000 / 60, always(15.0), lambda count: before_ms if count < changes else after_ms
    ).run(10.0)
    settled = draw.waits_ms[changes + REMEMBERED :]
    assert max(settled) < 1.0
    period_ms = (10_000 - changes * before_ms) / (draw.drawn - changes)
    assert period_ms < after_ms + 3.0


def test_a_face_that_waited_through_a_pause_is_replaced_by_a_newer_one() -> None:
    paced = Simulation(TrackingPacer(), 1000 / 60, always(15.0), lambda count: 500.0 if count == 50 else 60.0).run(10.0)
    assert max(paced.waits_ms) <= (REFRESH + 1) * 15.0 + 1000 / 60 + 1.0
    assert paced.tracked <= paced.drawn + 500.0 / (REFRESH * 15.0) + 2


def test_what_comes_tracked_is_read_whenever_it_comes() -> None:
    paced, eager = both(1000 / 60, always(0.5), always(62.0))
    assert paced.tracked == eager.tracked
    assert paced.ages_ms == eager.ages_ms


def test_nothing_is_known_at_first_and_tracking_begins_at_once() -> None:
    pacing = TrackingPacer()
    assert pacing.begin_ns(7) == 7
    pacing.taken(10)
    assert pacing.begin_ns(12) == 12


def test_an_animator_that_waits_has_its_next_picture_tracked_at_once() -> None:
    pacing = told(track_ms=15, draw_ms=60)
    assert pacing.begin_ns(2000 * MS) == 2000 * MS


def test_a_face_that_waits_for_an_idle_animator_is_not_overtaken_at_once() -> None:
    pacing = told(track_ms=15, draw_ms=60)
    pacing.tracked(15 * MS, 2000 * MS)
    assert pacing.begin_ns(2000 * MS) == 2000 * MS + REFRESH * 15 * MS


def test_a_portrait_that_nobody_plays_leaves_the_face_that_waits() -> None:
    pacing = told(track_ms=15, draw_ms=20)
    pacing.tracked(15 * MS, 2000 * MS)
    pacing.taken(2000 * MS, is_seen=False)
    pacing.drawn(2020 * MS)
    assert pacing.begin_ns(2020 * MS) == 2000 * MS + REFRESH * 15 * MS


def test_another_source_is_tracked_in_its_own_time() -> None:
    pacing = told(track_ms=15, draw_ms=60)
    pacing.taken(2000 * MS)
    assert pacing.begin_ns(2000 * MS) == 2045 * MS
    pacing.forget_tracking()
    assert pacing.begin_ns(2000 * MS) == 2000 * MS


def told(track_ms: int, draw_ms: int) -> TrackingPacer:
    """One that has seen a second of a stream."""
    pacing = TrackingPacer()
    for start in range(0, 1000 * MS, 100 * MS):
        pacing.tracked(track_ms * MS, start)
        pacing.taken(start)
        pacing.drawn(start + draw_ms * MS)
    return pacing


def test_only_the_last_durations_are_remembered() -> None:
    recent = RecentDurations()
    assert recent.quantile(0.5) == 0
    for duration in range(100):
        recent.add(duration)
    assert recent.quantile(0.0) == 100 - REMEMBERED
    assert recent.quantile(1.0) == 99
    recent.forget()
    assert recent.quantile(0.5) == 0


def test_a_turn_is_waited_for_no_longer_than_was_said() -> None:
    now = [0]
    turns = TrackingScheduler(lambda: now[0])
    assert turns.wait(0.0)
    turns.tracked(15 * MS)
    assert not turns.wait(0.0)
    turns.taken()
    assert turns.wait(0.0)  # how long drawing takes is not known yet


def test_the_end_of_a_drawing_wakes_the_tracker_at_once() -> None:
    now = [0]
    turns = TrackingScheduler(lambda: now[0])
    turns.tracked(15 * MS)
    turns.taken()
    now[0] = 60_000 * MS
    turns.drawn()  # the next drawing is expected to take a minute too
    turns.taken()
    said: list[bool] = []
    waiter = threading.Thread(target=lambda: said.append(turns.wait(PATIENCE_S)), daemon=True)
    waiter.start()
    turns.drawn()
    waiter.join(PATIENCE_S)
    assert said == [True]


def taken_ms(rate: RateLimiter, ready_ms: list[float], draw_ms: float = 5.0) -> list[float]:
    """When an animator takes up what is ready at these times, if it rests as it is told."""
    taken, free = [], 0.0
    for ready in ready_ms:
        at = max(ready, free)
        taken.append(at)
        done = at + draw_ms
        free = done + 1000.0 * rate.rest_s(round(at * MS), round(done * MS))
    return taken


def test_no_more_pictures_come_than_the_rate_allows() -> None:
    rate = RateLimiter()
    rate.limit(25.0)
    taken = taken_ms(rate, [1000.0] * 10)
    assert taken == pytest.approx([1000.0, *(1020.0 + 40.0 * count for count in range(9))])


def test_pictures_that_come_unevenly_keep_the_rate() -> None:
    rate = RateLimiter()
    rate.limit(25.0)
    ready = [40.0 * count + (15.0 if count % 2 else 0.0) for count in range(100)]
    assert taken_ms(rate, ready)[-1] == pytest.approx(ready[-1])


def test_after_a_pause_no_pictures_are_made_up_for() -> None:
    rate = RateLimiter()
    rate.limit(25.0)
    taken_ms(rate, [0.0])
    assert taken_ms(rate, [1000.0] * 3) == pytest.approx([1000.0, 1020.0, 1060.0])


def test_without_a_limit_nothing_rests() -> None:
    rate = RateLimiter()
    assert rate.rest_s(0, 5 * MS) == 0.0
    rate.limit(25.0)
    assert rate.rest_s(0, 5 * MS) > 0.0
    rate.limit(None)
    assert rate.rest_s(0, 5 * MS) == 0.0


def test_where_cores_are_scarce_a_face_is_tracked_when_the_picture_before_is_drawn() -> None:
    beside, apart = TrackingPacer(), TrackingPacer(apart=True)
    for pacing in (beside, apart):
        pacing.tracked(10 * MS, 0)
        pacing.taken(0)
        pacing.drawn(30 * MS)
        pacing.taken(40 * MS)
    assert beside.begin_ns(41 * MS) == 60 * MS
    assert apart.begin_ns(41 * MS) == 70 * MS
