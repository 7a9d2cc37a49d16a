"""Gears: what is given up and in which order, when it is shifted, and what the pictures say of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.take import Take, TakeSource
from omote.engine.data import Actor, FlameParams, Portrait
from omote.engine.face.light import studio_light
from omote.engine.live.adaptive_quality import (
    AdaptiveQuality,
    QualityLevel,
    adaptive_quality_for,
    quality_levels,
    usable_levels,
)
from omote.engine.live.latency import SentPicture
from omote.engine.live.loop import LiveLoop
from omote.engine.model.animator import Animator
from omote.engine.model.renderer import Renderer
from omote.engine.testing.drawing import CopyingNetworks, painted_character

BEST, SMALL = QualityLevel(512), QualityLevel(256)
MIKA = painted_character()


@pytest.fixture
def animator() -> Animator:
    return Animator(512, renderer=Renderer(CopyingNetworks()))


def by_pixels(gear: QualityLevel) -> float:
    return gear.steps * gear.size**2 / 1e4


def texts(gears: tuple[QualityLevel | None, ...]) -> list[str | None]:
    return [gear.text("-") if gear else None for gear in gears]


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
    assert [gear.fps for gear in quality_levels(SMALL)] == [None, 30.0, 24.0, 20.0, 15.0]


def test_no_gear_is_there_twice_and_none_asks_for_more_than_the_one_before() -> None:
    gears = quality_levels(QualityLevel(1024, steps=4))
    assert len(set(gears)) == len(gears)
    for one, other in pairwise(gears):
        assert other.size <= one.size
        assert other.steps <= one.steps
        assert (other.fps or 1e9) <= (one.fps or 1e9)


def test_a_way_that_is_not_worth_its_picture_leaves_its_rates_to_the_one_before() -> None:
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


def is_down(box: AdaptiveQuality) -> bool:
    """Tells of pictures that are much too old, until it has changed or two seconds are over."""
    for at in range(60):
        box.tell(SentPicture(at * 33_000_000, 90.0, 37.0))
        if box.budget.changes:
            return True
    return False


def test_pictures_that_are_too_old_are_drawn_smaller(animator: Animator) -> None:
    with AdaptiveQuality(animator, 50.0, (BEST, SMALL), by_pixels) as box:
        assert box.budget.gear == box.drawn_by == "copying 512x512 1 step"
        assert is_down(box)
        assert (box.budget.gear, box.budget.is_held) == ("copying 256x256 1 step", True)
        assert animator.draw(FlameParams.neutral(), MIKA, studio_light()).rgba.shape == (256, 256, 4)
        assert box.drawn_by == "copying 256x256 1 step"


def test_a_gear_that_only_draws_less_often_says_its_rate(animator: Animator) -> None:
    rates: list[float | None] = []
    with AdaptiveQuality(animator, 50.0, (BEST, replace(BEST, fps=20.0)), by_pixels) as box:
        box.on_rate = rates.append
        assert is_down(box)
        assert rates == [20.0]
        assert box.drawn_by == "copying 512x512 1 step 20/s"


def test_a_gear_that_costs_what_a_better_one_does_is_never_chosen(animator: Animator) -> None:
    with AdaptiveQuality(animator, 50.0, (BEST, SMALL), lambda gear: 40.0) as box:
        assert not is_down(box)


def test_the_ways_to_draw_are_measured_with_a_face_at_rest(animator: Animator) -> None:
    with adaptive_quality_for(animator, 50.0, MIKA, studio_light()) as box:
        assert box.budget.gear == "copying 512x512 1 step"
    networks = animator.renderer.networks
    assert isinstance(networks, CopyingNetworks)
    assert networks.session.calls == 3 * 6  # three sizes, each once to warm up and five times


def test_each_portrait_says_what_drew_it_and_the_report_how_the_budget_was_held(animator: Animator) -> None:
    class Album:
        name, gears = "album", list[str]()

        def offer(self, portrait: Portrait) -> None:
            self.gears.append(portrait.gear)

    still = np.zeros((5, 3), np.float32)
    weights, seen = np.zeros((5, arkit.COUNT), np.float32), np.ones(5, np.float32)
    take = Take(30.0, np.arange(5) / 30.0, weights, still, still, np.zeros((5, 2, 2), np.float32), seen)
    source, album = TakeSource(take, "take.csv", is_offline=True), Album()
    with AdaptiveQuality(animator, 50.0, (BEST,), by_pixels) as box:
        live = LiveLoop(source, animator, MIKA, Actor(), studio_light(), [album], is_offline=True, gearbox=box)
        report = live.run()
    assert box.on_rate == live.rate.limit
    assert album.gears == ["copying 512x512 1 step"] * 5
    assert report.budget is not None
    assert (report.budget.ms, report.budget.changes) == (50.0, 0)
    # Three to warm up, of which the last is the face at rest.
    assert (report.counts.drawn, report.counts.spared) == (3, 5)
