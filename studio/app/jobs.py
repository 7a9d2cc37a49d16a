"""Queues jobs that take seconds, and makes characters in a subprocess of low priority."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from omote.bridge.errors import OmoteError
from omote.engine.capture.source import SourceError
from omote.engine.errors import AnimatorError
from omote.engine.model.character_file import CharacterError
from omote.engine.models import ModelError, WeightsError
from omote.engine.runtime.session import RuntimeUnavailable

from .character_making import (
    CharacterRequest,
    SourceKind,
    make_character,
    make_folder,
    own_character_path,
    save_new_character,
)

log = logging.getLogger(__name__)

MAX_WAITING = 3
_MAX_FINISHED = 8  # of those that are over


class JobQueueError(OmoteError, ValueError):
    """No more work is taken now; the message says what to wait for."""


@dataclass(frozen=True)
class QueuedJob:
    """One piece of work as a person sees it."""

    number: int
    name: str
    what: str
    state: str = "waiting"  # then "running", then "done" or "failed"
    message: str = ""

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "failed")


class JobQueue:
    """Begins a thread where there is something to do, which ends when that is done."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        """`on_change` is called in that thread, or in that of `add`, whenever `rows` are others."""
        self._on_change = on_change
        self._rows: dict[int, QueuedJob] = {}
        self._work: deque[tuple[int, Callable[[], str]]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._count = 0

    @property
    def rows(self) -> tuple[QueuedJob, ...]:
        """Those that wait or run, and the last of those that are over; in the order of their numbers."""
        with self._lock:
            return tuple(self._rows.values())

    def add(self, name: str, what: str, work: Callable[[], str]) -> int:
        """Does this when its turn comes, and returns its number.

        The job's message is what `work` returns, or the text of its ValueError.
        """
        with self._lock:
            if len(self._work) >= MAX_WAITING:
                raise JobQueueError(f"{len(self._work)} characters are waiting to be made: wait until one is done")
            self._count += 1
            number = self._count
            self._rows[number] = QueuedJob(number, name, what)
            over = [job.number for job in self._rows.values() if job.is_over]
            for old in over[: max(len(over) - _MAX_FINISHED, 0)]:
                del self._rows[old]
            self._work.append((number, work))
            self._begin()
        self._on_change()
        return number

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._work:
                    self._thread = None
                    return
                number, work = self._work.popleft()
            self._do(number, work)

    def _do(self, number: int, work: Callable[[], str]) -> None:
        self._tell(number, "running")
        try:
            message = work()
        except Exception as error:
            self._tell(number, "failed", str(error) or type(error).__name__)
            if not isinstance(error, ValueError):
                log.exception("job %d", number)
        else:
            self._tell(number, "done", message)

    def _tell(self, number: int, state: str, message: str = "") -> None:
        with self._lock:
            self._rows[number] = replace(self._rows[number], state=state, message=message)
        self._on_change()


TIMEOUT_S = 600.0  # on the slowest machine it is a minute
_USER_ERRORS = (CharacterError, AnimatorError, SourceError, ModelError, WeightsError, RuntimeUnavailable)
_NICENESS = 5  # of `nice`: a third of the share that the stream has, where both want all
_HEARTBEAT_S = 0.5


class CharacterJobError(OmoteError, ValueError):
    """A character could not be made; the message says why."""


@dataclass(frozen=True)
class CharacterTask:
    """A character to make from a photo, a drawing or a model, and to keep under its name."""

    name: str
    picture: bytes  # of a PNG, JPEG or WebP file, or of a VRM model
    consent: str  # what the character's file says of what was declared about the picture
    of: SourceKind = "person"
    points: Mapping[str, tuple[float, float]] | None = (
        None  # of the face in a drawing, placed by hand; None: to be found
    )

    def told(self) -> bytes:
        """All of it, for stdin."""
        said = {"name": self.name, "consent": self.consent, "of": self.of, "points": self.points}
        return json.dumps(said).encode() + b"\n" + self.picture

    @classmethod
    def heard(cls, header: bytes, picture: bytes) -> CharacterTask:
        """The inverse of `told`, from its first line and the rest."""
        said = json.loads(header)
        return cls(said["name"], picture, said["consent"], said["of"], said["points"])


def make_in_subprocess(task: CharacterTask) -> tuple[str, ...]:
    """Makes the character and returns warnings about the picture; WorkshopError if that failed."""
    flags = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
    # -P: without it a file beside which the user happens to be, such as json.py, would be run.
    command, pipe = [sys.executable, "-P", "-m", __name__], subprocess.PIPE
    env = {"OPENBLAS_NUM_THREADS": "1", **os.environ}  # as of the command `omote`
    try:
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=env, creationflags=flags) as process:
            try:
                said, complained = process.communicate(task.told(), timeout=TIMEOUT_S)
            except BaseException:
                process.kill()
                raise
    except subprocess.TimeoutExpired as error:
        raise CharacterJobError(f"it was not done within {TIMEOUT_S / 60:.0f} minutes: is the machine busy?") from error
    except OSError as error:
        raise CharacterJobError(f"no process could be started for it ({error.strerror or error})") from error
    return _read_answer(said, complained, process.returncode)


def _read_answer(said: bytes, complained: bytes, code: int) -> tuple[str, ...]:
    try:
        answer = json.loads(said.strip().splitlines()[-1])
        error, warnings = answer["error"], tuple(map(str, answer["warnings"]))
    except (ValueError, IndexError, KeyError, TypeError):
        lines = complained.decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
        raise CharacterJobError(f"its process ended before it was done: {lines[-1][:200]}") from None
    if error:
        raise CharacterJobError(str(error))
    return warnings


def make_and_save(task: CharacterTask) -> tuple[str, ...]:
    """As `in_own_process`, in this one; no file is left behind when it fails."""
    try:
        path = own_character_path(task.name)
        make_folder(path.parent)
        made = make_character(
            CharacterRequest(name=task.name, upload=task.picture, of=task.of, placed=task.points), task.consent
        )
        if path.exists():
            raise CharacterError(f'"{task.name}" was made by another process meanwhile: choose another name')
        save_new_character(made.character, path)
    except _USER_ERRORS as error:
        raise CharacterJobError(" ".join(str(error).split())) from error
    return made.warnings


def _exit_with_parent() -> None:
    """Ends this process once its reader is gone, so that no character is made after Omote has ended."""
    while True:
        time.sleep(_HEARTBEAT_S)
        try:
            os.write(sys.stdout.fileno(), b"\n")
        except OSError:
            os._exit(1)


def subprocess_main() -> int:
    """The exit code: 0 if an answer was given."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    threading.Thread(target=_exit_with_parent, name="beat", daemon=True).start()
    told, error = sys.stdin.buffer, ""
    warnings: tuple[str, ...] = ()
    try:
        warnings = make_and_save(CharacterTask.heard(told.readline(), told.read()))
    except CharacterJobError as failed:
        error = str(failed)
    print("\n" + json.dumps({"error": error, "warnings": warnings}), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(subprocess_main())
