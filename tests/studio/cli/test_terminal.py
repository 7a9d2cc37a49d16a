"""No name of a file controls the terminal that a command writes to, or forges a line there."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from omote.bridge.errors import printable
from omote.engine.capture.take import write_take
from omote.studio.cli.main import main
from omote.studio.cli.terminal import PlainFormatter, say
from tests.studio.commands import short_take

# A title for the window, a forged line, an override of the direction, and a byte that is no UTF-8.
EVIL = "t\x1b]0;x\x07\nhana: free\u202egnp\udcff"
SHOWN = "t?]0;x??hana: free?gnp?"
IN_AN_ERROR = "t?]0;x? hana: free?gnp?"  # which is always one line


@pytest.fixture
def take(tmp_path: Path) -> Path:
    path = tmp_path / f"{EVIL}.csv"
    try:
        write_take(path, short_take(20, 10.0))
    except (OSError, ValueError) as error:
        pytest.skip(f"this system allows no such name: {error}")
    return path


@pytest.mark.skipif(os.name != "posix", reason="Windows allows no such names")
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("take", "info", "{take}"), 0, f"{SHOWN}.csv\n"),
        (("take", "info", "{take}", "{take}"), 2, f"unrecognized arguments: {{folder}}/{SHOWN}.csv"),
        (("take", "trim", "{take}", "{folder}/2{evil}.csv", "--end", "1"), 0, f"2{SHOWN}.csv\n"),
        (("take", "trim", "{take}", "{take}", "--end", "1"), 2, f"{IN_AN_ERROR}.csv"),
        (("render", "--take", "{take}", "--out", "{folder}/3{evil}.csv"), 0, f"3{SHOWN}.csv\n"),
        (("render", "--from", "rest", "--to", "smile", "--out", "{folder}/4.{evil}"), 2, f".{IN_AN_ERROR}"),
        (("render", "--timeline", "{take}", "--out", "{folder}/5.csv"), 2, f"{IN_AN_ERROR}.csv"),
        (("licenses", "{take}"), 2, f"{IN_AN_ERROR}.csv"),
        (("character", "new", "me", "--picture", "{take}", "--consent"), 2, f"{IN_AN_ERROR}.csv"),
        (("calibrate", "report", "--out", "{folder}/{evil}/6.html"), 2, ""),
        (("keys", "new", "{evil}"), 2, ""),
    ],
    ids=str,
)
def test_a_command_shows_names_of_files_without_control_characters(
    take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, says: str
) -> None:
    typed = [word.format(take=take, folder=tmp_path, evil=EVIL) for word in words]
    try:
        found = main(typed)
    except SystemExit as error:  # of argparse
        found = int(error.code or 0)
    printed = "".join(capsys.readouterr())
    assert says.format(folder=tmp_path) in printed
    assert found == code
    assert printed == printable(printed, len(printed), kept="\n")
    assert "\nhana: free" not in printed


def test_a_message_of_the_log_is_one_line_and_a_traceback_below_it_keeps_its_own() -> None:
    try:
        raise ValueError("bad")
    except ValueError as error:
        record = logging.LogRecord("omote", logging.WARNING, __file__, 1, "%s ends", (EVIL,), (ValueError, error, None))
    assert PlainFormatter("%(message)s").format(record) == f"{SHOWN} ends\nValueError: bad"


def test_lines_stay_lines(capsys: pytest.CaptureFixture[str]) -> None:
    say("one", EVIL, "日本")
    assert capsys.readouterr().out == f"one\n{SHOWN}\n日本\n"
