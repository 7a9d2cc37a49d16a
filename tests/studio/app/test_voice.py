"""The voice of a running studio: opened only when it is chosen, kept out of the settings, and shown."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from omote.bridge.control import ControlError
from omote.engine.capture import microphone
from omote.engine.capture.microphone import MicrophoneInfo
from omote.engine.capture.source import NoCamera
from omote.engine.face.lipsync import VoiceError
from omote.engine.live.loop import LiveLoop
from omote.engine.live.session import LiveSession
from omote.engine.testing.capture import HummingMicrophone
from omote.engine.testing.drawing import FlatRenderer, shipped_character
from omote.studio.app import voice as voice_module
from omote.studio.app.hotkeys import read_hotkeys
from omote.studio.app.session import StudioSession
from omote.studio.app.settings import SettingsStore, load_settings
from omote.studio.app.state import state_of
from tests.studio.running import until


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was opened and closed, in order."""
    opened: list[str] = []
    known = (MicrophoneInfo(1, "Desk", True), MicrophoneInfo(2, "Headset", False))
    monkeypatch.setattr(voice_module, "open_sound", lambda spec: HummingMicrophone(spec, opened))
    monkeypatch.setattr(voice_module, "microphones", lambda: known)
    return opened


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StudioSession]:
    monkeypatch.setenv("OMOTE_ACTORS", str(tmp_path / "actors"))
    session = StudioSession("none", SettingsStore(None, tmp_path))
    session.bind(LiveLoop(NoCamera(), LiveSession(FlatRenderer(), shipped_character())))
    with session:
        yield session


def test_nothing_is_opened_until_a_microphone_is_chosen_and_off_closes_it(
    studio: StudioSession, log: list[str]
) -> None:
    assert [one["device"] for one in studio.voice.choices()] == ["default", "Desk", "Headset"]
    state_of(studio)
    studio.use_voice({"strength": 0.5})
    assert not log and studio.voice.now() is None
    studio.use_voice({"device": "Headset"})
    until(lambda: (studio.voice.now() or {}).get("level_db"), "a level")
    assert studio.voice.now()["level_db"] == pytest.approx(-20.0, abs=0.5)  # type: ignore[index]
    assert state_of(studio)["voice"]["device"] == "Headset"  # type: ignore[index]
    studio.use_voice({"device": "Desk"})
    studio.use_voice({"device": None})
    until(lambda: len(log) == 4, "both microphones to be closed")
    assert log == ["open Headset", "close Headset", "open Desk", "close Desk"]
    assert state_of(studio)["voice"]["device"] is None  # type: ignore[index]


def test_the_tuning_is_kept_for_the_next_start_and_the_microphone_is_not(
    studio: StudioSession, log: list[str], tmp_path: Path
) -> None:
    studio.use_voice({"device": "default", "share": 0.25, "loud_db": -12})
    studio.finish()
    kept = load_settings(tmp_path)
    assert (kept.voice.share, kept.voice.loud_db) == (0.25, -12.0)
    assert "device" not in kept.as_json()["voice"]  # type: ignore[operator]


def test_the_end_of_the_studio_closes_the_microphone(studio: StudioSession, log: list[str]) -> None:
    studio.use_voice({"device": "default"})
    studio.__exit__()
    until(lambda: log[-1:] == ["close default"], "the microphone to be closed")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"device": "/etc/secret.wav"},
            VoiceError,
            "is a file: choose a microphone, or name the file when Omote starts",
        ),
        ({"device": 3}, ControlError, "device must be the name of a microphone"),
        ({"device": "unplugged"}, VoiceError, "cannot be opened"),
        ({"strength": 9}, VoiceError, "from 0 to 2"),
    ],
)
def test_what_cannot_be_is_refused_and_the_open_microphone_stays_off(
    studio: StudioSession, log: list[str], changes: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        studio.use_voice(changes)
    assert not log and state_of(studio)["voice"]["device"] is None  # type: ignore[index]


def test_a_file_that_the_run_began_with_may_be_chosen_again(studio: StudioSession, log: list[str]) -> None:
    studio.voice.begin("talk.wav")
    studio.use_voice({"device": None})
    assert studio.voice.choices()[0] == {"device": "talk.wav", "label": "talk.wav"}
    studio.use_voice({"device": "talk.wav"})
    assert log[-1] == "open talk.wav"


def test_a_hotkey_may_be_pressed_by_a_voice(studio: StudioSession) -> None:
    recognisable = state_of(studio)["recognisable"]
    assert isinstance(recognisable, list) and recognisable[-2:] == ["speaking", "loud"]
    (hotkey,) = read_hotkeys([{"id": "shout", "expression": "surprise", "on": "loud", "mode": "hold"}])
    studio.use_hotkeys((hotkey,))
    assert studio.hotkeys.recognise("loud", True)
    assert [one.id for one in studio.hotkeys.active] == ["shout"]


def test_a_sound_file_ends_and_says_so_in_the_state(studio: StudioSession, tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.zeros(800, "<i2").tobytes())
    assert microphone.open_sound(str(path)).name == "short.wav"
    studio.voice.begin(str(path))
    until(lambda: state_of(studio)["voice"]["device"] is None, "the end of the file")  # type: ignore[index]
