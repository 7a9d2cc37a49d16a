"""Adaptive quality: what is given up first, and when: the controller runs in a simulated machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.take import Take, TakeSource
from omote.engine.data import FlameParams
from omote.engine.face.light import studio_light
from omote.engine.live.adaptive_quality import (
    QUIET_S,
    AdaptiveQuality,
    QualityController,
    QualityLevel,
    adaptive_quality_for,
    quality_levels,
    usable_levels,
)
from omote.engine.live.latency import SentPicture
from omote.engine.live.loop import LiveLoop
from omote.engine.live.session import LiveSession
from omote.engine.model.animator import Animator
from omote.engine.model.renderer import Renderer
from omote.engine.testing.drawing import CopyingNetworks, painted_character
from omote.engine.testing.live import CollectingOutput

BEST, SMALL = QualityLevel(512), QualityLevel(256)
MIKA = painted_character()

# The simulated machine.
BUDGET_MS = 100.0
COSTS_MS = (60.0, 42.0, 42.0, 34.0, 24.0, 24.0, 15.0, 11.0, 11.0, 11.0)  # as on two cores of 2021
RATES = (None, None, 30.0, 30.0, 30.0, 24.0, 24.0, 24.0, 20.0, 15.0)
TRACK_MS = 14.0

Load = Callable[[float], float]  # the second -> how many times slower everything is


@pytest.fixture
def animator() -> Animator:
    return Animator(512, renderer=Renderer(CopyingNetworks()))


def by_pixels(level: QualityLevel) -> float:
    return level.steps * level.size**2 / 1e4


def texts(levels: tuple[QualityLevel | None, ...]) -> list[str | None]:
    return [level.text("-") if level else None for level in levels]


def test_what_hurts_the_picture_least_is_given_up_first() -> None:
    assert texts(quality_levels(QualityLevel(512, steps=2))) == [
        "- 512x512 2 steps",
        "- 512x512 2 steps 30/s",
        "- 512x512 1 step 30/s",
        "- 384x384 1 step 30/s",
        "- 384x384 1 step 24/s",
        "- 256x256 1 step 24/s",
        "- 256x256 1 step 20/s",
        "- 256x256 1 step 15/s",
    ]


def test_the_smallest_size_can_still_be_drawn_less_often() -> None:
    assert [level.fps for level in quality_levels(SMALL)] == [None, 30.0, 24.0, 20.0, 15.0]


def test_all_levels_differ_and_none_draws_more_than_the_one_before() -> None:
    levels = quality_levels(QualityLevel(1024, steps=4))
    assert len(set(levels)) == len(levels)
    for one, other in pairwise(levels):
        assert other.size <= one.size
        assert other.steps <= one.steps
        assert (other.fps or 1e9) <= (one.fps or 1e9)


def test_a_level_that_saves_too_little_is_replaced_by_the_one_before_at_its_rate() -> None:
    costs_ms = {BEST: 20.0, QualityLevel(384): 19.0, SMALL: 10.0}
    assert texts(usable_levels(quality_levels(BEST), costs_ms)) == [
        "- 512x512 1 step",
        "- 512x512 1 step 30/s",
        None,  # 384x384 costs nearly as much
        "- 512x512 1 step 24/s",
        "- 256x256 1 step 24/s",
        "- 256x256 1 step 20/s",
        "- 256x256 1 step 15/s",
    ]


def goes_down(quality: AdaptiveQuality) -> bool:
    """Whether two seconds of pictures that are much too old change the level."""
    for at in range(60):
        quality.observe(SentPicture(at * 33_000_000, 90.0, 37.0))
        if quality.budget.changes:
            return True
    return False


def test_pictures_that_are_too_old_are_drawn_smaller(animator: Animator) -> None:
    with AdaptiveQuality(animator, 50.0, (BEST, SMALL), by_pixels) as quality:
        assert quality.budget.gear == quality.drawn_by == "copying 512x512 1 step"
        assert goes_down(quality)
        assert (quality.budget.gear, quality.budget.is_held) == ("copying 256x256 1 step", True)
        assert animator.draw(FlameParams.neutral(), MIKA, studio_light()).rgba.shape == (256, 256, 4)
        assert quality.drawn_by == "copying 256x256 1 step"


def test_a_level_that_only_draws_less_often_limits_the_rate(animator: Animator) -> None:
    rates: list[float | None] = []
    with AdaptiveQuality(animator, 50.0, (BEST, replace(BEST, fps=20.0)), by_pixels) as quality:
        quality.on_rate = rates.append
        assert goes_down(quality)
        assert rates == [20.0]
        assert quality.drawn_by == "copying 512x512 1 step 20/s"


def test_a_level_that_costs_as_much_as_a_better_one_is_never_chosen(animator: Animator) -> None:
    with AdaptiveQuality(animator, 50.0, (BEST, SMALL), lambda level: 40.0) as quality:
        assert not goes_down(quality)


def test_each_size_is_measured_with_a_face_at_rest(animator: Animator) -> None:
    with adaptive_quality_for(animator, 50.0, MIKA, studio_light()) as quality:
        assert quality.budget.gear == "copying 512x512 1 step"
    networks = animator.renderer.networks
    assert isinstance(networks, CopyingNetworks)
    assert networks.session.calls == 3 * 6  # three sizes, each once to warm up and five times


def test_portraits_name_their_level_and_the_report_how_the_budget_was_held(animator: Animator) -> None:
    still = np.zeros((5, 3), np.float32)
    weights, seen = np.zeros((5, arkit.COUNT), np.float32), np.ones(5, np.float32)
    take = Take(30.0, np.arange(5) / 30.0, weights, still, still, np.zeros((5, 2, 2), np.float32), seen)
    source, output = TakeSource(take, "take.csv", is_offline=True), CollectingOutput()
    with AdaptiveQuality(animator, 50.0, (BEST,), by_pixels) as quality:
        live = LiveLoop(source, LiveSession(animator, MIKA, [output], quality=quality), is_offline=True)
        report = live.run()
    assert quality.on_rate == live.rate.limit
    assert [portrait.drawn_by for portrait in output.portraits] == ["copying 512x512 1 step"] * 5
    assert report.budget is not None
    assert (report.budget.ms, report.budget.changes) == (50.0, 0)
    # Three to warm up, of which the last is the face at rest.
    assert (report.counts.drawn, report.counts.spared) == (3, 5)


@dataclass
class Run:
    """What was sent, when and at which level."""

    at_s: list[float] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)

    def p95_ms(self, from_s: float, to_s: float) -> float:
        ages = [age for at, age in zip(self.at_s, self.ages_ms, strict=True) if from_s <= at < to_s]
        return float(np.percentile(ages, 95))

    def level_at(self, second: float) -> int:
        return self.levels[int(np.searchsorted(self.at_s, second)) - 1]

    def changes(self, from_s: float = 0.0, to_s: float = 1e9) -> int:
        levels = [level for at, level in zip(self.at_s, self.levels, strict=True) if from_s <= at < to_s]
        return sum(one != other for one, other in pairwise(levels))


def run(seconds: float, load: Load, noise: float = 0.03, fps: float = 30.0, budget_ms: float = BUDGET_MS) -> Run:
    """A loop as ours: what is newest when the last picture is drawn is drawn next; a level's rate holds it back."""
    rng, sent, control = np.random.default_rng(1), Run(), controller(budget_ms)
    free_s, due_s, last = 0.0, 0.0, -1
    while free_s < seconds:
        slow, start_s = load(free_s), max(free_s, due_s)
        newest = int((start_s - TRACK_MS * slow / 1e3) * fps)
        if newest <= last:
            newest = last + 1
            start_s = newest / fps + TRACK_MS * slow / 1e3
        draw_ms = COSTS_MS[control.level] * slow * float(np.exp(rng.normal(0.0, noise)))
        due_s = start_s + 1.0 / (RATES[control.level] or 1e9)
        free_s, last = start_s + draw_ms / 1e3, newest
        sent.at_s.append(free_s)
        sent.ages_ms.append((free_s - newest / fps) * 1e3)
        sent.levels.append(control.level)
        control.observe(SentPicture(int(free_s * 1e9), sent.ages_ms[-1], draw_ms))
    return sent


