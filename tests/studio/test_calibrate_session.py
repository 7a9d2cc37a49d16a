"""`omote calibrate` in the terminal, from a recorded take: the same session that a camera drives."""

from __future__ import annotations

import io
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
from omote.calibration.actor_file import actor_path, find_actor, load_actor
from omote.calibration.measurement import CalibrationError
from omote.calibration.poses import POSES, CalibrationPose
from omote.calibration.session import CalibrationSession
from omote.engine.capture.take import Take, TakeSource, read_take, write_take
from omote.studio.cli import calibrate
from omote.studio.cli.calibrate import (
    POSES_FOLDER,
    TerminalView,
    draw_screen,
    feed_session,
    read_commands,
    terminal_picture,
)
from omote.studio.cli.main import main
from tests.calibration.rehearsal import Person, rehearse

ANA = Person(
    arkit.weights({"browDownLeft": 0.3, "browDownRight": 0.3, "jawOpen": 0.05}),
    {"jawOpen": 0.55},
    np.full(arkit.COUNT, 0.008, np.float32),
    np.array([0.2, 0.0, 0.0], np.float32),
)


@pytest.fixture(autouse=True)
def actors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMOTE_ACTORS", str(tmp_path / "actors"))
    return tmp_path / "actors"


@pytest.fixture(scope="module")
def performed() -> Take:
    return rehearse(ANA)


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


def test_what_was_found_is_told_where_its_report_cannot_be_written(
    take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "--source", str(take), "--report", str(tmp_path / "nowhere" / "r.html")]) == 2
    said = capsys.readouterr()
    assert f"kept in {actor_path('default', 'ana.csv')}" in said.out
    assert "cannot write the report" in said.err


def test_who_is_named_before_the_report_is_who_it_is_about(take: Path, tmp_path: Path) -> None:
    who, page = ["--source", str(take), "--actor", "ana"], tmp_path / "page.html"
    assert main(["calibrate", *who]) == 0
    assert main(["calibrate", *who, "report", "--out", str(page)]) == 0
    assert "Calibration of ana" in page.read_text("utf-8")


def test_a_report_of_nobody_says_to_calibrate(take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_what_cannot_be_is_told_in_a_line(take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
        with pytest.raises(CalibrationError, match="given up: nothing was written"):
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
    sitting = calibrate.SessionOptions("ana.csv", "ana", tmp_path / "ana.json")
    console = Console(file=io.StringIO(), force_terminal=True)
    assert calibrate.run_session(sitting, console, Late(*events)) == 0
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
