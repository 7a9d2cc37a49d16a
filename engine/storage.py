"""Files on this machine: the user's folders, folders for results, and files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

_APP = "omote"


def data_folder() -> Path:
    """Where what a person made is kept: characters, actors, takes. It may not exist yet."""
    return platformdirs.user_data_path(_APP, appauthor=False)


def cache_folder() -> Path:
    """Where what can be made again is kept: fetched models, compiled networks, trials. It may not exist yet."""
    return platformdirs.user_cache_path(_APP, appauthor=False)


def config_folder() -> Path:
    """Where the user's settings are. It may not exist yet."""
    return platformdirs.user_config_path(_APP, appauthor=False, roaming=True)


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it. The user's data folder, with faces and takes in it, is its owner's alone.

    OSError where it cannot be made.
    """
    home = data_folder()
    if os.name == "posix" and folder.is_relative_to(home):
        home.mkdir(parents=True, exist_ok=True)
        if home.stat().st_mode & 0o077 and home.stat().st_uid == os.getuid():
            home.chmod(0o700)
    folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def atomic_write(path: Path, *, is_private: bool = False) -> Iterator[Path]:
    """Where to write what is to be at `path`: beside it, with the same suffix, since libraries go by it.

    At the end it replaces the file at `path`. If writing fails, nothing is left of it and nothing is replaced.
    A private file is its owner's alone, also while it is written. OSError where the place cannot be written to.

    >>> with atomic_write(Path("settings.json")) as partial:
    ...     partial.write_text("{}")
    """
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        if is_private:
            os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield partial
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, is_private: bool = False) -> None:
    """Writes a text file by `atomic_write`, in UTF-8 with plain line ends, after making its folder."""
    make_folder(path.parent)
    with (
        atomic_write(path, is_private=is_private) as partial,
        partial.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # so that a crash after the renaming leaves no empty file


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file by `atomic_write`, after making its folder."""
    make_folder(path.parent)
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def leftovers(pattern: str) -> str:
    """The glob pattern of what a killed process may have left by `atomic_write` of files with this pattern."""
    stem, dot, suffix = pattern.rpartition(".")
    return f".{stem}.*.part{dot}{suffix}"


def prepare_folder(folder: Path, earlier: tuple[str, ...], error: type[ValueError], *, overwrite: bool) -> None:
    """Makes `folder` ready to be written into; `error` where it holds something or cannot be written to.

    With `overwrite`, what matches the patterns of an `earlier` result is removed, and nothing else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            if not overwrite:
                raise error(f"{folder} is not empty: choose another folder, or add --overwrite")
            for old in [path for pattern in earlier for path in folder.glob(pattern)]:
                old.unlink(missing_ok=True)
        trial = folder / f".omote-{os.getpid()}"
        trial.touch()
        trial.unlink()
    except OSError as cause:
        raise error(f"cannot write to {folder} ({cause.strerror or cause}): choose another folder") from cause
