"""Microphones and sound files as voices, with a library that only pretends to have microphones."""

from __future__ import annotations

import sys
import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from omote.engine.capture.microphone import (
    Microphone,
    Resampler,
    SoundFile,
    VoiceInput,
    microphones,
    open_sound,
    read_wav,
)
from omote.engine.capture.source import EndOfSource
from omote.engine.capture.voice import DELAY_S, HOP, RATE
from omote.engine.data import Array
from omote.engine.face.lipsync import VoiceError
from omote.engine.testing.clock import ManualClock
from tests.studio.running import until


def tone(rate: int, seconds: float = 0.5, hz: float = 440.0) -> Array:
    return (0.5 * np.sin(2.0 * np.pi * hz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def written(path: Path, samples: Array, rate: int = RATE, channels: int = 1, width: int = 2) -> Path:
    numbers = np.repeat(samples[:, None], channels, axis=1)
    if width == 1:
        content = np.round(128.0 * numbers + 128.0).astype(np.uint8).tobytes()
    elif width == 3:
        content = (numbers * (2**23 - 1)).astype("<i4").reshape(-1, 1).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    else:
        content = (numbers * (2.0 ** (8 * width - 1) - 1)).astype(f"<i{width}").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(content)
    return path


@pytest.mark.parametrize(("width", "channels"), [(1, 1), (2, 1), (2, 2), (3, 1), (4, 2)])
def test_a_wav_file_of_any_width_is_read_as_the_same_sound(width: int, channels: int, tmp_path: Path) -> None:
    read = read_wav(written(tmp_path / "a.wav", tone(RATE), channels=channels, width=width))
    np.testing.assert_allclose(read, tone(RATE), atol=0.01)


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_another_rate_keeps_pitch_and_length_and_pieces_make_the_whole(rate: int) -> None:
    sound = tone(rate, 1.0)
    whole = Resampler(rate).resample(sound)
    assert len(whole) == pytest.approx(RATE, abs=20)
    spectrum = np.abs(np.fft.rfft(whole[: RATE // 2]))
    assert spectrum.argmax() * 2 == pytest.approx(440, abs=2)
    assert np.abs(whole[200:-200]).max() == pytest.approx(0.5, abs=0.02)
    resampler = Resampler(rate)
    pieces = [resampler.resample(piece) for piece in np.array_split(sound, 37)]
    joined = np.concatenate(pieces)
    assert abs(len(joined) - len(whole)) <= 1
    np.testing.assert_allclose(joined[: RATE - 40], whole[: RATE - 40], atol=1e-5)


def test_a_tone_that_no_lower_rate_can_hold_is_removed() -> None:
    assert np.abs(Resampler(48_000).resample(tone(48_000, hz=12_000.0))[100:-100]).max() < 0.01


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "cannot be read as a voice"), (b"RIFF1234WAVE", "cannot be"), (None, "No such file")],
)
def test_a_file_that_is_no_sound_is_refused(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "no.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VoiceError, match=message):
        read_wav(path)


def test_a_file_with_samples_of_another_width_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "wide.wav", tone(RATE))
    content = bytearray(path.read_bytes())
    content[32:36] = (5).to_bytes(2, "little") + (40).to_bytes(2, "little")  # bytes of a frame, bits of a sample
    path.write_bytes(content)
    with pytest.raises(VoiceError, match="40 bits, wanted a WAV file of 8 to 32 bit PCM"):
        read_wav(path)


def test_a_sound_file_comes_at_its_own_pace(tmp_path: Path) -> None:
    clock = ManualClock(1_000_000_000)
    with SoundFile(written(tmp_path / "a.wav", tone(RATE, 0.025)), clock, clock.sleep) as sound:
        read = [sound.read(), sound.read(), sound.read()]
        with pytest.raises(EndOfSource):
            sound.read()
    assert [len(samples) for samples, _ in read] == [HOP, HOP, HOP // 2]
    assert [made_ns - 1_000_000_000 for _, made_ns in read] == [10_000_000, 20_000_000, 25_000_000]
    assert clock.now_ns == 1_025_000_000


class PortAudioError(Exception):
    pass


class Stream:
    """A stream that gives a tone in blocks; `break_it` lets the next read fail."""

    opened: ClassVar[list[Stream]] = []
    latency = 0.005
    read_available = 0

    def __init__(self, **options: Any) -> None:
        if options["device"] == 3:
            raise PortAudioError("Device unavailable")
        self.options, self.is_open = options, True
        self.is_broken = threading.Event()
        Stream.opened.append(self)

    def start(self) -> None:
        pass

    def close(self, ignore_errors: bool = True) -> None:
        self.is_open = False

    def read(self, count: int) -> tuple[Array, bool]:
        if self.is_broken.wait(0.002):
            raise PortAudioError("Unplugged")
        return tone(48_000, count / 48_000)[:, None], False


DEVICES = [
    {"name": "Speakers", "max_input_channels": 0, "default_samplerate": 48_000.0},
    {"name": "USB Microphone\x1b[2J", "max_input_channels": 1, "default_samplerate": 48_000.0},
    {"name": "Headset", "max_input_channels": 2, "default_samplerate": 44_100.0},
    {"name": "Busy one", "max_input_channels": 2, "default_samplerate": 48_000.0},
]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def query_devices(number: int | None = None) -> Any:
        return DEVICES if number is None else DEVICES[number]

    pretended = SimpleNamespace(
        query_devices=query_devices,
        default=SimpleNamespace(device=(2, 0)),
        InputStream=Stream,
        PortAudioError=PortAudioError,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", pretended)
    Stream.opened.clear()
    yield


@pytest.mark.usefixtures("library")
def test_microphones_are_listed_without_being_opened() -> None:
    assert [(one.number, one.name, one.is_default) for one in microphones()] == [
        (1, "USB Microphone?[2J", False),
        (2, "Headset", True),
        (3, "Busy one", False),
    ]
    assert not Stream.opened


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(("spec", "number"), [("default", 2), ("1", 1), ("usb", 1), ("Headset", 2)])
def test_a_microphone_is_chosen_by_its_number_or_a_part_of_its_name(spec: str, number: int) -> None:
    with Microphone(spec) as microphone:
        assert Stream.opened[-1].options["device"] == number
        samples, _ = microphone.read()
        assert 100 < len(samples) < 200
    assert not Stream.opened[-1].is_open


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("Loudspeaker", r"no microphone is called 'Loudspeaker'; there are: 1 USB .*, 2 Headset, 3 Busy one"),
        ("0", "no microphone is called '0'"),
        ("busy", "Busy one cannot be opened .*Device unavailable.*another program"),
    ],
)
def test_a_microphone_that_cannot_be_opened_says_why(spec: str, message: str) -> None:
    with pytest.raises(VoiceError, match=message), Microphone(spec):
        pass


def test_without_the_library_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(VoiceError, match=r"pip install 'omote\[voice\]'"):
        microphones()


@pytest.mark.usefixtures("library")
def test_a_voice_is_heard_until_its_microphone_fails_and_then_there_is_none() -> None:
    ended: list[VoiceInput] = []
    clock = ManualClock(1_000_000_000)
    voice = VoiceInput(Microphone("default", clock), clock, on_end=ended.append)
    with voice:
        heard = until(lambda: voice.at(0), "a moment of the voice")
        assert heard.visemes.shape == (11,)
        assert heard.level_db == pytest.approx(-9.0, abs=1.5)
        assert clock.now_ns - heard.heard_ns == round((DELAY_S + 0.005) * 1e9)
        clock.now_ns += 600_000_000
        Stream.opened[-1].is_broken.set()
        until(lambda: voice.is_over and ended, "the end of the voice")
        assert voice.at(0) is None
        assert "Headset failed (Unplugged)" in voice.error
    assert not Stream.opened[-1].is_open


@pytest.mark.usefixtures("library")
def test_leaving_closes_the_microphone() -> None:
    with VoiceInput(open_sound("default")) as voice:
        until(lambda: voice.at(0), "a moment of the voice")
    until(lambda: not Stream.opened[-1].is_open, "the microphone to be closed")
    assert voice.error == ""


def test_a_file_that_does_not_exist_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="cannot be read"), VoiceInput(open_sound(str(tmp_path / "gone.wav"))):
        pass


class Nonsense:
    """Sound that is none."""

    name = "nonsense"

    def __enter__(self) -> Nonsense:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read(self) -> tuple[Array, int]:
        return np.zeros((3, 2, 1), np.float32), 0


@pytest.mark.filterwarnings("error")
def test_a_voice_that_fails_in_an_unknown_way_ends_with_a_sentence() -> None:
    with VoiceInput(Nonsense()) as voice:
        until(lambda: voice.is_over, "the end of the voice")
    assert voice.error.startswith("hearing nonsense failed inside Omote")
