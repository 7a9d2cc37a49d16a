"""Serves the methods of the control endpoint from a thread; each request gets one reply."""

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
from ..endpoint import bind, check_bind
from ..keys import ServerKeys
from .message import MAX_BYTES, ControlError, ControlReply, ControlRequest, MalformedError, decode_request, encode_reply

CLOCK = "clock"
SLOW = ("set_character", "set_actor", "record", "recalibrate")

_POLL_MS = 100
_POLL_BUSY_MS = 5
_REQUESTS_PER_POLL = 64
_CLIENT_NS = 10_000_000_000  # who has asked nothing for so long is not counted any more
_MAX_CLIENTS = 256


class ControlServer:
    """Serves `methods` on one endpoint from a thread of its own; `with` binds and unbinds it.

    A method is called in that thread and must return at once; those in `slow`
    are called one after the other in a second thread. `clock` is answered here.
    Who may ask is as for `Publisher`.
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
        self.endpoint = endpoint  # after `with`, the port that was bound
        self.names = (*methods, CLOCK)  # what it answers
        self.rejected_requests = 0
        self._slow = frozenset(slow) & frozenset(methods)
        self._methods = Methods({**methods, CLOCK: self._now})
        self._session = session
        self._keys, self._open_local = keys, open_local
        self._clock = clock
        self._received_ns = 0  # when the last request was read
        self._asked_ns: dict[bytes, int] = {}  # when each client last asked
        self._gate: ServerAuthenticator | None = None
        self._is_stopping = threading.Event()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            stack.callback(context.destroy, linger=0)
            self._gate = gate = stack.enter_context(ServerAuthenticator(context, self._keys, is_open=self._open_local))
            socket = stack.enter_context(context.socket(zmq.ROUTER))
            for option, value in _OPTIONS.items():
                socket.setsockopt(option, value)
            gate.guard(socket)
            self.endpoint = bind(socket, "control", self.endpoint)
            worker = stack.enter_context(Worker(self._methods))
            thread = threading.Thread(target=self._run, args=(socket, gate, worker), name="control", daemon=True)
            thread.start()
            stack.callback(thread.join)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_stopping.set()
        self._stack.close()

    @property
    def rejected_handshakes(self) -> int:
        """How often a client was not let in."""
        return self._gate.rejected if self._gate else 0

    @property
    def clients(self) -> int:
        """How many have asked something within the last ten seconds; from any thread."""
        now_ns = self._clock()
        return sum(now_ns - asked_ns < _CLIENT_NS for asked_ns in list(self._asked_ns.values()))

    def _run(self, socket: zmq.Socket[bytes], gate: ServerAuthenticator, worker: Worker) -> None:
        while not self._is_stopping.is_set():
            gate.watch()
            is_asked = socket.poll(_POLL_BUSY_MS if worker.is_busy else _POLL_MS)
            for _ in range(_REQUESTS_PER_POLL if is_asked else 0):
                if not socket.poll(0):
                    break
                self._receive(socket, worker)
            for client, reply in worker.done():
                socket.send_multipart([client, encode_reply(reply)])

    def _receive(self, socket: zmq.Socket[bytes], worker: Worker) -> None:
        client, *parts = socket.recv_multipart()
        self._received_ns = self._clock()
        self._asked_ns.pop(client, None)
        self._asked_ns[client] = self._received_ns  # the last to ask stands last
        if len(self._asked_ns) > _MAX_CLIENTS:
            del self._asked_ns[next(iter(self._asked_ns))]
        reply = self._reply(client, parts, worker)
        if reply:
            socket.send_multipart([client, encode_reply(reply)])

    def _reply(self, client: bytes, parts: list[bytes], worker: Worker) -> ControlReply | None:
        """The answer, or None: it comes later, or there is nobody to send it to."""
        try:
            if len(parts) != 1:
                raise MalformedError("invalid", f"a request is one part, got {len(parts)}")
            request = decode_request(parts[0])
        except MalformedError as error:
            self.rejected_requests += 1
            return None if error.id is None else ControlReply(error.id, error=error)
        if request.method in self._slow:
            return worker.offer(client, request)
        return self._methods.carry_out(request)

    def _now(self, arguments: Mapping[str, object]) -> Mapping[str, object]:
        return {"received": self._received_ns, "session": self._session}


_OPTIONS = {
    zmq.LINGER: 0,
    zmq.SNDHWM: 64,
    zmq.RCVHWM: 64,
    zmq.MAXMSGSIZE: MAX_BYTES,
    zmq.HANDSHAKE_IVL: 5000,
    zmq.HEARTBEAT_IVL: 1000,
    zmq.HEARTBEAT_TIMEOUT: 3000,
    zmq.HEARTBEAT_TTL: 3000,
    zmq.TCP_KEEPALIVE: 1,
}


Method = Callable[[Mapping[str, object]], Mapping[str, object]]  # from `with` to `result`; raises ControlError

MAX_WAITING = 8  # slow requests, besides the one under way

_SHUTDOWN_S = 2.0

_log = logging.getLogger(__name__)


class Methods:
    """Methods by their names."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self.names = tuple(methods)
        self._methods = dict(methods)
        self._traced: set[str] = set()

    def carry_out(self, request: ControlRequest) -> ControlReply:
        """The reply to this request; a method's unexpected error is logged in full the first time."""
        method = self._methods.get(request.method)
        if not method:
            names = ", ".join(self.names)
            return _error_reply(
                request, "unsupported", f"{request.method[:64]!r} is not known here; there are: {names}"
            )
        try:
            return ControlReply(request.id, method(request.arguments))
        except ControlError as error:
            return ControlReply(request.id, error=error)
        except Exception as error:
            is_new = request.method not in self._traced
            self._traced.add(request.method)
            _log.error("control: %s failed (%s)", request.method, type(error).__name__, exc_info=is_new)
            return _error_reply(request, "failed", f"{request.method} failed inside Omote; its log says why")


class Worker:
    """Carries out one request after the other in a thread of its own; `with` starts and ends it."""

    def __init__(self, methods: Methods) -> None:
        self._methods = methods
        self._waiting: queue.Queue[tuple[bytes, ControlRequest] | None] = queue.Queue(MAX_WAITING)
        self._done: queue.SimpleQueue[tuple[bytes, ControlReply]] = queue.SimpleQueue()
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
        self._thread.join(_SHUTDOWN_S)

    @property
    def is_busy(self) -> bool:
        """Whether replies will be `done` soon."""
        return self._owed > 0

    def offer(self, client: bytes, request: ControlRequest) -> ControlReply | None:
        """None where the reply will be among those that are `done`; the refusal where too many wait."""
        try:
            self._waiting.put_nowait((client, request))
        except queue.Full:
            return _error_reply(request, "busy", f"{MAX_WAITING} requests wait already; ask again later")
        self._owed += 1
        return None

    def done(self) -> Iterator[tuple[bytes, ControlReply]]:
        """Who is to get which reply; for the thread that calls `offer`."""
        with contextlib.suppress(queue.Empty):
            while self._owed:
                yield self._done.get_nowait()
                self._owed -= 1

    def _run(self) -> None:
        while (waiting := self._waiting.get()) and not self._is_stopping.is_set():
            client, request = waiting
            self._done.put((client, self._methods.carry_out(request)))


def _error_reply(request: ControlRequest, code: str, message: str) -> ControlReply:
    return ControlReply(request.id, error=ControlError(code, message))