def controller(budget_ms: float = BUDGET_MS) -> QualityController:
    """With all levels to choose from."""
    return QualityController(budget_ms, COSTS_MS)


def quiet(second: float) -> float:
    return 1.0


def game(from_s: float, to_s: float, slow: float = 2.0) -> Load:
    """It takes the machine, all but one part of so many, for this time."""
    return lambda second: slow if from_s <= second < to_s else 1.0


def test_the_best_level_stays_for_ever_while_it_is_within_the_budget() -> None:
    ran = run(600.0, quiet, budget_ms=130.0)
    assert ran.changes() == 0
    assert ran.p95_ms(0.0, 600.0) < 130.0


def test_a_budget_that_the_best_level_misses_is_held_within_seconds() -> None:
    ran = run(120.0, quiet, budget_ms=60.0)
    assert ran.p95_ms(3.0, 120.0) <= 60.0
    assert ran.changes() <= 3


def test_a_step_of_load_is_answered_within_three_seconds_and_for_good() -> None:
    ran = run(200.0, game(30.0, 1e9, 2.5))
    assert ran.p95_ms(33.0, 200.0) <= BUDGET_MS
    assert ran.changes(to_s=30.0) <= 1
    assert ran.changes(from_s=30.0) <= 3


def test_a_game_that_takes_half_the_machine_for_a_minute_costs_quality_only_so_long() -> None:
    ran = run(150.0, game(30.0, 90.0))
    before = ran.level_at(29.0)
    assert ran.level_at(60.0) > before
    assert ran.p95_ms(33.0, 90.0) <= BUDGET_MS
    assert ran.level_at(90.0 + QUIET_S + 5.0) <= before
    assert ran.changes(from_s=30.0) <= 5


