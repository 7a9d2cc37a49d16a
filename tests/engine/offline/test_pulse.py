"""What flashes up is seen in full, at any rate of pictures; what lies on top of a face leaves it a face."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omote.engine.offline.asked_face import face_of
from omote.engine.offline.easing import Wide
from omote.engine.offline.face_range import EYELIDS, LEAST, MOST, NECK, in_range
from omote.engine.offline.liveliness import Motion, blinks
from omote.engine.offline.pulse import BLINK, FLASH, Pulse, Shape, raised, shut_lids

RATES = (Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(30), Fraction(60))
ROWS = st.lists(st.floats(0.0, 1.0), min_size=67, max_size=67).map(lambda part: LEAST + np.array(part) * (MOST - LEAST))
SHARES = np.linspace(0.0, 1.0, 11)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("shape", (FLASH, BLINK))
@settings(max_examples=60, deadline=None)
@given(at_s=st.floats(0.0, 1.8), seconds=st.floats(0.04, 0.2), amount=st.floats(0.1, 1.0))
def test_a_flash_of_40_to_200_ms_is_there_in_full(
    fps: Fraction, shape: Shape, at_s: float, seconds: float, amount: float
) -> None:
    shares = Pulse(at_s, seconds, amount, shape).shares(fps, round(2 * fps))
    assert shares.max() == amount
    assert shares.min() >= 0.0
    # It stays where it was asked for, and as long, to half a picture on either side.
    pictures_s = np.flatnonzero(shares) / float(fps)
    slack_s = 0.5 / float(fps) + 1e-9
    assert pictures_s.min() >= at_s - slack_s and pictures_s.max() <= at_s + seconds + slack_s


@pytest.mark.parametrize("fps", RATES)
def test_a_flash_at_the_very_beginning_or_end_is_seen_too(fps: Fraction) -> None:
    count = round(1 * fps)
    for at_s in (0.0, 0.96):
        assert Pulse(at_s, 0.04).shares(fps, count).max() == 1.0


def test_a_pulse_comes_and_goes_without_a_kink() -> None:
    step_s = 1e-3
    shares = Pulse(0.2, 0.2).shares(Fraction(1000), 700)
    assert shares[0] == shares[-1] == 0.0
    # The most of "in-out" over the rise, a quarter of it: 2 · 1.5 / 0.5 over the time squared.
    assert np.abs(np.diff(shares, 2)).max() / step_s**2 <= 6.0 / (0.2 * FLASH.comes) ** 2 * 1.05


@settings(max_examples=50, deadline=None)
@given(ROWS, ROWS)
def test_one_face_on_top_of_another_is_a_face(below: Wide, above: Wide) -> None:
    rows = raised(np.tile(below, (11, 1)), above, SHARES)
    assert (rows >= LEAST - 1e-12).all() and (rows <= MOST + 1e-12).all()
    np.testing.assert_array_equal(rows[0], below)


def test_on_top_of_a_face_at_rest_the_other_comes_as_it_is() -> None:
    rest, angry = (in_range(face_of(word), word) for word in ("neutral", "angry"))
    np.testing.assert_allclose(raised(rest[None], angry, np.ones(1))[0], angry, atol=1e-12)


@pytest.mark.parametrize("at_s", (0.0, 0.5, 0.93))
def test_a_pulse_changes_the_pictures_that_it_lasts_for_and_no_others(at_s: float) -> None:
    fps, pulse = Fraction(30), Pulse(at_s, 0.2)
    rest, angry = np.zeros((34, 67)), in_range(face_of("angry"), "angry")
    rows = rest.copy()
    pulse.over(rows, angry, fps)
    np.testing.assert_array_equal(rows, raised(rest, angry, pulse.shares(fps, 34)))


def test_weights_on_top_of_each_other_leave_room_to_the_end() -> None:
    row = in_range(face_of("jawOpen=0.5"), "x")
    both = raised(row[None], row, np.ones(1))[0]
    assert both[50] / row[50] == pytest.approx(1.5)  # 1-(1-0.5)(1-0.5) = 0.75


def test_a_blink_shuts_lids_that_were_half_shut_and_no_further() -> None:
    row = in_range(face_of("eyeBlinkLeft=0.5"), "x")
    rows = raised(np.tile(row, (11, 1)), shut_lids(), SHARES)
    np.testing.assert_allclose(rows[:, EYELIDS], np.stack([0.5 + 0.5 * SHARES, SHARES], 1))


@settings(max_examples=30, deadline=None)
@given(ROWS, st.integers(0, 2**63 - 1))
def test_micro_motion_leaves_no_face_its_range(row: Wide, seed: int) -> None:
    time_s = np.arange(0.0, 20.0, 0.1)
    moved = Motion(3.0, 3.0, 3.0).over(np.tile(row, (len(time_s), 1)), time_s, seed)
    assert (moved >= LEAST - 1e-12).all() and (moved <= MOST + 1e-12).all()


def test_micro_motion_is_small_slow_and_smooth() -> None:
    step_s = 0.01
    time_s = np.arange(0.0, 60.0, step_s)
    rest = np.zeros((len(time_s), 67))
    turn_deg = np.rad2deg(Motion(gaze=0.0).over(rest, time_s, 1)[:, NECK])
    assert 0.3 < turn_deg.std(0).max() < 1.0 and np.abs(turn_deg).max() < 2.1
    window = np.hanning(len(time_s))[:, None]
    spectrum = np.abs(np.fft.rfft(window * (turn_deg - turn_deg.mean(0)), axis=0)) ** 2
    slow = np.fft.rfftfreq(len(time_s), step_s) < 0.5
    assert spectrum[slow].sum() > 0.999 * spectrum.sum()


def test_blinks_come_as_often_as_asked_for_and_end_before_the_end() -> None:
    found = blinks(15.0, 600.0, 3)
    assert 130 <= len(found) <= 170
    gaps = np.diff([blink.at_s for blink in found])
    assert gaps.min() > 1.5 and gaps.std() > 0.5
    assert all(blink.end_s <= 600.0 for blink in found)
    assert blinks(0.0, 600.0, 3) == ()
    assert found == blinks(15.0, 600.0, 3) != blinks(15.0, 600.0, 4)


def test_a_longer_timeline_begins_with_the_same_blinks() -> None:
    assert blinks(15.0, 60.0, 3) == blinks(15.0, 600.0, 3)[: len(blinks(15.0, 60.0, 3))]
