"""The smoothing of signals whose times are given."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import Signal, Stamp
from omote.engine.face.stabilizer import SMOOTHING_GAP_S, SignalSmoother, confidence_delay_s, smoothing_delay_ms
from omote.engine.face.tuning import MOST_GAIN, RAMP_S, SMOOTHED, Tuning

RATE = 30.0


def at(time_s: float, jaw_open: float = 0.0, confidence: float = 1.0, **others: float) -> Signal:
    stamp = Stamp(0, round(time_s * 1e9), 0)
    return Signal(stamp, arkit.weights({"jawOpen": jaw_open, **others}), confidence=confidence)


def jaw(signal: Signal) -> float:
    return float(signal.weights[arkit.INDEX["jawOpen"]])


def test_the_first_signal_comes_out_as_it_is() -> None:
    signal = at(7.0, 0.6)
    assert SignalSmoother().smooth(signal) is signal


def test_a_still_face_stands_still_to_the_last_bit() -> None:
    smoothing, still = SignalSmoother(), at(0.0, 0.3)
    still = replace(
        still,
        head_rotation=np.array([0.1, -0.2, 0.3], np.float32),
        head_translation=np.array([0.01, 0.02, -0.5], np.float32),
        gaze=np.array([[0.1, 0.2], [0.1, -0.2]], np.float32),
    )
    for number in range(20):
        out = smoothing.smooth(replace(still, stamp=at(number / RATE).stamp))
        for name in ("weights", "head_rotation", "head_translation", "gaze"):
            np.testing.assert_array_equal(getattr(out, name), getattr(still, name))


def test_one_step_depends_on_its_distance() -> None:
    smoothing = SignalSmoother()
    smoothing.smooth(at(0.0, 0.0))
    out = smoothing.smooth(at(0.1, 0.04))  # the jaw's band: a cutoff of 4 Hz, and 0.05 at any distance
    assert jaw(out) == pytest.approx(0.04 / (1.0 + 1.0 / (2.0 * math.pi * 4.05) / 0.1), rel=1e-6)  # float32


def test_a_step_is_approached_from_below_and_all_but_its_band_at_once() -> None:
    smoothing = SignalSmoother()
    smoothing.smooth(at(0.0, 0.0))
    shown = [jaw(smoothing.smooth(at(number / RATE, 1.0))) for number in range(1, 9)]
    assert all(earlier <= later <= 1.0 for earlier, later in pairwise(shown))
    assert shown[0] > 0.99
    slow = SignalSmoother()
    slow.smooth(at(0.0, 0.0))
    small = [jaw(slow.smooth(at(number / RATE, 0.1))) for number in range(1, 9)]
    assert all(earlier <= later <= 0.1 for earlier, later in pairwise(small))
    assert small[-1] > 0.08


def wander(seed: int, size: float, seconds: float = 10.0) -> list[float]:
    """A tracker's noise on a still face: of each picture, and with a time constant of a second."""
    rng, slow, values = np.random.default_rng(seed), 0.0, []
    for _ in range(round(seconds * RATE)):
        slow += -slow / RATE + size * math.sqrt(2.0 / RATE) * float(rng.standard_normal())
        values.append(0.3 + slow + 0.5 * size * float(rng.standard_normal()))
    return values


@pytest.mark.parametrize("seed", range(4))
def test_a_still_face_keeps_less_than_half_of_its_jitter_in_every_second(seed: int) -> None:
    noise = wander(seed, 0.004)  # what a webcam's picture of a still mouth gives
    smoothing = SignalSmoother()
    out = [jaw(smoothing.smooth(at(number / RATE, value))) for number, value in enumerate(noise)]
    for first in range(30, 271, 30):
        assert np.std(out[first : first + 30]) < 0.5 * np.std(noise[first : first + 30])


def delay_ms(region: str, name: str, speed: float, strength: float, rate: float = RATE) -> float:
    """The delay of a steady movement of this weight."""
    smoothing = SignalSmoother(Tuning().changed({"smoothing": {region: strength}}))
    for number in range(round(0.9 / speed * rate) + 1):
        value = speed * number / rate
        out = smoothing.smooth(at(number / rate, **{name: value}))
    return 1000.0 * (value - float(out.weights[arkit.INDEX[name]])) / speed


@pytest.mark.parametrize(
    ("region", "name", "speed"),
    [("brows", "browInnerUp", 1.0), ("mouth", "mouthPucker", 1.5), ("tongue", "tongueOut", 1.5)],
)
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0, 2.0])
def test_the_computed_delay_is_that_of_a_movement(region: str, name: str, speed: float, strength: float) -> None:
    assert delay_ms(region, name, speed, strength) == pytest.approx(smoothing_delay_ms(region, strength), abs=2.0)


@pytest.mark.parametrize(("rate", "most"), [(60.0, 12.0), (120.0, 18.0)])
@pytest.mark.parametrize(("region", "name", "speed"), [("brows", "browInnerUp", 1.0), ("eyes", "eyeBlinkLeft", 2.5)])
def test_more_pictures_a_second_delay_as_much_more_as_documented(
    region: str, name: str, speed: float, rate: float, most: float
) -> None:
    assert 0.0 < delay_ms(region, name, speed, 1.0, rate) - smoothing_delay_ms(region, 1.0) < most


