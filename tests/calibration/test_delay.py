"""The lag of a mouth behind its sound is measured from syllables, or refused where they are unrelated."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.calibration.delay import DelayError, Numbers, TimeSeries, delay, loudness

HZ = 16000


def syllables(seed: int, count: int = 10) -> Numbers:
    """The start of each in seconds, not evenly, as people speak."""
    return 0.5 + np.cumsum(np.random.default_rng(seed).uniform(0.4, 0.9, count))


def mouth(begin_s: Numbers, lag_s: float, fps: float = 30.0, noise: float = 0.01) -> TimeSeries:
    """Half open when the sound begins, and `lag_s` later than that; seen in pictures."""
    times_s = np.arange(0.0, begin_s[-1] + 1.5, 1.0 / fps)
    opened = np.zeros(len(times_s))
    for at in begin_s + lag_s:
        opened += 0.5 / (1 + np.exp((at - times_s) / 0.02)) / (1 + np.exp((times_s - at - 0.2) / 0.03))
    return TimeSeries(times_s, opened + noise * np.random.default_rng(1).standard_normal(len(times_s)))


def speech(begin_s: Numbers, noise: float = 0.003) -> Numbers:
    """[n] of a voice that bursts out and fades, at HZ."""
    random = np.random.default_rng(2)
    times_s = np.arange(0.0, begin_s[-1] + 1.5, 1.0 / HZ)
    wav = noise * random.standard_normal(len(times_s))
    for index, at in enumerate(begin_s):
        since_s = np.maximum(times_s - at, 0.0)
        loud = (0.3 + 0.2 * (index % 3)) * np.exp(-since_s / 0.12) * (times_s >= at)
        wav += loud * np.sin(2 * np.pi * 140.0 * times_s)
    return wav


def written(path: Path, wav: Numbers, width: int = 2, channels: int = 1) -> Path:
    whole = np.clip(wav, -1.0, 1.0) * (2 ** (8 * width - 1) - 1)
    if width == 1:
        data = (whole + 128).astype(np.uint8).repeat(channels).tobytes()
    elif width == 3:
        data = whole.astype("<i4").repeat(channels).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    else:
        data = whole.astype(f"<i{width}").repeat(channels).tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(HZ)
        file.writeframes(data)
    return path


@pytest.mark.parametrize("lag_ms", [-80, 0, 47, 133, 210, 405, 700])
def test_a_lag_is_found_to_five_milliseconds_at_thirty_pictures_a_second(tmp_path: Path, lag_ms: int) -> None:
    begin_s = syllables(lag_ms + 1000)
    sound = loudness(written(tmp_path / "a.wav", speech(begin_s)))
    found = delay(sound, mouth(begin_s, lag_ms / 1000.0))
    assert found.lag_ms == pytest.approx(lag_ms, abs=5.0)
    assert found.syllables >= 8
    assert found.spread_ms < 10.0
    assert found.agreement > 0.8


def test_twenty_five_pictures_a_second_do_as_well(tmp_path: Path) -> None:
    begin_s = syllables(5)
    sound = loudness(written(tmp_path / "a.wav", speech(begin_s)))
    assert delay(sound, mouth(begin_s, 0.15, fps=25.0)).lag_ms == pytest.approx(150.0, abs=6.0)


def test_a_mouth_that_says_something_else_is_refused(tmp_path: Path) -> None:
    for seed in range(20):
        sound = loudness(written(tmp_path / "a.wav", speech(syllables(seed))))
        with pytest.raises(DelayError, match=r"no agreement .* record one face"):
            delay(sound, mouth(syllables(seed + 100), 0.1))


def test_noise_and_a_shut_mouth_are_refused() -> None:
    times_s = np.arange(0.0, 8.0, 0.005)
    noise = TimeSeries(times_s, np.abs(np.random.default_rng(3).standard_normal(len(times_s))))
    with pytest.raises(DelayError, match=r"no agreement|syllables were heard"):
        delay(noise, mouth(syllables(4), 0.1))
    shut = TimeSeries(times_s, np.zeros(len(times_s)))
    with pytest.raises(DelayError, match=r"no agreement|syllables were heard"):
        delay(noise, shut)


def test_too_little_is_refused_with_what_to_do(tmp_path: Path) -> None:
    begin_s = syllables(6, 3)
    sound = loudness(written(tmp_path / "a.wav", speech(begin_s)))
    with pytest.raises(DelayError, match='3 syllables were heard: say "pa" 6 times'):
        delay(sound, mouth(begin_s, 0.1))
    short = TimeSeries(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    with pytest.raises(DelayError, match=r"1\.0 s of sound and face"):
        delay(short, short)
    with pytest.raises(DelayError, match=r"0\.0 s"):
        delay(TimeSeries(np.zeros(0), np.zeros(0)), short)


@pytest.mark.parametrize(("width", "channels"), [(1, 1), (2, 2), (3, 1), (4, 2)])
def test_every_kind_of_pcm_is_as_loud(tmp_path: Path, width: int, channels: int) -> None:
    wav = speech(syllables(7), noise=0.0)
    usual = loudness(written(tmp_path / "a.wav", wav))
    other = loudness(written(tmp_path / "b.wav", wav, width, channels))
    np.testing.assert_allclose(other.time_s, usual.time_s)
    # Eight bits are a step of 1/128, whose fourth root of power is what silence may read as.
    np.testing.assert_allclose(other.value, usual.value, atol=0.13 if width == 1 else 0.01)


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le"])
def test_the_sound_of_a_film_is_as_loud_as_its_wav(tmp_path: Path, codec: str) -> None:
    av = pytest.importorskip("av")
    wav = written(tmp_path / "a.wav", speech(syllables(7), noise=0.0), 1 if codec == "pcm_u8" else 2)
    with av.open(str(wav)) as heard, av.open(str(tmp_path / "a.mkv"), "w") as film:
        stream = film.add_stream(codec, rate=HZ, layout="mono")
        for frame in heard.decode(audio=0):
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    np.testing.assert_allclose(loudness(tmp_path / "a.mkv").value, loudness(wav).value, atol=0.01)


def test_a_film_with_an_unknown_codec_is_refused(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "a.avi"), "w") as film:
        stream = film.add_stream("pcm_u8", rate=HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, HZ), np.uint8), "u8", "mono")
        frame.sample_rate = HZ
        film.mux(stream.encode(frame))
    data = bytearray((tmp_path / "a.avi").read_bytes())
    at = data.index(b"strf") + 8
    data[at : at + 2] = b"\x77\x77"  # the format's number, which no codec has
    (tmp_path / "a.avi").write_bytes(data)
    with pytest.raises(DelayError, match="in a format that FFmpeg does not read"):
        loudness(tmp_path / "a.avi")


def test_a_silent_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DelayError, match="silent"):
        loudness(written(tmp_path / "a.wav", np.zeros(HZ)))
    (tmp_path / "b.wav").write_bytes(b"RIFF")
    with pytest.raises(DelayError, match="cannot be read as WAV"):
        loudness(tmp_path / "b.wav")
    for name in ("none.wav", "none.mkv"):
        with pytest.raises(DelayError, match="there is no file"):
            loudness(tmp_path / name)


@given(st.binary(max_size=120), st.integers(0, 80))
def test_any_wav_raises_only_a_delay_error(data: bytes, keep: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "a.wav", speech(np.array([0.1]))[:200])
        path.write_bytes(path.read_bytes()[:keep] + data)
        try:
            loudness(path)
        except DelayError as error:
            assert "a.wav" in str(error)


def test_a_video_without_pyav_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(b"no video")
    try:
        import av  # noqa: F401
    except ImportError:
        with pytest.raises(DelayError, match=r"omote\[delay\].*--sound"):
            loudness(tmp_path / "a.mkv")
    else:
        with pytest.raises(DelayError, match="cannot be read"):
            loudness(tmp_path / "a.mkv")
