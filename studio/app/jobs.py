"""Queues slow jobs, and makes characters in a subprocess of low priority."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from omote.bridge.errors import OmoteError
from omote.engine.capture.source import SourceError
from omote.engine.child_process import IsCancelled, run_child
from omote.engine.errors import AnimatorError
from omote.engine.models import ModelError, WeightsError
from omote.engine.runtime.session import RuntimeUnavailable
from omote.engine.tensor_file import CharacterError

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
_MAX_FINISHED = 8  # jobs that stay listed

TIMEOUT_S = 600.0  # a minute is enough on the slowest machine
_USER_ERRORS = (CharacterError, AnimatorError, SourceError, ModelError, WeightsError, RuntimeUnavailable)
NICENESS = 5  # a third of the processor time of the stream, where both need all of it


class JobQueueError(OmoteError, ValueError):
    """The queue is full, or there is no such job; the message says what to do."""


@dataclass(frozen=True)
class QueuedJob:
    """A job and its state, as the page lists it."""

    number: int
    name: str
    what: str
    state: str = "waiting"  # then "running", then "done", "failed" or, until its process has ended, "cancelled"
    message: str = ""
    began_s: float | None = None  # by the wall clock; None while it waits

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "failed")


class JobQueue:
    """Runs jobs one after the other, in a thread that ends when none is left."""

    def __init__(self, on_change: Callable[[], None], clock_s: Callable[[], float] = time.time) -> None:
        """`on_change` is called whenever `rows` change, in the jobs' thread or in that of the caller."""
        self._on_change, self._clock_s = on_change, clock_s
        self._rows: dict[int, QueuedJob] = {}
        self._work: deque[tuple[int, Callable[[IsCancelled], str]]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._count = 0

    @property
    def rows(self) -> tuple[QueuedJob, ...]:
        """The jobs that wait or run, and the last that are over, by number."""
        with self._lock:
            return tuple(self._rows.values())

    def add(self, name: str, what: str, work: Callable[[IsCancelled], str]) -> int:
        """Queues a job and returns its number; JobQueueError if the queue is full.

        Its message becomes what `work(is_cancelled)` returns, or the text of its error. `work` should end soon once
        `is_cancelled()` is true.
        """
        with self._lock:
            if len(self._work) >= MAX_WAITING:
                raise JobQueueError(
                    f"{len(self._work)} jobs are waiting already: wait until one is done, or cancel one"
                )
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

    def remove(self, number: int) -> None:
        """Cancels a job that waits or runs, and forgets one that is over; JobQueueError if there is none."""
        with self._lock:
            if (job := self._rows.get(number)) is None:
                raise JobQueueError(f"no job has the number {number}: it was cancelled or dismissed already")
            if job.state == "running":
                self._rows[number] = replace(job, state="cancelled")
            elif job.state != "cancelled":
                self._work = deque(one for one in self._work if one[0] != number)
                del self._rows[number]
        self._on_change()

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

    def _do(self, number: int, work: Callable[[IsCancelled], str]) -> None:
        self._update(number, "running", began_s=self._clock_s())
        try:
            message = work(lambda: self._rows[number].state == "cancelled")
        except Exception as error:
            if self._rows[number].state == "cancelled":
                with self._lock:
                    del self._rows[number]
                self._on_change()
                return
            self._update(number, "failed", message=str(error) or type(error).__name__)
            if not isinstance(error, ValueError):
                log.exception("job %d", number)
        else:
            self._update(number, "done", message=message)

    def _update(self, number: int, state: str, **values: object) -> None:
        with self._lock:
            self._rows[number] = replace(self._rows[number], state=state, **values)  # type: ignore[arg-type]  # its fields
        self._on_change()


class CharacterJobError(OmoteError, ValueError):
    """A character could not be made; the message says why."""


@dataclass(frozen=True)
class CharacterTask:
    """A character to make from a photo, a drawing or a model, and to save under its name."""

    name: str
    picture: bytes  # a PNG, JPEG or WebP file, or a VRM model
    consent: str  # the statement of consent for the character's file
    of: SourceKind = "person"
    # Of the face in a drawing, placed by hand; None: they are found.
    points: Mapping[str, tuple[float, float]] | None = None

    def to_bytes(self) -> bytes:
        """The task as bytes, for the stdin of the subprocess."""
        output = {"name": self.name, "consent": self.consent, "of": self.of, "points": self.points}
        return json.dumps(output).encode() + b"\n" + self.picture

    @classmethod
    def from_bytes(cls, header: bytes, picture: bytes) -> CharacterTask:
        """The inverse of `to_bytes`, from its first line and the rest."""
        output = json.loads(header)
        return cls(output["name"], picture, output["consent"], output["of"], output["points"])


def make_in_subprocess(task: CharacterTask, is_cancelled: IsCancelled = lambda: False) -> tuple[str, ...]:
    """Makes the character and returns warnings about the picture; CharacterJobError or ChildCancelled if it fails."""
    try:
        done = run_child(
            __name__, sent=task.to_bytes(), timeout_s=TIMEOUT_S, niceness=NICENESS, is_cancelled=is_cancelled
        )
    except subprocess.TimeoutExpired as error:
        raise CharacterJobError(f"it took more than {TIMEOUT_S / 60:.0f} minutes: is the machine busy?") from error
    except OSError as error:
        raise CharacterJobError(f"no process could be started ({error.strerror or error})") from error
    return _read_answer(done.stdout, done.stderr, done.returncode)


def _read_answer(output: bytes, errors: bytes, code: int) -> tuple[str, ...]:
    try:
        answer = json.loads(output.strip().splitlines()[-1])
        error, warnings = answer["error"], tuple(map(str, answer["warnings"]))
    except (ValueError, IndexError, KeyError, TypeError):
        lines = errors.decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
        raise CharacterJobError(f"its process ended before it was done: {lines[-1][:200]}") from None
    if error:
        raise CharacterJobError(str(error))
    return warnings


def make_and_save(task: CharacterTask) -> tuple[str, ...]:
    """As `make_in_subprocess`, in this process; a failure leaves no file behind."""
    try:
        path = own_character_path(task.name)
        make_folder(path.parent)
        made = make_character(
            CharacterRequest(name=task.name, upload=task.picture, of=task.of, placed=task.points), task.consent
        )
        if path.exists():
            raise CharacterError(f'"{task.name}" exists by now: choose another name')
        save_new_character(made.character, path)
    except _USER_ERRORS as error:
        raise CharacterJobError(" ".join(str(error).split())) from error
    return made.warnings


def subprocess_main() -> int:
    """Makes the character of the task on stdin and prints the answer; returns the exit code."""
    to_bytes, error = sys.stdin.buffer, ""
    warnings: tuple[str, ...] = ()
    try:
        warnings = make_and_save(CharacterTask.from_bytes(to_bytes.readline(), to_bytes.read()))
    except CharacterJobError as failed:
        error = str(failed)
    print("\n" + json.dumps({"error": error, "warnings": warnings}), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(subprocess_main())
