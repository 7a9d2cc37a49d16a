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
_EARLIER = (PATTERN, TABLE)

Facts = Mapping[str, str]  # what must be the same for the same pictures to come out, by its name for people


class Job:
    """Opened by `with`, which keeps other processes out; what is worth nothing when it closes is removed."""

    def __init__(self, outs: Sequence[Path], folder: Path | None) -> None:
        """`outs` are the files that are wanted; the pictures are drawn into `folder`, or into the job's own."""
        self.outs, self._given = tuple(outs), folder
        places: dict[Path, None] = dict.fromkeys((*((folder,) if folder else ()), *self.outs))
        self._folders = [place.with_name(place.name + SUFFIX) for place in places]  # locked, all of them
        self.folder = self._folders[0]
        self.pictures = folder or self.folder / "pictures"
        self._file, self._script = self.folder / "job.json", self.folder / "script.npz"
        self._asked: dict[str, str] = {}
        self.is_gone_on_with = self._overwrite = False  # once it is admitted
        self._is_made = False  # whether `folder` was not there before
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
        if not self.has_script:  # neither pictures nor what took its time to find out
            with suppress(OSError):
                self._remove()
                if self._given and self._is_made:
                    self._given.rmdir()  # which is refused where something is in it
        self._open.close()

    @property
    def kept(self) -> int:
        """How many pictures there are."""
        return sum(1 for _ in self.pictures.glob(PATTERN))

    @property
    def replaced(self) -> int:
        """Bytes of an earlier rendering's pictures, which beginning removes."""
        return 0 if self.is_gone_on_with else sum(path.stat().st_size for path in self.pictures.glob(PATTERN))

    @property
    def has_script(self) -> bool:
        """Whether it is kept what is shown."""
        return self._script.is_file()

    def admit(self, asked: Facts, *, resume: bool = False, overwrite: bool = False) -> None:
        """Whether it may be begun, or gone on with; nothing is changed but that the folder of pictures is made.

        RenderError where something unfinished or an earlier result is in the way, or where what is to be gone on with
        is another rendering.
        """
        self._asked, self._overwrite = {"omote": edition(), **asked}, overwrite
        is_unfinished = self._file.is_file() and self.has_script
        self.is_gone_on_with = is_unfinished and resume
        if self.is_gone_on_with:
            self._compare("asked", self._asked)
        elif is_unfinished and not overwrite:
            raise RenderError(
                f"an unfinished rendering is in {self.folder}, with {_pictures(self.kept)}: add --resume to go on "
                "with it, or --overwrite to begin again"
            )
        self._is_made = self._given is not None and not self._given.exists()
        if not is_unfinished and not overwrite:
            self._require_new()
        elif not self.is_gone_on_with and self._given:
            self._require_own(self._given)
        try:
            self.pictures.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.pictures, PATTERN)
            for out in self.outs:
                remove_leftovers(out.parent, glob.escape(out.name))
        except OSError as error:
            raise RenderError(f"cannot write to {self.pictures}: {error.strerror or error}") from error

    def script(self, make: Callable[[], Animation]) -> Animation:
        """What is shown: as it was found out before, else as `make` finds out now."""
        if self.is_gone_on_with:
            with suppress(RenderError):  # damaged by a power cut: what is found out again is the same
                return Animation.load(self._script)
        return make()

    def begin(self, drawing: Facts, script: Animation) -> None:
        """All is known and can be made: what --overwrite means is removed only now.

        RenderError where the pictures that are there were drawn otherwise, or show something else.
        """
        facts = {**drawing, "what is shown": script.digest()[:12]}
        if not self.is_gone_on_with:
            if self._given and self._overwrite:
                prepare_folder(self._given, _EARLIER, RenderError, overwrite=True)
            self._remove()
            self.pictures.mkdir(exist_ok=True)
        elif self.kept:
            self._compare("drawing", facts)
        self._write(facts)
        try:
            script.save(self._script)
        except OSError as error:
            raise RenderError(f"cannot write to {self.folder}: {error.strerror or error}; make room") from error

    def finish(self) -> None:
        """All that was wanted is written: what was in progress is removed."""
        self._remove()

    def _compare(self, group: str, now: Facts) -> None:
        before = self._read().get(group)
        if not isinstance(before, dict):
            raise self._damaged(f"no {group}")
        names = dict.fromkeys((*before, *now))
        other = [
            f"{name} {_read_facts(before, name)}, now {_read_facts(now, name)}"
            for name in names
            if _difference(before, now, name)
        ]
        if other:
            raise RenderError(
                f"{self.folder} was begun with {'; '.join(other)}: type the same command, or --overwrite instead of "
                "--resume to begin again"
            )

    def _read(self) -> dict[str, object]:
        try:
            said = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self._damaged(error) from error
        if not isinstance(said, dict) or said.get("omote_job") != _FORMAT:
            raise self._damaged(f"wanted version {_FORMAT}")
        return said

    def _damaged(self, why: object) -> RenderError:
        return RenderError(f"{self._file} cannot be read ({why}): begin again with --overwrite instead of --resume")

    def _write(self, drawing: Facts) -> None:
        said = {"omote_job": _FORMAT, "asked": self._asked, "drawing": dict(drawing)}
        try:
            write_text(self._file, json.dumps(said, indent=2))
        except OSError as error:
            raise RenderError(f"cannot write to {self.folder}: {error.strerror or error}; make room") from error

    def _require_new(self) -> None:
        """RenderError where an earlier result is in the way."""
        if there := [str(out) for out in self.outs if out.is_file()]:
            raise RenderError(
                f"{' and '.join(there)} {'is' if len(there) == 1 else 'are'} there already: add --overwrite, or choose "
                "another --out"
            )
        if self._given:
            prepare_folder(self._given, _EARLIER, RenderError, overwrite=False)

    def _require_own(self, folder: Path) -> None:
        """RenderError where numbered pictures that were not rendered would be removed."""
        try:
            other = next((path for path in sorted(folder.glob(PATTERN)) if is_foreign_png(path)), None)
        except OSError as error:
            raise RenderError(f"cannot read {folder}: {error.strerror or error}") from error
        if other:
            raise RenderError(f"{other} is no picture of Omote's, and would be removed: choose another folder")

    def _remove(self) -> None:
        """The job's own files, and nothing that anybody else may have put there."""
        own = self.folder / "pictures"
        for path in [*own.glob(PATTERN), self._file, self._script]:
            path.unlink(missing_ok=True)
        for folder, pattern in ((own, PATTERN), (self.folder, self._file.name), (self.folder, self._script.name)):
            remove_leftovers(folder, pattern)
        with suppress(OSError):
            own.rmdir()


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _pictures(count: int) -> str:
    return f"{count} picture{'' if count == 1 else 's'}"


def _read_facts(facts: Facts, name: str) -> str:
    return facts.get(name, "not said")


def _difference(before: Facts, now: Facts, name: str) -> bool:
    return before.get(name) != now.get(name)


if sys.platform == "win32":
    import msvcrt

    def _acquire(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _acquire(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


_LOCKED_ERRNOS = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Holds the lock of this file, which is made and removed; RenderError where another process holds it.

    A disk that knows no locks keeps nobody out. OSError where the file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            _acquire(handle)
        except OSError as error:
            if error.errno in _LOCKED_ERRNOS:
                raise _busy(path) from error
        if not _is_same_file(path, handle):  # whoever had it before removed it a moment ago
            raise _busy(path)
        try:
            yield
        finally:
            if sys.platform != "win32":  # which removes no open file
                with suppress(OSError):
                    path.unlink(missing_ok=True)
    finally:
        os.close(handle)
    if sys.platform == "win32":  # elsewhere it may be the next one's by now
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _busy(path: Path) -> RenderError:
    return RenderError(f"another omote is rendering in {path.parent}: wait for it, or choose another --out")


def _is_same_file(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except OSError:
        return False
