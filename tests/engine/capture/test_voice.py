"""Hearing visemes: mel bands, the network, and vowels that are made of nothing but two formants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from omote.engine.capture import voice
from omote.engine.capture.voice import BANDS, DELAY_S, HOP, RATE, MelBands, VisemeRecognizer, VoiceTrack
from omote.engine.data import Array
from omote.engine.face.lipsync import VISEMES
from omote.engine.models import WeightsError


def tone(hz: float, seconds: float = 0.2, level_db: float = -20.0) -> Array:
    times = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(np.sqrt(2.0) * 10.0 ** (level_db / 20.0) * np.sin(2.0 * np.pi * hz * times), np.float32)


def vowel(first_hz: float, second_hz: float, pitch_hz: float, seconds: float = 0.6) -> Array:
    """A voice at this pitch through a throat with two formants and two that all vowels share."""
    count = round(seconds * RATE)
    sound = np.zeros(count)
    sound[:: round(RATE / pitch_hz)] = 1.0
    for hz, width_hz in ((first_hz, 80.0), (second_hz, 110.0), (2600.0, 160.0), (3500.0, 200.0)):
        radius, turn = np.exp(-np.pi * width_hz / RATE), 2.0 * np.pi * hz / RATE
        one, two = 2.0 * radius * np.cos(turn), -(radius**2)
        gain = 1.0 - one - two
        before, earlier = 0.0, 0.0
        for at in range(count):
            before, earlier = gain * sound[at] + one * before + two * earlier, before
            sound[at] = before
    return np.asarray(0.1 * sound / sound.std(), np.float32)


def test_a_tone_lies_in_its_band_and_its_level_is_that_of_its_mean_power() -> None:
    bands, levels = MelBands().hear(tone(1000.0))
    assert bands.shape == (20, BANDS)
    lowest, highest = 2595.0 * np.log10(1.0 + np.array([60.0, 7600.0]) / 700.0)
    centres = 700.0 * (10.0 ** (np.linspace(float(lowest), float(highest), BANDS + 2) / 2595.0) - 1.0)
    assert abs(centres[1:-1][bands[10].argmax()] - 1000.0) < 60.0
    assert levels[10] == pytest.approx(-20.0, abs=0.1)


def test_silence_has_the_lowest_level() -> None:
    _, levels = MelBands().hear(np.zeros(RATE // 10, np.float32))
    np.testing.assert_allclose(levels, -100.0, atol=1e-3)


def test_pieces_of_any_length_are_heard_as_the_whole() -> None:
    sound = np.concatenate([tone(300.0), tone(2000.0, level_db=-40.0)])
    whole, levels = VisemeRecognizer().hear(sound)
    recognizer, at, pieces = VisemeRecognizer(), 0, []
    for size in np.random.default_rng(3).integers(1, 500, 60):
        pieces.append(recognizer.hear(sound[at : at + size]))
        at += size
    np.testing.assert_allclose(np.concatenate([one for one, _ in pieces]), whole, atol=1e-4)
    np.testing.assert_allclose(np.concatenate([one for _, one in pieces]), levels, atol=1e-3)
    np.testing.assert_allclose(whole.sum(axis=1), 1.0, atol=1e-5)


# Formants of men and women as phonetics books print them.
@pytest.mark.parametrize(
    ("name", "first_hz", "second_hz", "pitch_hz"),
    [
        *(("A", 750.0, 1150.0, 120.0), ("A", 900.0, 1300.0, 210.0), ("I", 280.0, 2250.0, 120.0)),
        *(("I", 310.0, 2750.0, 210.0), ("OU", 310.0, 850.0, 120.0)),
    ],
)
def test_vowels_of_two_formants_are_told_apart(name: str, first_hz: float, second_hz: float, pitch_hz: float) -> None:
    silence = np.zeros(RATE // 5, np.float32)
    visemes, _ = VisemeRecognizer().hear(np.concatenate([silence, vowel(first_hz, second_hz, pitch_hz)]))
    heard = visemes[len(silence) // HOP + 20 :, 1:6].mean(axis=0)
    assert VISEMES[1 + int(heard.argmax())] in name


@pytest.mark.parametrize("level_db", [-45.0, -60.0])
def test_noise_alone_does_not_open_the_mouth(level_db: float) -> None:
    noise = np.random.default_rng(5).standard_normal(2 * RATE) * 10.0 ** (level_db / 20.0)
    visemes, _ = VisemeRecognizer().hear(noise.astype(np.float32))
    assert visemes[50:, 0].mean() > 0.9


def test_a_whole_sound_is_known_at_the_time_of_each_of_its_moments() -> None:
    silence = np.zeros(RATE // 2, np.float32)
    track = VoiceTrack.of(np.concatenate([silence, vowel(750.0, 1150.0, 120.0), silence]))
    middle = track.at(round(0.8e9))
    assert middle and middle.level_db == pytest.approx(-20.0, abs=2.0)
    assert VISEMES[int(middle.visemes.argmax())] == "A"
    quiet = track.at(round(0.3e9))
    assert quiet and VISEMES[int(quiet.visemes.argmax())] == "silence"
    assert track.at(-1) is None and track.at(round(1.7e9)) is None
    starts = [at for at in range(400, 700, 10) if (one := track.at(at * 1_000_000)) and one.visemes[0] < 0.5]
    assert abs(starts[0] - 500) <= 60


def test_a_damaged_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "voice.safetensors"
    damaged.write_bytes(voice.WEIGHTS_FILE.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(voice, "WEIGHTS_FILE", damaged)
    voice.shipped_network.cache_clear()
    try:
        with pytest.raises(WeightsError, match="is damaged"):
            voice.shipped_network()
    finally:
        voice.shipped_network.cache_clear()


def test_the_delay_is_below_a_fortieth_of_a_second() -> None:
    assert DELAY_S < 0.04
