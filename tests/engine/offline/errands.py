"""Work that crews are given; a module of its own, so that workers can import it."""

from __future__ import annotations

import os
import time
from pathlib import Path


class Refusal(ValueError):
    """What an errand may raise."""


def product(shared: int, task: int) -> int:
    return shared * task


def refused(shared: str, task: int) -> None:
    raise Refusal(shared, task)


def fatal_at_first(seen: Path, task: int) -> int:
    """Takes its worker with it when the third task is begun for the first time."""
    mark = seen / str(task)
    if not mark.exists():
        mark.touch()
        if task == 3:
            os._exit(9)
    return 2 * task


def fatal(_shared: None, _task: int) -> None:
    os._exit(9)


def whose(shared: list[int], _task: int) -> tuple[int, int, str | None]:
    """The worker, where it keeps what is shared, and how many threads NumPy may have."""
    return os.getpid(), id(shared), os.environ.get("OPENBLAS_NUM_THREADS")


def endless(pids: Path, _task: int) -> None:
    (pids / str(os.getpid())).touch()
    time.sleep(600)
