"""Files on this machine: the user's folders, folders for results, and files that are written whole or not at all."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

_APP = "omote"

_log = logging.getLogger(__name__)


def data_folder() -> Path:
    """Where what a person made is kept: characters, actors, takes. It may not exist yet."""
    return _of_user(platformdirs.user_data_path)


def cache_folder() -> Path:
    """Where what can be made again is kept: fetched models, compiled networks, trials. It may not exist yet."""
    return _of_user(platformdirs.user_cache_path, opinion=False)


def config_folder() -> Path:
    """Where the user's settings are. It may not exist yet."""
    return _of_user(platformdirs.user_config_path, roaming=True)


def _of_user(folder: Callable[..., Path], **options: bool) -> Path:
    try:
        return folder(_APP, appauthor=False, **options)
    except RuntimeError:  # a user without a home: what is read there is missing, and what is written fails
        return Path(os.devnull) / _APP


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it. The user's data folder, with faces and takes in it, is its owner's alone.

    OSError where it cannot be made.
    """
    home = data_folder()
    if os.name == "posix" and folder.is_relative_to(home):
        home.mkdir(parents=True, exist_ok=True)
        if home.stat().st_mode & 0o077 and home.stat().st_uid == os.getuid():
            try:
                home.chmod(0o700)
            except OSError as error:  # some file systems have no modes
                _log.warning("%s cannot be kept from other users (%s)", home, error)
    folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def atomic_write(path: Path, *beside: Path, is_private: bool = False) -> Iterator[Path]:
    """Where to write what is to be at `path`: a file of the same name in a temporary folder beside it.

    At the end it replaces the file at `path`, and what was written under the names of `beside` replaces those. If
    writing fails, nothing is replaced and nothing stays; of a process that is killed, `remove_leftovers` removes it. A
    private file is its owner's alone. OSError where the place cannot be written to.

    >>> with atomic_write(Path("settings.json")) as partial:
    ...     partial.write_text("{}")
    """
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=_PARTIAL, dir=path.parent))
    try:
        partial = folder / path.name
        yield partial
        if is_private:
            partial.chmod(0o600)
        partial.replace(path)
        for other in beside:
            (folder / other.name).replace(other)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_PARTIAL = ".part"


def remove_leftovers(folder: Path, pattern: str = "*") -> None:
    """Removes what killed processes left by `atomic_write` of files with this name pattern in the folder."""
    for left in folder.glob(f".{pattern}.*{_PARTIAL}"):
        shutil.rmtree(left, ignore_errors=True)


def write_text(path: Path, text: str, *, is_private: bool = False) -> None:
    """Writes a text file by `atomic_write`, in UTF-8 with plain line ends, after making its folder."""
    make_folder(path.parent)
    with atomic_write(path, is_private=is_private) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")
        with partial.open("rb+") as file:
            os.fsync(file.fileno())  # so that a crash after the renaming leaves no empty file


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file by `atomic_write`, after making its folder."""
    make_folder(path.parent)
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def prepare_folder(folder: Path, earlier: tuple[str, ...], error: type[ValueError], *, overwrite: bool) -> None:
    """Makes `folder` ready to be written into; `error` where it holds something or cannot be written to.

    With `overwrite`, what matches the patterns of an `earlier` result is removed, and nothing else.
    """
    try:
        make_folder(folder)
        remove_leftovers(folder)
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
