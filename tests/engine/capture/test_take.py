"""A take: its checks, its parts, and playing it as a source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.engine.capture.source import EndOfSource, Playback, SourceError
from omote.engine.capture.take import Take, TakeSource, read_take, trimmed_take, write_take
from omote.engine.capture.take_files import TakeError
from omote.engine.data import Signal
from omote.engine.testing.clock import ManualClock

from .takes import random_take


def test_a_take_of_odd_shapes_is_refused() -> None:
    take = random_take(3)
    with pytest.raises(TakeError, match=r"gaze must be finite \[3, 2, 2\]"):
        replace(take, gaze=take.gaze[:2])
    with pytest.raises(TakeError, match="begin at 0 and never go back"):
        replace(take, time_s=take.time_s + 1.0)
    with pytest.raises(TakeError, match="weights must be between 0 and 1"):
        replace(take, weights=take.weights + 1)


def playing(
    take: Take, clock: ManualClock, fps: float | None = None, loop: bool = False, is_offline: bool = False
) -> TakeSource:
    return TakeSource(take, "test", fps, loop, is_offline, clock, lambda: 77, clock.sleep)


def read(source: TakeSource) -> Signal:
    signal = source.read(10.0)
    assert signal
    return signal


def test_a_take_plays_in_real_time_and_ends() -> None:
    clock, take = ManualClock(), random_take(3, 50.0)
    with playing(take, clock) as source:
        signals = [read(source) for _ in range(3)]
        with pytest.raises(EndOfSource):
            source.read(10.0)
    assert [signal.stamp.index for signal in signals] == [0, 1, 2]
    assert [signal.stamp.captured_ns for signal in signals] == [5_000_000_000, 5_020_000_000, 5_040_000_000]
    assert [signal.stamp.captured_wall_ns for signal in signals] == [77, 20_000_077, 40_000_077]
    assert clock.slept_s == [0.02, 0.02]
    np.testing.assert_array_equal(signals[2].weights, take.weights[2])
    np.testing.assert_array_equal(signals[2].gaze, take.gaze[2])
    assert signals[2].confidence == take.confidence[2]


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize(
    ("later_ns", "index", "dropped"),
    [
        pytest.param(70_000_000, 3, 2, id="late"),
        pytest.param(180_000_000, 9, 8, id="at the last picture"),
        pytest.param(3_600_000_000_000, 1, 0, id="after sleep, from where it was"),
    ],
)
def test_a_late_reader_sees_the_newest_picture(loop: bool, later_ns: int, index: int, dropped: int) -> None:
    clock = ManualClock()
    source = playing(random_take(10, 50.0), clock, loop=loop)
    read(source)
    clock.now_ns += later_ns
    stamp = read(source).stamp
    assert (stamp.index, source.dropped) == (index, dropped)
    assert 0 <= clock.now_ns - stamp.captured_ns < 20_000_000


def test_a_late_reader_sees_the_last_picture_before_the_end() -> None:
    clock = ManualClock()
    source = playing(random_take(10, 50.0), clock)
    read(source)
    clock.now_ns += 1_000_000_000
    assert read(source).stamp.index == 9
    with pytest.raises(EndOfSource):
        source.read(1.0)


def test_nothing_in_time_is_none_after_the_timeout() -> None:
    clock = ManualClock()
    source = playing(random_take(2, 1.0), clock)
    read(source)
    assert source.read(0.25) is None
    assert clock.slept_s == [0.25]
    assert read(source).stamp.index == 1


def test_a_loop_goes_on_counting_and_keeps_the_pace() -> None:
    clock = ManualClock()
    source = playing(random_take(3, 50.0), clock, loop=True)
    stamps = [read(source).stamp for _ in range(7)]
    assert [stamp.index for stamp in stamps] == list(range(7))
    assert [stamp.captured_ns - stamps[0].captured_ns for stamp in stamps] == [20_000_000 * lap for lap in range(7)]
    clock.now_ns += 100_000_000
    assert read(source).stamp.index == 11


def test_offline_every_picture_comes_with_its_time_in_the_take() -> None:
    clock = ManualClock()
    source = playing(random_take(4, 40.0), clock, is_offline=True)
    stamps = []
    for _ in range(4):
        clock.now_ns += 1_000_000_000  # a slow reader
        stamps.append(read(source).stamp)
    assert [stamp.captured_ns for stamp in stamps] == [0, 25_000_000, 50_000_000, 75_000_000]
    assert (source.dropped, clock.slept_s) == (0, [])
    with pytest.raises(EndOfSource):
        source.read(1.0)


def test_loading_a_model_before_the_first_read_loses_nothing() -> None:
    clock = ManualClock()
    with playing(random_take(3), clock) as source:
        clock.now_ns += 10_000_000_000
        assert read(source).stamp.index == 0
        assert source.dropped == 0


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), 1001.0])
def test_an_impossible_rate_is_refused(fps: float) -> None:
    with pytest.raises(SourceError, match="pictures a second"):
        playing(random_take(2), ManualClock(), fps=fps)


@pytest.mark.parametrize(("fps", "speed", "step_ns"), [(None, 0.5, 40_000_000), (10.0, 1.0, 100_000_000)])
def test_another_speed_or_rate_keeps_the_pictures_and_their_timecodes(
    fps: float | None, speed: float, step_ns: int
) -> None:
    clock, take = ManualClock(), replace(random_take(4, 50.0), timecode_ns=3_600_000_000_000)
    source = TakeSource(take, "test", fps, clock=clock, sleep=clock.sleep, loop=True, playback=Playback(speed=speed))
    signals = [read(source) for _ in range(5)]
    assert [signal.stamp.captured_ns - 5_000_000_000 for signal in signals] == [k * step_ns for k in range(5)]
    timecodes = [3_600_000_000_000 + k % 4 * 20_000_000 for k in range(5)]
    assert [signal.stamp.timecode_ns for signal in signals] == timecodes
    np.testing.assert_array_equal(signals[4].weights, take.weights[0])


def test_a_part_begins_at_0_and_keeps_its_timecode() -> None:
    take = replace(random_take(100, 50.0), timecode_ns=86_399_000_000_000)
    part = trimmed_take(take, Playback(start_s=1.0, end_s=1.5))
    assert (len(part), part.time_s[0], part.timecode_ns) == (25, 0.0, 0)  # over midnight
    np.testing.assert_array_equal(part.weights, take.weights[50:75])
    np.testing.assert_array_equal(part.gaze, take.gaze[50:75])
    rest = trimmed_take(take, Playback(start_s=1.5))
    np.testing.assert_array_equal(rest.confidence, take.confidence[75:])


def test_parts_that_meet_share_no_picture_whatever_the_digits(tmp_path: Path) -> None:
    write_take(tmp_path / "a.csv", random_take(90, 29.97))
    take = read_take(tmp_path / "a.csv")
    for row in range(1, 90):
        border_s = row / 29.97
        first, second = trimmed_take(take, Playback(end_s=border_s)), trimmed_take(take, Playback(start_s=border_s))
        assert (len(first), len(second)) == (row, 90 - row)


def test_a_part_without_pictures_is_refused_with_the_length() -> None:
    with pytest.raises(TakeError, match=r"no picture lies from 5 s to 6 s: the take lasts 0\.10 s"):
        trimmed_take(random_take(3), Playback(start_s=5.0, end_s=6.0))


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"start_s": 2.0, "end_s": 2.0}, "wanted a start from 0 s on, and an end after it"),
        ({"start_s": -1.0}, "wanted a start from 0 s on"),
        ({"end_s": 0.0}, "wanted a start from 0 s on"),
        ({"start_s": float("nan")}, "wanted a start from 0 s on"),
        *(({"speed": speed}, "speed above 0") for speed in (0.0, -1.0, float("nan"), float("inf"))),
    ],
)
def test_an_impossible_span_or_speed_is_refused(part: dict[str, float], says: str) -> None:
    with pytest.raises(SourceError, match=says):
        Playback(**part)
