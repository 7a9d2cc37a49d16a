"""Answers what is asked of a running Omote: each request once, at once where that is possible, and never by dying."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from typing import Self

import zmq

from ..endpoint import bind, check_bind
from ..gate import Gate
from ..keys import ServerKeys
from .message import MAX_BYTES, MalformedError, Reply, decode_request, encode_reply
from .methods import Method, Methods, Worker

CLOCK = "clock"
SLOW = ("set_character", "set_actor", "record", "recalibrate")

_TURN_MS = 100
_TURN_MS_AT_WORK = 5
_REQUESTS_A_TURN = 64
_CLIENT_NS = 10_000_000_000  # who has asked nothing for so long is not counted any more
_MOST_CLIENTS = 256


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
        self._gate: Gate | None = None
        self._is_stopping = threading.Event()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            stack.callback(context.destroy, linger=0)
            self._gate = gate = stack.enter_context(Gate(context, self._keys, is_open=self._open_local))
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

    def _run(self, socket: zmq.Socket[bytes], gate: Gate, worker: Worker) -> None:
        while not self._is_stopping.is_set():
            gate.watch()
            is_asked = socket.poll(_TURN_MS_AT_WORK if worker.is_busy else _TURN_MS)
            for _ in range(_REQUESTS_A_TURN if is_asked else 0):
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
        if len(self._asked_ns) > _MOST_CLIENTS:
            del self._asked_ns[next(iter(self._asked_ns))]
        reply = self._reply(client, parts, worker)
        if reply:
            socket.send_multipart([client, encode_reply(reply)])

    def _reply(self, client: bytes, parts: list[bytes], worker: Worker) -> Reply | None:
        """The answer, or None: it comes later, or there is nobody to send it to."""
        try:
            if len(parts) != 1:
                raise MalformedError("invalid", f"a request is one part, got {len(parts)}")
            request = decode_request(parts[0])
        except MalformedError as error:
            self.rejected_requests += 1
            return None if error.id is None else Reply(error.id, error=error)
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
