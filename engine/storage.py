"""The user's folders, folders for results, and atomic writes."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import platformdirs

_APP = "omote"

_log = logging.getLogger(__name__)


def data_folder() -> Path:
    """The folder of what the user made: characters, actors, takes. It may not exist yet."""
    return _of_user(platformdirs.user_data_path)


def cache_folder() -> Path:
    """The folder of what can be made again: fetched models, compiled networks, trials. It may not exist yet."""
    return _of_user(platformdirs.user_cache_path, opinion=False)


def config_folder() -> Path:
    """The folder of the user's settings. It may not exist yet."""
    return _of_user(platformdirs.user_config_path, roaming=True)


def user_path(text: str | Path) -> Path:
    """The path, with a leading "~" replaced by the user's home folder; unchanged for a user without one."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def _of_user(folder: Callable[..., Path], **options: bool) -> Path:
    try:
        return folder(_APP, appauthor=False, **options)
    except RuntimeError:
        _warn_of_no_home()
        return _NOWHERE


# The folder of a user without a home folder: reading finds nothing, and writing fails.
_NOWHERE = Path(os.devnull) / _APP


@cache
def _warn_of_no_home() -> None:
    _log.warning("this user has no home folder, so nothing is kept: set HOME to a folder of yours")


def make_folder(folder: Path) -> None:
    """Makes a folder and its parents. Only the owner may read the user's data folder, which holds faces and takes.

    Raises OSError if it cannot be made.
    """
    home = data_folder()
    if os.name == "posix" and folder.is_relative_to(home):
        home.mkdir(parents=True, exist_ok=True)
        if home.stat().st_mode & 0o077 and home.stat().st_uid == os.getuid():
            try:
                home.chmod(0o700)
            except OSError as error:  # some file systems have no modes
                _log.warning("other users may read %s (%s)", home, error)
    folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def atomic_write(path: Path, *beside: Path, is_private: bool = False) -> Iterator[Path]:
    """Gives a path to write to: a file of the same name in a temporary folder beside `path`.

    At the end it replaces the file at `path`; files of the names of `beside` in that folder replace those. If writing
    fails, nothing is replaced and nothing is left behind; `remove_leftovers` cleans up after a killed process. Only
    the owner may read a private file. Raises OSError if the folder cannot be written to.

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
    """Removes what killed processes left of `atomic_write` to files of this name pattern in the folder."""
    for left in folder.glob(f".{pattern}.*{_PARTIAL}"):
        shutil.rmtree(left, ignore_errors=True)


def write_text(path: Path, text: str, *, is_private: bool = False) -> None:
    """Writes a text file atomically, in UTF-8 with "\\n" line ends, and makes its folder."""
    make_folder(path.parent)
    with atomic_write(path, is_private=is_private) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")
        with partial.open("rb+") as file:
            os.fsync(file.fileno())  # else a crash after the renaming could leave an empty file


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file atomically, and makes its folder."""
    make_folder(path.parent)
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def require_empty(folder: Path, error: type[ValueError], *, overwrite: bool) -> None:
    """Raises `error` if a folder for results holds something and `overwrite` does not allow that; makes nothing."""
    try:
        if not overwrite and folder.exists():
            remove_leftovers(folder)
            if any(folder.iterdir()):
                raise error(f"{folder} is not empty: choose another folder, or add --overwrite")
    except OSError as cause:
        raise error(f"cannot write to {folder} ({cause.strerror or cause}): choose another folder") from cause


def prepare_folder(folder: Path, earlier: tuple[str, ...], error: type[ValueError], *, overwrite: bool) -> None:
    """Makes a folder for results; raises `error` if it is not empty or cannot be written to.

    `overwrite` allows a folder with files, and removes those that match the patterns of an `earlier` result.
    """
    try:
        make_folder(folder)
        require_empty(folder, error, overwrite=overwrite)
        remove_leftovers(folder)
        for old in [path for pattern in earlier for path in folder.glob(pattern)]:
            old.unlink(missing_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass  # it has no name, so nothing is left if this process is killed
    except OSError as cause:
        raise error(f"cannot write to {folder} ({cause.strerror or cause}): choose another folder") from cause
