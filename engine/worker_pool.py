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

LOCAL = "local"  # a cluster of this machine alone
_PER_CORE = 4  # workers of one machine at most: each takes its memory, and more than one a core draw no faster
ATTEMPTS = 3  # at a task whose worker is lost: what takes a worker with it thrice will do so again

# Of each worker. NumPy's own threads would fight over the cores, and their number changes the last bits of its sums.
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class WorkerError(OmoteError, ValueError):
    """Nobody can do the work; the message says why and the cure."""


class WorkerPool(Protocol):
    """Opened by `with`; `work` is a module's own function, and all that goes in and out of it can be pickled."""

    size: int  # how many tasks are done at the same time

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def done(
        self, work: Callable[[Shared, Task], Result], shared: Shared, tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """Each task with its result as soon as it is done, in any order; what `work` raises is raised.

        A task whose worker is lost is done again. No more results wait than there are workers, twice.
        """
        ...


class SerialPool:
    """One after the other, in this process."""

    size = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def done(
        self, work: Callable[[Shared, Task], Result], shared: Shared, tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result]]:
        for task in tasks:
            yield task, work(shared, task)


def pool_for(cluster: str | None, workers: int | None, threads: int | None) -> WorkerPool:
    """The crew that was asked for; CrewError where there can be none.

    `cluster` is "local" or an address that Ray knows; without one, `workers` are processes of this machine, and none
    or one of them is this process itself. `threads` are each worker's, as its work was told; None counts as one.
    """
    for name, number in (("--workers", workers), ("--threads", threads)):
        if number is not None and number < 1:
            raise WorkerError(f"{name} takes 1 or more, got {number}")
    cores = os.cpu_count() or 1
    if cluster in (None, LOCAL) and (workers or 1) > _PER_CORE * cores:
        raise WorkerError(
            f"--workers takes {_PER_CORE * cores} at most with the {cores} cores of this machine, got {workers}"
        )
    if cluster is not None:
        from .ray_pool import RayPool

        return RayPool(None if cluster == LOCAL else cluster, workers, threads)
    if workers is None or workers == 1:
        return SerialPool()
    pass

    return ProcessPool(workers)


_LOG = logging.getLogger(__name__)
_GONE = (EOFError, OSError)  # what a pipe says when nobody is at its other end
_HAS_SIGNAL_MASK = hasattr(signal, "pthread_sigmask")  # not on Windows


class ProcessPool:
    """So many processes, started by `done` and ended with it, also by Ctrl-C."""

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise WorkerError(f"--workers takes 1 or more, got {workers}")
        self.size = workers
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def done(
        self, work: Callable[[Shared, Task], Result], shared: Shared, tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """As `Crew` has it; CrewError where a task takes every worker with it that begins it.

        A worker begins its next task when its result is taken, so no more than one result of each waits.
        """
        with tempfile.TemporaryDirectory(prefix="omote-crew-", ignore_cleanup_errors=True) as folder:
            brief = Path(folder) / "brief"  # a file: a worker reads it once it has started, and nobody waits for that
            brief.write_bytes(pickle.dumps((work, shared)))
            try:
                for index, result in self._answers(brief, tasks):
                    yield tasks[index], result
            finally:
                self._end()

    def _answers(self, brief: Path, tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        waiting, losses = deque(range(len(tasks))), Counter[int]()
        while waiting or self._workers:
            while waiting and len(self._workers) < self.size:
                self._workers.append(_Worker.start(brief))
                self._workers[-1].begin(tasks, waiting.popleft())
            for worker in self._ready():
                index = worker.index
                try:
                    is_done, result = worker.answer()
                except _GONE:
                    self._workers.remove(worker)
                    losses[index] += 1
                    _report(worker.close(), index, len(tasks), losses[index])
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
        """Those that have answered, or are gone; waits for the first."""
        connections = wait([worker.connection for worker in self._workers])
        return [worker for worker in self._workers if worker.connection in connections]

    def _end(self) -> None:
        while self._workers:
            self._workers.pop().close()


@dataclass(eq=False)
class _Worker:
    """One process, and the number of the task that it has begun."""

    process: SpawnProcess
    connection: Connection
    index: int = -1

    @classmethod
    def start(cls, brief: Path) -> Self:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, brief), daemon=True)
        with _worker_environment():
            process.start()
        theirs.close()  # only then does the pipe tell that the worker is gone
        return cls(process, ours)

    def begin(self, tasks: Sequence[Any], index: int) -> None:
        self.index = index
        task = pickle.dumps(tasks[index])
        with suppress(*_GONE):  # `answer` will say that it is gone
            self.connection.send_bytes(task)

    def answer(self) -> Any:
        """Whether it is done, and the result or what was raised; EOFError or OSError if the worker is gone."""
        return pickle.loads(self.connection.recv_bytes())

    def close(self) -> int:
        """Ends it at once, for it owns nothing that it would have to finish; returns its exit code."""
        self.process.kill()
        self.process.join()
        self.connection.close()
        code = self.process.exitcode or 0
        self.process.close()
        return code


def _report(code: int, index: int, count: int, losses: int) -> None:
    """Warns that a worker is lost; CrewError where its task has taken too many with it."""
    how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    if losses >= ATTEMPTS:
        raise WorkerError(
            f"task {index + 1} of {count} has ended {losses} workers (the last: {how}): "
            "most likely memory runs out; use fewer --workers"
        )
    _LOG.warning("a worker is lost (%s): task %d of %d is done again", how, index + 1, count)


@contextmanager
def _worker_environment() -> Iterator[None]:
    """What a process that is started here inherits: one thread for NumPy, a safe path, and deafness to Ctrl-C.

    With a safe path Python imports nothing from the current folder, where a stranger's files may lie.

    A terminal sends Ctrl-C to the workers as well, which are to end because the parent says so, without a word.
    """
    inherited = {**ENVIRONMENT, "PYTHONSAFEPATH": "1"}
    before = {name: os.environ.get(name) for name in inherited}
    os.environ.update(inherited)
    if _HAS_SIGNAL_MASK:
        resource_tracker.ensure_running()  # else it is started by the first process, and undoes the mask
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


def _serve(connection: Connection, brief: Path) -> None:
    """A worker's life, which ends with the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with connection, suppress(*_GONE):
        while True:
            connection.send_bytes(_run_task(brief, connection.recv_bytes()))


def _end_with_parent() -> None:
    """Also in the middle of a task, when the parent was killed and nobody will take its result."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _run_task(brief: Path, task: bytes) -> bytes:
    try:
        work, shared = _read(brief)
        return pickle.dumps((True, work(shared, pickle.loads(task))))
    except Exception as error:  # whatever it is, the parent raises it
        return pickle.dumps((False, _picklable_error(error)))


@lru_cache(maxsize=1)
def _read(brief: Path) -> tuple[Callable[[Any, Any], Any], Any]:
    """What to do, and what all tasks share: the same object each time, so that work may keep what it made of it."""
    work, shared = pickle.loads(brief.read_bytes())
    return work, shared


def _picklable_error(error: Exception) -> Exception:
    """It, with where it was raised, or its words where it cannot be pickled."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
