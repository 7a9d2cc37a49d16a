"""Worker pools: run one function on many tasks, in this process or in processes of this machine."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import tempfile
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from omote.bridge.errors import OmoteError

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Result = TypeVar("Result")

ATTEMPTS = 3  # at a task whose worker is lost: a task that ends three workers would end the fourth too

# The environment of each worker. NumPy's own threads would compete for the cores, and their number changes the last
# bits of its sums.
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

_CLOSED_PIPE = (EOFError, OSError)  # raised by a pipe whose other end is closed
_SIGKILL = 9  # which Linux sends to what takes the last memory
_HAS_SIGNAL_MASK = hasattr(signal, "pthread_sigmask")  # not on Windows
_LOG = logging.getLogger(__name__)


class WorkerError(OmoteError, ValueError):
    """The work cannot be done; the message says why and names the cure."""


class WorkerPool(Protocol):
    """Opened by `with`. `work` is a function of a module, and everything that goes in and out of it can be pickled."""

    size: int  # number of tasks that run at the same time

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def run(
        self, work: Callable[[Shared, Task], Result], shared: Shared, tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """Yields each task with the result of `work(shared, task)` as soon as it is done, in any order.

        Exceptions of `work` are raised here. A task whose worker is lost is run again. At most two results a worker
        wait to be taken.
        """
        ...


class SerialPool:
    """Runs one task after the other, in this process."""

    size = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def run(
        self, work: Callable[[Shared, Task], Result], shared: Shared, tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result]]:
        for task in tasks:
            yield task, work(shared, task)


class ProcessPool:
    """A number of processes. `run` starts them and ends them, also after Ctrl-C."""

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise WorkerError(f"--workers takes 1 or more, got {workers}")
        self.size = workers
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def run(
        self, work: Callable[[Shared, Task], Result], shared: Shared, tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """As `WorkerPool.run`; WorkerError if a task ends every worker that begins it.

        A worker begins its next task when its result is taken, so at most one result of each worker waits.
        """
        with tempfile.TemporaryDirectory(prefix="omote-workers-", ignore_cleanup_errors=True) as folder:
            # A file and not a pipe: a worker reads it once it has started, and this process does not wait for that.
            work_file = Path(folder) / "work"
            work_file.write_bytes(pickle.dumps((work, shared)))
            try:
                for index, result in self._results(work_file, tasks):
                    yield tasks[index], result
            finally:
                self._end()

    def _results(self, work_file: Path, tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        waiting, losses = deque(range(len(tasks))), Counter[int]()
        while waiting or self._workers:
            while waiting and len(self._workers) < self.size:
                self._workers.append(_Worker.start(work_file))
                self._workers[-1].begin(tasks, waiting.popleft())
            for worker in self._ready():
                index = worker.index
                try:
                    is_done, result = worker.result()
                except _CLOSED_PIPE:
                    self._workers.remove(worker)
                    losses[index] += 1
                    _report_loss(worker.close(), index, len(tasks), losses[index])
                    waiting.appendleft(index)
                    continue
                if not is_done:
                    raise result
                if waiting:
                    worker.begin(tasks, waiting.popleft())
                else:
                    self._workers.remove(worker)
                    worker.close()
                yield index, result

    def _ready(self) -> list[_Worker]:
        """The workers that have a result or have ended; waits for the first."""
        connections = wait([worker.connection for worker in self._workers])
        return [worker for worker in self._workers if worker.connection in connections]

    def _end(self) -> None:
        while self._workers:
            self._workers.pop().close()


@dataclass(eq=False)
class _Worker:
    """One process, and the index of the task that it has begun."""

    process: SpawnProcess
    connection: Connection
    index: int = -1

    @classmethod
    def start(cls, work_file: Path) -> Self:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, work_file), daemon=True)
        with _worker_environment():
            process.start()
        theirs.close()  # a pipe reports the end of the worker only when the worker alone holds the other end
        return cls(process, ours)

    def begin(self, tasks: Sequence[Any], index: int) -> None:
        self.index = index
        task = pickle.dumps(tasks[index])
        with suppress(*_CLOSED_PIPE):  # `result` reports it
            self.connection.send_bytes(task)

    def result(self) -> Any:
        """Whether the task is done, and its result or its exception; EOFError or OSError if the worker has ended."""
        return pickle.loads(self.connection.recv_bytes())

    def close(self) -> int:
        """Kills the process, which owns nothing that it would have to finish; returns its exit code."""
        self.process.kill()
        self.process.join()
        self.connection.close()
        code = self.process.exitcode or 0
        self.process.close()
        return code


def _report_loss(code: int, index: int, count: int, losses: int) -> None:
    """Warns that a worker is lost; WorkerError if its task has ended too many."""
    reason = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    if losses >= ATTEMPTS:
        is_killed = code == -_SIGKILL
        cause = "most likely memory runs out: use fewer --workers" if is_killed else "what it printed is above"
        raise WorkerError(f"task {index + 1} of {count} has ended {losses} workers (the last: {reason}): {cause}")
    _LOG.warning("a worker is lost (%s): task %d of %d is run again", reason, index + 1, count)


@contextmanager
def _worker_environment() -> Iterator[None]:
    """What a process that is started here inherits: one thread for NumPy, a safe path, and SIGINT blocked.

    With a safe path Python imports nothing from the current folder, which may hold files of strangers. A terminal sends
    Ctrl-C to the workers as well, but the parent ends them, and they print nothing.
    """
    inherited = {**ENVIRONMENT, "PYTHONSAFEPATH": "1"}
    before = {name: os.environ.get(name) for name in inherited}
    os.environ.update(inherited)
    if _HAS_SIGNAL_MASK:
        resource_tracker.ensure_running()  # otherwise the first process starts it, which undoes the mask
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if _HAS_SIGNAL_MASK:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


# In the worker.


def _serve(connection: Connection, work_file: Path) -> None:
    """Runs tasks until the parent closes the pipe or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with connection, suppress(*_CLOSED_PIPE):
        while True:
            connection.send_bytes(_run_task(work_file, connection.recv_bytes()))


def _end_with_parent() -> None:
    """Ends this process when the parent is killed, also in the middle of a task."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _run_task(work_file: Path, task: bytes) -> bytes:
    try:
        work, shared = _read_work(work_file)
        return pickle.dumps((True, work(shared, pickle.loads(task))))
    except Exception as error:  # the parent raises it
        return pickle.dumps((False, _picklable_error(error)))


@lru_cache(maxsize=1)
def _read_work(work_file: Path) -> tuple[Callable[[Any, Any], Any], Any]:
    """The function, and what all tasks share: the same object for each task, so `work` may cache by it."""
    work, shared = pickle.loads(work_file.read_bytes())
    return work, shared


def _picklable_error(error: Exception) -> Exception:
    """The exception with its traceback as a note, or a RuntimeError with its message if it cannot be pickled."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
