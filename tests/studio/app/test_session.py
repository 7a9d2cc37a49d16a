"""Everything that can be changed while a loop runs."""

from __future__ import annotations

import logging
import threading
from collections import UserDict
from collections.abc import Callable, ItemsView, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.bridge.control import ControlError
from omote.calibration.actor_file import (
    ActorError,
    CalibrationFindings,
    Provenance,
    actor_path,
    find_actor,
    save_actor,
)
from omote.engine.capture.recorder import Recorder
from omote.engine.capture.take import TakeSource, read_take
from omote.engine.data import Actor, FlameParams, Portrait, Signal, Stamp
from omote.engine.face.light import LIGHT_PRESETS, LightError, studio_light
from omote.engine.face.tuning import TuningError
from omote.engine.live.loop import LiveLoop
from omote.engine.live.session import LiveSession
from omote.engine.testing.capture import SmallDisk
from omote.engine.testing.drawing import FlatRenderer, shipped_character
from omote.studio.app.hotkeys import DEFAULT_HOTKEYS, Hotkey, HotkeyError
from omote.studio.app.session import StudioSession
from omote.studio.app.settings import Settings, SettingsStore, load_settings
from omote.studio.app.state import state_of
from tests.calibration.scripted_person import Person, session_take
from tests.studio.commands import short_take

DATE = "2026-11-22T20:00:00+00:00"


class RecordingListener:
    """A listener that records what it hears."""

    def __init__(self) -> None:
        self.changes = 0
        self.heard: list[tuple[str, bool]] = []

    def changed(self) -> None:
        self.changes += 1

    def recognised(self, name: str, is_on: bool) -> None:
        self.heard.append((name, is_on))


