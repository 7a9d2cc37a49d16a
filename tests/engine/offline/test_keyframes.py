"""Every change begins and ends at rest, hits its keys and never goes beyond them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.engine.offline.animation import RenderError
from omote.engine.offline.keyframes import EASES, Ease, Track, apply_ease, find_ease

FLOWING: tuple[Ease, ...] = tuple(ease for ease in EASES if ease != "cut")
STEEPEST = 16.0  # acceleration of a change of 1 within 1 second: that of an "in", which brakes within a fifth of it

flowing_eases = pytest.mark.parametrize("ease", FLOWING)
durations = pytest.mark.parametrize("seconds", (0.05, 0.4, 5.0))


@st.composite
def tracks(draw: st.DrawFn, eases: tuple[Ease, ...] = FLOWING) -> Track:
    """Two to seven keys of two numbers each, at times that people write."""
    count = draw(st.integers(2, 7))
    steps = draw(st.lists(st.floats(0.1, 3.0), min_size=count, max_size=count))
    rows = draw(st.lists(st.tuples(*[st.floats(-1.0, 1.0)] * 2), min_size=count, max_size=count))
    chosen = draw(st.lists(st.sampled_from(eases), min_size=count, max_size=count))
    return Track(np.cumsum(steps), np.array(rows), tuple(chosen))


@flowing_eases
@durations
def test_a_change_goes_from_0_to_1_and_never_back(ease: Ease, seconds: float) -> None:
    progress = apply_ease(ease, np.linspace(0.0, 1.0, 2001), seconds)
    assert (progress[0], progress[-1]) == (0.0, 1.0)
    assert (np.diff(progress) >= 0.0).all()


@flowing_eases
@durations
def test_velocity_is_0_at_both_ends_and_acceleration_near_it(ease: Ease, seconds: float) -> None:
    step = 1e-4
    progress = apply_ease(ease, np.arange(0.0, 1.0 + step / 2, step), seconds)
    velocity, acceleration = np.diff(progress) / step, np.diff(progress, 2) / step**2
    assert max(velocity[0], velocity[-1]) < 1e-3
    # "smooth" is a cubic: it flows through a key and accelerates there. The ramp of a "linear" change of 5 seconds is a
    # 50th of it, so its acceleration changes fifty times as quickly.
    most = 6.1 if ease == "smooth" else 2.0
    assert max(abs(acceleration[0]), abs(acceleration[-1])) < most


def test_in_is_late_out_is_early_and_linear_keeps_one_speed() -> None:
    half = np.array([0.5])
    assert apply_ease("in", half, 1.0)[0] < 0.3 < 0.7 < apply_ease("out", half, 1.0)[0]
    assert apply_ease("in-out", half, 1.0)[0] == pytest.approx(0.5)
    middle = apply_ease("linear", np.linspace(0.1, 0.9, 9), 1.0)
    np.testing.assert_allclose(np.diff(middle), 0.1 / 0.9, rtol=1e-9)
    # Both ends are rounded for a tenth of a second.
    speed = np.diff(apply_ease("linear", np.linspace(0.0, 1.0, 1001), 5.0)) * 1000.0
    assert speed[21] == pytest.approx(speed[500]) and speed[18] < 0.999 * speed[500]


def test_a_cut_jumps_at_its_end() -> None:
    assert list(apply_ease("cut", np.array([0.0, 0.5, 0.999, 1.0]), 1.0)) == [0.0, 0.0, 0.0, 1.0]


@given(tracks(EASES))
def test_keys_are_hit_and_values_stay_between_them(track: Track) -> None:
    np.testing.assert_array_equal(track.at(track.at_s), track.rows)
    for end in range(1, len(track.at_s)):
        time_s = np.linspace(track.at_s[end - 1], track.at_s[end], 101)
        found, both = track.at(time_s), track.rows[end - 1 : end + 1]
        assert (found >= both.min(0)).all() and (found <= both.max(0)).all()


@given(tracks())
def test_velocity_never_jumps_at_keys_or_between(track: Track) -> None:
    """The second difference of a kink would be about a thousand times the velocity."""
    step_s = 1e-3
    time_s = np.arange(track.at_s[0] - 0.1, track.at_s[-1] + 0.1, step_s)
    acceleration = np.abs(np.diff(track.at(time_s), 2, axis=0)) / step_s**2
    quickest_s = np.diff(track.at_s).min()
    # The ramp of a "linear" change lasts a quarter or 0.1 seconds: 1.5 over 0.75 of a quarter is at most twice 16.
    most = 2.0 * 2.0 * STEEPEST * np.ptp(track.rows, axis=0).max() / quickest_s**2
    assert acceleration.max() <= most * 1.05 + 1e-6


@pytest.mark.parametrize(
    ("eases", "speed"),
    [(("smooth",) * 3, 1.0), (("smooth", "smooth", "in-out"), 0.0), (("in-out",) * 3, 0.0)],
)
def test_only_smooth_flows_through_a_key(eases: tuple[Ease, ...], speed: float) -> None:
    track = Track(np.array([0.0, 1.0, 2.0]), np.array([[0.0], [1.0], [2.0]]), eases)
    assert np.diff(track.at(np.array([0.999, 1.001]))[:, 0])[0] / 0.002 == pytest.approx(speed, abs=0.01)


def test_smooth_turns_at_a_key_without_going_beyond_it() -> None:
    track = Track(np.array([0.0, 1.0, 1.5]), np.array([[0.0], [1.0], [0.2]]), ("smooth",) * 3)
    assert track.at(np.linspace(0.0, 1.5, 500)).max() <= 1.0


def test_nothing_moves_before_the_first_key_and_after_the_last() -> None:
    track = Track(np.array([1.0, 2.0]), np.array([[0.3], [0.7]]), ("in-out", "in-out"))
    assert list(track.at(np.array([0.0, 0.99, 2.01, 9.0]))[:, 0]) == [0.3, 0.3, 0.7, 0.7]


def test_an_unknown_ease_is_refused_with_the_nearest() -> None:
    with pytest.raises(RenderError, match=r'no ease is called "inout" \(did you mean "in-out"'):
        find_ease("inout")


def test_keys_out_of_order_make_no_track() -> None:
    with pytest.raises(ValueError, match="later than the one before"):
        Track(np.array([1.0, 1.0]), np.zeros((2, 1)), ("in", "in"))
