"""Synthetic speech with known phonemes, and what the shipped network hears in it."""

from __future__ import annotations

import shutil
from ctypes.util import find_library
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.voice import DELAY_S, HOP, RATE, STACKED, VisemeRecognizer, network_of
from omote.engine.face.lipsync import VISEMES, mouth_of
from omote.engine.training import visemes
from omote.engine.training.speech import (
    Phoneme,
    espeak,
    flite,
    phoneme_visemes,
    recorded,
    viseme_track,
    with_other_throat,
)
from omote.engine.training.visemes import shifted, stacked

needs_espeak = pytest.mark.skipif(find_library("espeak-ng") is None, reason="espeak-ng is not installed")
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
SENTENCE = "Bob may have a few more apples for your mother."


@pytest.mark.parametrize(
    ("ipa", "expected"),
    [
        ("", ["silence"]),
        ("m", ["M"]),
        ("ɑː", ["A"]),
        ("aɪ", ["A", "I"]),
        ("tʃ", ["T", "SH"]),
        ("uː", ["U"]),
        ("v", ["F"]),
        ("z", ["S"]),
        ("ŋ", ["T"]),
        ("oʊ", ["O", "U"]),
    ],
)
def test_a_phoneme_has_the_visemes_of_its_signs(ipa: str, expected: list[str]) -> None:
    assert [max(one, key=lambda name: one[name]) for _, one in phoneme_visemes(ipa)] == expected
    assert sum(share for share, _ in phoneme_visemes(ipa)) == pytest.approx(1.0)


def test_the_track_of_phonemes_glides_and_sums_to_1() -> None:
    track = viseme_track((Phoneme("m", 0.1, 0.3), Phoneme("ɑː", 0.3, 0.5)), 60)
    np.testing.assert_allclose(track.sum(axis=1), 1.0, atol=1e-5)
    assert VISEMES[int(track[20].argmax())] == "M" and VISEMES[int(track[40].argmax())] == "A"
    assert 0.3 < track[30, VISEMES.index("A")] < 0.7
    assert track[55, 0] == pytest.approx(1.0)


def test_a_track_is_shifted_by_parts_of_a_hop_with_silence_before() -> None:
    track = np.zeros((10, len(VISEMES)), np.float32)
    track[:, 1] = 1.0
    moved = shifted(track, 2.5)
    assert moved[1, 0] == 1.0 and moved[2, 0] == pytest.approx(0.5) and moved[3, 1] == 1.0


def test_spectra_are_stacked_as_the_recognizer_does() -> None:
    bands = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert stacked(bands)[3].tolist() == [*bands[1], *bands[2], *bands[3]]
    assert len(stacked(bands)[0]) == STACKED * 3


def test_a_recording_is_as_long_as_the_sound_and_never_clips() -> None:
    sound = np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
    for seed in range(4):
        heard = recorded(sound, np.random.default_rng(seed), sound[::-1])
        assert heard.shape == sound.shape and np.abs(heard).max() <= 1.0


@needs_espeak
def test_the_times_of_phonemes_belong_to_the_sound() -> None:
    said = espeak().say(SENTENCE)
    assert [one.ipa for one in said.phonemes[:4]] == ["b", "ɑː", "b", "m"]
    assert said.phonemes[-1].end_s == pytest.approx(len(said.samples) / RATE, abs=0.01)
    higher = with_other_throat(said, 1.25)
    assert len(higher.samples) == pytest.approx(len(said.samples) / 1.25, abs=2)
    assert higher.phonemes[3].start_s == pytest.approx(said.phonemes[3].start_s / 1.25)


@needs_flite
def test_flite_says_its_phonemes_too() -> None:
    said = flite("My shoes.", "kal16")
    assert [one.ipa for one in said.phonemes] == ["", "m", "aɪ", "ʃ", "u", "z", ""]


@needs_espeak
@pytest.mark.parametrize("voice", ["en-us+f3", "en+m7"])
def test_the_shipped_network_hears_a_voice_and_a_sentence_that_it_never_heard(voice: str) -> None:
    said = espeak().say(SENTENCE, voice)
    before = RATE // 2
    heard, _ = VisemeRecognizer().hear(np.pad(0.3 * said.samples, before))
    late = (before + DELAY_S * RATE) / HOP - 0.5
    truth = shifted(viseme_track(said.phonemes, len(heard)), late)
    for name in ("jawOpen", "mouthPucker", "mouthPressLeft"):
        at = arkit.INDEX[name]
        assert np.corrcoef(mouth_of(heard)[:, at], mouth_of(truth)[:, at])[0, 1] > 0.6
    assert heard[: before // HOP - 5, 0].min() > 0.5


@needs_espeak
def test_training_writes_a_network_that_runs_as_pytorch_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(visemes, "RECORDED_VOICES", ("kal16",))
    path = tmp_path / "voice.safetensors"
    visemes.train(2, 2, path)
    network = network_of(path.read_bytes())
    unit = torch.nn.GRU(network.dense_weight.shape[0], network.state_bias.shape[0] // 3)
    values = (network.input_weight, network.state_weight, network.input_bias, network.state_bias)
    with torch.no_grad():
        for parameter, value in zip(unit.parameters(), values, strict=True):
            parameter.copy_(torch.from_numpy(value))
    random = np.random.default_rng(2)
    inputs = random.standard_normal((5, network.dense_weight.shape[1])).astype(np.float32)
    state, states = np.zeros(network.viseme_weight.shape[1], np.float32), []
    for row in inputs:
        states.append(state := network.step(row, state))
    dense = np.maximum(inputs @ network.dense_weight.T + network.dense_bias, 0.0)
    with torch.no_grad():
        expected = unit(torch.from_numpy(dense)[:, None])[0][:, 0].numpy()
    np.testing.assert_allclose(np.stack(states), expected, atol=1e-5)