def loop(name: str = "take.csv", count: int = 12) -> LiveLoop:
    """A loop that draws a short take of a face with an open jaw when it is run."""
    source = TakeSource(short_take(count, jawOpen=0.5), name, is_offline=True)
    hana = shipped_character()
    return LiveLoop(source, LiveSession(FlatRenderer(), hana), is_offline=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all files of a run."""
    monkeypatch.setenv("OMOTE_ACTORS", str(tmp_path / "actors"))
    monkeypatch.setenv("OMOTE_CHARACTERS", str(tmp_path / "characters"))
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def studio(folder: Path) -> Iterator[StudioSession]:
    """A session with a loop that stands still. Its thread does not run, so only the test changes anything."""
    session = StudioSession("take.csv", SettingsStore(Settings(), folder))
    session.listener = RecordingListener()
    session.bind(loop())
    yield session
    session.recording.end()


def portrait(*recognised: str) -> Portrait:
    rgba = np.zeros((8, 8, 4), np.uint8)
    return Portrait(Stamp(0, 0, 0), rgba, None, FlameParams.neutral(), 1.0, studio_light(), recognised=recognised)


def listener_of(studio: StudioSession) -> RecordingListener:
    assert isinstance(studio.listener, RecordingListener)
    return studio.listener


def test_requests_before_the_loop_exists_are_refused(folder: Path) -> None:
    studio = StudioSession()
    for ask in (studio.recalibrate, lambda: studio.trigger("smile"), lambda: studio.use_actor("mika"), studio.running):
        with pytest.raises(ControlError, match="still starting"):
            ask()
    source = {"name": "", "kind": "demo", "has_picture": False, "camera": None, "ports": []}
    assert state_of(studio)["source"] == source


def test_saved_settings_apply_from_the_first_picture(folder: Path) -> None:
    kept = Settings(light=replace(Settings().light, mode="preset", preset="night"))
    studio, live = StudioSession("take.csv", SettingsStore(kept, folder)), loop()
    studio.bind(live)
    np.testing.assert_array_equal(live.session.light, LIGHT_PRESETS["night"].setting.harmonics())


def test_all_settings_are_saved(studio: StudioSession, folder: Path) -> None:
    studio.tune({"head": 0.5, "gain": {"mouth": 1.4}})
    studio.light({"mode": "preset", "preset": "stage"})
    studio.use_hotkeys(DEFAULT_HOTKEYS[:2])
    studio.use_character("noah")
    studio.use_actor("mika")
    studio.__exit__()
    kept = load_settings(folder)
    assert (kept.tuning.head, kept.tuning.gain["mouth"], kept.tuning.gain["jaw"]) == (0.5, 1.4, 1.0)
    assert (kept.light.mode, kept.light.preset) == ("preset", "stage")
    assert kept.hotkeys == DEFAULT_HOTKEYS[:2]
    assert (kept.character, kept.actor) == ("noah", "mika")
    assert listener_of(studio).changes >= 5


def test_an_invalid_request_changes_nothing(studio: StudioSession) -> None:
    before = state_of(studio)
    with pytest.raises(TuningError):
        studio.tune({"head": 9})
    with pytest.raises(LightError):
        studio.light({"mode": "disco"})
    with pytest.raises(HotkeyError):
        studio.trigger("none")
    with pytest.raises(ValueError, match="nobody"):
        studio.use_character("nobody")
    assert state_of(studio) == before


class Interleaved(UserDict[str, object]):
    """Changes that start another change in a thread while they are read."""

    def __init__(self, said: dict[str, object], other: Callable[[], object]) -> None:
        super().__init__(said)
        self.thread = threading.Thread(target=other)

    def __iter__(self) -> Iterator[str]:
        self._begin()
        return super().__iter__()

    def items(self) -> ItemsView[str, object]:
        self._begin()
        return super().items()

    def _begin(self) -> None:
        if self.thread.ident is None:
            self.thread.start()
            self.thread.join(0.2)


def test_two_changes_at_once_are_both_kept(studio: StudioSession) -> None:
    said = Interleaved({"head": 2.0}, lambda: studio.tune({"mirror": True}))
    studio.tune(said)
    said.thread.join()
    tuning = studio.store.settings.tuning
    assert (tuning.head, tuning.mirror) == (2.0, True)
    said = Interleaved({"mode": "preset"}, lambda: studio.light({"preset": "night"}))
    studio.light(said)
    said.thread.join()
    assert (studio.lighting.choice.mode, studio.lighting.choice.preset) == ("preset", "night")
    assert studio.store.settings.light == studio.lighting.choice


def test_an_invalid_name_ends_no_calibration(studio: StudioSession) -> None:
    studio.calibrate("start")
    with pytest.raises(ActorError):
        studio.use_actor("")
    assert studio.performer.view is not None
    studio.use_actor("mika")
    assert studio.performer.view is None


def test_a_click_for_the_source_that_plays_ends_no_calibration(studio: StudioSession) -> None:
    studio.calibrate("start")
    studio.use_source("take.csv")
    assert studio.performer.view is not None


def test_the_usual_tuning_comes_back(studio: StudioSession) -> None:
    studio.tune({"mirror": True, "head": 2})
    studio.reset_tuning()
    assert studio.store.settings == Settings()


def test_smoothing_is_shown_with_the_delay_that_it_costs(studio: StudioSession) -> None:
    studio.tune({"smoothing": {"mouth": 0, "head": 3}})
    delays = state_of(studio)["delays_ms"]
    assert isinstance(delays, dict)
    assert delays["mouth"] == 0
    assert delays["head"] > delays["brows"] > 0


def test_a_games_light_waits_while_another_is_chosen(studio: StudioSession) -> None:
    game = np.linspace(0.1, 1.0, 27, dtype=np.float32)
    studio.light({"mode": "preset", "preset": "warm"})
    studio.light_from_game(game)
    np.testing.assert_array_equal(studio.running().session.light, LIGHT_PRESETS["warm"].setting.harmonics())
    light = state_of(studio)["light"]
    assert isinstance(light, dict)
    assert light["game_seen"] is True
    studio.light({"mode": "game"})
    np.testing.assert_array_equal(studio.running().session.light, game)


def test_recognised_expressions_are_announced_once_and_trigger_hotkeys(studio: StudioSession) -> None:
    studio.use_hotkeys((Hotkey("tongue", "Tongue", on="smile", weights={"tongueOut": 1.0}, mode="hold"),))
    for recognised in ((), ("smile",), ("smile",), ("smile", "blink"), ("smile",), ()):
        studio.offer(portrait(*recognised))
        assert state_of(studio)["recognised"] == list(recognised)
        assert [one.id for one in studio.hotkeys.active] == (["tongue"] if "smile" in recognised else [])
    assert listener_of(studio).heard == [("smile", True), ("blink", True), ("blink", False), ("smile", False)]


def test_a_hotkeys_character_is_not_the_one_of_the_next_start(studio: StudioSession) -> None:
    studio.use_hotkeys((Hotkey("noah", "Noah", character="noah"),))
    studio.trigger("noah")
    studio._poll()
    assert studio.character_name() == "noah"
    studio.trigger("noah")
    studio._poll()
    assert studio.character_name() == "hana"
    assert studio.store.settings.character is None


def test_the_cameras_angle_is_where_the_resting_head_looks(studio: StudioSession) -> None:
    turn = np.array([0.5, 0.5, 0.0], np.float32)  # a rotation vector, whose parts are no angles of a head
    save_actor(Actor("mika", neutral_rotation=turn), actor_path("mika", "take.csv"), Provenance(DATE, "take.csv"))
    studio.use_actor("mika")
    wanted = np.rad2deg(Actor(neutral_rotation=turn).camera_angle)
    assert studio.performer.as_json()["camera_deg"] == pytest.approx(wanted, abs=0.06)
    assert abs(wanted[1] - np.rad2deg(0.5)) > 1.0


def test_a_person_is_remembered_before_each_camera(studio: StudioSession) -> None:
    neutral = np.full(arkit.COUNT, 0.25, np.float32)
    save_actor(Actor("mika", neutral=neutral), actor_path("mika", "take.csv"), Provenance(DATE, "take.csv"))
    studio.use_actor("mika")
    actor = {"name": "mika", "is_calibrated": True, "has_own_rest": True, "made": DATE, "camera_deg": [0.0, 0.0]}
    assert state_of(studio)["actor"] == actor
    assert studio.running().session.performance._actor.neutral[0] == pytest.approx(0.25)
    studio.use_actor("somebody new")
    assert studio.performer.as_json()["is_calibrated"] is False
    assert not studio.running().session.performance._actor.neutral.any()


def test_a_damaged_actor_is_reported_and_the_stream_goes_on(
    studio: StudioSession, caplog: pytest.LogCaptureFixture
) -> None:
    path = actor_path("mika", "take.csv")
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with caplog.at_level(logging.WARNING):
        studio.use_actor("mika")
    assert str(state_of(studio)["notice"])
    assert studio.performer.as_json()["is_calibrated"] is False


def test_the_face_of_now_becomes_the_one_at_rest_and_is_remembered(studio: StudioSession) -> None:
    studio.running().run()
    actor = studio.recalibrate()
    assert actor.neutral[arkit.INDEX["jawOpen"]] == pytest.approx(0.5)
    kept = find_actor("default", "take.csv")
    assert kept is not None
    assert kept.actor.neutral[arkit.INDEX["jawOpen"]] == pytest.approx(0.5, abs=1e-5)


def test_a_new_rest_can_be_undone_and_forgotten(studio: StudioSession) -> None:
    def rest() -> float:
        return float(studio.running().session.performance._actor.neutral[arkit.INDEX["jawOpen"]])

    neutral = np.full(arkit.COUNT, 0.25, np.float32)
    made = Provenance(DATE, "take.csv", CalibrationFindings())
    save_actor(Actor("default", neutral=neutral), actor_path("default", "take.csv"), made)
    studio.performer.reload()
    studio.running().run()
    studio.recalibrate()
    assert rest() == pytest.approx(0.5)
    assert studio.performer.as_json()["has_own_rest"] is True
    assert studio.performer.as_json()["made"] == DATE
    studio.undo_rest()
    assert rest() == 0.25
    with pytest.raises(ControlError, match="no resting face was set"):
        studio.undo_rest()
    studio.recalibrate()
    studio.forget_rest()
    assert rest() == 0.25
    assert studio.performer.as_json()["has_own_rest"] is False


def test_a_damaged_calibration_is_reported_until_it_is_replaced(studio: StudioSession) -> None:
    path = actor_path("default", "take.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{", encoding="utf-8")
    studio.performer.reload()
    assert "is no actor file" in studio.performer.notice
    studio.running().run()
    studio.recalibrate()
    assert studio.performer.notice == ""


def test_a_session_that_is_rehearsed_becomes_the_actor(studio: StudioSession) -> None:
    studio.performer._now = lambda: datetime(2026, 11, 22, 20, tzinfo=UTC)
    with pytest.raises(ControlError, match="no calibration is under way"):
        studio.calibrate("begin")
    studio.calibrate("start")
    view = studio.performer.view
    assert view is not None
    assert view["state"] == "ready"
    studio.calibrate("begin")
    with pytest.raises(ControlError):
        studio.calibrate("save")
    take = session_take(Person())
    for row, time_s in enumerate(take.time_s):
        for listener in studio.running().session._listeners:
            listener(take.signal(row, Stamp(row, round(time_s * 1e9), 0)))
    assert studio.performer.view is not None
    assert studio.performer.view["state"] == "done"
    assert "<script" not in (studio.performer.report() or "<script")
    studio.calibrate("save")
    assert studio.performer.view is None
    assert studio.performer.as_json()["made"] == DATE
    assert studio.running().session._listeners == ()
    assert studio.performer.report() is not None


def test_a_session_that_is_cancelled_leaves_nothing(studio: StudioSession) -> None:
    studio.calibrate("start")
    studio.calibrate("cancel")
    assert studio.performer.view is None
    assert studio.running().session._listeners == ()
    assert find_actor("default", "take.csv") is None


def record(studio: StudioSession, is_on: bool) -> Path:
    progress = studio.record(is_on)
    assert progress is not None
    return progress.path


def test_a_recording_is_a_take_that_can_be_read(studio: StudioSession) -> None:
    path = record(studio, True)
    assert record(studio, True) == path  # there is one at most
    studio.running().run()
    recording = state_of(studio)["recording"]
    assert isinstance(recording, dict)
    assert (recording["path"], recording["error"]) == (str(path), "")
    assert record(studio, False) == path
    assert state_of(studio)["recording"] is None
    assert len(read_take(path).weights) == 12
    assert studio.record(False) is None


def test_the_page_hears_at_once_that_a_recording_has_ended(studio: StudioSession, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.csv", new_file=SmallDisk(1500).new_file)  # little more than the header
    studio.recording._recorder = recorder
    with recorder:
        studio._poll()
        before = listener_of(studio).changes
        recorder.see(Signal(Stamp(0, 0, 0), np.zeros(arkit.COUNT, np.float32)))
    assert "the disk is full" in recorder.progress.error
    studio._poll()
    assert listener_of(studio).changes == before + 1
    studio._poll()
    assert listener_of(studio).changes == before + 1


def test_after_a_recording_that_a_full_disk_has_ended_another_one_begins(studio: StudioSession, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.csv", new_file=SmallDisk(1500).new_file)
    studio.recording._recorder = recorder
    with recorder:
        recorder.see(Signal(Stamp(0, 0, 0), np.zeros(arkit.COUNT, np.float32)))
    path = record(studio, True)
    assert path != tmp_path / "a.csv"
    studio.running().run()
    assert record(studio, False) == path
    assert len(read_take(path).weights) == 12


def test_the_page_hears_of_a_timer_that_ran_out(studio: StudioSession) -> None:
    now_ns = 0
    studio.hotkeys._clock_ns = lambda: now_ns
    studio.use_hotkeys((Hotkey("t", "T", expression="tongue", mode="timer", seconds=1.0),))
    studio.trigger("t")
    before = listener_of(studio).changes
    studio._poll()
    assert listener_of(studio).changes == before
    now_ns = 2_000_000_000
    studio._poll()
    assert listener_of(studio).changes == before + 1


def test_the_sessions_thread_ends_and_writes(folder: Path) -> None:
    with StudioSession("demo", SettingsStore(Settings(), folder)) as studio:
        studio.bind(loop())
        studio.tune({"head": 2})
    assert load_settings(folder).tuning.head == 2


def test_finish_saves_the_settings_each_time(studio: StudioSession, folder: Path) -> None:
    studio.record(True)
    studio.tune({"mirror": True})
    studio.finish()
    assert studio.recording.progress is None
    assert load_settings(folder).tuning.mirror
    studio.tune({"head": 0.5})  # by a page that is still open
    studio.finish()
    assert load_settings(folder).tuning.head == 0.5
