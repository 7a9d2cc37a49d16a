"""What can be asked, and a thread for what takes long: whatever a method does, a reply comes out."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Iterator, Mapping

from .message import ControlError, Reply, Request

Method = Callable[[Mapping[str, object]], Mapping[str, object]]  # from `with` to `result`; raises ControlError

MAX_WAITING = 8  # slow requests, besides the one under way

_ENDING_S = 2.0

_log = logging.getLogger(__name__)


class Methods:
    """Methods by their names."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self.names = tuple(methods)
        self._methods = dict(methods)
        self._traced: set[str] = set()

    def carry_out(self, request: Request) -> Reply:
        """The reply to this request; a method's unexpected error is logged in full the first time."""
        method = self._methods.get(request.method)
        if not method:
            names = ", ".join(self.names)
            return _refusal(request, "unsupported", f"{request.method[:64]!r} is not known here; there are: {names}")
        try:
            return Reply(request.id, method(request.arguments))
        except ControlError as error:
            return Reply(request.id, error=error)
        except Exception as error:
            is_new = request.method not in self._traced
            self._traced.add(request.method)
            _log.error("control: %s failed (%s)", request.method, type(error).__name__, exc_info=is_new)
            return _refusal(request, "failed", f"{request.method} failed inside Omote; its log says why")


class Worker:
    """Carries out one request after the other in a thread of its own; `with` starts and ends it."""

    def __init__(self, methods: Methods) -> None:
        self._methods = methods
        self._waiting: queue.Queue[tuple[bytes, Request] | None] = queue.Queue(MAX_WAITING)
        self._done: queue.SimpleQueue[tuple[bytes, Reply]] = queue.SimpleQueue()
        self._owed = 0
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control-slow", daemon=True)

    def __enter__(self) -> Worker:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Waits for the request that is under way; one that takes too long is left to itself."""
        self._is_stopping.set()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(_ENDING_S)

    @property
    def is_busy(self) -> bool:
        """Whether replies will be `done` soon."""
        return self._owed > 0

    def offer(self, client: bytes, request: Request) -> Reply | None:
        """None where the reply will be among those that are `done`; the refusal where too many wait."""
        try:
            self._waiting.put_nowait((client, request))
        except queue.Full:
            return _refusal(request, "busy", f"{MAX_WAITING} requests wait already; ask again later")
        self._owed += 1
        return None

    def done(self) -> Iterator[tuple[bytes, Reply]]:
        """Who is to get which reply; for the thread that calls `offer`."""
        with contextlib.suppress(queue.Empty):
            while self._owed:
                yield self._done.get_nowait()
                self._owed -= 1

    def _run(self) -> None:
        while (waiting := self._waiting.get()) and not self._is_stopping.is_set():
            client, request = waiting
            self._done.put((client, self._methods.carry_out(request)))


def _refusal(request: Request, code: str, message: str) -> Reply:
    return Reply(request.id, error=ControlError(code, message))
