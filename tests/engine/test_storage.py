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
    make_folder,
    remove_leftovers,
    write_bytes,
    write_text,
)
from omote.studio.cli.main import main

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the XDG variables are Linux's")


def test_a_file_is_replaced_only_when_all_of_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    write_bytes(path, b"old")
    with pytest.raises(RuntimeError, match="power"), atomic_write(path) as partial:
        partial.write_bytes(b"half")
        assert partial.name == path.name
        assert list(tmp_path.glob("*.png")) == [path]  # no listing takes the half for a whole
        raise RuntimeError("the power went")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_belong_together_are_replaced_together(tmp_path: Path) -> None:
    take, sidecar = tmp_path / "take.csv", tmp_path / "take.json"
    with atomic_write(take, sidecar) as partial:
        partial.write_text("rows")
        partial.with_suffix(".json").write_text("{}")
        assert not take.exists() and not sidecar.exists()
    assert (take.read_text(), sidecar.read_text()) == ("rows", "{}")


@pytest.mark.parametrize("name", ["film.mp4", "name", ".hidden", "a.b.c"])
def test_what_a_killed_process_left_is_removed(tmp_path: Path, name: str) -> None:
    program = "from omote.engine.storage import atomic_write; from pathlib import Path; import os\n"
    program += f"with atomic_write(Path({str(tmp_path / name)!r})) as partial: partial.touch(); os._exit(9)"
    path = os.pathsep.join(filter(None, sys.path))
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, check=False)
    assert len(list(tmp_path.iterdir())) == 1
    remove_leftovers(tmp_path, "other")
    assert len(list(tmp_path.iterdir())) == 1
    remove_leftovers(tmp_path, name)
    assert not list(tmp_path.iterdir())


def test_text_is_written_with_plain_line_ends_and_its_folder_is_made(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "words.json", "a\né\n")
    assert (tmp_path / "new" / "words.json").read_bytes() == "a\né\n".encode()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_private_file_is_its_owners_alone_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    with atomic_write(path, is_private=True) as partial:
        partial.write_text("secret")
        assert partial.parent.stat().st_mode & 0o777 == 0o700
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
def test_a_user_without_a_home_can_write_elsewhere_and_is_shown_help(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def homeless(*_: object, **__: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    for name in ("user_data_path", "user_cache_path", "user_config_path"):
        monkeypatch.setattr(f"platformdirs.{name}", homeless)
    with pytest.raises(OSError, match="Not a directory"):
        write_text(data_folder() / "me.json", "{}")
    write_text(tmp_path / "job.json", "{}")
    with pytest.raises(SystemExit) as left:
        main(["live", "--help"])
    assert left.value.code == 0
    assert "--config" in capsys.readouterr().out
