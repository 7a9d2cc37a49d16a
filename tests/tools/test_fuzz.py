"""A small part of the fuzz run: changed files and messages are accepted, or refused with an error of Omote's."""

from __future__ import annotations

from pathlib import Path

import fuzz
import pytest


def test_changed_files_and_messages_raise_no_other_error(capsys: pytest.CaptureFixture[str]) -> None:
    code = fuzz.main(["--count", "1200", "--seed", "1"])
    printed = capsys.readouterr().out
    assert code == 0, printed
    rows = {line[:18].strip(): line[18:].split() for line in printed.splitlines()[1:]}
    assert len(rows) == 19
    assert [name for name, (_, refused, _) in rows.items() if refused == "0"] == ["settings"]  # they are set aside


def test_what_is_changed_is_accepted_as_it_stands(tmp_path: Path) -> None:
    for target in fuzz.targets(tmp_path):
        for seed in target.seeds:
            target.read(seed)


def test_another_error_is_printed_with_its_input(capsys: pytest.CaptureFixture[str]) -> None:
    def read(data: bytes) -> object:
        raise KeyError(data[:3])

    outcome = fuzz.run(fuzz.Target("broken", (b"abcdef",), (fuzz.cut,), read), 10, seed=1)
    ((what, times),) = outcome.others.items()
    assert what.startswith("KeyError in test_fuzz.py")
    assert times == 10
    assert "KeyError" in outcome.examples[what][1]
