"""Ctrl-C is obeyed: while something is busy in native code, and where something will not end."""

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
_TERMINATION_SIGNALS = ("SIGTERM", "SIGHUP")  # by the system, and by a terminal that is closed


class Terminated(KeyboardInterrupt):
    """The system asks to end, by a signal of this number; heard as Ctrl-C."""

    def __init__(self, number: int) -> None:
        self.number = number


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """As a shell reports what a signal has ended: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + (interrupt.number if isinstance(interrupt, Terminated) else signal.SIGINT)


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Who is asked to end hears it as Ctrl-C, where this is the thread that hears such things; nohup stays nohup."""
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
    """What `work` returns or raises. Ctrl-C is heard meanwhile: it runs in a thread, which is then left behind."""
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
    """The code, where the process can end as Python does; else it ends here, because Python would abort.

    A daemon thread that is still alive hangs, maybe in native code, and would see the interpreter go while it runs.
    """
    if any(thread.daemon for thread in threading.enumerate()):
        exit_now(code)
    return code


def exit_within(seconds: float, code: int) -> None:
    """Ends the process with this code in so many seconds, if nothing has ended it before."""
    deadline = threading.Timer(seconds, exit_now, (code,))
    deadline.daemon = True
    deadline.start()


def exit_now(code: int) -> NoReturn:
    """Ends the process without waiting for any thread."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:  # also where whoever listened has gone
        os._exit(code)
