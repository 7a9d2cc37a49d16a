"""How far a rendering is, told by a clock that the test turns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from omote.studio.cli.render import ProgressPhases, duration_text, progress_text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ((48, 240, 48, 16.0), "48 of 240 pictures, 3.0 pictures/s, 1:04 left"),
        ((240, 240, 192, 60.0), "240 of 240 pictures, 3.2 pictures/s"),
        ((96, 240, 0, 0.0), "96 of 240 pictures"),
        ((30, None, 30, 0.1), "30 pictures, 300 pictures/s"),
    ],
)
def test_pace_and_time_left_are_of_what_was_drawn_now(state: tuple[int, int | None, int, float], words: str) -> None:
    assert progress_text(*state) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0:00"), (42, "0:42"), (727, "12:07"), (11140, "3:05:40")])
def test_times_are_told_as_people_say_them(seconds: float, words: str) -> None:
    assert duration_text(seconds) == words


def test_without_a_terminal_there_is_a_line_now_and_then() -> None:
    console, now = Console(file=io.StringIO(), width=20), [100.0]
    with ProgressPhases(console, lambda: now[0]) as phases:
        tell = phases.phase("drawing", 200)
        for done, second in ((40, 100.0), (90, 105.0), (140, 112.0), (170, 113.0), (200, 120.0), (200, 121.0)):
            now[0] = second
            tell(done)
        phases.phase("writing a.mp4", 200)(200)
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "drawing: 140 of 200 pictures, 8.3 pictures/s, 0:07 left",
        "drawing: 200 of 200 pictures, 8.0 pictures/s",
        "writing a.mp4: 200 of 200 pictures",
    ]


def test_a_terminal_shows_a_bar() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with ProgressPhases(console, lambda: 1.0) as phases:
        phases.phase("drawing [1]", 200)(50)
    assert "drawing [1]" in (said := console.file.getvalue()) and "50 of 200 pictures" in said  # type: ignore[attr-defined]
