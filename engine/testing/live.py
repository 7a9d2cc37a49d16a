"""Fakes of the live loop: a scripted source, and an output that collects portraits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from omote.bridge import arkit

from ..capture.source import EndOfSource
from ..data import Portrait, Signal, Stamp
from ..live.latency import LatencyMeter
from ..live.loop import LiveLoop

TIMEOUT_S = 20.0


class CollectingOutput:
    """Keeps every portrait, and tells the meter that it was sent."""

    name = "collecting"

    def __init__(self, meter: LatencyMeter | None = None, clock_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self.portraits: list[Portrait] = []
        self._meter, self._clock_ns = meter, clock_ns
        self._changed = threading.Condition()

    def offer(self, portrait: Portrait) -> None:
        if self._meter:
            self._meter.sent(portrait.stamp.index, self._clock_ns())
        with self._changed:
            self.portraits.append(portrait)
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        """Until there are so many portraits; TimeoutError if they do not come."""
        self._wait(lambda: len(self.portraits) >= count)

    def wait_until(self, is_shown: Callable[[Portrait], bool]) -> None:
        """Until this is true of the newest portrait; TimeoutError if it does not become true."""
        self._wait(lambda: bool(self.portraits) and is_shown(self.portraits[-1]))

    def _wait(self, is_done: Callable[[], bool]) -> None:
        with self._changed:
            if not self._changed.wait_for(is_done, TIMEOUT_S):
                raise TimeoutError(f"not after {TIMEOUT_S:g} s and {len(self.portraits)} portraits")

    @property
    def indices(self) -> list[int]:
        return [portrait.stamp.index for portrait in self.portraits]


class ScriptedSource:
    """A live source: gives a signal with an open jaw, once or again and again, until it is to raise `then`."""

    dropped = 0

    def __init__(
        self,
        name: str = "phone",
        then: Exception | None = None,
        on_open: Exception | None = None,
        repeats: bool = False,
    ) -> None:
        self.name, self.then = name, then
        self.is_closed = threading.Event()
        self._on_open, self._repeats, self._count = on_open, repeats, 0

    def __enter__(self) -> Self:
        if self._on_open:
            raise self._on_open
        return self

    def __exit__(self, *error: object) -> None:
        self.is_closed.set()

    def read(self, timeout_s: float) -> Signal | None:
        self._count += 1
        if self._count > 1:
            if self.then:
                raise self.then
            time.sleep(min(timeout_s, 0.01))
        return Signal(Stamp.now(), arkit.weights({"jawOpen": 1.0})) if self._count == 1 or self._repeats else None


@contextmanager
def running(loop: LiveLoop, source: ScriptedSource, output: CollectingOutput) -> Iterator[threading.Thread]:
    """Runs the loop in a thread, from its first portrait on; at the end, this source ends it."""
    thread = threading.Thread(target=loop.run, kwargs={"seconds": TIMEOUT_S}, daemon=True)
    thread.start()
    output.wait_for(1)
    yield thread
    source.then = EndOfSource()
    thread.join(TIMEOUT_S)
