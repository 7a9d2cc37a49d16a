"""A brief expression shows its full amount at any frame rate, and no layer takes a face out of its limits."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.engine.offline.animation import Float64Array
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

ROWS = st.lists(st.floats(0.0, 1.0), min_size=67, max_size=67).map(lambda part: MIN + np.array(part) * (MAX - MIN))
AMOUNTS = np.linspace(0.0, 1.0, 11)
every_rate = pytest.mark.parametrize(
    "fps", (Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(30), Fraction(60))
)


def row_of(word: str) -> Float64Array:
    return require_in_limits(parse_face(word), word)


def is_in_limits(rows: Float64Array) -> bool:
    return bool((rows >= MIN - 1e-12).all() and (rows <= MAX + 1e-12).all())


@every_rate
@pytest.mark.parametrize("shape", (FLASH, BLINK))
@given(at_s=st.floats(0.0, 1.8), seconds=st.floats(0.04, 0.2), amount=st.floats(0.1, 1.0))
def test_an_envelope_of_40_to_200_ms_reaches_its_amount(
    fps: Fraction, shape: EnvelopeShape, at_s: float, seconds: float, amount: float
) -> None:
    amounts = Envelope(at_s, seconds, amount, shape).amounts(fps, round(2 * fps))
    assert amounts.max() == amount
    assert amounts.min() >= 0.0
    # Its time and its duration are kept to half a picture on either side.
    pictures_s = np.flatnonzero(amounts) / float(fps)
    slack_s = 0.5 / float(fps) + 1e-9
    assert pictures_s.min() >= at_s - slack_s and pictures_s.max() <= at_s + seconds + slack_s


@every_rate
@pytest.mark.parametrize("at_s", (0.0, 0.96))
def test_an_envelope_at_the_very_beginning_or_end_is_seen(fps: Fraction, at_s: float) -> None:
    assert Envelope(at_s, 0.04).amounts(fps, round(1 * fps)).max() == 1.0


def test_an_envelope_has_no_kink() -> None:
    step_s = 1e-3
    amounts = Envelope(0.2, 0.2).amounts(Fraction(1000), 700)
    assert amounts[0] == amounts[-1] == 0.0
    # The greatest acceleration of "in-out" over the rise, a quarter of it: 2 · 1.5 / 0.5 over the time squared.
    assert np.abs(np.diff(amounts, 2)).max() / step_s**2 <= 6.0 / (0.2 * FLASH.rise) ** 2 * 1.05


@given(ROWS, ROWS)
def test_one_face_on_top_of_another_is_a_face(below: Float64Array, above: Float64Array) -> None:
    rows = layer_over(np.tile(below, (11, 1)), above, AMOUNTS)
    assert is_in_limits(rows)
    np.testing.assert_array_equal(rows[0], below)


def test_layers_add_up_as_far_as_there_is_room() -> None:
    rest, angry, jaw = (row_of(word) for word in ("neutral", "angry", "jawOpen=0.5"))
    np.testing.assert_allclose(layer_over(rest[None], angry, np.ones(1))[0], angry, atol=1e-12)
    both = layer_over(jaw[None], jaw, np.ones(1))[0]
    assert both[50] / jaw[50] == pytest.approx(1.5)  # 1-(1-0.5)(1-0.5) = 0.75
    blink = layer_over(np.tile(row_of("eyeBlinkLeft=0.5"), (11, 1)), closed_eyes(), AMOUNTS)
    np.testing.assert_allclose(blink[:, EYELIDS], np.stack([0.5 + 0.5 * AMOUNTS, AMOUNTS], 1))


@pytest.mark.parametrize("at_s", (0.0, 0.5, 0.93))
def test_an_envelope_changes_only_the_pictures_of_its_duration(at_s: float) -> None:
    fps, envelope = Fraction(30), Envelope(at_s, 0.2)
    rest, angry = np.zeros((34, 67)), row_of("angry")
    rows = rest.copy()
    envelope.add_to(rows, angry, fps)
    np.testing.assert_array_equal(rows, layer_over(rest, angry, envelope.amounts(fps, 34)))


@given(ROWS, st.integers(0, 2**63 - 1))
def test_idle_motion_leaves_every_face_in_its_limits(row: Float64Array, seed: int) -> None:
    time_s = np.arange(0.0, 20.0, 0.1)
    assert is_in_limits(IdleMotion(3.0, 3.0, 3.0).add_to(np.tile(row, (len(time_s), 1)), time_s, seed))


def test_idle_motion_is_small_slow_and_smooth() -> None:
    step_s = 0.01
    time_s = np.arange(0.0, 60.0, step_s)
    rest = np.zeros((len(time_s), 67))
    turn_deg = np.rad2deg(IdleMotion(gaze=0.0).add_to(rest, time_s, 1)[:, NECK])
    assert 0.3 < turn_deg.std(0).max() < 1.0 and np.abs(turn_deg).max() < 2.1
    window = np.hanning(len(time_s))[:, None]
    spectrum = np.abs(np.fft.rfft(window * (turn_deg - turn_deg.mean(0)), axis=0)) ** 2
    slow = np.fft.rfftfreq(len(time_s), step_s) < 0.5
    assert spectrum[slow].sum() > 0.999 * spectrum.sum()


def test_blinks_are_irregular_and_the_same_for_the_same_seed() -> None:
    found = random_blinks(15.0, 600.0, 3)
    assert 130 <= len(found) <= 170
    gaps = np.diff([blink.at_s for blink in found])
    assert gaps.min() > 1.5 and gaps.std() > 0.5
    assert all(blink.end_s <= 600.0 for blink in found)
    assert random_blinks(0.0, 600.0, 3) == ()
    assert found == random_blinks(15.0, 600.0, 3) != random_blinks(15.0, 600.0, 4)
    # A longer timeline begins with the same blinks.
    shorter = random_blinks(15.0, 60.0, 3)
    assert shorter == found[: len(shorter)]
