"""Nothing pops: every change sets out and arrives at rest, hits its keys and goes nowhere beyond them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omote.engine.offline.animation import RenderError
from omote.engine.offline.keyframes import EASES, Ease, Track, Wide, apply_ease, find_ease

FLOWING: tuple[Ease, ...] = tuple(ease for ease in EASES if ease != "cut")
STEEPEST = 16.0  # acceleration of a change of 1 within 1 second: that of an "in", which brakes within a fifth of it


@st.composite
def tracks(draw: st.DrawFn, eases: tuple[Ease, ...] = FLOWING) -> Track:
    """Two to seven keys of two numbers each, at times that people write."""
    count = draw(st.integers(2, 7))
    steps = draw(st.lists(st.floats(0.1, 3.0), min_size=count, max_size=count))
    rows = draw(st.lists(st.tuples(*[st.floats(-1.0, 1.0)] * 2), min_size=count, max_size=count))
    chosen = draw(st.lists(st.sampled_from(eases), min_size=count, max_size=count))
    return Track(np.cumsum(steps), np.array(rows), tuple(chosen))


@pytest.mark.parametrize("ease", FLOWING)
@pytest.mark.parametrize("seconds", (0.05, 0.4, 5.0))
def test_a_change_goes_from_0_to_1_and_never_back(ease: Ease, seconds: float) -> None:
    way = apply_ease(ease, np.linspace(0.0, 1.0, 2001), seconds)
    assert (way[0], way[-1]) == (0.0, 1.0)
    assert (np.diff(way) >= 0.0).all()


@pytest.mark.parametrize("ease", FLOWING)
@pytest.mark.parametrize("seconds", (0.05, 0.4, 5.0))
def test_velocity_begins_and_ends_at_nothing_and_acceleration_near_it(ease: Ease, seconds: float) -> None:
    step = 1e-4
    way = apply_ease(ease, np.arange(0.0, 1.0 + step / 2, step), seconds)
    velocity, acceleration = np.diff(way) / step, np.diff(way, 2) / step**2
    assert max(velocity[0], velocity[-1]) < 1e-3
    # A ramp of a "linear" change of 5 seconds is a 50th of it, so its acceleration turns fifty times as quickly.
    most = 6.1 if ease == "smooth" else 2.0  # which is a cubic: what flows through a key does not stop speeding there
    assert max(abs(acceleration[0]), abs(acceleration[-1])) < most


def test_in_is_late_out_is_early_and_linear_keeps_one_speed() -> None:
    half = np.array([0.5])
    assert apply_ease("in", half, 1.0)[0] < 0.3 < 0.7 < apply_ease("out", half, 1.0)[0]
    assert apply_ease("in-out", half, 1.0)[0] == pytest.approx(0.5)
    middle = apply_ease("linear", np.linspace(0.1, 0.9, 9), 1.0)
    np.testing.assert_allclose(np.diff(middle), 0.1 / 0.9, rtol=1e-9)


def test_ends_of_a_linear_change_are_rounded_for_a_tenth_of_a_second() -> None:
    speed = np.diff(apply_ease("linear", np.linspace(0.0, 1.0, 1001), 5.0)) * 1000.0
    assert speed[21] == pytest.approx(speed[500]) and speed[18] < 0.999 * speed[500]


def test_a_cut_jumps_at_its_end() -> None:
    assert list(apply_ease("cut", np.array([0.0, 0.5, 0.999, 1.0]), 1.0)) == [0.0, 0.0, 0.0, 1.0]


@settings(max_examples=60, deadline=None)
@given(tracks(EASES))
def test_keys_are_hit_to_the_last_digit(track: Track) -> None:
    np.testing.assert_array_equal(track.at(track.at_s), track.rows)


@settings(max_examples=60, deadline=None)
@given(tracks(EASES))
def test_nothing_leaves_what_the_keys_on_either_side_span(track: Track) -> None:
    for end in range(1, len(track.at_s)):
        time_s = np.linspace(track.at_s[end - 1], track.at_s[end], 101)
        found, both = track.at(time_s), track.rows[end - 1 : end + 1]
        assert (found >= both.min(0)).all() and (found <= both.max(0)).all()


@settings(max_examples=60, deadline=None)
@given(tracks())
def test_velocity_never_jumps_at_keys_or_between(track: Track) -> None:
    """The second difference of a kink would be about a thousand times the velocity."""
    step_s = 1e-3
    time_s = np.arange(track.at_s[0] - 0.1, track.at_s[-1] + 0.1, step_s)
    acceleration = np.abs(np.diff(track.at(time_s), 2, axis=0)) / step_s**2
    quickest_s = np.diff(track.at_s).min()
    # Of a "linear" change the ramp lasts a quarter or 0.1 seconds: 1.5 over 0.75 of a quarter is the most, twice 16.
    most = 2.0 * 2.0 * STEEPEST * np.ptp(track.rows, axis=0).max() / quickest_s**2
    assert acceleration.max() <= most * 1.05 + 1e-6


def test_smooth_flows_through_a_chain_of_keys_and_others_stop() -> None:
    at_s, rows = np.array([0.0, 1.0, 2.0]), np.array([[0.0], [1.0], [2.0]])
    around = np.array([0.999, 1.001])

    def speed(*eases: Ease) -> float:
        return float(np.diff(Track(at_s, rows, eases).at(around)[:, 0])[0] / 0.002)

    assert speed("smooth", "smooth", "smooth") == pytest.approx(1.0, abs=0.01)
    assert speed("smooth", "smooth", "in-out") < 0.01
    assert speed("in-out", "in-out", "in-out") < 0.01


def test_smooth_turns_round_at_a_key_without_going_beyond_it() -> None:
    track = Track(np.array([0.0, 1.0, 1.5]), np.array([[0.0], [1.0], [0.2]]), ("smooth",) * 3)
    assert track.at(np.linspace(0.0, 1.5, 500)).max() <= 1.0


def test_nothing_moves_before_the_first_key_and_after_the_last() -> None:
    track = Track(np.array([1.0, 2.0]), np.array([[0.3], [0.7]]), ("in-out", "in-out"))
    assert list(track.at(np.array([0.0, 0.99, 2.01, 9.0]))[:, 0]) == [0.3, 0.3, 0.7, 0.7]


def test_ease_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(RenderError, match=r'no ease is called "inout" \(did you mean "in-out"'):
        find_ease("inout")


def test_keys_out_of_order_make_no_track() -> None:
    with pytest.raises(ValueError, match="later than the one before"):
        Track(np.array([1.0, 1.0]), np.zeros((2, 1)), ("in", "in"))


def acceleration_of(rows: Wide, step_s: float) -> float:
    return float(np.abs(np.diff(rows, 2, axis=0)).max() / step_s**2)


def test_a_finer_look_finds_no_kink() -> None:
    """At ten times as many pictures the second difference of a kink would be ten times as large."""
    track = Track(np.array([0.0, 0.7, 1.1, 2.0]), np.array([[0.0], [1.0], [0.4], [0.1]]), ("smooth",) * 4)
    coarse, fine = (acceleration_of(track.at(np.arange(0.0, 2.0, step)), step) for step in (1e-3, 1e-4))
    assert fine < 1.5 * coarse
