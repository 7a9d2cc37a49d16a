"""Serves the methods of the control endpoint from its own thread; each request gets one reply."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from typing import Self

import zmq

from ..authentication import ServerAuthenticator
from ..endpoint import SERVER_OPTIONS, bind, check_bind, open_context, open_socket
from ..fields import Fields
from ..inbound import InboundLimit
from ..keys import ServerKeys
from .message import MAX_BYTES, ControlError, ControlReply, ControlRequest, MalformedError, decode_request, encode_reply

Method = Callable[[Fields], Fields]  # from `with` to `result`; raises ControlError

CLOCK = "clock"
SLOW = ("set_character", "set_actor", "record", "recalibrate")
MAX_WAITING = 8  # slow requests, besides the one in progress

_POLL_MS = 100
_POLL_BUSY_MS = 5
_REQUESTS_PER_POLL = 64
_MOST_UNREAD_BYTES = 1 << 20  # of one client
_MOST_PARTS = 2  # that are kept: one is a request, more are none
_CLIENT_NS = 10_000_000_000  # a client is counted for this long after its last request
_MAX_CLIENTS = 256
_SHUTDOWN_S = 2.0
_OPTIONS = {**SERVER_OPTIONS, zmq.SNDHWM: 64, zmq.RCVHWM: 64, zmq.MAXMSGSIZE: MAX_BYTES}

_log = logging.getLogger(__name__)


class ControlServer:
    """Serves `methods` on one endpoint from its own thread; `with` binds and unbinds it.

    A method is called in that thread and must return at once; the methods in `slow`
    are called one after the other in a second thread. The server itself answers
    `clock`. The rules for clients are those of `Publisher`.
    """

    def __init__(
        self,
        endpoint: str,
        methods: Mapping[str, Method],
        *,
        session: int,
        keys: ServerKeys | None = None,
        open_local: bool = False,
        clock: Callable[[], int] = time.perf_counter_ns,
        slow: Collection[str] = SLOW,
    ) -> None:
        check_bind(endpoint, keys)
        self.endpoint = endpoint  # inside `with`, the address with the port that was bound
        self.names = (*methods, CLOCK)  # of all methods
        self.rejected_requests = 0
        self._slow = frozenset(slow) & frozenset(methods)
        self._methods: dict[str, Method] = {**methods, CLOCK: self._read_clock}
        self._session = session
        self._keys, self._open_local = keys, open_local
        self._clock = clock
        self._received_ns = 0  # when the last request was read
        self._asked_ns: dict[bytes, int] = {}  # the last request of each client; the newest is last
        self._traced: set[str] = set()  # methods whose traceback was logged
        self._authenticator: ServerAuthenticator | None = None
        self._is_stopping = threading.Event()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            context = open_context(stack)
            guard = stack.enter_context(ServerAuthenticator(context, self._keys, is_open=self._open_local))
            self._authenticator = guard
            socket = open_socket(stack, context, zmq.ROUTER, _OPTIONS)
            limit = guard.guard(socket, _MOST_UNREAD_BYTES)
            self.endpoint = bind(socket, "control", self.endpoint)
            worker = stack.enter_context(Worker(self._call))
            thread = threading.Thread(
                target=self._run, args=(socket, guard, limit, worker), name="control", daemon=True
            )
            thread.start()
            stack.callback(thread.join)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_stopping.set()
        self._stack.close()

    @property
    def rejected_handshakes(self) -> int:
        """Clients that were refused so far."""
        return self._authenticator.rejected if self._authenticator else 0

    @property
    def clients(self) -> int:
        """The number of clients that sent a request within the last ten seconds; from any thread."""
        now_ns = self._clock()
        return sum(now_ns - asked_ns < _CLIENT_NS for asked_ns in list(self._asked_ns.values()))

    def _run(
        self, socket: zmq.Socket[bytes], authenticator: ServerAuthenticator, limit: InboundLimit, worker: Worker
    ) -> None:
        while not self._is_stopping.is_set():
            authenticator.poll()
            has_requests = socket.poll(_POLL_BUSY_MS if worker.is_busy else _POLL_MS)
            for _ in range(_REQUESTS_PER_POLL if has_requests else 0):
                if not socket.poll(0):
                    break
                self._receive(socket, limit, worker)
            for client, reply in worker.finished():
                socket.send_multipart([client, encode_reply(reply)])

    def _receive(self, socket: zmq.Socket[bytes], limit: InboundLimit, worker: Worker) -> None:
        client, *parts = (part.bytes for part in limit.receive(socket, 1 + _MOST_PARTS))
        self._received_ns = self._clock()
        self._asked_ns.pop(client, None)
        self._asked_ns[client] = self._received_ns
        if len(self._asked_ns) > _MAX_CLIENTS:
            del self._asked_ns[next(iter(self._asked_ns))]
        reply = self._reply(client, parts, worker)
        if reply:
            socket.send_multipart([client, encode_reply(reply)])

    def _reply(self, client: bytes, parts: list[bytes], worker: Worker) -> ControlReply | None:
        """The reply; None where the worker makes it, or where the request has no id to reply to."""
        try:
            if len(parts) != 1:
                raise MalformedError("invalid", f"a request is one part, got {'more' if parts else 'none'}")
            request = decode_request(parts[0])
        except MalformedError as error:
            self.rejected_requests += 1
            return None if error.id is None else ControlReply(error.id, error=error)
        if request.method in self._slow:
            return worker.offer(client, request)
        return self._call(request)

    def _call(self, request: ControlRequest) -> ControlReply:
        """The reply of the method; an unexpected error is logged, the first of each method with its traceback."""
        method = self._methods.get(request.method)
        if not method:
            names = ", ".join(self.names)
            return _failure(request, "unsupported", f"{request.method[:64]!r} is not known here; there are: {names}")
        try:
            return ControlReply(request.id, method(request.arguments))
        except ControlError as error:
            return ControlReply(request.id, error=error)
        except Exception as error:
            is_new = request.method not in self._traced
            self._traced.add(request.method)
            _log.error("control: %s failed (%s)", request.method, type(error).__name__, exc_info=is_new)
            return _failure(request, "failed", f"{request.method} failed inside Omote; its log says why")

    def _read_clock(self, arguments: Fields) -> Fields:
        return {"received": self._received_ns, "session": self._session}


class Worker:
    """Calls one slow method after the other in its own thread; `with` starts and ends it."""

    def __init__(self, call: Callable[[ControlRequest], ControlReply]) -> None:
        self._call = call
        self._waiting: queue.Queue[tuple[bytes, ControlRequest] | None] = queue.Queue(MAX_WAITING)
        self._finished: queue.SimpleQueue[tuple[bytes, ControlReply]] = queue.SimpleQueue()
        self._pending = 0
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control-slow", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Waits for the request in progress, but not for longer than two seconds."""
        self._is_stopping.set()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(_SHUTDOWN_S)

    @property
    def is_busy(self) -> bool:
        """Whether replies are still to come."""
        return self._pending > 0

    def offer(self, client: bytes, request: ControlRequest) -> ControlReply | None:
        """None where the reply will come from `finished`; an error where too many requests wait."""
        try:
            self._waiting.put_nowait((client, request))
        except queue.Full:
            return _failure(request, "busy", f"{MAX_WAITING} requests wait already; ask again later")
        self._pending += 1
        return None

    def finished(self) -> Iterator[tuple[bytes, ControlReply]]:
        """The replies and their clients; for the thread that calls `offer`."""
        with contextlib.suppress(queue.Empty):
            while self._pending:
                yield self._finished.get_nowait()
                self._pending -= 1

    def _run(self) -> None:
        while (waiting := self._waiting.get()) and not self._is_stopping.is_set():
            client, request = waiting
            self._finished.put((client, self._call(request)))


def _failure(request: ControlRequest, code: str, message: str) -> ControlReply:
    return ControlReply(request.id, error=ControlError(code, message))
