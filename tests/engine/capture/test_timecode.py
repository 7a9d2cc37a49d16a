"""The timecodes of a recording: never back, whatever clocks do."""

from __future__ import annotations

import time

import pytest

from omote.engine.capture.recorder import TimecodeClock, time_of_day_ns
from omote.engine.capture.take_files import DAY_NS
from omote.engine.data import Stamp

SECOND_NS = 1_000_000_000


def elapsed(*rows: tuple[float, float | None]) -> list[float]:
    """The seconds since the first row of each (captured, timecode), both in seconds."""
    clock, found = TimecodeClock(), []
    for captured_s, timecode_s in rows:
        timecode_ns = None if timecode_s is None else round(timecode_s * SECOND_NS)
        clock.place(Stamp(0, round(captured_s * SECOND_NS), 0, timecode_ns=timecode_ns))
        found.append(clock.elapsed_ns / SECOND_NS)
    return found


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [
        ([(0.0, 10.0), (0.09, 10.1), (0.22, 10.2)], [0.0, 0.1, 0.2]),
        ([(5.0, None), (5.1, None), (7.0, None)], [0.0, 0.1, 2.0]),
        ([(0.0, 10.0), (1.0, 11.0), (1.1, 10.0), (2.1, 11.0)], [0.0, 1.0, 1.1, 2.1]),
        ([(0.0, 10.0), (0.1, 3610.1), (0.2, 3610.2), (0.3, 10.3)], [0.0, 0.1, 0.2, 0.3]),
        ([(0.0, 10.0), (0.1, 10.1), (1.1, None), (1.2, 40.0), (1.3, 40.1)], [0.0, 0.1, 1.1, 1.2, 1.3]),
        ([(0.0, 10.0), (0.2, 10.1), (0.4, 10.2)], [0.0, 0.1, 0.2]),
        ([(0.0, 10.0), (0.1, 11.0), (0.2, 12.0)], [0.0, 1.0, 2.0]),
        ([(5.0, None), (4.0, None), (4.5, None)], [0.0, 0.0, 0.5]),
        ([(0.0, 86399.9), (0.2, 0.1)], [0.0, 0.2]),
    ],
    ids=[
        "the clock of the phone, not the arrival",
        "no clock: the captures",
        "a take that starts again",
        "the clock of the phone is set",
        "another source",
        "a slow replay",
        "a fast replay",
        "a capture before the last",
        "midnight",
    ],
)
def test_time_goes_on(rows: list[tuple[float, float | None]], seconds: list[float]) -> None:
    assert elapsed(*rows) == pytest.approx(seconds)


def test_stray_packets_and_packets_in_the_wrong_order_stretch_nothing() -> None:
    rows = [(k / 60, 10.0 + k / 60) for k in range(540)]
    strays = {50: 4.0, 51: 4.0, 130: 4.0, 200: -0.05, 201: -0.05, 300: 4.0, 401: 3000.0}
    times = elapsed(*((captured, timecode + strays.get(k, 0.0)) for k, (captured, timecode) in enumerate(rows)))
    assert times[-1] == pytest.approx(539 / 60)
    assert times == sorted(times)
    assert max(abs(time - captured) for time, (captured, _) in zip(times, rows, strict=True)) < 0.2


def test_lost_rows_among_those_that_come_at_once_are_a_gap() -> None:
    late = [(3.0 + k / 10_000, 10.0 + k / 10) for k in (1, 2, 3, 20, 21, 29)]
    assert elapsed((0.0, 10.0), *late)[1:] == pytest.approx([0.1, 0.2, 0.3, 2.0, 2.1, 2.9])


def test_a_clock_that_was_set_is_followed_again() -> None:
    rows = [(k / 60, 10.0 + k / 60) for k in range(60)]
    rows += [(1.0 + k / 60, 3600.0 + k / 50) for k in range(600)]
    assert elapsed(*rows)[-1] == pytest.approx(59 / 60 + 599 / 50, abs=0.2)


def test_a_night_of_sleep_is_the_longest_gap_of_a_timecode() -> None:
    later = elapsed((0.0, None), (14 * 3600.0, None))[1]
    assert 10 * 3600 < later < 12 * 3600


def test_the_time_of_day_is_local() -> None:
    now = 1_750_000_000
    here = time.localtime(now)
    found = time_of_day_ns(now * SECOND_NS + 7)
    assert found == ((here.tm_hour * 60 + here.tm_min) * 60 + here.tm_sec) * SECOND_NS + 7
    assert 0 <= found < DAY_NS
