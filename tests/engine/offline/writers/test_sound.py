"""Sound beside its pictures: a chirp comes back when it should, to a fraction of a millisecond."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from omote.engine.offline.animation import RenderError, Sound
from omote.engine.offline.writers.encoders import SOUND_RATE, Encoder
from omote.engine.offline.writers.video import cut_samples, sample_count, video_writer
from tests.engine.offline.writers.videos import (
    BACKGROUND,
    ENCODERS,
    PROGRAM,
    SIZE,
    SUFFIXES,
    Floats,
    animation,
    decoded,
    ignore,
    needs_ffmpeg,
    pictures,
    read_sound,
    video,
    write_wav,
)

COUNT = 24  # pictures: 0.8 s
CHIRP_S = 0.08
AT_S = 0.4  # where it begins in the file

with_each = pytest.mark.parametrize("encoder", ENCODERS)
in_each = pytest.mark.parametrize("suffix", SUFFIXES)


def chirp(rate: int) -> Floats:
    """500 to 4,000 Hz, which AAC and Opus keep."""
    time_s = np.arange(round(CHIRP_S * rate)) / rate
    window = np.sin(np.pi * time_s / CHIRP_S) ** 2
    return window * 0.5 * np.sin(2 * np.pi * (500 * time_s + (4000 - 500) / (2 * CHIRP_S) * time_s**2))


def recording(rate: int, seconds: float = 1.0) -> Floats:
    """Silence, except for the chirp."""
    found = np.zeros(round(seconds * rate))
    first = round(AT_S * rate)
    found[first : first + len(chirp(rate))] = chirp(rate)
    return found


def chirp_at_s(samples: Floats) -> float:
    """The time of the chirp in these samples."""
    return float(np.correlate(samples, chirp(SOUND_RATE), "valid").argmax()) / SOUND_RATE


def pcm_of(encoder: Encoder, file: Path) -> Floats:
    """[n,2] the samples that the encoder reads."""
    return np.frombuffer(b"".join(encoder.pcm(file)), "<i2").reshape(-1, 2).astype(np.float64)


# Tolerances in milliseconds. WebM counts its packets in whole milliseconds.
LATE_MS = {".mp4": 0.05, ".webm": 0.6, ".mov": 0.03}


@with_each
@in_each
@pytest.mark.parametrize("start_s", [0.1234, -0.25])
def test_a_chirp_is_heard_with_its_picture(encoder: Encoder, suffix: str, start_s: float, tmp_path: Path) -> None:
    write_wav(tmp_path / "sound.wav", [recording(44_100)], 44_100)
    with_sound = animation(COUNT, sound=Sound(tmp_path / "sound.wav", start_s))
    writer = video(encoder, tmp_path / f"film{suffix}")
    writer.write(with_sound, pictures(tmp_path / "pictures", COUNT), ignore)
    samples, first = read_sound(writer.path)
    late_ms = (first / SOUND_RATE + chirp_at_s(samples) - (AT_S - start_s)) * 1000
    assert abs(late_ms) < LATE_MS[suffix]
    times_s = decoded(writer.path).times_s
    assert times_s[0] == 0
    assert len(times_s) == COUNT
    # An AAC packet has 1,024 samples, the last one too.
    assert abs(first + len(samples) - sample_count(COUNT, Fraction(30))) <= (1024 if suffix == ".mp4" else 48)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"film{suffix}", "pictures", "sound.wav"]


@with_each
@in_each
def test_the_same_sound_gives_the_same_bytes(encoder: Encoder, suffix: str, tmp_path: Path) -> None:
    write_wav(tmp_path / "sound.wav", [recording(48_000)], 48_000)
    shown, files = pictures(tmp_path / "pictures", 6), set()
    writer = video(encoder, tmp_path / f"film{suffix}")
    for _ in range(2):
        writer.write(animation(6, sound=Sound(tmp_path / "sound.wav")), shown, ignore)
        files.add(writer.path.read_bytes())
    assert len(files) == 1


@with_each
@pytest.mark.parametrize("rate", [8_000, 96_000])
def test_any_rate_and_many_channels_come_out_as_two(encoder: Encoder, rate: int, tmp_path: Path) -> None:
    write_wav(tmp_path / "sound.wav", [recording(rate)] * 6, rate)
    found = pcm_of(encoder, tmp_path / "sound.wav")
    assert abs(len(found) - SOUND_RATE) <= 48
    assert (np.abs(found).max(axis=0) > 3000).all()
    assert chirp_at_s(found[:, 0]) == pytest.approx(AT_S, abs=0.0002)


def convert(folder: Path, name: str, *arguments: str) -> Path:
    """The recording in another format, made by ffmpeg."""
    write_wav(folder / "sound.wav", [recording(SOUND_RATE)], SOUND_RATE)
    command = [str(PROGRAM), "-v", "error", "-i", str(folder / "sound.wav"), *arguments, str(folder / name)]
    subprocess.run(command, check=True)
    return folder / name


LATE_PICTURES = ("-itsoffset", "0.2", "-f", "lavfi", "-i", "color=s=32x32:r=25:d=1", "-c:a", "pcm_s16le")


@needs_ffmpeg
@with_each
@pytest.mark.parametrize(
    ("name", "arguments", "at_s"),
    [
        # Recorders begin with sound, and with pictures some time later. A performance begins with the pictures.
        ("clip.mkv", (*LATE_PICTURES, "-c:v", "libx264"), AT_S - 0.2),
        # AAC has a lead that is not heard.
        ("sound.m4a", (), AT_S),
        ("sound.flac", (), AT_S),
    ],
)
def test_sound_counts_from_the_first_picture_or_from_its_beginning(
    encoder: Encoder, name: str, arguments: tuple[str, ...], at_s: float, tmp_path: Path
) -> None:
    found = pcm_of(encoder, convert(tmp_path, name, *arguments))
    assert chirp_at_s(found[:, 0]) == pytest.approx(at_s, abs=0.001 if "mkv" in name else 0.0002)


@needs_ffmpeg
@with_each
def test_a_damaged_packet_becomes_silence(encoder: Encoder, tmp_path: Path) -> None:
    file = convert(tmp_path, "sound.mka", "-c:a", "flac")
    data = bytearray(file.read_bytes())
    second = data.index(b"\xff\xf8", data.index(b"\xff\xf8") + 2)
    data[second : second + 4] = bytes(4)
    file.write_bytes(bytes(data))
    found = pcm_of(encoder, file)
    assert abs(len(found) - SOUND_RATE) <= 48
    assert chirp_at_s(found[:, 0]) == pytest.approx(AT_S, abs=0.0002)


@needs_ffmpeg
def test_a_file_without_sound_is_named_before_the_work(tmp_path: Path) -> None:
    silent, broken = tmp_path / "silent.mkv", tmp_path / "broken.wav"
    colours = ["-f", "lavfi", "-i", "color=s=32x32:r=25:d=0.2"]
    subprocess.run([str(PROGRAM), "-v", "error", *colours, "-c:v", "libx264", str(silent)], check=True)
    broken.write_bytes(b"RIFF but no more")
    writer = video_writer(tmp_path / "film.mp4", BACKGROUND)
    for file in (silent, broken, tmp_path / "nowhere.wav"):
        with pytest.raises(RenderError, match=file.name):
            writer.check(animation(2, sound=Sound(file)), SIZE)


@with_each
@pytest.mark.parametrize("content", [b"RIFF but no more", b"OggS", b""])
def test_each_encoder_names_a_file_without_sound(encoder: Encoder, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(content)
    with pytest.raises(RenderError, match=r"the sound of .*broken\.wav cannot be read"):
        list(encoder.pcm(tmp_path / "broken.wav"))


@with_each
def test_a_name_with_a_colon_is_a_file(encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To FFmpeg it begins with a protocol."""
    monkeypatch.chdir(tmp_path)
    write_wav(Path("take:1.wav"), [recording(SOUND_RATE)], SOUND_RATE)
    writer = video(encoder, Path("take:1.mp4"))
    writer.write(animation(2, sound=Sound(Path("take:1.wav"))), pictures(tmp_path / "pictures", 2), ignore)
    assert len(decoded(writer.path.absolute()).pictures) == 2


BLOCKS = [np.arange(first, first + 10, dtype="<i2").repeat(2).tobytes() for first in (1, 11, 21)]


@pytest.mark.parametrize(
    ("first", "count", "wanted"),
    [
        (0, 30, [*range(1, 31)]),
        (12, 5, [13, 14, 15, 16, 17]),
        (-3, 5, [0, 0, 0, 1, 2]),
        (-9, 4, [0, 0, 0, 0]),
        (28, 5, [29, 30, 0, 0, 0]),
        (99, 2, [0, 0]),
    ],
)
def test_sound_is_cut_to_a_sample(first: int, count: int, wanted: list[int]) -> None:
    found = np.frombuffer(b"".join(cut_samples(BLOCKS, first, count)), "<i2").reshape(-1, 2)
    assert found[:, 0].tolist() == found[:, 1].tolist() == wanted
