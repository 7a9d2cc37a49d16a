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
from tests.engine.offline.writing.films import (
    BACKGROUND,
    ENCODERS,
    PROGRAM,
    SIZE,
    SUFFIXES,
    Floats,
    decoded,
    heard,
    needs_ffmpeg,
    nobody,
    pictures,
    script,
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
    """Silence but for the chirp."""
    found = np.zeros(round(seconds * rate))
    first = round(AT_S * rate)
    found[first : first + len(chirp(rate))] = chirp(rate)
    return found


def begins_s(path: Path) -> float:
    """When the chirp is heard, on the pictures' clock."""
    samples, first = heard(path)
    likeness = np.correlate(samples, chirp(SOUND_RATE), "valid")
    assert likeness.max() > 0.6 * np.sum(chirp(SOUND_RATE) ** 2)
    return float(first + likeness.argmax()) / SOUND_RATE


# In milliseconds of what was asked for. WebM counts its packets in whole ones.
LATE_MS = {".mp4": 0.05, ".webm": 0.6, ".mov": 0.03}


@with_each
@in_each
@pytest.mark.parametrize("start_s", [0.1234, -0.25])
def test_a_chirp_is_heard_with_its_picture(encoder: Encoder, suffix: str, start_s: float, tmp_path: Path) -> None:
    write_wav(tmp_path / "sound.wav", [recording(44_100)], 44_100)
    asked = script(COUNT, sound=Sound(tmp_path / "sound.wav", start_s))
    writer = video(encoder, tmp_path / f"film{suffix}")
    writer.write(asked, pictures(tmp_path / "pictures", COUNT), nobody)
    late_ms = (begins_s(writer.path) - (AT_S - start_s)) * 1000
    assert abs(late_ms) < LATE_MS[suffix]
    times_s = decoded(writer.path).times_s
    assert times_s[0] == 0
    assert len(times_s) == COUNT
    samples, first = heard(writer.path)
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
        writer.write(script(6, sound=Sound(tmp_path / "sound.wav")), shown, nobody)
        files.add(writer.path.read_bytes())
    assert len(files) == 1


@with_each
@pytest.mark.parametrize("rate", [8_000, 96_000])
def test_any_rate_and_many_channels_come_out_as_two(encoder: Encoder, rate: int, tmp_path: Path) -> None:
    write_wav(tmp_path / "sound.wav", [recording(rate)] * 6, rate)
    found = np.frombuffer(b"".join(encoder.pcm(tmp_path / "sound.wav")), "<i2").reshape(-1, 2)
    assert abs(len(found) - SOUND_RATE) <= 48
    assert (np.abs(found.astype(np.int32)).max(axis=0) > 3000).all()
    likeness = np.correlate(found[:, 0].astype(np.float64), chirp(SOUND_RATE), "valid")
    assert abs(likeness.argmax() / SOUND_RATE - AT_S) < 0.0002


@needs_ffmpeg
@with_each
def test_a_clips_sound_counts_from_its_first_picture(encoder: Encoder, tmp_path: Path) -> None:
    """Recorders begin with sound, and a picture some time later; a performance begins with that."""
    write_wav(tmp_path / "sound.wav", [recording(48_000)], 48_000)
    colours = ["-itsoffset", "0.2", "-f", "lavfi", "-i", "color=s=32x32:r=25:d=1"]
    made = [str(PROGRAM), "-v", "error", "-i", str(tmp_path / "sound.wav"), *colours, "-c:a", "pcm_s16le"]
    subprocess.run([*made, "-c:v", "libx264", str(tmp_path / "clip.mkv")], check=True)
    found = np.frombuffer(b"".join(encoder.pcm(tmp_path / "clip.mkv")), "<i2").reshape(-1, 2)[:, 0]
    likeness = np.correlate(found.astype(np.float64), chirp(SOUND_RATE), "valid")
    assert abs(likeness.argmax() / SOUND_RATE - (AT_S - 0.2)) < 0.001


@needs_ffmpeg
@with_each
@pytest.mark.parametrize("suffix", [".m4a", ".flac"])
def test_sound_alone_counts_from_its_own_beginning(encoder: Encoder, suffix: str, tmp_path: Path) -> None:
    """AAC has a lead that is not heard."""
    found = pcm_of(encoder, made(tmp_path, suffix))
    likeness = np.correlate(found, chirp(SOUND_RATE), "valid")
    assert abs(likeness.argmax() / SOUND_RATE - AT_S) < 0.0002


@needs_ffmpeg
@with_each
def test_what_is_damaged_in_a_recording_is_silence_and_the_rest_stays_in_its_place(
    encoder: Encoder, tmp_path: Path
) -> None:
    file = made(tmp_path, ".mka", "-c:a", "flac")
    data = bytearray(file.read_bytes())
    second = data.index(b"\xff\xf8", data.index(b"\xff\xf8") + 2)
    data[second : second + 4] = bytes(4)
    file.write_bytes(bytes(data))
    found = pcm_of(encoder, file)
    assert abs(len(found) - SOUND_RATE) <= 48
    assert abs(np.correlate(found, chirp(SOUND_RATE), "valid").argmax() / SOUND_RATE - AT_S) < 0.0002


def made(folder: Path, suffix: str, *codec: str) -> Path:
    """The recording in the format of this suffix."""
    write_wav(folder / "sound.wav", [recording(SOUND_RATE)], SOUND_RATE)
    path = folder / f"sound{suffix}"
    subprocess.run([str(PROGRAM), "-v", "error", "-i", str(folder / "sound.wav"), *codec, str(path)], check=True)
    return path


def pcm_of(encoder: Encoder, file: Path) -> Floats:
    """Its left channel."""
    return np.frombuffer(b"".join(encoder.pcm(file)), "<i2").reshape(-1, 2)[:, 0].astype(np.float64)


@needs_ffmpeg
def test_what_has_no_sound_is_named_before_the_work(tmp_path: Path) -> None:
    silent, broken = tmp_path / "silent.mkv", tmp_path / "broken.wav"
    colours = ["-f", "lavfi", "-i", "color=s=32x32:r=25:d=0.2"]
    subprocess.run([str(PROGRAM), "-v", "error", *colours, "-c:v", "libx264", str(silent)], check=True)
    broken.write_bytes(b"RIFF but no more")
    writer = video_writer(tmp_path / "film.mp4", BACKGROUND)
    for file in (silent, broken, tmp_path / "nowhere.wav"):
        with pytest.raises(RenderError, match=file.name):
            writer.check(script(2, sound=Sound(file)), SIZE)


@with_each
@pytest.mark.parametrize("content", [b"RIFF but no more", b"OggS", b""])
def test_each_encoder_names_a_file_without_sound(encoder: Encoder, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(content)
    with pytest.raises(RenderError, match=r"the sound of .*broken\.wav cannot be read"):
        list(encoder.pcm(tmp_path / "broken.wav"))


@with_each
def test_a_name_with_a_colon_is_a_files(encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To FFmpeg it begins with a protocol."""
    monkeypatch.chdir(tmp_path)
    write_wav(Path("take:1.wav"), [recording(SOUND_RATE)], SOUND_RATE)
    writer = video(encoder, Path("take:1.mp4"))
    writer.write(script(2, sound=Sound(Path("take:1.wav"))), pictures(tmp_path / "pictures", 2), nobody)
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
