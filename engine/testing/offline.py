"""Animations and work for worker pools, for tests of the offline path."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..face.light import studio_light
from ..offline.animation import FACE_SIZE, Animation, single_character_animation


def still_animation(count: int, fps: Fraction = Fraction(30), character: str = "hana") -> Animation:
    """A face at rest in so many pictures."""
    return single_character_animation(fps, np.zeros((count, FACE_SIZE), np.float32), studio_light(), character)


# Functions that worker pools run: workers import this module.


class WorkFailed(ValueError):
    """Raised by `fail`."""


def multiply(shared: int, task: int) -> int:
    return shared * task


def fail(shared: str, task: int) -> None:
    raise WorkFailed(shared, task)


def exit_once(seen: Path, task: int) -> int:
    """Ends its worker when task 3 is begun for the first time; `seen` is a folder of marks."""
    mark = seen / str(task)
    if not mark.exists():
        mark.touch()
        if task == 3:
            os._exit(9)
    return 2 * task


def exit_always(code: int, _task: int) -> None:
    """Ends the process with this exit code, or by the signal of its negative."""
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


def identify(shared: list[int], _task: int) -> tuple[int, int, str | None]:
    """The worker, the identity of the shared object there, and how many threads NumPy may have."""
    return os.getpid(), id(shared), os.environ.get("OPENBLAS_NUM_THREADS")
