"""The governor in a simulated machine: a clock that is told, a source, and a load that comes and goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest

from omote.engine.live.adaptive_quality import QUIET_S, QualityController
from omote.engine.live.latency import SentPicture

BUDGET_MS = 100.0
COSTS_MS = (60.0, 42.0, 42.0, 34.0, 24.0, 24.0, 15.0, 11.0, 11.0, 11.0)  # as a ladder on two cores of 2021
RATES = (None, None, 30.0, 30.0, 30.0, 24.0, 24.0, 24.0, 20.0, 15.0)
TRACK_MS = 14.0

Load = Callable[[float], float]  # the second -> how many times slower everything is


@dataclass
class Run:
    """What was sent, when and by which gear."""

    at_s: list[float] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)
    gears: list[int] = field(default_factory=list)

    def p95_ms(self, from_s: float, to_s: float) -> float:
        ages = [age for at, age in zip(self.at_s, self.ages_ms, strict=True) if from_s <= at < to_s]
        return float(np.percentile(ages, 95))

    def gear_at(self, second: float) -> int:
        return self.gears[int(np.searchsorted(self.at_s, second)) - 1]

    def changes(self, from_s: float = 0.0, to_s: float = 1e9) -> int:
        gears = [gear for at, gear in zip(self.at_s, self.gears, strict=True) if from_s <= at < to_s]
        return sum(one != other for one, other in pairwise(gears))


def run(seconds: float, load: Load, noise: float = 0.03, fps: float = 30.0, budget_ms: float = BUDGET_MS) -> Run:
    """A loop as ours: what is newest when the last picture is drawn is drawn next; a gear's rate holds it back."""
    rng, told, sent = np.random.default_rng(1), Run(), governor(budget_ms)
    free_s, due_s, last = 0.0, 0.0, -1
    while free_s < seconds:
        slow, start_s = load(free_s), max(free_s, due_s)
        newest = int((start_s - TRACK_MS * slow / 1e3) * fps)
        if newest <= last:
            newest = last + 1
            start_s = newest / fps + TRACK_MS * slow / 1e3
        draw_ms = COSTS_MS[sent.gear] * slow * float(np.exp(rng.normal(0.0, noise)))
        due_s = start_s + 1.0 / (RATES[sent.gear] or 1e9)
        free_s, last = start_s + draw_ms / 1e3, newest
        told.at_s.append(free_s)
        told.ages_ms.append((free_s - newest / fps) * 1e3)
        told.gears.append(sent.gear)
        sent.tell(SentPicture(int(free_s * 1e9), told.ages_ms[-1], draw_ms))
    return told


def governor(budget_ms: float = BUDGET_MS) -> QualityController:
    """With the whole ladder there to choose from."""
    return QualityController(budget_ms, COSTS_MS)


def quiet(second: float) -> float:
    return 1.0


def game(from_s: float, to_s: float, slow: float = 2.0) -> Load:
    """It takes the machine, all but one part of so many, for this time."""
    return lambda second: slow if from_s <= second < to_s else 1.0


def test_where_the_best_gear_is_within_the_budget_it_stays_for_ever() -> None:
    told = run(600.0, quiet, budget_ms=130.0)
    assert told.changes() == 0
    assert told.p95_ms(0.0, 600.0) < 130.0


def test_a_budget_that_the_best_gear_misses_is_held_within_seconds() -> None:
    told = run(120.0, quiet, budget_ms=60.0)
    assert told.p95_ms(3.0, 120.0) <= 60.0
    assert told.changes() <= 3


def test_a_step_of_load_is_answered_within_three_seconds_and_for_good() -> None:
    told = run(200.0, game(30.0, 1e9, 2.5))
    assert told.p95_ms(33.0, 200.0) <= BUDGET_MS
    assert told.changes(to_s=30.0) <= 1
    assert told.changes(from_s=30.0) <= 3


