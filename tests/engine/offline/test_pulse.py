"""What flashes up is seen in full, at any rate of pictures; what lies on top of a face leaves it a face."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omote.engine.offline.face_limits import EYELIDS, MAX, MIN, NECK, require_in_limits
from omote.engine.offline.face_parser import parse_face
from omote.engine.offline.idle_motion import (
    BLINK,
    FLASH,
    Envelope,
    EnvelopeShape,
    IdleMotion,
    closed_eyes,
    layer_over,
    random_blinks,
)
from omote.engine.offline.keyframes import Wide

RATES = (Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(30), Fraction(60))
ROWS = st.lists(st.floats(0.0, 1.0), min_size=67, max_size=67).map(lambda part: MIN + np.array(part) * (MAX - MIN))
SHARES = np.linspace(0.0, 1.0, 11)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("shape", (FLASH, BLINK))
@settings(max_examples=60, deadline=None)
@given(at_s=st.floats(0.0, 1.8), seconds=st.floats(0.04, 0.2), amount=st.floats(0.1, 1.0))
def test_a_flash_of_40_to_200_ms_is_there_in_full(
    fps: Fraction, shape: EnvelopeShape, at_s: float, seconds: float, amount: float
) -> None:
    shares = Envelope(at_s, seconds, amount, shape).shares(fps, round(2 * fps))
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
        assert Envelope(at_s, 0.04).shares(fps, count).max() == 1.0


def test_a_pulse_comes_and_goes_without_a_kink() -> None:
    step_s = 1e-3
    shares = Envelope(0.2, 0.2).shares(Fraction(1000), 700)
    assert shares[0] == shares[-1] == 0.0
    # The most of "in-out" over the rise, a quarter of it: 2 · 1.5 / 0.5 over the time squared.
    assert np.abs(np.diff(shares, 2)).max() / step_s**2 <= 6.0 / (0.2 * FLASH.comes) ** 2 * 1.05


@settings(max_examples=50, deadline=None)
@given(ROWS, ROWS)
def test_one_face_on_top_of_another_is_a_face(below: Wide, above: Wide) -> None:
    rows = layer_over(np.tile(below, (11, 1)), above, SHARES)
    assert (rows >= MIN - 1e-12).all() and (rows <= MAX + 1e-12).all()
    np.testing.assert_array_equal(rows[0], below)


def test_on_top_of_a_face_at_rest_the_other_comes_as_it_is() -> None:
    rest, angry = (require_in_limits(parse_face(word), word) for word in ("neutral", "angry"))
    np.testing.assert_allclose(layer_over(rest[None], angry, np.ones(1))[0], angry, atol=1e-12)


@pytest.mark.parametrize("at_s", (0.0, 0.5, 0.93))
def test_a_pulse_changes_the_pictures_that_it_lasts_for_and_no_others(at_s: float) -> None:
    fps, pulse = Fraction(30), Envelope(at_s, 0.2)
    rest, angry = np.zeros((34, 67)), require_in_limits(parse_face("angry"), "angry")
    rows = rest.copy()
    pulse.over(rows, angry, fps)
    np.testing.assert_array_equal(rows, layer_over(rest, angry, pulse.shares(fps, 34)))


def test_weights_on_top_of_each_other_leave_room_to_the_end() -> None:
    row = require_in_limits(parse_face("jawOpen=0.5"), "x")
    both = layer_over(row[None], row, np.ones(1))[0]
    assert both[50] / row[50] == pytest.approx(1.5)  # 1-(1-0.5)(1-0.5) = 0.75


def test_a_blink_shuts_lids_that_were_half_shut_and_no_further() -> None:
    row = require_in_limits(parse_face("eyeBlinkLeft=0.5"), "x")
    rows = layer_over(np.tile(row, (11, 1)), closed_eyes(), SHARES)
    np.testing.assert_allclose(rows[:, EYELIDS], np.stack([0.5 + 0.5 * SHARES, SHARES], 1))


@settings(max_examples=30, deadline=None)
@given(ROWS, st.integers(0, 2**63 - 1))
def test_micro_motion_leaves_no_face_its_range(row: Wide, seed: int) -> None:
    time_s = np.arange(0.0, 20.0, 0.1)
    moved = IdleMotion(3.0, 3.0, 3.0).over(np.tile(row, (len(time_s), 1)), time_s, seed)
    assert (moved >= MIN - 1e-12).all() and (moved <= MAX + 1e-12).all()


def test_micro_motion_is_small_slow_and_smooth() -> None:
    step_s = 0.01
    time_s = np.arange(0.0, 60.0, step_s)
    rest = np.zeros((len(time_s), 67))
    turn_deg = np.rad2deg(IdleMotion(gaze=0.0).over(rest, time_s, 1)[:, NECK])
    assert 0.3 < turn_deg.std(0).max() < 1.0 and np.abs(turn_deg).max() < 2.1
    window = np.hanning(len(time_s))[:, None]
    spectrum = np.abs(np.fft.rfft(window * (turn_deg - turn_deg.mean(0)), axis=0)) ** 2
    slow = np.fft.rfftfreq(len(time_s), step_s) < 0.5
    assert spectrum[slow].sum() > 0.999 * spectrum.sum()


def test_blinks_come_as_often_as_asked_for_and_end_before_the_end() -> None:
    found = random_blinks(15.0, 600.0, 3)
    assert 130 <= len(found) <= 170
    gaps = np.diff([blink.at_s for blink in found])
    assert gaps.min() > 1.5 and gaps.std() > 0.5
    assert all(blink.end_s <= 600.0 for blink in found)
    assert random_blinks(0.0, 600.0, 3) == ()
    assert found == random_blinks(15.0, 600.0, 3) != random_blinks(15.0, 600.0, 4)


def test_a_longer_timeline_begins_with_the_same_blinks() -> None:
    assert random_blinks(15.0, 60.0, 3) == random_blinks(15.0, 600.0, 3)[: len(random_blinks(15.0, 60.0, 3))]
