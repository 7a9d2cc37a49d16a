"""What the benchmark of the smoothing measures, on movements and noise that are known; and what it is to hold."""

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
    """The take that is shipped, ten seconds of it."""
    signals = []
    with TakeSource(read_take(DEMO), "demo", is_offline=True) as source:
        for index in range(300):
            signal = source.read(1.0)
            assert signal is not None
            signals.append(replace(signal, stamp=Stamp(index, round(index * 1e9 / FPS), 0)))
    return signals


def trembling(signals: list[Signal], seed: int = 0) -> list[Signal]:
    """The same with a tracker's noise, which wanders for a second and jumps a little from picture to picture."""
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
    for region, told in smoothing.held_jitter([trembling(held, seed) for seed in range(3)]).items():
        assert told["before"] > 0.0, region
        assert told["after"] < 0.5 * told["before"], region


def test_a_trembling_demo_comes_no_later_than_35_ms_and_its_lips_neither() -> None:
    late = smoothing.delays(trembling(demo()))
    assert set(late) == {"brows", "eyes", "gaze", "jaw", "mouth", "head", "lips"}
    assert max(late.values()) <= 35.0
    assert late["lips"] <= 20.0


def test_a_blink_of_the_demo_closes() -> None:
    assert smoothing.blink_lost(demo()) <= 0.05


def test_rows_that_are_kept_are_the_signals_again() -> None:
    signals = demo()[:5]
    for before, after in zip(signals, smoothing.as_signals(smoothing.as_rows(signals)), strict=True):
        for name in ("weights", "head_rotation", "head_translation", "gaze"):
            np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert (after.stamp.captured_ns, after.confidence) == (before.stamp.captured_ns, before.confidence)


def test_what_was_measured_on_real_clips_holds_what_was_asked_for() -> None:
    result = kept("smoothing")
    assert result is not None
    for name in smoothing.CLIPS:
        assert all(told["after"] <= 0.5 * told["before"] for told in result["held"][name].values())
        assert all(late <= 35.0 for late in result["late_ms"][name].values())
        assert result["blink_lost"][name] <= 0.05