def test_a_game_that_takes_half_the_machine_for_a_minute_costs_quality_only_so_long() -> None:
    told = run(150.0, game(30.0, 90.0))
    before = told.gear_at(29.0)
    assert told.gear_at(60.0) > before
    assert told.p95_ms(33.0, 90.0) <= BUDGET_MS
    assert told.gear_at(90.0 + QUIET_S + 5.0) <= before
    assert told.changes(from_s=30.0) <= 5


def test_a_sawtooth_of_load_is_not_followed_up_and_down_for_ever() -> None:
    told = run(600.0, lambda second: 1.0 + 1.5 * (second % 20.0) / 20.0)
    assert told.p95_ms(20.0, 600.0) <= BUDGET_MS
    assert told.changes() <= 16
    assert told.changes(from_s=300.0) <= 4


def test_a_load_that_comes_and_goes_faster_than_a_picture_recovers_is_borne_in_a_low_gear() -> None:
    told = run(300.0, lambda second: 2.5 if second % 8.0 < 4.0 else 1.0)
    assert told.p95_ms(5.0, 300.0) <= BUDGET_MS
    assert told.changes() <= 3


@pytest.mark.parametrize("slow", np.linspace(0.6, 2.4, 7))
def test_no_load_at_any_border_makes_it_oscillate(slow: float) -> None:
    told = run(600.0, lambda second: slow, noise=0.10)
    assert told.changes() <= 8
    assert told.changes(from_s=300.0) <= 2
    assert told.p95_ms(20.0, 600.0) <= BUDGET_MS


def test_noise_around_the_budget_is_not_followed() -> None:
    told = run(600.0, quiet, noise=0.25, budget_ms=115.0)
    assert told.changes() <= 8
    assert told.changes(from_s=300.0) <= 3


def test_a_single_pause_changes_nothing() -> None:
    told = run(60.0, lambda second: 12.0 if 30.0 <= second < 30.1 else 1.0, budget_ms=130.0)
    assert max(told.ages_ms) > 500.0
    assert told.changes() == 0


def test_a_machine_that_slept_is_not_taken_for_a_slow_one() -> None:
    sent, hour_ns = governor(), 3_600_000_000_000
    for k in range(300):
        sent.tell(SentPicture(k * 100_000_000, 70.0, 60.0))
    for k in range(3):  # those that were on their way
        sent.tell(SentPicture(hour_ns + k, 3.6e6, 3.6e6))
    for k in range(1, 300):
        assert sent.tell(SentPicture(hour_ns + k * 150_000_000, 70.0, 60.0)) == 0
    assert sent.changes == 0


def test_a_budget_that_nothing_meets_ends_in_the_cheapest_gear_and_says_so() -> None:
    told = run(60.0, quiet, budget_ms=20.0)
    assert told.gear_at(60.0) == len(COSTS_MS) - 1
    assert told.changes() <= 3
    low = governor(20.0)
    for at in range(1, 60):
        low.tell(SentPicture(at * 33_000_000, 50.0, 11.0))
    assert not low.is_held


def test_the_same_load_is_answered_the_same_way_every_time() -> None:
    one, other = (run(60.0, game(10.0, 40.0)) for _ in range(2))
    assert one == other


def test_a_gear_without_a_cost_is_never_chosen() -> None:
    short = QualityController(50.0, (60.0, None, None, 10.0))
    chosen = {short.tell(SentPicture(at * 33_000_000, 200.0, 60.0)) for at in range(60)}
    assert chosen == {0, 3}


def test_what_nobody_had_to_draw_makes_no_better_gear_look_cheap() -> None:
    low = governor(60.0)
    for at in range(40):
        low.tell(SentPicture(at * 33_000_000, 200.0, 60.0))
    fallen = low.gear
    assert fallen > 0
    for at in range(40, 40 + 30 * 60):
        assert low.tell(SentPicture(at * 33_000_000, 5.0, None)) == fallen


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0 ms, got 0"):
        QualityController(0.0, (None,))
