"""Work that takes seconds, one piece after another in a thread of its own, with a list of it for people."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

log = logging.getLogger(__name__)

MOST_WAITING = 3
_MOST_KEPT = 8  # of those that are over


class JobsError(ValueError):
    """No more work is taken now; the message says what to wait for."""


@dataclass(frozen=True)
class Job:
    """One piece of work as a person sees it."""

    number: int
    name: str
    what: str
    state: str = "waiting"  # then "running", then "done" or "failed"
    message: str = ""

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "failed")


class Jobs:
    """Begins a thread where there is something to do, which ends when that is done."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        """`on_change` is called in that thread, or in that of `add`, whenever `rows` are others."""
        self._on_change = on_change
        self._rows: dict[int, Job] = {}
        self._work: deque[tuple[int, Callable[[], str]]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._count = 0

    @property
    def rows(self) -> tuple[Job, ...]:
        """Those that wait or run, and the last of those that are over; in the order of their numbers."""
        with self._lock:
            return tuple(self._rows.values())

    def add(self, name: str, what: str, work: Callable[[], str]) -> int:
        """Does this when its turn comes, and returns its number.

        The job's message is what `work` returns, or the text of its ValueError.
        """
        with self._lock:
            if len(self._work) >= MOST_WAITING:
                raise JobsError(f"{len(self._work)} characters are waiting to be made: wait until one is done")
            self._count += 1
            number = self._count
            self._rows[number] = Job(number, name, what)
            over = [job.number for job in self._rows.values() if job.is_over]
            for old in over[: max(len(over) - _MOST_KEPT, 0)]:
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
