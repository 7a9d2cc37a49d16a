"""The recorded takes: listed, trimmed, rendered and deleted."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from omote.engine.capture.take import read_take, write_take
from omote.engine.capture.take_files import TakeError
from omote.engine.child_process import IsCancelled
from omote.studio.app.jobs import NICENESS
from omote.studio.app.takes import TakeLibrary
from tests.studio.commands import short_take
from tests.studio.running import until

PATIENCE_S = 60.0


class FakeRender:
    """Remembers what it is asked, and fails if it is told to."""

    def __init__(self, error: str = "") -> None:
        self.words: list[Sequence[str]] = []
        self._error = error

    def __call__(self, words: Sequence[str], is_cancelled: IsCancelled) -> None:
        self.words.append(words)
        if self._error:
            raise TakeError(self._error)


def library(folder: Path, render: FakeRender | None = None) -> tuple[TakeLibrary, threading.Event]:
    is_changed = threading.Event()
    return TakeLibrary(is_changed.set, lambda: folder, render or FakeRender()), is_changed


def test_takes_are_listed_with_their_length(tmp_path: Path) -> None:
    write_take(tmp_path / "evening.csv", short_take(31))
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "notes.txt").write_text("no take")
    rows = {row["name"]: row["seconds"] for row in library(tmp_path)[0].rows()}
    assert rows == {"evening": pytest.approx(read_take(tmp_path / "evening.csv").time_s[-1], abs=0.6), "empty": 0.0}


def test_a_part_becomes_a_take_of_its_own(tmp_path: Path) -> None:
    write_take(tmp_path / "evening.csv", short_take(30))
    takes, is_changed = library(tmp_path)
    whole = read_take(tmp_path / "evening.csv")
    takes.trim("evening", 0.0, float(whole.time_s[10]), "evening part")
    assert len(read_take(tmp_path / "evening part.csv")) == 10
    assert is_changed.is_set()
    for name, to, said in (
        ("evening", "evening part", "nothing is overwritten"),
        ("no", "x", "there is no take"),
        ("evening", "../x", "a take's name"),
        ("../evening", "x", "there is no take"),
    ):
        with pytest.raises(TakeError, match=said):
            takes.trim(name, 0.0, 1.0, to)


def test_a_take_is_rendered_beside_itself_and_a_failure_says_why(tmp_path: Path) -> None:
    write_take(tmp_path / "evening.csv", short_take(3))
    for render, state, message in (
        (FakeRender(), "done", str(tmp_path / "evening.mp4")),
        (FakeRender("no encoder: pip install 'omote[video]'"), "failed", "no encoder: pip install 'omote[video]'"),
    ):
        takes, is_changed = library(tmp_path, render)
        number = takes.render("evening", "aoi")
        while takes.jobs[0]["state"] not in ("done", "failed"):
            assert is_changed.wait(PATIENCE_S)
            is_changed.clear()
        assert (takes.jobs[0]["state"], takes.jobs[0]["message"]) == (state, message)
        assert render.words[0][:5] == ("render", "--take", str(tmp_path / "evening.csv"), "--character", "aoi")
        takes.remove_job(number)
        assert takes.jobs == []


def test_the_words_of_a_rendering_that_fails_are_shown(tmp_path: Path) -> None:
    (tmp_path / "evening.csv").write_text("no take")
    is_changed = threading.Event()
    takes = TakeLibrary(is_changed.set, lambda: tmp_path)
    takes.render("evening", "aoi")
    while takes.jobs[0]["state"] not in ("done", "failed"):
        assert is_changed.wait(PATIENCE_S)
        is_changed.clear()
    assert "evening.csv" in str(takes.jobs[0]["message"])


_OMOTE_THAT_RENDERS = """
import sys, time
from pathlib import Path
from omote.studio.app.takes import TakeLibrary
takes = TakeLibrary(lambda: None, lambda: Path(sys.argv[1]))
takes.render("evening", "aoi")
time.sleep(600)
"""


@pytest.mark.parametrize("end", [psutil.Process.kill, psutil.Process.terminate])
def test_a_rendering_ends_with_the_omote_that_began_it(tmp_path: Path, end: Callable[[psutil.Process], None]) -> None:
    write_take(tmp_path / "evening.csv", short_take(3000))
    with subprocess.Popen([sys.executable, "-P", "-c", _OMOTE_THAT_RENDERS, str(tmp_path)]) as omote:
        known = psutil.Process(omote.pid)
        until(known.children, "the rendering to begin")
        (rendering,) = known.children()
        assert "render" in rendering.cmdline()
        if os.name == "posix":
            until(lambda: rendering.nice() == min(os.nice(0) + NICENESS, 19), "it to leave the processor to the stream")
        end(known)
    assert psutil.wait_procs([rendering], PATIENCE_S)[0] == [rendering]


def test_a_deleted_take_is_gone_with_its_json(tmp_path: Path) -> None:
    write_take(tmp_path / "evening.csv", short_take(3))
    library(tmp_path)[0].remove("evening")
    assert list(tmp_path.iterdir()) == []
