"""Asks the sender about itself and its clock, in a thread of its own, so that nobody waits for the answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from omote.bridge.control import Clock, ControlClient, ControlError
from omote.bridge.keys import ClientKeys

_PERIOD_S = 1.0
_CLOCK_PERIOD_S = 10.0
_TIMEOUT_S = 1.0
_ENDING_S = 0.5


@dataclass(frozen=True)
class Answers:
    """What control has answered last."""

    endpoint: str = ""  # of control; none is known yet where this is empty
    hello: Mapping[str, object] | None = None
    stats: Mapping[str, object] | None = None
    clock: Clock | None = None
    error: str = ""  # why nothing new has come


class Asker:
    """Keeps `answers` up to date; `with` starts and ends it. `where` says which endpoint to ask, "" for none yet."""

    def __init__(self, where: Callable[[], str], keys: ClientKeys | None = None) -> None:
        self.answers = Answers()
        self._where = where
        self._keys = keys
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="asker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_stopping.set()
        self._thread.join(_ENDING_S)  # it may be waiting for an answer, and ends after that

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            if endpoint := self._where():
                self.answers = Answers(endpoint)
                with ControlClient(endpoint, self._keys) as client:
                    self._ask_while(endpoint, client)
            self._is_stopping.wait(_PERIOD_S / 10)

    def _ask_while(self, endpoint: str, client: ControlClient) -> None:
        clock_due_s = time.monotonic()
        while not self._is_stopping.is_set() and self._where() == endpoint:
            try:
                if time.monotonic() >= clock_due_s:
                    clock, hello = client.measure_clock(), _asked(client, "hello")
                    self.answers = replace(self.answers, clock=clock, hello=hello)
                    clock_due_s = time.monotonic() + _CLOCK_PERIOD_S
                self.answers = replace(self.answers, stats=_asked(client, "stats"), error="")
            except ControlError as error:
                # Whoever answers next may be another run, with another clock.
                self.answers = Answers(endpoint, error=error.message)
                clock_due_s = time.monotonic()
            self._is_stopping.wait(_PERIOD_S)


def _asked(client: ControlClient, method: str) -> Mapping[str, object] | None:
    """The result; None from a sender that does not know the method. ControlError where nobody answers."""
    try:
        return client.call(method, timeout_s=_TIMEOUT_S)
    except ControlError as error:
        if error.code != "unsupported":
            raise
        return None
