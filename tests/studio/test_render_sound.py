"""What is heard in a rendering: the video's own sound or another one, at the moment where it belongs."""

from __future__ import annotations

import logging
import wave
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.source import Playback
from omote.engine.capture.take import Take, write_take
from omote.engine.offline.animation import Sound
from omote.studio.app.config import Config
from omote.studio.cli.main import main
from omote.studio.cli.render_inputs import Appearance, PerformancePiece

av = pytest.importorskip("av")
RATE = 48_000
CLAP_S = 0.3  # of the sound, when a tone of 50 ms begins


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CONFIG_HOME", "APPDATA", "HOME", "OMOTE_ACTORS"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))


@pytest.fixture
def clap(tmp_path: Path) -> Path:
    """A second of silence but for the tone."""
    samples = np.zeros(RATE, np.int16)
    first = round(CLAP_S * RATE)
    samples[first : first + RATE // 20] = (20_000 * np.sin(np.arange(RATE // 20) * 0.3)).astype(np.int16)
    path = tmp_path / "clap.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


@pytest.fixture
def take(tmp_path: Path) -> Path:
    count, path = 8, tmp_path / "t.csv"
    weights, still = np.zeros((count, arkit.COUNT), np.float32), np.zeros((count, 3), np.float32)
    gaze, ones = np.zeros((count, 2, 2), np.float32), np.ones(count, np.float32)
    write_take(path, Take(10.0, np.arange(count) / 10.0, weights, still, still, gaze, ones))
    return path


def film(path: Path, sound: Path | None) -> Path:
    """Half a second of grey, with this sound or without any."""
    with av.open(str(path), "w") as file:
        video = file.add_stream("mpeg4", rate=10)
        video.width = video.height = 64
        audio = file.add_stream("aac", rate=RATE) if sound else None
        for index in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 128, np.uint8))
            frame.pts = index
            file.mux(video.encode(frame))
        file.mux(video.encode())
        if sound and audio:
            with av.open(str(sound)) as heard:
                for frame in heard.decode(audio=0):
                    file.mux(audio.encode(frame))
            file.mux(audio.encode())
    return path


def first_heard_s(path: Path) -> float:
    """When the tone begins."""
    with av.open(str(path)) as file:
        as_one = av.AudioResampler("flt", "mono", RATE)
        blocks = [one.to_ndarray() for frame in file.decode(audio=0) for one in as_one.resample(frame)]
    loud = np.abs(np.concatenate(blocks, axis=1)[0])
    return float(np.argmax(loud > 0.2 * loud.max())) / RATE


def performed(file: Path, speed: float = 1.0, *, is_heard: bool = True) -> PerformancePiece:
    shown = Appearance(None, None, None, None, None)
    return PerformancePiece(Config(source=str(file), actor=""), Playback(speed, 0.1), shown, is_heard)


def test_another_sound_is_heard_when_it_belongs(take: Path, clap: Path, tmp_path: Path) -> None:
    words = ("render", "--take", str(take), "--start-s", "0.2", "--size", "128", "--audio", str(clap))
    assert main([*words, "--out", str(tmp_path / "o.mp4")]) == 0
    assert first_heard_s(tmp_path / "o.mp4") == pytest.approx(CLAP_S - 0.2, abs=0.003)  # AAC's echo before a tone


def test_a_transition_may_be_heard_too(clap: Path, tmp_path: Path) -> None:
    words = ("render", "--to", "smile", "--seconds", "0.5", "--fps", "10", "--size", "128", "--audio", str(clap))
    assert main([*words, "--out", str(tmp_path / "o.mov")]) == 0
    assert first_heard_s(tmp_path / "o.mov") == pytest.approx(CLAP_S, abs=0.001)


def test_a_sound_at_another_speed_is_refused(take: Path, clap: Path, tmp_path: Path) -> None:
    words = ("render", "--take", str(take), "--speed", "2", "--audio", str(clap))
    assert main([*words, "--out", str(tmp_path / "o.mp4")]) == 2


def test_what_has_no_sound_in_it_is_refused_before_the_work(
    take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("render", "--take", str(take), "--size", "128", "--audio", str(take))
    assert main([*words, "--out", str(tmp_path / "o.mp4")]) == 2
    assert "t.csv" in capsys.readouterr().err
    assert not list(tmp_path.glob("o.mp4*"))


def test_a_videos_own_sound_goes_with_the_part_that_is_shown(clap: Path, tmp_path: Path) -> None:
    loud, mute = film(tmp_path / "loud.mp4", clap), film(tmp_path / "mute.mp4", None)
    assert performed(loud).draft().sound == Sound(loud, 0.1)
    assert performed(mute).draft().sound is None
    assert performed(loud, is_heard=False).draft().sound is None


def test_a_video_at_another_speed_is_mute_and_that_is_said(
    clap: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loud = film(tmp_path / "loud.mp4", clap)
    with caplog.at_level(logging.INFO):
        draft = performed(loud, 2.0).draft()
    assert draft.sound is None and len(draft) == 4 and draft.fps == 20
    assert "loud.mp4 is played at 2 times its speed: its sound is left out" in caplog.text
