"""Files are written whole or not at all, and kept where each system keeps such things."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from omote.engine.storage import (
    atomic_write,
    cache_folder,
    config_folder,
    data_folder,
    leftovers,
    make_folder,
    write_bytes,
    write_text,
)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the XDG variables are Linux's")


def test_a_file_is_replaced_only_when_all_of_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    write_bytes(path, b"old")
    with pytest.raises(RuntimeError, match="power"), atomic_write(path) as partial:
        partial.write_bytes(b"half")
        assert partial.suffix == ".png" and partial.parent == tmp_path
        assert partial.match(leftovers("*.png"))
        raise RuntimeError("the power went")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_written_with_plain_line_ends_and_its_folder_is_made(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "words.json", "a\né\n")
    assert (tmp_path / "new" / "words.json").read_bytes() == "a\né\n".encode()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_private_file_is_its_owners_alone_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    with atomic_write(path, is_private=True) as partial:
        assert partial.stat().st_mode & 0o777 == 0o600
        partial.write_text("secret")
    assert path.stat().st_mode & 0o777 == 0o600


@on_linux
def test_what_a_person_made_is_in_a_folder_of_its_owners_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Takes, actors and characters from photos were readable by every user of the machine."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    data_folder().mkdir(parents=True, mode=0o755)  # as an earlier version made it
    write_text(data_folder() / "actors" / "me.json", "{}")
    assert data_folder().stat().st_mode & 0o777 == 0o700
    make_folder(tmp_path / "elsewhere" / "takes")  # chosen by the user: as their umask says
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o777 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@on_linux
def test_folders_follow_the_xdg_variables_unless_they_are_relative(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, folder in (("DATA", data_folder), ("CACHE", cache_folder), ("CONFIG", config_folder)):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
        assert folder() == tmp_path / name / "omote"
        monkeypatch.setenv(f"XDG_{name}_HOME", "relative")
        assert folder().is_absolute() and "relative" not in folder().parts


@on_linux
def test_help_is_shown_to_one_without_a_home() -> None:
    surroundings = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "omote.studio.command", "live", "--help"]
    found = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