def test_a_sawtooth_of_load_is_not_followed_up_and_down_for_ever() -> None:
    ran = run(600.0, lambda second: 1.0 + 1.5 * (second % 20.0) / 20.0)
    assert ran.p95_ms(20.0, 600.0) <= BUDGET_MS
    assert ran.changes() <= 16
    assert ran.changes(from_s=300.0) <= 4


def test_a_load_that_comes_and_goes_faster_than_a_picture_recovers_is_answered_by_a_low_level() -> None:
    ran = run(300.0, lambda second: 2.5 if second % 8.0 < 4.0 else 1.0)
    assert ran.p95_ms(5.0, 300.0) <= BUDGET_MS
    assert ran.changes() <= 3


@pytest.mark.parametrize("slow", np.linspace(0.6, 2.4, 7))
def test_no_load_at_any_border_makes_it_oscillate(slow: float) -> None:
    ran = run(600.0, lambda second: slow, noise=0.10)
    assert ran.changes() <= 8
    assert ran.changes(from_s=300.0) <= 2
    assert ran.p95_ms(20.0, 600.0) <= BUDGET_MS


def test_noise_around_the_budget_is_not_followed() -> None:
    ran = run(600.0, quiet, noise=0.25, budget_ms=115.0)
    assert ran.changes() <= 8
    assert ran.changes(from_s=300.0) <= 3


def test_a_single_pause_changes_nothing() -> None:
    ran = run(60.0, lambda second: 12.0 if 30.0 <= second < 30.1 else 1.0, budget_ms=130.0)
    assert max(ran.ages_ms) > 500.0
    assert ran.changes() == 0


def test_a_machine_that_slept_is_not_taken_for_a_slow_one() -> None:
    control, hour_ns = controller(), 3_600_000_000_000
    for k in range(300):
        control.observe(SentPicture(k * 100_000_000, 70.0, 60.0))
    for k in range(3):  # those that were on their way
        control.observe(SentPicture(hour_ns + k, 3.6e6, 3.6e6))
    for k in range(1, 300):
        assert control.observe(SentPicture(hour_ns + k * 150_000_000, 70.0, 60.0)) == 0
    assert control.changes == 0


def test_a_budget_that_nothing_meets_ends_at_the_cheapest_level_and_says_so() -> None:
    ran = run(60.0, quiet, budget_ms=20.0)
    assert ran.level_at(60.0) == len(COSTS_MS) - 1
    assert ran.changes() <= 3
    low = controller(20.0)
    for at in range(1, 60):
        low.observe(SentPicture(at * 33_000_000, 50.0, 11.0))
    assert not low.is_held


def test_the_same_load_is_answered_the_same_way_every_time() -> None:
    one, other = (run(60.0, game(10.0, 40.0)) for _ in range(2))
    assert one == other


def test_a_level_without_a_cost_is_never_chosen() -> None:
    short = QualityController(50.0, (60.0, None, None, 10.0))
    chosen = {short.observe(SentPicture(at * 33_000_000, 200.0, 60.0)) for at in range(60)}
    assert chosen == {0, 3}


def test_pictures_that_were_not_drawn_make_no_better_level_look_cheap() -> None:
    low = controller(60.0)
    for at in range(40):
        low.observe(SentPicture(at * 33_000_000, 200.0, 60.0))
    fallen = low.level
    assert fallen > 0
    for at in range(40, 40 + 30 * 60):
        assert low.observe(SentPicture(at * 33_000_000, 5.0, None)) == fallen


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0 ms, got 0"):
        QualityController(0.0, (None,))
