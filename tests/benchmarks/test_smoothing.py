"""The benchmark of smoothing, on known movements and noise, and the limits that its result must keep."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import smoothing
from record import kept

from omote.bridge import arkit
from omote.engine.capture.sources import DEMO
from omote.engine.capture.take import TakeSource, read_take
from omote.engine.data import Signal, Stamp

FPS = 30.0


def test_a_delay_between_two_pictures_is_measured_to_a_millisecond() -> None:
    time = np.arange(150) / FPS

    def speech(shift_s: float) -> smoothing.Rows:
        at = time - shift_s
        return np.stack([np.sin(2 * math.pi * 2.3 * at), np.sin(2 * math.pi * 1.1 * at) ** 2], axis=1)

    for late_s in (0.0, 0.008, 0.021, 0.05):
        assert smoothing.late_ms(speech(0.0), speech(late_s), FPS) == pytest.approx(1000.0 * late_s, abs=1.0)


def test_the_fast_part_of_a_slow_movement_is_nothing_and_that_of_noise_is_most_of_it() -> None:
    time = np.linspace(-1.0, 1.0, 30)[:, None]
    assert smoothing.spread(smoothing.fast(0.3 * time**3 + 0.1 * time)) < 1e-9
    noise = np.random.default_rng(0).normal(0.0, 0.01, (30, 20))
    assert smoothing.spread(smoothing.fast(noise)) > 0.85 * smoothing.spread(noise)


def demo() -> list[Signal]:
    """Ten seconds of the take that ships."""
    signals = []
    with TakeSource(read_take(DEMO), "demo", is_offline=True) as source:
        for index in range(300):
            signal = source.read(1.0)
            assert signal is not None
            signals.append(replace(signal, stamp=Stamp(index, round(index * 1e9 / FPS), 0)))
    return signals


def with_noise(signals: list[Signal], seed: int = 0) -> list[Signal]:
    """The same with the noise of a tracker: a slow drift, and small jumps between pictures."""
    rng = np.random.default_rng(seed)
    sizes = {"weights": 0.004, "head_rotation": 0.001, "gaze": 0.002}
    slow = {name: np.zeros(getattr(signals[0], name).shape) for name in sizes}
    noisy = []
    for signal in signals:
        parts = {}
        for name, size in sizes.items():
            rest = slow[name] * (1.0 - 1.0 / FPS)
            slow[name] = rest + size * math.sqrt(2.0 / FPS) * rng.standard_normal(rest.shape)
            seen = getattr(signal, name) + slow[name] + 0.5 * size * rng.standard_normal(rest.shape)
            parts[name] = (np.clip(seen, 0.0, 1.0) if name == "weights" else seen).astype(np.float32)
        noisy.append(replace(signal, **parts))
    return noisy


def test_a_face_that_is_held_still_keeps_less_than_half_of_its_jitter_in_every_region() -> None:
    still = Signal(Stamp(0, 0, 0), np.full(arkit.COUNT, 0.3, np.float32))
    held = [replace(still, stamp=Stamp(k, round(k * 1e9 / FPS), 0)) for k in range(smoothing.HELD_FOR)]
    for region, jitter in smoothing.held_jitter([with_noise(held, seed) for seed in range(3)]).items():
        assert jitter["before"] > 0.0, region
        assert jitter["after"] < 0.5 * jitter["before"], region


def test_delay_of_a_noisy_demo_is_at_most_35_ms_and_20_ms_for_lips() -> None:
    late = smoothing.delays(with_noise(demo()))
    assert set(late) == {"brows", "eyes", "gaze", "jaw", "mouth", "head", "lips"}
    assert max(late.values()) <= 35.0
    assert late["lips"] <= 20.0


def test_a_blink_of_the_demo_closes() -> None:
    assert smoothing.blink_lost(demo()) <= 0.05


def test_rows_are_read_back_as_the_same_signals() -> None:
    signals = demo()[:5]
    for before, after in zip(signals, smoothing.as_signals(smoothing.as_rows(signals)), strict=True):
        for name in ("weights", "head_rotation", "head_translation", "gaze"):
            np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert (after.stamp.captured_ns, after.confidence) == (before.stamp.captured_ns, before.confidence)


def test_result_of_real_clips_keeps_the_limits() -> None:
    result = kept("smoothing")
    assert result is not None
    for name in smoothing.CLIPS:
        assert all(jitter["after"] <= 0.5 * jitter["before"] for jitter in result["held"][name].values())
        assert all(late <= 35.0 for late in result["late_ms"][name].values())
        assert result["blink_lost"][name] <= 0.05
