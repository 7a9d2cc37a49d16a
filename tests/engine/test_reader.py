"""The thread that reads a source, and where one source ends and the next begins."""

from __future__ import annotations

import threading
import time
from typing import Self

import numpy as np

from omote.bridge import arkit
from omote.bridge.latest import Latest
from omote.engine.data import Signal, Stamp
from omote.engine.live.scheduling import CapturedSignal, SourceReader, TrackingScheduler

PATIENCE_S = 20.0


class Endless:
    """Gives picture after picture."""

    name, dropped = "endless", 0

    def __init__(self) -> None:
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read(self, timeout_s: float) -> Signal | None:
        self._count += 1
        return Signal(Stamp(self._count, time.perf_counter_ns(), 0), np.zeros(arkit.COUNT, np.float32))


def test_a_source_that_is_stopped_is_seen_no_more_once_that_is_said() -> None:
    told, is_seeing, goes_on, is_over = list[str](), threading.Event(), threading.Event(), threading.Event()

    def see(_: Signal) -> None:
        is_seeing.set()
        assert goes_on.wait(PATIENCE_S)
        told.append("seen")

    def stop() -> None:
        reader.stop()
        told.append("stopped")

    mailbox: Latest[CapturedSignal] = Latest()
    clock = time.perf_counter_ns
    reader = SourceReader(
        Endless(), mailbox, lambda _: is_over.set(), clock, TrackingScheduler(clock), on_signal=see
    ).start()
    reader.admit()
    assert is_seeing.wait(PATIENCE_S)
    stopper = threading.Thread(target=stop, daemon=True)
    stopper.start()
    stopper.join(0.1)  # however long: it waits for the picture that is being handed over
    goes_on.set()
    stopper.join(PATIENCE_S)
    assert is_over.wait(PATIENCE_S)
    assert told == ["seen", "stopped"]
    assert mailbox.take(0.0) is not None
    assert mailbox.replaced == 0
