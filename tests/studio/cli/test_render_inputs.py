"""What `omote render` reads: the performer's calibration, and the sound, at the time where it belongs."""

from __future__ import annotations

import logging
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from omote.bridge import arkit
from omote.calibration.actor_file import Provenance, actor_path, save_actor
from omote.engine.capture.source import Playback, SourceError
from omote.engine.capture.take import write_take
from omote.engine.data import Actor
from omote.engine.offline.animation import RenderError, Sound
from omote.studio.app.config import Config
from omote.studio.cli.main import main
from omote.studio.cli.render_inputs import NO_ACTOR, Appearance, PerformanceClip
from tests.studio.commands import short_take

av = pytest.importorskip("av")
RATE = 48_000
ROW = arkit.weights({"mouthSmileLeft": 0.2, "mouthSmileRight": 0.2, "jawOpen": 0.3})
JAW = "jaw_pose_x"
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
    write_take(tmp_path / "t.csv", short_take(8, 10.0))
    return tmp_path / "t.csv"


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


def performed(file: Path, speed: float = 1.0, *, is_heard: bool = True) -> PerformanceClip:
    shown = Appearance(None, None, None, None, None)
    return PerformanceClip(Config(source=str(file), actor=""), Playback(speed, 0.1), shown, is_heard)


def test_another_sound_is_heard_when_it_belongs(take: Path, clap: Path, tmp_path: Path) -> None:
    words = ("render", "--take", str(take), "--start", "0.2", "--size", "128", "--audio", str(clap))
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


