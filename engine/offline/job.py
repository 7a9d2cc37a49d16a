"""A rendering in progress: its folder, its lock, and what it needs to resume."""

from __future__ import annotations

import errno
import glob
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

from ..storage import prepare_folder, remove_leftovers, write_text
from ..version import edition
from .animation import Animation, RenderError
from .pictures import PATTERN, is_foreign_png

SUFFIX = ".omote"
TABLE = "params.csv"  # in a folder of pictures

_FORMAT = 1
_EARLIER = (PATTERN, TABLE)  # files that an earlier rendering left in a folder of pictures
_LOCKED_ERRNOS = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)

Facts = Mapping[str, str]  # what decides the pictures, by names for messages


class Job:
    """Opened by `with`, which keeps other processes out; on closing, a job without an animation leaves nothing."""

    def __init__(self, outputs: Sequence[Path], folder: Path | None) -> None:
        """`outputs` are the files to write. The pictures are drawn into `folder`, or into the job's own folder."""
        self.outputs, self._given = tuple(outputs), folder
        places: dict[Path, None] = dict.fromkeys((*((folder,) if folder else ()), *self.outputs))
        self._folders = [place.with_name(place.name + SUFFIX) for place in places]  # all of them are locked
        self.folder = self._folders[0]
        self.pictures = folder or self.folder / "pictures"
        self._file, self._animation_file = self.folder / "job.json", self.folder / "script.npz"
        self._request: dict[str, str] = {}
        self.is_resumed = self._overwrite = False  # known after `admit`
        self._is_made = False  # whether `admit` makes the given folder
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            for folder in self._folders:
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                    opened.callback(_remove_empty, folder)
                    opened.enter_context(file_lock(folder / "lock"))
                except OSError as error:
                    raise RenderError(
                        f"cannot write to {folder} ({error.strerror or error}): choose another --out"
                    ) from error
            self._open = opened.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        if not self.has_animation:
            with suppress(OSError):
                self._remove()
                if self._given and self._is_made:
                    self._given.rmdir()  # fails unless it is empty
        self._open.close()

    @property
    def kept(self) -> int:
        """The number of pictures that are there."""
        return sum(1 for _ in self.pictures.glob(PATTERN))

    @property
    def replaced(self) -> int:
        """Bytes of the pictures of an earlier rendering, which `begin` removes."""
        return 0 if self.is_resumed else sum(path.stat().st_size for path in self.pictures.glob(PATTERN))

    @property
    def has_animation(self) -> bool:
        """Whether the animation is saved."""
        return self._animation_file.is_file()

    def admit(self, request: Facts, *, resume: bool = False, overwrite: bool = False) -> None:
        """Checks whether the job may begin or resume; changes nothing except that the folder of pictures is made.

        RenderError if something unfinished or an earlier result is in the way, or if the unfinished rendering is
        another one than `request`.
        """
        self._request, self._overwrite = {"omote": edition(), **request}, overwrite
        is_unfinished = self._file.is_file() and self.has_animation
        self.is_resumed = is_unfinished and resume
        if self.is_resumed:
            self._compare("asked", self._request)
        elif is_unfinished and not overwrite:
            count = self.kept
            raise RenderError(
                f"an unfinished rendering is in {self.folder}, with {count} picture{'' if count == 1 else 's'}: "
                "add --resume to go on with it, or --overwrite to begin again"
            )
        self._is_made = self._given is not None and not self._given.exists()
        if not is_unfinished and not overwrite:
            self._require_new()
        elif not self.is_resumed and self._given:
            _require_own_pictures(self._given)
        try:
            self.pictures.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.pictures, PATTERN)
            for path in self.outputs:
                remove_leftovers(path.parent, glob.escape(path.name))
        except OSError as error:
            raise RenderError(f"cannot write to {self.pictures}: {error.strerror or error}") from error

    def animation(self, make: Callable[[], Animation]) -> Animation:
        """The animation that an earlier run saved, or a new one from `make`."""
        if self.is_resumed:
            with suppress(RenderError):  # a power cut damaged it; `make` returns the same
                return Animation.load(self._animation_file)
        return make()

    def begin(self, drawing: Facts, animation: Animation) -> None:
        """Saves the animation and the facts; only now --overwrite removes an earlier rendering.

        RenderError if the pictures that are there were drawn otherwise, or show something else.
        """
        facts = {**drawing, "what is shown": animation.digest()[:12]}
        if not self.is_resumed:
            if self._given and self._overwrite:
                prepare_folder(self._given, _EARLIER, RenderError, overwrite=True)
            self._remove()
            self.pictures.mkdir(exist_ok=True)
        elif self.kept:
            self._compare("drawing", facts)
        record = {"omote_job": _FORMAT, "asked": self._request, "drawing": facts}
        try:
            write_text(self._file, json.dumps(record, indent=2))
            animation.save(self._animation_file)
        except OSError as error:
            raise RenderError(f"cannot write to {self.folder}: {error.strerror or error}; make room") from error

    def finish(self) -> None:
        """Removes what was in progress; call it when everything is written."""
        self._remove()

    def _compare(self, group: str, now: Facts) -> None:
        """RenderError unless the saved facts of this group are these."""
        before = self._read().get(group)
        if not isinstance(before, dict):
            raise self._damaged(f"no {group}")
        missing = "not given"
        changed = [
            f"{name} {before.get(name, missing)}, now {now.get(name, missing)}"
            for name in dict.fromkeys((*before, *now))
            if before.get(name) != now.get(name)
        ]
        if changed:
            raise RenderError(
                f"{self.folder} was begun with {'; '.join(changed)}: type the same command, or --overwrite instead of "
                "--resume to begin again"
            )

    def _read(self) -> dict[str, object]:
        try:
            record = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise self._damaged(error) from error
        if not isinstance(record, dict) or record.get("omote_job") != _FORMAT:
            raise self._damaged(f"wanted version {_FORMAT}")
        return record

    def _damaged(self, reason: object) -> RenderError:
        return RenderError(f"{self._file} cannot be read ({reason}): begin again with --overwrite instead of --resume")

    def _require_new(self) -> None:
        """RenderError if an earlier result is in the way."""
        if there := [str(path) for path in self.outputs if path.is_file()]:
            raise RenderError(
                f"{' and '.join(there)} {'is' if len(there) == 1 else 'are'} there already: add --overwrite, or choose "
                "another --out"
            )
        if self._given:
            prepare_folder(self._given, _EARLIER, RenderError, overwrite=False)

    def _remove(self) -> None:
        """Removes the job's own files and nothing else."""
        own = self.folder / "pictures"
        for path in [*own.glob(PATTERN), self._file, self._animation_file]:
            path.unlink(missing_ok=True)
        for folder, pattern in (
            (own, PATTERN),
            (self.folder, self._file.name),
            (self.folder, self._animation_file.name),
        ):
            remove_leftovers(folder, pattern)
        with suppress(OSError):
            own.rmdir()


