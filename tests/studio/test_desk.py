"""What may be changed while a loop runs, whoever asks."""

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
from omote.calibration.actor_file import ActorError, Provenance, actor_path, find_actor, save_actor
from omote.engine.capture.recorder import Recorder
from omote.engine.capture.take import Take, TakeSource, read_take
from omote.engine.data import Actor, FlameParams, Portrait, Signal, Stamp
from omote.engine.face.light import LIGHT_PRESETS, LightError, studio_light
from omote.engine.face.tuning import TuningError
from omote.engine.live.loop import LiveLoop
from omote.engine.model.character_file import load_character
from omote.engine.testing.capture import SmallDisk
from omote.engine.testing.drawing import FlatRenderer
from omote.studio.app.hotkeys import DEFAULT_HOTKEYS, Hotkey, HotkeyError
from omote.studio.app.session import StudioSession
from omote.studio.app.settings import Settings, SettingsStore, load_settings
from omote.studio.app.state import state_of
from tests.calibration.rehearsal import Person, rehearse

DATE = "2026-11-22T20:00:00+00:00"


class Crowd:
    """An audience that remembers."""

    def __init__(self) -> None:
        self.changes = 0
        self.heard: list[tuple[str, bool]] = []

    def changed(self) -> None:
        self.changes += 1

    def recognised(self, name: str, is_on: bool) -> None:
        self.heard.append((name, is_on))


