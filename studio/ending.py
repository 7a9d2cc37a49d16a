"""Ctrl-C is obeyed: while something is busy in native code, and where something will not end."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import NoReturn, TypeVar

T = TypeVar("T")

_STEP_S = 0.05


def interruptibly(work: Callable[[], T]) -> T:
    """What `work` returns or raises. Ctrl-C is heard meanwhile: it runs in a thread, which is then left behind."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name="start", daemon=True).start()
    while not outcome.done():
        wait([outcome], _STEP_S)
    return outcome.result()


def leave(code: int) -> int:
    """The code, where the process can end as Python does; else it ends here, because Python would abort.

    A daemon thread that is still alive hangs, maybe in native code, and would see the interpreter go while it runs.
    """
    if any(thread.daemon for thread in threading.enumerate()):
        end_now(code)
    return code


def end_within(seconds: float, code: int) -> None:
    """Ends the process with this code in so many seconds, if nothing has ended it before."""
    deadline = threading.Timer(seconds, end_now, (code,))
    deadline.daemon = True
    deadline.start()


def end_now(code: int) -> NoReturn:
    """Ends the process without waiting for any thread."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:  # also where whoever listened has gone
        os._exit(code)
