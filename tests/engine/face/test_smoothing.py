"""The One-Euro filter on signals whose times are given."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.face.smoothing import EYELIDS, GAP_S, WEIGHTS, Smoothing
from omote.engine.nouns import Signal, Stamp

RATE = 30.0


def at(time_s: float, jaw_open: float = 0.0, confidence: float = 1.0, **others: float) -> Signal:
    stamp = Stamp(0, round(time_s * 1e9), 0)
    return Signal(stamp, arkit.weights({"jawOpen": jaw_open, **others}), confidence=confidence)


def jaw(signal: Signal) -> float:
    return float(signal.weights[arkit.INDEX["jawOpen"]])


def test_the_first_signal_comes_out_as_it_is() -> None:
    signal = at(7.0, 0.6)
    assert Smoothing().smooth(signal) is signal


def test_a_still_face_stands_still_to_the_last_bit() -> None:
    smoothing, still = Smoothing(), at(0.0, 0.3)
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


def test_one_step_is_the_equation_of_the_paper() -> None:
    smoothing = Smoothing()
    smoothing.smooth(at(0.0, 0.0))
    out = smoothing.smooth(at(0.1, 0.5))

    def alpha(cutoff_hz: float) -> float:
        return 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff_hz) / 0.1)

    speed = alpha(5.0) * 0.5 / 0.1
    wanted = alpha(WEIGHTS.min_cutoff_hz + WEIGHTS.beta * speed) * 0.5
    assert jaw(out) == pytest.approx(wanted, rel=1e-6)  # float32's last digit


def test_a_step_is_approached_from_below_and_reached_within_a_quarter_of_a_second() -> None:
    smoothing = Smoothing()
    smoothing.smooth(at(0.0, 0.0))
    seen = [jaw(smoothing.smooth(at(number / RATE, 1.0))) for number in range(1, 9)]
    assert all(earlier <= later <= 1.0 for earlier, later in pairwise(seen))
    assert seen[0] > 0.5
    assert seen[-1] > 0.99


def test_noise_of_a_resting_face_loses_half_its_size() -> None:
    smoothing, noise = Smoothing(), np.random.default_rng(0).uniform(0.3, 0.31, 300)
    out = [jaw(smoothing.smooth(at(number / RATE, float(value)))) for number, value in enumerate(noise)]
    assert np.std(out[30:]) < 0.6 * np.std(noise[30:])


def test_a_blink_keeps_nine_tenths_of_its_depth_and_comes_in_time() -> None:
    smoothing, shape = Smoothing(), [0.0, 0.0, 0.4, 0.9, 0.9, 0.5, 0.2, 0.0]
    index = arkit.INDEX["eyeBlinkLeft"]
    out = [
        float(smoothing.smooth(at(number / RATE, eyeBlinkLeft=value)).weights[index])
        for number, value in enumerate(shape)
    ]
    assert max(out) > 0.9 * max(shape)
    assert int(np.argmax(out)) in (3, 4)
    assert EYELIDS.beta > WEIGHTS.beta


def test_irregular_rates_reach_the_same_value_in_the_same_time() -> None:
    even, uneven = Smoothing(), Smoothing()
    even_times = np.arange(1, 61) / 60.0
    uneven_times = [*np.sort(np.random.default_rng(1).uniform(0.0, 1.0, 59)).tolist(), 1.0]
    for smoothing in (even, uneven):
        smoothing.smooth(at(0.0, 0.0))
    last_even = [even.smooth(at(float(time_s), float(time_s) * 0.5)) for time_s in even_times][-1]
    last_uneven = [uneven.smooth(at(time_s, time_s * 0.5)) for time_s in uneven_times][-1]
    # Half a weight a second at a cutoff of 5.5 Hz lags by 0.5 / (2 pi 5.5) = 0.0145.
    assert jaw(last_even) == pytest.approx(0.5 - 0.0145, abs=0.004)
    assert jaw(last_uneven) == pytest.approx(jaw(last_even), abs=0.004)


@pytest.mark.parametrize("later_s", [GAP_S + 0.01, 0.0, -1.0])
def test_a_gap_or_a_clock_that_goes_back_starts_afresh(later_s: float) -> None:
    smoothing = Smoothing()
    smoothing.smooth(at(2.0, 0.0))
    assert jaw(smoothing.smooth(at(2.0 + later_s, 1.0))) == 1.0


def test_a_lost_face_comes_out_as_it_is_and_starts_afresh() -> None:
    smoothing = Smoothing()
    smoothing.smooth(at(0.0, 0.0))
    lost = at(0.03, confidence=0.0)
    assert smoothing.smooth(lost) is lost
    assert jaw(smoothing.smooth(at(0.06, 1.0))) == 1.0


def test_the_stamp_and_the_confidence_stay() -> None:
    smoothing = Smoothing()
    smoothing.smooth(at(0.0, 0.0))
    signal = at(0.03, 1.0, confidence=0.7)
    out = smoothing.smooth(signal)
    assert (out.stamp, out.confidence) == (signal.stamp, 0.7)