def test_a_video_at_another_speed_is_mute_with_a_note(
    clap: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loud = film(tmp_path / "loud.mp4", clap)
    with caplog.at_level(logging.INFO):
        draft = performed(loud, 2.0).draft()
    assert draft.sound is None and len(draft) == 4 and draft.fps == 20
    assert "loud.mp4 is played at 2 times its speed: its sound is left out" in caplog.text


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """Half a second of silence, and half a second of a vowel like that of "father"."""
    pulses = np.zeros(8000)
    pulses[::133] = 1.0
    spectrum, hz = np.fft.rfft(pulses), np.fft.rfftfreq(8000, 1.0 / 16_000)
    formants = ((750.0, 1.0), (1150.0, 0.6), (2600.0, 0.1), (3500.0, 0.05))
    throat = sum(gain / (1.0 + ((hz - middle) / 60.0) ** 2) for middle, gain in formants)
    vowel = np.fft.irfft(spectrum * throat)
    sound = np.concatenate([np.zeros(8000), 0.5 * vowel / np.abs(vowel).max()])
    path = tmp_path / "speech.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((sound * 32_767).astype("<i2").tobytes())
    return path


def jaws(folder: Path, *words: str) -> list[float]:
    """How far the jaw is open in each picture of a rendering without pictures, in radians."""
    table = folder / "jaw.params.csv"
    assert main(["render", *words, "--out", str(table), "--overwrite"]) == 0
    names, *lines = (line.split(",") for line in table.read_text("utf-8").splitlines())
    return [float(line[names.index(JAW)]) for line in lines]


def test_a_voice_alone_is_a_performance_with_its_sound(speech: Path, tmp_path: Path) -> None:
    found = jaws(tmp_path, "--voice", str(speech))
    assert len(found) == pytest.approx(30, abs=2)
    assert max(found[:12]) < 0.02 and max(found[18:]) > 0.1
    shown = Appearance(None, None, None, None, None)
    clip = PerformanceClip(Config(source="none", actor=""), Playback(), shown, is_heard=True, voice=speech)
    assert clip.draft().sound == Sound(speech, 0.0)


def test_a_voice_moves_the_mouth_of_a_take_from_the_same_second_on(take: Path, speech: Path, tmp_path: Path) -> None:
    silent, spoken = (jaws(tmp_path, "--take", str(take), *words) for words in ((), ("--voice", str(speech))))
    count = len(silent)
    assert len(spoken) == count and spoken[: count // 4] == pytest.approx(silent[: count // 4], abs=1e-4)
    later = jaws(tmp_path, "--voice", str(speech), "--start", "0.6", "--end", "0.9")
    assert len(later) == 9 and min(later[4:]) > 0.1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--to", "smile", "--voice", "{}"), "--voice is for a performance"),
        (("--voice", "{}", "--speed", "2"), "--voice cannot be played at another speed"),
        (("--voice", "{}", "--start", "5"), "no sound of"),
        (("--voice", "gone.wav"), "gone.wav"),
    ],
)
def test_a_voice_that_cannot_perform_is_refused(
    speech: Path, tmp_path: Path, words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = [word.format(speech) for word in words]
    assert main(["render", *typed, "--out", str(tmp_path / "o.params.csv")]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(("count", "told"), ((5, 5), (1, None)))
def test_the_total_is_shown_only_if_the_file_has_one(tmp_path: Path, count: int, told: int | None) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "film.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (64, 48))
    for _ in range(count):
        writer.write(np.full((48, 64, 3), 90, np.uint8))
    writer.release()
    phases: list[tuple[str, int | None]] = []

    def phase(name: str, total: int | None) -> Callable[[int], None]:
        phases.append((name, total))
        return lambda done: None

    config = replace(Config(), source=str(tmp_path / "film.mp4"), actor=NO_ACTOR)
    with pytest.raises((RenderError, SourceError)):  # nobody is in it
        PerformanceClip(config, Playback(), Appearance(None, None, None, None, None), is_heard=False).animation(phase)
    assert phases == [("tracking", told)]


@pytest.fixture
def calibrated(tmp_path: Path) -> Path:
    """One picture of a mouth that is a little open."""
    write_take(tmp_path / "t.csv", short_take(1, mouthSmileLeft=0.2, mouthSmileRight=0.2, jawOpen=0.3))
    return tmp_path / "t.csv"


def keep(name: str) -> None:
    """Remembers somebody whose mouth is at rest like that."""
    save_actor(Actor(name, neutral=ROW), actor_path(name, "t.csv"), Provenance("2026-11-22T20:00:00+00:00", "t.csv"))


def jaw(calibrated: Path, *typed: str) -> float:
    """How far the jaw of the picture is open, in radians, as the table says."""
    folder = calibrated.with_suffix("")
    assert (
        main(["render", "--take", str(calibrated), "--out", str(folder), "--overwrite", "--size", "128", *typed]) == 0
    )
    names, values = (line.split(",") for line in (folder / "params.csv").read_text("utf-8").splitlines())
    return float(values[names.index(JAW)])


def test_the_named_performer_is_used_as_calibrated(calibrated: Path) -> None:
    keep("ana")
    assert jaw(calibrated) > 0.05
    assert jaw(calibrated, "--actor", "ana") == pytest.approx(0.0, abs=1e-6)


def test_the_settings_file_may_name_them(calibrated: Path, tmp_path: Path) -> None:
    keep("ana")
    (tmp_path / "c.toml").write_text('actor = "ana"\n', encoding="utf-8")
    assert jaw(calibrated, "--config", str(tmp_path / "c.toml")) == pytest.approx(0.0, abs=1e-6)


def test_a_saved_calibration_is_used_only_if_it_is_named(calibrated: Path) -> None:
    before = jaw(calibrated)
    keep("default")
    assert jaw(calibrated) == before
    assert jaw(calibrated, "--actor", "default") == pytest.approx(0.0, abs=1e-6)


def test_a_performer_without_a_calibration_gives_a_warning(calibrated: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = jaw(calibrated)
    with caplog.at_level(logging.WARNING):
        assert jaw(calibrated, "--actor", "bo") == before
    assert f"run omote calibrate --source {calibrated} --actor bo" in caplog.text


def test_a_damaged_calibration_is_an_error_before_anything_is_drawn(
    calibrated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep("ana")
    actor_path("ana", "t.csv").write_text("{", encoding="utf-8")
    assert main(["render", "--take", str(calibrated), "--out", str(tmp_path / "o"), "--actor", "ana"]) == 2
    assert "is no actor file" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