def _require_own_pictures(folder: Path) -> None:
    """RenderError if numbered pictures of another program would be removed."""
    try:
        foreign = next((path for path in sorted(folder.glob(PATTERN)) if is_foreign_png(path)), None)
    except OSError as error:
        raise RenderError(f"cannot read {folder}: {error.strerror or error}") from error
    if foreign:
        raise RenderError(f"{foreign} was not made by Omote, and would be removed: choose another folder")


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


# The lock.

if sys.platform == "win32":
    import msvcrt

    def _acquire(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _acquire(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Makes this file, holds its lock, and removes it; RenderError if another process holds the lock.

    On a disk without locks it keeps no process out. OSError if the file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            _acquire(handle)
        except OSError as error:
            if error.errno in _LOCKED_ERRNOS:
                raise _busy(path) from error
        if not _is_same_file(path, handle):  # the process that held it before removed it a moment ago
            raise _busy(path)
        try:
            yield
        finally:
            if sys.platform != "win32":  # Windows removes no open file
                with suppress(OSError):
                    path.unlink(missing_ok=True)
    finally:
        os.close(handle)
    if sys.platform == "win32":  # elsewhere the next process may hold it by now
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _busy(path: Path) -> RenderError:
    return RenderError(f"another omote is rendering in {path.parent}: wait for it, or choose another --out")


def _is_same_file(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except OSError:
        return False
