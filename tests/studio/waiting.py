"""A source for tests: somebody who sits still until they are told to begin, and then plays a take."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Self

from omote.engine.capture.take import Take, TakeSource
from omote.engine.data import Signal


class Waiting:
    """Plays nothing until `begin` is set, then each picture of the take, whose time goes as the take says.

    However slow the machine is, none is left out, and none comes before its picture was drawn or shown to a witness.
    """

    dropped = 0

    def __init__(self, name: str, take: Take) -> None:
        self.name = name
        self.begin = threading.Event()
        self._take = TakeSource(take, name, is_offline=True)
        self._start_ns = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read(self, timeout_s: float) -> Signal | None:
        """The next one; EndOfSource after the last."""
        if not self.begin.wait(timeout_s):
            return None
        self._start_ns = self._start_ns or time.perf_counter_ns()
        signal = self._take.read(timeout_s)
        if signal is None:
            return None
        captured_ns = self._start_ns + signal.stamp.captured_ns
        return replace(signal, stamp=replace(signal.stamp, captured_ns=captured_ns, captured_wall_ns=time.time_ns()))
