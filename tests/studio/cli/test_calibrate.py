"""`omote calibrate`: the guided session from a recorded take, the audio delay, and the FLAME map."""

from __future__ import annotations

import io
import os
import pickle
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from omote.bridge import arkit
from omote.bridge.control import ControlServer
from omote.calibration.actor_file import actor_path, find_actor, load_actor
from omote.calibration.delay import Delay, DelayError
from omote.calibration.measurement import CalibrationError
from omote.calibration.poses import POSES, CalibrationPose
from omote.calibration.session import CalibrationSession
from omote.engine.arc2face.vectors import STAND_IN_NEUTRAL, vector_of
from omote.engine.capture.take import Take, TakeSource, read_take, write_take
from omote.engine.data import FlameParams
from omote.engine.face.flame_map import FlameMap, FlameMapError, the_map
from omote.engine.face.retarget import from_weights
from omote.studio.cli import calibrate
from omote.studio.cli.calibrate import (
    POSES_FOLDER,
    TerminalView,
    delay_of_recording,
    delay_of_running,
    draw_screen,
    feed_session,
    mouth_openness,
    read_commands,
    terminal_picture,
)
from omote.studio.cli.main import main
from tests.calibration.flame_like import flame_like
from tests.calibration.flame_pickles import as_published, pickled
from tests.calibration.scripted_person import Person, session_take

STATS = {"latency_p50_ms": 61.6, "latency_p99_ms": 90.0, "source": "webcam 0"}
ANA = Person(
    arkit.weights({"browDownLeft": 0.3, "browDownRight": 0.3, "jawOpen": 0.05}),
    {"jawOpen": 0.55},
    np.full(arkit.COUNT, 0.008, np.float32),
    np.array([0.2, 0.0, 0.0], np.float32),
)


