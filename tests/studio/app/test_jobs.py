"""Characters that are made in a subprocess."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omote.engine import child_process
from omote.studio.app import jobs
from omote.studio.app.jobs import CharacterJobError, CharacterTask

NO_PHOTO = CharacterTask("me", b"no photo", "")


def test_a_task_survives_its_encoding() -> None:
    task = CharacterTask("me", b"a photo", "some words\nin two lines")
    header, _, rest = task.to_bytes().partition(b"\n")
    assert CharacterTask.from_bytes(header, rest) == task


def test_a_subprocess_that_dies_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no Python starts there
    with pytest.raises(CharacterJobError, match="its process ended before it was done"):
        jobs.make_in_subprocess(NO_PHOTO)


def test_a_file_in_the_folder_where_omote_was_started_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a stranger was run')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CharacterJobError, match="photo"):
        jobs.make_in_subprocess(NO_PHOTO)


def test_a_picture_larger_than_a_pipe_reaches_a_subprocess_that_starts_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "_CANCEL_POLL_S", 0.01)  # shorter than any start
    monkeypatch.setattr(jobs, "TIMEOUT_S", 30.0)
    with pytest.raises(CharacterJobError, match="photo"):
        jobs.make_in_subprocess(replace(NO_PHOTO, picture=bytes(1_000_000)))


def test_an_answer_is_read_between_empty_lines() -> None:
    assert jobs._read_answer(b'\n\n{"error": "", "warnings": ["dark"]}\n\n', b"", 0) == ("dark",)
    with pytest.raises(CharacterJobError, match="no face"):
        jobs._read_answer(b'\n{"error": "no face", "warnings": []}\n\n', b"", 0)
