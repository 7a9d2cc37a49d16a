"""A crew: whoever carries out the same work on many tasks, here or on other machines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, Self, TypeVar

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Result = TypeVar("Result")

LOCAL = "local"  # a cluster of this machine alone
_PER_CORE = 4  # workers of one machine at most: each takes its memory, and more than one a core draw no faster
ATTEMPTS = 3  # at a task whose worker is lost: what takes a worker with it thrice will do so again

# Of each worker. NumPy's own threads would fight over the cores, and their number changes the last bits of its sums.
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class CrewError(ValueError):
    """Nobody can do the work; the message says why and the cure."""


class Crew(Protocol):
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


class Alone:
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


def crew_for(cluster: str | None, workers: int | None, threads: int | None) -> Crew:
    """The crew that was asked for; CrewError where there can be none.

    `cluster` is "local" or an address that Ray knows; without one, `workers` are processes of this machine, and none
    or one of them is this process itself. `threads` are each worker's, as its work was told; None counts as one.
    """
    for name, number in (("--workers", workers), ("--threads", threads)):
        if number is not None and number < 1:
            raise CrewError(f"{name} takes 1 or more, got {number}")
    cores = os.cpu_count() or 1
    if cluster in (None, LOCAL) and (workers or 1) > _PER_CORE * cores:
        raise CrewError(
            f"--workers takes {_PER_CORE * cores} at most with the {cores} cores of this machine, got {workers}"
        )
    if cluster is not None:
        from .ray_cluster import RayCluster

        return RayCluster(None if cluster == LOCAL else cluster, workers, threads)
    if workers is None or workers == 1:
        return Alone()
    from .processes import Processes

    return Processes(workers)
