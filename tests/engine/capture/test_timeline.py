"""The times of a recording: never back, whatever clocks do."""

from __future__ import annotations

import time

import pytest

from omote.engine.capture.recorder import TimecodeClock, time_of_day_ns
from omote.engine.capture.take_files import DAY_NS
from omote.engine.data import Stamp

SECOND_NS = 1_000_000_000
NOON_NS = 12 * 3600 * SECOND_NS


def places(*moments: tuple[float, float | None]) -> list[float]:
    """Where (captured, timecode) in seconds come to stand, in seconds since the first."""
    timeline, said = TimecodeClock(), []
    for captured_s, timecode_s in moments:
        timecode_ns = None if timecode_s is None else round(timecode_s * SECOND_NS)
        timeline.place(Stamp(0, round(captured_s * SECOND_NS), 0, timecode_ns=timecode_ns))
        said.append(timeline.elapsed_ns / SECOND_NS)
    return said


def test_a_phones_own_clock_counts_and_not_when_its_packets_came() -> None:
    assert places((0.0, 10.0), (0.09, 10.1), (0.22, 10.2)) == pytest.approx([0.0, 0.1, 0.2])


def test_without_such_a_clock_the_captures_count() -> None:
    assert places((5.0, None), (5.1, None), (7.0, None)) == pytest.approx([0.0, 0.1, 2.0])


def test_a_take_that_begins_again_goes_on_in_time() -> None:
    assert places((0.0, 10.0), (1.0, 11.0), (1.1, 10.0), (2.1, 11.0)) == pytest.approx([0.0, 1.0, 1.1, 2.1])


def test_a_phone_whose_clock_is_set_leaves_no_gap() -> None:
    assert places((0.0, 10.0), (0.1, 3610.1), (0.2, 3610.2), (0.3, 10.3)) == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_stray_packets_and_packets_in_the_wrong_order_stretch_nothing() -> None:
    rows = [(k / 60, 10.0 + k / 60) for k in range(540)]
    strays = {50: 4.0, 51: 4.0, 130: 4.0, 200: -0.05, 201: -0.05, 300: 4.0, 401: 3000.0}
    times = places(*((captured, said + strays.get(k, 0.0)) for k, (captured, said) in enumerate(rows)))
    assert times[-1] == pytest.approx(539 / 60)
    assert times == sorted(times)
    assert max(abs(time - captured) for time, (captured, _) in zip(times, rows, strict=True)) < 0.2


def test_what_is_lost_of_rows_that_come_all_at_once_is_a_gap() -> None:
    late = [(3.0 + k / 10_000, 10.0 + k / 10) for k in (1, 2, 3, 20, 21, 29)]
    assert places((0.0, 10.0), *late)[1:] == pytest.approx([0.1, 0.2, 0.3, 2.0, 2.1, 2.9])


def test_a_clock_that_was_set_is_followed_again() -> None:
    rows = [(k / 60, 10.0 + k / 60) for k in range(60)]
    rows += [(1.0 + k / 60, 3600.0 + k / 50) for k in range(600)]
    assert places(*rows)[-1] == pytest.approx(59 / 60 + 599 / 50, abs=0.2)


def test_another_source_goes_on_where_the_one_before_was() -> None:
    assert places((0.0, 10.0), (0.1, 10.1), (1.1, None), (1.2, 40.0), (1.3, 40.1)) == pytest.approx(
        [0.0, 0.1, 1.1, 1.2, 1.3]
    )


def test_a_replay_at_another_speed_keeps_its_own_times() -> None:
    assert places((0.0, 10.0), (0.2, 10.1), (0.4, 10.2)) == pytest.approx([0.0, 0.1, 0.2])
    assert places((0.0, 10.0), (0.1, 11.0), (0.2, 12.0)) == pytest.approx([0.0, 1.0, 2.0])


def test_a_capture_that_lies_before_the_last_moves_nothing_back() -> None:
    assert places((5.0, None), (4.0, None), (4.5, None)) == pytest.approx([0.0, 0.0, 0.5])


def test_a_night_of_sleep_is_a_gap_that_a_timecode_can_still_tell() -> None:
    elapsed = places((0.0, None), (14 * 3600.0, None))[1]
    assert 10 * 3600 < elapsed < 12 * 3600


def test_midnight_is_a_step_like_any_other() -> None:
    assert places((0.0, 86399.9), (0.2, 0.1)) == pytest.approx([0.0, 0.2])


def test_the_time_of_day_is_that_of_the_place() -> None:
    now = 1_750_000_000
    here = time.localtime(now)
    said = time_of_day_ns(now * SECOND_NS + 7)
    assert said == ((here.tm_hour * 60 + here.tm_min) * 60 + here.tm_sec) * SECOND_NS + 7
    assert 0 <= said < DAY_NS
