"""A job: one rendering in progress, in a folder beside what it becomes, so that it can be gone on with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from omote.engine.result_folder import prepare_folder
from omote.engine.version import version

from .lock import locked
from .picture_file import PATTERN
from .script import RenderError, Script
from .writing.unfinished import beside

SUFFIX = ".omote"
TABLE = "params.csv"  # in a folder of pictures
_FORMAT = 1
_PICTURES = (PATTERN, beside(Path(PATTERN)).name)  # and what a killed process left of one
_EARLIER = (*_PICTURES, TABLE, beside(Path(TABLE)).name)

Facts = Mapping[str, str]  # what must be the same for the same pictures to come out, by its name for people


class Job:
    """Opened by `with`, which keeps other processes out; what is worth nothing when it closes is removed."""

    def __init__(self, outs: Sequence[Path], folder: Path | None) -> None:
        """`outs` are the files that are wanted; the pictures are drawn into `folder`, or into the job's own."""
        self.outs, self._given = tuple(outs), folder
        place = folder or self.outs[0]
        self.folder = place.with_name(place.name + SUFFIX)
        self.pictures = folder or self.folder / "pictures"
        self._file, self._script = self.folder / "job.json", self.folder / "script.npz"
        self._asked: dict[str, str] = {}
        self._is_made = False  # whether `folder` was not there before
        self._open = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._open.enter_context(locked(self.folder / "lock"))
        except OSError as error:
            raise RenderError(f"cannot write to {self.folder} ({error.strerror or error}): choose another --out") from (
                error
            )
        return self

    def __exit__(self, *error: object) -> None:
        if not self.has_script:  # neither pictures nor what took its time to find out
            with suppress(OSError):
                self._remove()
                if self._given and self._is_made:
                    self._given.rmdir()  # which is refused where something is in it
        self._open.close()
        with suppress(OSError):
            self.folder.rmdir()

    @property
    def kept(self) -> int:
        """How many pictures there are."""
        return sum(1 for _ in self.pictures.glob(PATTERN))

    @property
    def has_script(self) -> bool:
        """Whether it is kept what is shown."""
        return self._script.is_file()

    def admit(self, asked: Facts, *, resume: bool = False, overwrite: bool = False) -> bool:
        """Whether something is gone on with; nothing is changed but that a folder for pictures is made.

        RenderError where something unfinished or an earlier result is in the way, or where what is to be gone on with
        is another rendering.
        """
        self._asked = {"omote": version(), **asked}
        if self._file.is_file() and self.has_script:
            if resume:
                self._compare("asked", self._asked)
            elif not overwrite:
                raise RenderError(
                    f"an unfinished rendering is in {self.folder}, with {_pictures(self.kept)}: add --resume to go on "
                    "with it, or --overwrite to begin again"
                )
            return resume
        if not overwrite:
            self._require_new()
        return False

    def begin(self, asked: Facts, *, resume: bool = False, overwrite: bool = False) -> bool:
        """The same, and makes everything ready: what --overwrite means is removed."""
        is_gone_on_with = self.admit(asked, resume=resume, overwrite=overwrite)
        if not is_gone_on_with:
            if self._given and overwrite:
                self._is_made |= not self._given.exists()
                prepare_folder(self._given, _EARLIER, RenderError, overwrite=True)
            self._remove()
            self._write()
        try:
            self.pictures.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RenderError(f"cannot write to {self.pictures}: {error.strerror or error}") from error
        return is_gone_on_with

    def script(self, make: Callable[[], Script]) -> Script:
        """What is shown: as it was found out before, else as `make` finds out now."""
        if self.has_script:
            with suppress(RenderError):  # damaged by a power cut: what is found out again is the same
                return Script.load(self._script)
        script = make()
        self.keep(script)
        return script

    def keep(self, script: Script) -> None:
        """What is shown is this."""
        try:
            script.save(self._script)
        except OSError as error:
            raise RenderError(f"cannot write to {self.folder}: {error.strerror or error}; make room") from error

    def agree(self, drawing: Facts, script: Script) -> None:
        """RenderError where the pictures that are there were drawn otherwise, or show something else."""
        facts = {**drawing, "what is shown": script.digest()[:12]}
        if self.kept and self._read().get("drawing"):
            self._compare("drawing", facts)
        self._write(facts)

    def finish(self) -> None:
        """All that was wanted is written: what was in progress is removed."""
        self._remove()

    def _compare(self, group: str, now: Facts) -> None:
        before = self._read().get(group)
        if not isinstance(before, dict):
            raise self._damaged(f"no {group}")
        names = dict.fromkeys((*before, *now))
        other = [
            f"{name} {_said(before, name)}, now {_said(now, name)}" for name in names if _differs(before, now, name)
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

    def _write(self, drawing: Facts | None = None) -> None:
        said = {"omote_job": _FORMAT, "asked": self._asked, "drawing": drawing and dict(drawing)}
        unfinished = self._file.with_name(self._file.name + ".part")
        try:
            with unfinished.open("w", encoding="utf-8", newline="\n") as file:
                json.dump(said, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._file)
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
            self._is_made |= not self._given.exists()
            prepare_folder(self._given, _EARLIER, RenderError, overwrite=False)

    def _remove(self) -> None:
        """The job's own files, and nothing that anybody else may have put there."""
        own = self.folder / "pictures"
        for path in [path for pattern in _PICTURES for path in own.glob(pattern)]:
            path.unlink(missing_ok=True)
        for path in (self._file, self._script):
            path.unlink(missing_ok=True)
            path.with_name(path.name + ".part").unlink(missing_ok=True)
        with suppress(OSError):
            own.rmdir()


def _pictures(count: int) -> str:
    return f"{count} picture{'' if count == 1 else 's'}"


def _said(facts: Facts, name: str) -> str:
    return facts.get(name, "not said")


def _differs(before: Facts, now: Facts, name: str) -> bool:
    return before.get(name) != now.get(name)
