"""What a person sees while a rendering goes on: a bar on a terminal, and now and then a line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

_LINE_S = 10.0  # between two lines where there is no terminal


class Phases:
    """Opened by `with`; one phase follows the other, and each is told how far it is."""

    def __init__(self, console: Console, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock_s = console, clock_s
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[told]}", markup=False),
        )
        self._bars = Progress(*columns, console=console, disable=not console.is_terminal)
        self._bar: TaskID | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self._bars)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def phase(self, name: str, total: int | None = None) -> Callable[[int], None]:
        """What is to be told how many pictures of it are done, the first time with those that were done before."""
        if self._bar is not None:
            self._bars.remove_task(self._bar)
        bar = self._bar = self._bars.add_task(name, total=total, told="")
        began_s = line_s = self._clock_s()
        before: int | None = None
        is_over = False

        def tell(done: int) -> None:
            nonlocal before, line_s, is_over
            now_s = self._clock_s()
            before = done if before is None else before
            words = told(done, total, done - before, now_s - began_s)
            self._bars.update(bar, completed=done, told=words)
            if not self._console.is_terminal and not is_over and (now_s - line_s >= _LINE_S or done == total):
                line_s, is_over = now_s, done == total
                self._console.print(f"{name}: {words}", highlight=False, markup=False, soft_wrap=True)

        return tell


def told(done: int, total: int | None, drawn: int, seconds: float) -> str:
    """How far it is, how fast, and how long the rest will take; `drawn` are those that took these seconds."""
    words = f"{done} of {total} pictures" if total is not None else f"{done} pictures"
    if drawn <= 0 or seconds <= 0.0:
        return words
    words += f", {drawn / seconds:.{1 if drawn < 100.0 * seconds else 0}f} pictures/s"
    if total is None or done >= total:
        return words
    return f"{words}, {lasting((total - done) * seconds / drawn)} left"


def lasting(seconds: float) -> str:
    """So long, for people: 0:42, 12:07, 3:05:40."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