def loop(name: str = "take.csv", count: int = 12) -> LiveLoop:
    """A loop that draws a short take of a face with an open jaw, when it is told to."""
    weights, still = np.zeros((count, arkit.COUNT), np.float32), np.zeros((count, 3), np.float32)
    weights[:, arkit.INDEX["jawOpen"]] = 0.5
    gaze, seen = np.zeros((count, 2, 2), np.float32), np.ones(count, np.float32)
    take = Take(30.0, np.arange(count) / 30.0, weights, still, still, gaze, seen)
    source = TakeSource(take, name, is_offline=True)
    hana = load_character("hana")
    return LiveLoop(source, FlatRenderer(), hana, Actor(), studio_light(), [], is_offline=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a run keeps what it keeps."""
    monkeypatch.setenv("OMOTE_ACTORS", str(tmp_path / "actors"))
    monkeypatch.setenv("OMOTE_CHARACTERS", str(tmp_path / "characters"))
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def desk(folder: Path) -> Iterator[StudioSession]:
    """A desk with a loop that stands still; its thread does not run, so nothing happens but what a test does."""
    with_settings = StudioSession("take.csv", SettingsStore(Settings(), folder))
    with_settings.audience = Crowd()
    with_settings.bind(loop())
    yield with_settings
    with_settings.recording.end()


def portrait(*recognised: str) -> Portrait:
    rgba = np.zeros((8, 8, 4), np.uint8)
    return Portrait(Stamp(0, 0, 0), rgba, None, FlameParams.neutral(), 1.0, studio_light(), recognised=recognised)


def crowd(desk: StudioSession) -> Crowd:
    assert isinstance(desk.audience, Crowd)
    return desk.audience


def test_before_the_loop_exists_whoever_asks_is_asked_for_patience(folder: Path) -> None:
    desk = StudioSession()
    for ask in (desk.recalibrate, lambda: desk.trigger("smile"), lambda: desk.use_actor("mika"), desk.running):
        with pytest.raises(ControlError, match="still starting"):
            ask()
    assert state_of(desk)["source"] == {"name": "", "kind": "demo", "has_picture": False}


def test_what_was_kept_is_there_from_the_first_picture_on(folder: Path) -> None:
    kept = Settings(light=replace(Settings().light, mode="preset", preset="night"))
    desk, live = StudioSession("take.csv", SettingsStore(kept, folder)), loop()
    desk.bind(live)
    np.testing.assert_array_equal(live.scene.light, LIGHT_PRESETS["night"].setting.harmonics())


def test_whatever_is_set_is_kept(desk: StudioSession, folder: Path) -> None:
    desk.tune({"head": 0.5, "gain": {"mouth": 1.4}})
    desk.light({"mode": "preset", "preset": "stage"})
    desk.use_hotkeys(DEFAULT_HOTKEYS[:2])
    desk.use_character("noah")
    desk.use_actor("mika")
    desk.__exit__()
    kept = load_settings(folder)
    assert (kept.tuning.head, kept.tuning.gain["mouth"], kept.tuning.gain["jaw"]) == (0.5, 1.4, 1.0)
    assert (kept.light.mode, kept.light.preset) == ("preset", "stage")
    assert kept.hotkeys == DEFAULT_HOTKEYS[:2]
    assert (kept.character, kept.actor) == ("noah", "mika")
    assert crowd(desk).changes >= 5


def test_what_makes_no_sense_changes_nothing(desk: StudioSession) -> None:
    before = state_of(desk)
    with pytest.raises(TuningError):
        desk.tune({"head": 9})
    with pytest.raises(LightError):
        desk.light({"mode": "disco"})
    with pytest.raises(HotkeyError):
        desk.trigger("none")
    with pytest.raises(ValueError, match="nobody"):
        desk.use_character("nobody")
    assert state_of(desk) == before


class Meanwhile(UserDict[str, object]):
    """What somebody says while somebody else says something, who is left alone until they are done or must wait."""

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


def test_of_two_who_set_something_at_once_neither_undoes_the_other(desk: StudioSession) -> None:
    said = Meanwhile({"head": 2.0}, lambda: desk.tune({"mirror": True}))
    desk.tune(said)
    said.thread.join()
    tuning = desk.keeper.settings.tuning
    assert (tuning.head, tuning.mirror) == (2.0, True)
    said = Meanwhile({"mode": "preset"}, lambda: desk.light({"preset": "night"}))
    desk.light(said)
    said.thread.join()
    assert (desk.lighting.choice.mode, desk.lighting.choice.preset) == ("preset", "night")
    assert desk.keeper.settings.light == desk.lighting.choice


def test_a_name_that_can_be_nobodys_ends_no_calibration(desk: StudioSession) -> None:
    desk.calibrate("start")
    with pytest.raises(ActorError):
        desk.use_actor("")
    assert desk.performer.view is not None
    desk.use_actor("mika")
    assert desk.performer.view is None


def test_a_click_for_the_source_that_plays_ends_no_calibration(desk: StudioSession) -> None:
    desk.calibrate("start")
    desk.use_source("take.csv")
    assert desk.performer.view is not None


def test_the_usual_tuning_comes_back(desk: StudioSession) -> None:
    desk.tune({"mirror": True, "head": 2})
    desk.untune()
    assert desk.keeper.settings == Settings()


def test_smoothing_is_shown_with_the_delay_that_it_costs(desk: StudioSession) -> None:
    desk.tune({"smoothing": {"mouth": 0, "head": 3}})
    delays = state_of(desk)["delays_ms"]
    assert isinstance(delays, dict)
    assert delays["mouth"] == 0
    assert delays["head"] > delays["brows"] > 0


def test_a_games_light_waits_while_another_is_chosen(desk: StudioSession) -> None:
    game = np.linspace(0.1, 1.0, 27, dtype=np.float32)
    desk.light({"mode": "preset", "preset": "warm"})
    desk.light_from_game(game)
    np.testing.assert_array_equal(desk.running().scene.light, LIGHT_PRESETS["warm"].setting.harmonics())
    light = state_of(desk)["light"]
    assert isinstance(light, dict)
    assert light["game_seen"] is True
    desk.light({"mode": "game"})
    np.testing.assert_array_equal(desk.running().scene.light, game)


def test_what_the_performer_makes_is_told_once_and_moves_hotkeys(desk: StudioSession) -> None:
    desk.use_hotkeys((Hotkey("tongue", "Tongue", on="smile", weights={"tongueOut": 1.0}, mode="hold"),))
    for recognised in ((), ("smile",), ("smile",), ("smile", "blink"), ("smile",), ()):
        desk.offer(portrait(*recognised))
        assert state_of(desk)["recognised"] == list(recognised)
        assert [one.id for one in desk.switchboard.on] == (["tongue"] if "smile" in recognised else [])
    assert crowd(desk).heard == [("smile", True), ("blink", True), ("blink", False), ("smile", False)]


def test_a_hotkeys_character_is_not_the_one_of_the_next_start(desk: StudioSession) -> None:
    desk.use_hotkeys((Hotkey("noah", "Noah", character="noah"),))
    desk.trigger("noah")
    desk._turn()
    assert desk.shown_name() == "noah"
    desk.trigger("noah")
    desk._turn()
    assert desk.shown_name() == "hana"
    assert desk.keeper.settings.character is None


def test_the_cameras_angle_is_where_the_resting_head_looks(desk: StudioSession) -> None:
    turn = np.array([0.5, 0.5, 0.0], np.float32)  # a rotation vector, whose parts are no angles of a head
    save_actor(Actor("mika", neutral_rotation=turn), actor_path("mika", "take.csv"), Provenance(DATE, "take.csv"))
    desk.use_actor("mika")
    wanted = np.rad2deg(Actor(neutral_rotation=turn).camera_angle)
    assert desk.performer.as_json()["camera_deg"] == pytest.approx(wanted, abs=0.06)
    assert abs(wanted[1] - np.rad2deg(0.5)) > 1.0


def test_a_person_is_remembered_before_each_camera(desk: StudioSession) -> None:
    neutral = np.full(arkit.COUNT, 0.25, np.float32)
    save_actor(Actor("mika", neutral=neutral), actor_path("mika", "take.csv"), Provenance(DATE, "take.csv"))
    desk.use_actor("mika")
    assert state_of(desk)["actor"] == {"name": "mika", "is_calibrated": True, "made": DATE, "camera_deg": [0.0, 0.0]}
    assert desk.running().scene._performance._actor.neutral[0] == pytest.approx(0.25)
    desk.use_actor("somebody new")
    assert desk.performer.as_json()["is_calibrated"] is False
    assert not desk.running().scene._performance._actor.neutral.any()


def test_a_damaged_actor_is_told_and_the_stream_goes_on(desk: StudioSession, caplog: pytest.LogCaptureFixture) -> None:
    path = actor_path("mika", "take.csv")
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with caplog.at_level(logging.WARNING):
        desk.use_actor("mika")
    assert str(state_of(desk)["notice"])
    assert desk.performer.as_json()["is_calibrated"] is False


def test_the_face_of_now_becomes_the_one_at_rest_and_is_remembered(desk: StudioSession) -> None:
    desk.running().run()
    actor = desk.recalibrate()
    assert actor.neutral[arkit.INDEX["jawOpen"]] == pytest.approx(0.5)
    kept = find_actor("default", "take.csv")
    assert kept is not None
    assert kept.actor.neutral[arkit.INDEX["jawOpen"]] == pytest.approx(0.5, abs=1e-5)


def test_a_damaged_calibration_is_told_until_it_is_whole_again(desk: StudioSession) -> None:
    path = actor_path("default", "take.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{", encoding="utf-8")
    desk.performer.remember()
    assert "is no actor file" in desk.performer.notice
    desk.running().run()
    desk.recalibrate()
    assert desk.performer.notice == ""


def test_a_session_that_is_rehearsed_becomes_the_actor(desk: StudioSession) -> None:
    desk.performer._now = lambda: datetime(2026, 11, 22, 20, tzinfo=UTC)
    with pytest.raises(ControlError, match="no calibration is under way"):
        desk.calibrate("begin")
    desk.calibrate("start")
    view = desk.performer.view
    assert view is not None
    assert view["state"] == "ready"
    desk.calibrate("begin")
    with pytest.raises(ControlError):
        desk.calibrate("save")
    take = rehearse(Person())
    for row, time_s in enumerate(take.time_s):
        for witness in desk.running().scene._witnesses:
            witness.see(take.signal(row, Stamp(row, round(time_s * 1e9), 0)))
    assert desk.performer.view is not None
    assert desk.performer.view["state"] == "done"
    assert "<script" not in (desk.performer.report() or "<script")
    desk.calibrate("save")
    assert desk.performer.view is None
    assert desk.performer.as_json()["made"] == DATE
    assert desk.running().scene._witnesses == ()
    assert desk.performer.report() is not None


def test_a_session_that_is_cancelled_leaves_nothing(desk: StudioSession) -> None:
    desk.calibrate("start")
    desk.calibrate("cancel")
    assert desk.performer.view is None
    assert desk.running().scene._witnesses == ()
    assert find_actor("default", "take.csv") is None


def test_a_recording_is_a_take_that_can_be_read(desk: StudioSession) -> None:
    path = desk.record(True)
    assert path is not None
    assert desk.record(True) == path  # there is one at most
    desk.running().run()
    recording = state_of(desk)["recording"]
    assert isinstance(recording, dict)
    assert (recording["path"], recording["error"]) == (str(path), "")
    assert desk.record(False) == path
    assert state_of(desk)["recording"] is None
    assert len(read_take(path).weights) == 12
    assert desk.record(False) is None


def test_the_page_hears_at_once_that_a_recording_has_ended(desk: StudioSession, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.csv", new_file=SmallDisk(1500).new_file)  # little more than the header
    desk.recording._recorder = recorder
    with recorder:
        desk._turn()
        before = crowd(desk).changes
        recorder.see(Signal(Stamp(0, 0, 0), np.zeros(arkit.COUNT, np.float32)))
    assert "the disk is full" in recorder.progress.error
    desk._turn()
    assert crowd(desk).changes == before + 1
    desk._turn()
    assert crowd(desk).changes == before + 1


def test_after_a_recording_that_a_full_disk_has_ended_another_one_begins(desk: StudioSession, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.csv", new_file=SmallDisk(1500).new_file)
    desk.recording._recorder = recorder
    with recorder:
        recorder.see(Signal(Stamp(0, 0, 0), np.zeros(arkit.COUNT, np.float32)))
    path = desk.record(True)
    assert path is not None
    assert path != tmp_path / "a.csv"
    desk.running().run()
    assert desk.record(False) == path
    assert len(read_take(path).weights) == 12


def test_the_page_hears_of_a_timer_that_ran_out(desk: StudioSession) -> None:
    now_ns = 0
    desk.switchboard._clock_ns = lambda: now_ns
    desk.use_hotkeys((Hotkey("t", "T", expression="tongue", mode="timer", seconds=1.0),))
    desk.trigger("t")
    before = crowd(desk).changes
    desk._turn()
    assert crowd(desk).changes == before
    now_ns = 2_000_000_000
    desk._turn()
    assert crowd(desk).changes == before + 1


def test_the_desks_thread_ends_and_writes(folder: Path) -> None:
    with StudioSession("demo", SettingsStore(Settings(), folder)) as desk:
        desk.bind(loop())
        desk.tune({"head": 2})
    assert load_settings(folder).tuning.head == 2


def test_what_was_set_is_kept_before_a_page_that_is_slow_to_close(desk: StudioSession, folder: Path) -> None:
    desk.record(True)
    desk.tune({"mirror": True})
    desk.settle()
    assert desk.recording.progress is None
    assert load_settings(folder).tuning.mirror
    desk.tune({"head": 0.5})  # by a page that is still open
    desk.settle()
    assert load_settings(folder).tuning.head == 0.5