@pytest.mark.parametrize(("rate", "least"), [(15.0, 0.98), (30.0, 0.98), (60.0, 0.96), (120.0, 0.9)])
def test_a_blink_of_60_ms_and_lips_that_close_for_100_ms_are_followed_at_any_rate(rate: float, least: float) -> None:
    for name, length_s, depth in (("eyeBlinkLeft", 0.06, 0.9), ("mouthClose", 0.1, 0.4)):
        smoothing, index = SignalSmoother(), arkit.INDEX[name]
        shown = []
        for number in range(round(0.6 * rate)):
            value = depth * max(1.0 - abs(number / rate - 0.4) / (length_s / 2.0), 0.0)
            shown.append(float(smoothing.smooth(at(number / rate, **{name: value})).weights[index]))
        assert max(shown) > least * depth
        assert shown[-1] < 0.05


def test_the_heads_delay_is_the_one_of_a_turn() -> None:
    smoothing, speed = SignalSmoother(), 0.2
    for number in range(61):
        turn = np.array([0.0, speed * number / RATE, 0.0], np.float32)
        out = smoothing.smooth(replace(at(number / RATE), head_rotation=turn))
    delay = 1000.0 * float(turn[1] - out.head_rotation[1]) / speed
    assert delay == pytest.approx(smoothing_delay_ms("head", 1.0), abs=2.0)


@pytest.mark.parametrize("region", SMOOTHED)
def test_usual_smoothing_delays_no_region_by_more_than_35_ms(region: str) -> None:
    delays = [smoothing_delay_ms(region, strength) for strength in (0.0, 0.5, 1.0, 2.0, MOST_GAIN)]
    assert delays == sorted(delays)
    assert delays[0] == 0.0
    assert delays[2] <= 35.0


def test_without_strength_a_region_comes_out_as_it_is_and_the_others_do_not() -> None:
    smoothing = SignalSmoother(Tuning().changed({"smoothing": {"jaw": 0.0}}))
    smoothing.smooth(at(0.0, 0.3, mouthPucker=0.3))
    out = smoothing.smooth(at(1 / RATE, 0.31, mouthPucker=0.31))
    assert jaw(out) == pytest.approx(0.31, abs=1e-7)
    assert float(out.weights[arkit.INDEX["mouthPucker"]]) < 0.302


def test_a_strength_that_is_removed_releases_the_face_over_some_pictures() -> None:
    smoothing = SignalSmoother(Tuning().changed({"smoothing": {"jaw": MOST_GAIN}}))
    smoothing.smooth(at(0.0, 0.30))
    held = jaw(smoothing.smooth(at(1 / RATE, 0.36)))
    smoothing.tune(Tuning().changed({"smoothing": {"jaw": 0.0}}))
    shown = [held, *[jaw(smoothing.smooth(at((2 + number) / RATE, 0.36))) for number in range(8)]]
    assert max(later - earlier for earlier, later in pairwise(shown)) < 0.05
    assert shown[round(RAMP_S * RATE) + 1] == pytest.approx(0.36, abs=1e-6)


def test_irregular_rates_reach_the_same_value_in_the_same_time() -> None:
    even, uneven = SignalSmoother(), SignalSmoother()
    even_times = np.arange(1, 61) / 60.0
    uneven_times = [*np.sort(np.random.default_rng(1).uniform(0.0, 1.0, 59)).tolist(), 1.0]
    for smoothing in (even, uneven):
        smoothing.smooth(at(0.0, 0.0))
    last_even = [even.smooth(at(float(time_s), float(time_s) * 0.5)) for time_s in even_times][-1]
    last_uneven = [uneven.smooth(at(time_s, time_s * 0.5)) for time_s in uneven_times][-1]
    # Half a weight a second is followed from 0.03 away: 0.5 = 2 pi 4 Hz (0.0348 / 0.04)^4 0.0348, less half a picture.
    assert jaw(last_even) == pytest.approx(0.5 - 0.030, abs=0.004)
    assert jaw(last_uneven) == pytest.approx(jaw(last_even), abs=0.004)


@pytest.mark.parametrize("later_s", [SMOOTHING_GAP_S + 0.01, 0.0, -1.0])
def test_a_gap_or_a_clock_that_goes_back_starts_afresh(later_s: float) -> None:
    smoothing = SignalSmoother()
    smoothing.smooth(at(2.0, 0.0))
    assert jaw(smoothing.smooth(at(2.0 + later_s, 1.0))) == 1.0


def test_a_lost_face_is_unchanged_and_starts_afresh() -> None:
    smoothing = SignalSmoother()
    smoothing.smooth(at(0.0, 0.0))
    lost = at(0.03, confidence=0.0)
    assert smoothing.smooth(lost) is lost
    found = at(0.06, 1.0, confidence=0.7)
    assert smoothing.smooth(found) is found
    later = smoothing.smooth(at(0.09, 1.0, confidence=0.7))
    assert (later.stamp, later.confidence) == (at(0.09).stamp, 0.7)


def test_a_face_whose_points_fit_badly_eases_instead_of_shaking() -> None:
    shaking = np.random.default_rng(3).uniform(0.2, 0.8, 60)

    def largest_jump(confidence: float) -> float:
        smoothing = SignalSmoother()
        values = enumerate(shaking)
        shown = [jaw(smoothing.smooth(at(number / RATE, float(value), confidence))) for number, value in values]
        return float(np.abs(np.diff(shown)).max())

    assert largest_jump(0.1) < 0.15 * largest_jump(0.9)
    assert largest_jump(0.1) < largest_jump(0.3) < largest_jump(0.9)


def test_a_face_that_fits_is_not_held_back_for_its_confidence() -> None:
    assert confidence_delay_s(1.0) == confidence_delay_s(0.4) == 0.0
    assert confidence_delay_s(0.15) == confidence_delay_s(0.001) == pytest.approx(0.3)