@pytest.fixture(autouse=True)
def actors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the user is read or written."""
    for variable in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    monkeypatch.setenv("OMOTE_ACTORS", str(tmp_path / "actors"))
    return tmp_path / "actors"


@pytest.fixture(scope="module")
def performed() -> Take:
    return session_take(ANA)


@pytest.fixture
def take(performed: Take, tmp_path: Path) -> Path:
    write_take(tmp_path / "ana.csv", performed)
    return tmp_path / "ana.csv"


def test_a_take_becomes_the_actor_that_live_looks_for(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--source", str(take), "--actor", "ana"]) == 0
    printed = capsys.readouterr().out
    assert "done    Relax" in printed
    assert re.search(r"camera +sees you look 11 degrees down", printed)
    kept = find_actor("ana", "ana.csv")
    assert kept is not None
    jaw = arkit.INDEX["jawOpen"]
    assert kept.actor.neutral[jaw] == pytest.approx(0.05, abs=0.01)
    assert kept.actor.gain[jaw] == pytest.approx(2.0, rel=0.08)  # 0.05 to 0.55 becomes 0 to 1
    assert str(actor_path("ana", "ana.csv")) in printed


def test_the_same_take_gives_the_same_actor(take: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert main(["calibrate", "--source", str(take), "--out", str(tmp_path / f"{name}.json")]) == 0
    first, second = (load_actor(tmp_path / f"{name}.json").actor for name in ("a", "b"))
    for name in ("neutral", "gain", "noise_floor"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.name == "default"


def test_the_report_comes_along_or_later(take: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    assert main(["calibrate", "--source", str(take), "--actor", "ana", "--report", str(first)]) == 0
    assert main(["calibrate", "report", "--source", str(take), "--actor", "ana", "--out", str(second)]) == 0
    for page in (first, second):
        assert "Calibration of ana" in page.read_text("utf-8")


def test_findings_are_printed_even_if_the_report_cannot_be_written(
    take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "--source", str(take), "--report", str(tmp_path / "nowhere" / "r.html")]) == 2
    said = capsys.readouterr()
    assert f"saved in {actor_path('default', 'ana.csv')}" in said.out
    assert "cannot write the report" in said.err


def test_options_before_report_apply_to_it(take: Path, tmp_path: Path) -> None:
    who, page = ["--source", str(take), "--actor", "ana"], tmp_path / "page.html"
    assert main(["calibrate", *who]) == 0
    assert main(["calibrate", *who, "report", "--out", str(page)]) == 0
    assert "Calibration of ana" in page.read_text("utf-8")


def test_a_report_without_a_calibration_is_an_error(
    take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["calibrate", "report", "--source", str(take), "--actor", "bo", "--out", str(tmp_path / "r.html")]
    assert main(typed) == 2
    assert "run omote calibrate" in capsys.readouterr().err


def test_a_take_that_ends_too_soon_says_at_which_step(
    performed: Take, tmp_path: Path, actors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = ("time_s", "weights", "head_rotation", "head_translation", "gaze", "confidence")
    write_take(tmp_path / "short.csv", replace(performed, **{name: getattr(performed, name)[:400] for name in parts}))
    assert main(["calibrate", "--source", str(tmp_path / "short.csv")]) == 2
    said = capsys.readouterr().err
    assert re.search(r"short\.csv ended at step \d of 8", said)
    assert "docs/calibration.md" in said
    assert not actors.exists()


def test_errors_are_one_line(take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--source", str(take), "--actor", "..."]) == 2
    assert "no name for a person" in capsys.readouterr().err
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert main(["calibrate", "--source", str(take), "--out", str(blocked / "a.json")]) == 2
    assert "cannot write" in capsys.readouterr().err
    assert main(["calibrate", "--source", "webcan"]) == 2
    assert "did you mean webcam" in capsys.readouterr().err


def test_a_person_at_a_terminal_may_leave_out_go_back_and_give_up(take: Path) -> None:
    session = CalibrationSession("ana", "ana.csv")
    session.begin()
    read_commands(session, ["s\n"])  # not the first one
    assert session.view.step == 0
    with TakeSource(read_take(take), "ana.csv", is_offline=True) as source:
        for _ in range(150):
            session.see(source.read(0.0) or pytest.fail("a take has no gaps"))
        assert session.view.step == 1
        read_commands(session, ["what?\n", "S\n"])
        assert [step.state for step in session.view.steps[:3]] == ["done", "skipped", "now"]
        read_commands(session, ["\n"])
        assert session.view.step == 1
        read_commands(session, ["q\n"])
        with pytest.raises(CalibrationError, match="cancelled: nothing was written"):
            feed_session(source, session, lambda view: None)


class Closing(TakeSource):
    """A source that takes its time to close: until Enter was pressed."""

    def __init__(self, take: Take, closing: threading.Event, pressed: threading.Event) -> None:
        super().__init__(take, "ana.csv", is_offline=True)
        self.closing, self.pressed = closing, pressed

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        assert self.pressed.wait(30.0)
        super().__exit__(*error)


class Late(io.StringIO):
    """A terminal in which Enter is pressed once the source closes."""

    def __init__(self, closing: threading.Event, pressed: threading.Event) -> None:
        super().__init__()
        self.closing, self.pressed = closing, pressed

    def isatty(self) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        self.closing.wait()
        yield "\n"
        self.pressed.set()


def test_enter_after_the_last_step_loses_nothing(
    performed: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = threading.Event(), threading.Event()
    monkeypatch.setattr(calibrate, "open_source", lambda spec, is_offline: Closing(performed, *events))
    console, out = Console(file=io.StringIO(), force_terminal=True), tmp_path / "ana.json"
    assert calibrate.run_session("ana.csv", "ana", out, None, console, Late(*events)) == 0
    assert load_actor(tmp_path / "ana.json").made.findings is not None


@pytest.mark.parametrize(
    ("colours", "width", "has_picture"), [("truecolor", 100, True), (None, 100, False), ("256", 87, False)]
)
def test_a_terminal_that_can_shows_each_pose(colours: Any, width: int, has_picture: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, height=30, color_system=colours)
    session = CalibrationSession("ana", "webcam 0")
    session.begin()
    with TerminalView(console) as show:
        show(session.view)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "look straight" in shown
    assert shown.count("\u2580") == (40 * 20 if has_picture else 0) * shown.count("1/8")


@pytest.mark.parametrize("pose", POSES, ids=lambda pose: pose.name)
def test_every_pose_has_its_picture_and_no_two_look_alike(pose: CalibrationPose) -> None:
    drawn = {one.name: terminal_picture(POSES_FOLDER / one.picture.removeprefix("/"), 40) for one in POSES}
    assert drawn[pose.name].plain.count("\n") == 19
    assert sum(picture == drawn[pose.name] for picture in drawn.values()) == 1


def test_the_screen_shows_the_step_what_to_do_and_how_it_goes() -> None:
    session = CalibrationSession("ana", "webcam 0")
    session.begin()
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    console.print(draw_screen(session.view))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for part in ("1/8", "Relax", "look straight ahead", "in 3", "Enter"):
        assert part in shown


# The audio delay.


def test_a_recording_gives_what_to_add_to_the_offset_it_was_made_with() -> None:
    first, second = delay_of_recording(Delay(132.4, 6.0, 9, 0.91))
    assert "132 ms later than the sound" in first and "9 syllables within 6 ms" in first
    assert second.startswith("add 132 ms to the Sync Offset")


def test_a_late_sound_lowers_the_offset() -> None:
    first, second = delay_of_recording(Delay(-40.0, 6.0, 9, 0.9))
    assert "40 ms earlier" in first
    assert "lower the Sync Offset by 40 ms" in second


def test_a_running_omote_gives_a_start_and_says_what_it_cannot_know() -> None:
    said = "\n".join(delay_of_running(STATS))
    assert "Sync Offset of 62 ms" in said
    assert "which Omote cannot measure" in said
    assert "--recording" in said


@pytest.mark.parametrize("stats", [{}, {**STATS, "latency_p50_ms": 0.0}, {**STATS, "latency_p50_ms": "61"}])
def test_an_omote_that_has_sent_nothing_gives_no_number(stats: dict[str, object]) -> None:
    with pytest.raises(DelayError, match="no picture"):
        delay_of_running(stats)


@pytest.fixture
def running() -> Iterator[str]:
    """The address of something that answers `stats` as Omote does."""
    with ControlServer("tcp://127.0.0.1:*", {"stats": lambda arguments: STATS}, session=1) as server:
        yield server.endpoint


def test_the_running_omote_is_asked(running: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "delay", "--control-endpoint", running]) == 0
    assert "Sync Offset of 62 ms" in capsys.readouterr().out


def test_without_a_running_omote_it_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "delay", "--control-endpoint", "tcp://127.0.0.1:1"]) == 2
    assert "is `omote live` running?" in capsys.readouterr().err


def test_a_sound_without_its_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "delay", "--sound", str(tmp_path / "a.wav")]) == 2
    assert "--recording" in capsys.readouterr().err


def test_the_mouth_of_a_recording_is_how_far_it_is_open_in_time(tmp_path: Path) -> None:
    write_take(tmp_path / "a.csv", session_take(Person(), fps=30.0))
    track = mouth_openness(tmp_path / "a.csv")
    np.testing.assert_allclose(np.diff(track.time_s), 1 / 30, atol=1e-6)
    assert track.time_s[0] == 0.0
    assert track.value.max() > 0.6
    assert np.median(track.value) == 0.0


def test_a_recording_without_a_face_is_refused(tmp_path: Path) -> None:
    take = session_take(Person())
    write_take(tmp_path / "a.csv", replace(take, confidence=np.zeros(len(take), np.float32)))
    with pytest.raises(DelayError, match=r"a face is seen in 0 of \d+ pictures of a\.csv"):
        mouth_openness(tmp_path / "a.csv")


# The FLAME map.


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flame") / "generated.pkl"
    path.write_bytes(pickled(as_published(flame_like().arrays)))
    return path


def test_a_file_becomes_the_users_map_by_which_a_face_reaches_the_adapter(
    generated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FlameMapError, match="omote calibrate flame-map"):
        the_map()
    assert main(["calibrate", "flame-map", "--flame", str(generated)]) == 0
    printed = capsys.readouterr().out
    assert "the open head fits FLAME's to 0." in printed and "the jaw opens by " in printed
    assert len([line for line in printed.splitlines() if line.startswith(arkit.NAMES)]) == arkit.COUNT
    assert "by eye or lid" in printed and "FLAME has no tongue" in printed and "do not share it" in printed
    found = the_map()
    rest = vector_of(FlameParams.neutral(), STAND_IN_NEUTRAL, found.flame)
    np.testing.assert_array_equal(rest, STAND_IN_NEUTRAL)
    weights = arkit.weights({"jawOpen": 0.5, "eyeBlinkRight": 0.5, "mouthSmileLeft": 1.0})
    told = vector_of(from_weights(weights), STAND_IN_NEUTRAL, found.flame) - STAND_IN_NEUTRAL
    assert told[51] == pytest.approx(0.5) and told[52] == pytest.approx(found.jaw_rad[0] / 2.0, abs=1e-4)
    assert np.linalg.norm(told[:50]) > 1.0


def test_the_map_is_written_to_out(generated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "elsewhere" / "mine.safetensors"
    typed = ["calibrate", "flame-map", "--flame", str(generated), "--out", str(place)]
    assert main(typed) == 0
    assert f"saved in {place}" in capsys.readouterr().out
    assert FlameMap.of_file(place).explained[arkit.INDEX["mouthPucker"]] > 0.95


class Runs:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch canary",)


def test_a_file_that_would_run_code_runs_none_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own"  # in the user's folders and in the log whatever still ends of an earlier test may write
    folder.mkdir()
    monkeypatch.chdir(folder)
    path = folder / "generic_model.pkl"
    path.write_bytes(pickle.dumps({"v_template": Runs()}, 2))
    assert main(["calibrate", "flame-map", "--flame", str(path), "--out", str(folder / "map")]) == 2
    said = capsys.readouterr().err
    (line,) = (one for one in said.splitlines() if one.startswith("omote calibrate: "))
    assert "do not trust it" in line and "Traceback" not in said
    assert [one.name for one in folder.iterdir()] == ["generic_model.pkl"]


@pytest.mark.parametrize(("typed", "says"), [(["flame-map"], "--flame"), (["flame-mop", "--flame", "x"], "flame-mop")])
def test_a_wrong_option_is_an_error(typed: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", *typed])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
