"""A crew: whoever carries out the same work on many tasks, here or on other machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, Self, TypeVar

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Result = TypeVar("Result")


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
