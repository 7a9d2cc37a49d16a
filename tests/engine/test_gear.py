"""The ladder of gears: what is given up, and in which order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from omote.engine.gear import Gear, ladder, usable
from omote.engine.runtime.build import Build

BEST = Gear(Build("openvino", "f32", 256), steps=2)
INT8 = Build("openvino", "int8")
SIZES, STEPS = (128, 192, 256, 384, 512), (1, 2, 4)


def texts(gears: tuple[Gear, ...]) -> list[str]:
    return [gear.text().removeprefix("openvino-") for gear in gears]


def test_what_hurts_the_picture_least_is_given_up_first() -> None:
    assert texts(ladder(BEST, SIZES, STEPS, (INT8,))) == [
        "f32 256x256 2 steps",
        "int8 256x256 2 steps",
        "int8 256x256 2 steps 30/s",
        "int8 256x256 1 step 30/s",
        "f32 192x192 1 step 30/s",
        "int8 192x192 1 step 30/s",
        "int8 192x192 1 step 24/s",
        "f32 128x128 1 step 24/s",
        "int8 128x128 1 step 24/s",
        "int8 128x128 1 step 20/s",
        "int8 128x128 1 step 15/s",
    ]


def test_another_runtime_may_stand_in_at_every_size() -> None:
    gears = ladder(Gear(Build("onnxruntime", "f32", 192)), (128, 192), STEPS, (INT8,))
    assert [gear.way.text() for gear in gears if gear.fps != 15.0][:2] == [
        "onnxruntime-f32 192x192 1 step",
        "openvino-int8 192x192 1 step",
    ]
    assert {gear.build.name for gear in gears if gear.build.size == 128} == {"onnxruntime-f32", "openvino-int8"}


def test_without_a_cheaper_precision_there_are_only_smaller_and_fewer_pictures() -> None:
    assert texts(ladder(replace(BEST, steps=1), SIZES, STEPS)) == [
        "f32 256x256 1 step",
        "f32 256x256 1 step 30/s",
        "f32 192x192 1 step 30/s",
        "f32 192x192 1 step 24/s",
        "f32 128x128 1 step 24/s",
        "f32 128x128 1 step 20/s",
        "f32 128x128 1 step 15/s",
    ]


def test_the_smallest_size_can_still_be_drawn_less_often() -> None:
    smallest = Gear(Build("openvino", "", 128))
    assert [gear.fps for gear in ladder(smallest, SIZES, STEPS)] == [None, 30.0, 24.0, 20.0, 15.0]


def test_no_gear_is_there_twice_and_none_asks_for_more_than_the_one_before() -> None:
    gears = ladder(Gear(Build("openvino", "", 512), steps=4), SIZES, STEPS, (INT8,))
    assert len(set(gears)) == len(gears)
    for one, other in pairwise(gears):
        assert other.build.size <= one.build.size
        assert other.steps <= one.steps
        assert (other.fps or 1e9) <= (one.fps or 1e9)


def test_gears_that_differ_in_their_rate_alone_draw_in_the_same_way() -> None:
    assert BEST.way == replace(BEST, fps=24.0).way
    assert BEST.way != replace(BEST, steps=1).way


def test_a_way_that_is_not_known_or_not_worth_its_picture_leaves_its_rates_to_the_one_before() -> None:
    gears = ladder(replace(BEST, steps=1), SIZES, STEPS, (INT8,))
    best, int8, *_ = (gear.way for gear in gears)
    small = Gear(Build("openvino", "f32", 128))
    costs_ms = {best: 60.0, int8: 58.0, small: 15.0, replace(small, build=replace(small.build, precision="int8")): 14.0}
    assert [gear and gear.text("-") for gear in usable(gears, costs_ms)] == [
        "- 256x256 1 step",
        None,  # int8 costs nearly as much
        "- 256x256 1 step 30/s",
        None,  # 192x192 is not there
        None,
        "- 256x256 1 step 24/s",
        "- 128x128 1 step 24/s",
        None,
        "- 128x128 1 step 20/s",
        "- 128x128 1 step 15/s",
    ]


def test_a_text_begins_with_what_the_runtime_calls_itself() -> None:
    gear = Gear(Build("openvino", "", 192), fps=30.0)
    assert gear.text() == "openvino 192x192 1 step 30/s"
    assert gear.text("openvino cpu bf16") == "openvino cpu bf16 192x192 1 step 30/s"
