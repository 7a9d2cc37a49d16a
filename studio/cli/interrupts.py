"""Ctrl-C and termination signals: they work during native code, and end a process whose threads hang."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, TypeVar

T = TypeVar("T")

_POLL_S = 0.05
_TERMINATION_SIGNALS = ("SIGTERM", "SIGHUP")  # from the system, and from a terminal that closes


class Terminated(KeyboardInterrupt):
    """A termination signal of this number, raised like Ctrl-C."""

    def __init__(self, number: int) -> None:
        self.number = number


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """The exit code that shells use for a signal: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + (interrupt.number if isinstance(interrupt, Terminated) else signal.SIGINT)


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Raises termination signals as Ctrl-C, if this is the main thread. Ignored signals, as under nohup, stay so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated(number)

    numbers = [getattr(signal, name) for name in _TERMINATION_SIGNALS if hasattr(signal, name)]
    before = {one: handler for one in numbers if (handler := signal.getsignal(one)) not in (None, signal.SIG_IGN)}
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_interruptibly(work: Callable[[], T]) -> T:
    """Runs `work` in a thread and returns its result; Ctrl-C leaves the thread behind."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name="start", daemon=True).start()
    while not outcome.done():
        wait([outcome], _POLL_S)
    return outcome.result()


def exit_process(code: int) -> int:
    """Returns the code, or ends the process at once if a daemon thread is still alive.

    Such a thread may hang in native code, and Python would abort when it shuts down under it.
    """
    if any(thread.daemon for thread in threading.enumerate()):
        exit_now(code)
    return code


def exit_within(seconds: float, code: int) -> None:
    """Ends the process with this code after so many seconds, if it is still there."""
    deadline = threading.Timer(seconds, exit_now, (code,))
    deadline.daemon = True
    deadline.start()


def exit_now(code: int) -> NoReturn:
    """Ends the process without waiting for any thread."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:  # even if the output is closed
        os._exit(code)
