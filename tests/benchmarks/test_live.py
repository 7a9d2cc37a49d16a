"""The code of the jaw, received late, with losses and errors, and decoded."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
from live import BIT_PICTURES, JawCode, Received, Times, code, decode, fall_of, openness, received_in, speech_file
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.capture.take import read_take, write_take

SENT = JawCode.lasting(12.0)
MS = 1_000_000


def due_ns(sent: JawCode) -> Times:
    return np.round(np.arange(len(sent.jaw)) * 1e9 / sent.fps).astype(np.int64)


def received(sent: JawCode, late_ms: float, keep: NDArray[np.int64] | None = None) -> Received:
    """Every picture, or those at `keep`, this many milliseconds late."""
    rows = np.arange(len(sent.jaw)) if keep is None else keep
    return Received(due_ns(sent)[rows] + round(late_ms * MS), sent.jaw[rows].astype(np.float64))


def test_code_repeats_after_127_bits_and_correlates_with_no_shift_of_itself() -> None:
    bits = code(254)
    assert np.array_equal(bits[:127], bits[127:])
    signs = bits[:127] * 2 - 1
    assert {int(signs @ np.roll(signs, shift)) for shift in range(1, 127)} == {-1}


@pytest.mark.parametrize("delay_ms", [42.0, 250.0])  # within a bit, and longer than one
def test_constant_delay_is_found_to_the_millisecond(delay_ms: float) -> None:
    decoded = decode(SENT, received(SENT, delay_ms))
    assert (decoded.delay_ms, decoded.bit_errors, decoded.edges_missed, decoded.likeness) == (delay_ms, 0, 0, 1.0)
    assert decoded.edges_ms == {"p50": delay_ms, "p95": delay_ms, "p99": delay_ms}


def test_change_in_a_picture_that_was_dropped_is_seen_with_the_next_one() -> None:
    # Every bit begins with a picture whose number is a multiple of six, so with odd ones alone each change comes
    # one picture (16.7 ms) later.
    odd = np.arange(1, len(SENT.jaw), 2)
    decoded = decode(SENT, received(SENT, 40.0, odd))
    assert decoded.edges_ms["p50"] == pytest.approx(40.0 + 1000.0 / 60.0, abs=0.1)
    assert decoded.bit_errors == 0


def test_bit_that_shows_the_wrong_mouth_is_one_error_and_its_changes_are_missed() -> None:
    right = received(SENT, 40.0)
    bit = next(k for k in range(1, len(SENT.bits) - 1) if len(set(SENT.bits[k - 1 : k + 2])) == 1)
    first = len(SENT.jaw) - (len(SENT.bits) - bit) * BIT_PICTURES
    wrong = right.openness.copy()
    wrong[first : first + BIT_PICTURES] = 1.0 - wrong[first : first + BIT_PICTURES]
    decoded = decode(SENT, Received(right.arrived_ns, wrong))
    assert (decoded.delay_ms, decoded.bit_errors, decoded.edges_missed) == (40.0, 1, 0)


def test_screen_that_never_opens_misses_every_opening() -> None:
    decoded = decode(SENT, Received(due_ns(SENT), np.zeros(len(SENT.jaw))))
    openings = int((np.diff(SENT.bits, prepend=np.int8(0)) == 1).sum())
    assert (decoded.bit_errors, decoded.edges_missed) == (int(SENT.bits.sum()), openings)


def test_openness_is_read_off_the_pixels_that_change_most() -> None:
    mouth = np.zeros((8, 8), np.uint8)
    mouth[4:6, 2:6] = 120
    brow = np.zeros((8, 8), np.uint8)
    brow[0] = 40  # moves too, but must not count
    rows = np.arange(len(SENT.jaw))
    crops = np.stack([mouth * SENT.jaw[k] + brow * (k % 2) for k in rows]).astype(np.uint8)
    found = openness(crops, due_ns(SENT) + 30 * MS)
    assert found == pytest.approx(SENT.jaw.astype(np.float64))


def test_preamble_that_never_arrived_is_an_error_that_says_so() -> None:
    late = due_ns(SENT) + 60_000 * MS
    with pytest.raises(ValueError, match="preamble"):
        openness(np.zeros((len(late), 4, 4), np.uint8), late)


def test_code_is_a_take_that_survives_its_file(tmp_path: Path) -> None:
    write_take(tmp_path / "code.csv", SENT.take())
    read = read_take(tmp_path / "code.csv")
    assert read.fps == SENT.fps
    assert np.array_equal(read.weights[:, arkit.INDEX["jawOpen"]] > 0.5, SENT.jaw.astype(bool))


def test_of_the_timestamps_only_the_beginning_is_used(tmp_path: Path) -> None:
    rows, began_ns = np.arange(len(SENT.jaw)), 7_000_000_000
    crops = np.zeros((len(rows), 4, 4), np.uint8)
    crops[:, 2:, :] = SENT.jaw.astype(np.uint8)[:, None, None] * 200
    arrived_ns = due_ns(SENT) + began_ns + 42 * MS
    np.savez(tmp_path / "m.npz", index=rows, captured_ns=due_ns(SENT) + began_ns, arrived_ns=arrived_ns, crops=crops)
    assert decode(SENT, received_in(tmp_path / "m.npz", SENT)).delay_ms == 42.0


def test_the_fall_of_the_rate_with_a_voice_is_of_the_medians() -> None:
    rows = [{"without": 30.0, "with": 27.0}, {"without": 29.0, "with": 9.0}, {"without": 60.0, "with": 28.5}]
    assert fall_of(rows) == 0.1


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_the_speech_of_the_voice_rate_is_as_long_as_asked_and_not_silent(tmp_path: Path) -> None:
    speech_file(tmp_path / "speech.wav", 12.5)
    with wave.open(str(tmp_path / "speech.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert (len(samples) / file.getframerate(), file.getnchannels()) == (12.5, 1)
    assert samples[-len(samples) // 4 :].std() > 1000.0
