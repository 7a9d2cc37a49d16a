"""The gearbox with the shipped network: what it compiles, when it shifts, and what the pictures say of it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.animator import Animator
from omote.engine.capture.take import Take, TakeSource
from omote.engine.character import DEFAULT_CHARACTER, load_character
from omote.engine.face.light import studio_light
from omote.engine.gear import Gear
from omote.engine.gearbox import Gearbox, gears_of, sitting_of
from omote.engine.latency import Sent
from omote.engine.live import Live
from omote.engine.nouns import Actor, FlameParams, Portrait
from omote.engine.painter import Painter, Sitting
from omote.engine.runtime.build import Build

PATIENCE_S = 60.0
BEST, SMALL = Gear(Build("openvino", "f32", 192)), Gear(Build("openvino", "f32", 128))
HANA = load_character(DEFAULT_CHARACTER)


class Measured:
    """Painters that take as long as their pictures have pixels; says when so many have been measured."""

    def __init__(self, count: int, during: Callable[[], None] = lambda: None) -> None:
        self._left, self._during = count, during
        self.is_done = threading.Event()

    def __call__(self, painter: Painter, sitting: Sitting) -> float:
        self._during()
        self._left -= 1
        if not self._left:
            self.is_done.set()
        return painter.size**2 / 1e3


@pytest.fixture
def animator() -> Iterator[Animator]:
    yield Animator(192, 1, "openvino-f32")


def box_of(animator: Animator, *gears: Gear, measure_ms: Callable[[Painter, Sitting], float]) -> Gearbox:
    sitting = sitting_of(animator, HANA, studio_light())
    return Gearbox(animator, 50.0, gears, sitting, measure_ms=measure_ms, rest_s=0.0)


def is_down(box: Gearbox, from_s: int = 0) -> bool:
    """Tells of pictures that are much too old, until it has changed or two seconds are over."""
    for at in range(60):
        box.tell(Sent(from_s * 10**9 + at * 33_000_000, 90.0, 37.0))
        if box.budget.changes:
            return True
    return False


def until_down(box: Gearbox) -> None:
    """A gear can be chosen a moment after it was measured."""
    assert any(is_down(box, from_s) for from_s in range(0, 200_000, 10))


def draw(animator: Animator) -> Portrait:
    return animator.draw(FlameParams.neutral(), HANA, studio_light())


def test_pictures_that_are_too_old_are_drawn_in_the_gear_that_was_compiled_beside_them(animator: Animator) -> None:
    measured = Measured(2)
    with box_of(animator, BEST, SMALL, measure_ms=measured) as box:
        assert box.budget.gear == "openvino cpu f32 192x192 1 step"
        assert measured.is_done.wait(PATIENCE_S)
        until_down(box)
        assert (box.budget.gear, box.budget.is_held) == ("openvino cpu f32 128x128 1 step", True)
        assert box.drawn_by == "openvino cpu f32 192x192 1 step"  # until the next picture
        assert draw(animator).rgba.shape == (128, 128, 4)
        assert box.drawn_by == "openvino cpu f32 128x128 1 step"


def test_a_gear_that_only_draws_less_often_needs_no_compiling_and_says_its_rate(animator: Animator) -> None:
    rates: list[float | None] = []
    with box_of(animator, BEST, replace(BEST, fps=20.0), measure_ms=Measured(1)) as box:
        box.on_rate = rates.append
        assert is_down(box)
        assert rates == [20.0]
        assert box.drawn_by == "openvino cpu f32 192x192 1 step 20/s"


def test_a_gear_that_cannot_be_compiled_is_left_out_with_one_line(
    animator: Animator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "omote")
    measured = Measured(2)
    none = Gear(Build("openvino", "f32", 100))
    with box_of(animator, BEST, SMALL, none, measure_ms=measured) as box:
        assert measured.is_done.wait(PATIENCE_S)
        until_down(box)
        assert draw(animator).rgba.shape == (128, 128, 4)
    (line,) = caplog.messages
    assert line.startswith("no gear openvino-f32 100x100 1 step: no network draws 100 pixels")


def test_a_gear_that_costs_what_a_better_one_does_is_never_chosen(animator: Animator) -> None:
    done = threading.Event()

    def measure_ms(painter: Painter, sitting: Sitting) -> float:
        if painter.size == 128:
            done.set()
        return 40.0

    with box_of(animator, BEST, SMALL, measure_ms=measure_ms) as box:
        assert done.wait(PATIENCE_S)
    box._thread.join(PATIENCE_S)
    assert not is_down(box)


def test_a_network_that_no_gear_needs_is_not_kept(animator: Animator) -> None:
    small: list[weakref.ref[Painter]] = []

    def measure_ms(painter: Painter, sitting: Sitting) -> float:
        if painter.size == 128:
            small.append(weakref.ref(painter))
        return 40.0

    with box_of(animator, BEST, SMALL, measure_ms=measure_ms) as box:
        box._thread.join(PATIENCE_S)
        assert [painter() for painter in small] == [None]
        assert box.budget.gear == "openvino cpu f32 192x192 1 step"


def test_a_gear_whose_runtime_fails_leaves_the_others(animator: Animator, caplog: pytest.LogCaptureFixture) -> None:
    none, measured = Gear(Build("openvino", "f32", 256)), Measured(3)

    def measure_ms(painter: Painter, sitting: Sitting) -> float:
        took_ms = measured(painter, sitting)
        if painter.size == 256:
            raise RuntimeError("out of memory")
        return took_ms

    with box_of(animator, BEST, SMALL, none, measure_ms=measure_ms) as box:
        assert measured.is_done.wait(PATIENCE_S)
        until_down(box)
        assert draw(animator).rgba.shape == (128, 128, 4)
    assert caplog.messages == ["no gear openvino-f32 256x256 1 step: RuntimeError: out of memory"]


def test_a_gear_is_not_blamed_for_the_load_under_which_it_was_measured(animator: Animator) -> None:
    is_done = threading.Event()

    def measure_ms(painter: Painter, sitting: Sitting) -> float:
        if painter.size == 192:
            return 40.0
        for at in range(3):
            box.tell(Sent(at, 100.0, 80.0))  # meanwhile drawing takes twice as long
        is_done.set()
        return 60.0

    box = box_of(animator, BEST, SMALL, measure_ms=measure_ms)
    with box:
        # Whoever tells of other pictures meanwhile says that there is no load.
        assert is_done.wait(PATIENCE_S)
        until_down(box)
    assert draw(animator).rgba.shape == (128, 128, 4)


def test_each_portrait_says_what_drew_it_and_the_report_how_the_budget_was_held(animator: Animator) -> None:
    class Album:
        name, gears = "album", list[str]()

        def offer(self, portrait: Portrait) -> None:
            self.gears.append(portrait.gear)

    still = np.zeros((5, 3), np.float32)
    weights, seen = np.zeros((5, arkit.COUNT), np.float32), np.ones(5, np.float32)
    take = Take(30.0, np.arange(5) / 30.0, weights, still, still, np.zeros((5, 2, 2), np.float32), seen)
    source, album = TakeSource(take, "take.csv", is_offline=True), Album()
    with box_of(animator, BEST, measure_ms=Measured(1)) as box:
        live = Live(source, animator, HANA, Actor(), studio_light(), [album], is_offline=True, gearbox=box)
        report = live.run()
    assert box.on_rate == live.rate.limit
    assert album.gears == ["openvino cpu f32 192x192 1 step"] * 5
    assert report.budget is not None
    assert (report.budget.ms, report.budget.changes) == (50.0, 0)
    assert (report.counts.drawn, report.counts.spared) == (
        3,
        5,
    )  # three to warm up, of which the last is the face at rest


def test_the_ladder_of_an_animator_ends_with_the_least_that_its_network_draws(animator: Animator) -> None:
    gears = gears_of(animator)
    assert gears[0] == BEST
    assert "int8" in {gear.build.precision for gear in gears}
    assert gears[-1].build.size == min(animator.file.sizes)
    assert gears[-1].fps == 15.0
