"""Asks a running Omote: every wait is bounded, and a server that was restarted is found again."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

import zmq

from ..authentication import ClientConnection
from ..endpoint import check_connect
from ..fields import WireError, whole
from ..keys import ClientKeys
from .message import MAX_BYTES, TIMEOUT, ControlError, ControlReply, ControlRequest, decode_reply, encode_request

TIMEOUT_S = 2.0
EXCHANGES = 8


@dataclass(frozen=True)
class Clock:
    """How far the server's monotonic clock is ahead of ours, in this session of the server's."""

    offset_ns: int
    uncertainty_ns: int  # the true offset is no further away
    session: int


class ControlClient:
    """One DEALER; `with` opens it. Any thread may call: one request is under way at a time."""

    def __init__(
        self,
        endpoint: str,
        keys: ClientKeys | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        check_connect(endpoint)
        self.endpoint = endpoint
        self.dropped = 0  # replies that came too late, or that were none
        self._keys = keys
        self._clock = clock
        self._ids = itertools.count(secrets.randbits(32))
        self._lock = threading.Lock()
        self._socket: zmq.Socket[bytes] | None = None
        self._knocker: ClientConnection | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            stack.callback(context.destroy, linger=0)
            socket = stack.enter_context(context.socket(zmq.DEALER))
            for option, value in _OPTIONS.items():
                socket.setsockopt(option, value)
            self._knocker = stack.enter_context(ClientConnection(socket, self.endpoint, self._keys))
            self._socket = socket
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._socket = None
            self._stack.close()

    def call(
        self, method: str, arguments: Mapping[str, object] | None = None, timeout_s: float = TIMEOUT_S
    ) -> Mapping[str, object]:
        """The result; ControlError where the server refuses, or does not answer in time (code "timeout")."""
        until_s = time.monotonic() + timeout_s
        request = ControlRequest(next(self._ids), method, arguments or {})
        part = encode_request(request)
        if not self._lock.acquire(timeout=max(timeout_s, 0.0)):
            raise ControlError(TIMEOUT, f"{method} had to wait for another request for {timeout_s:g} s")
        try:
            reply = self._exchange(request, part, until_s, timeout_s)
        finally:
            self._lock.release()
        if reply.error:
            raise reply.error
        return reply.result or {}

    def measure_clock(self) -> Clock:
        """The best of eight exchanges; ControlError where the server does not answer, or is another one by now."""
        clocks = [self._ask_clock() for _ in range(EXCHANGES)]
        if len({clock.session for clock in clocks}) > 1:
            raise ControlError("failed", "the server was restarted while its clock was measured; measure again")
        return min(clocks, key=lambda clock: clock.uncertainty_ns)

    def _ask_clock(self) -> Clock:
        before_ns = self._clock()
        result = self.call("clock")
        after_ns = self._clock()
        try:
            received_ns, session = whole(result, "received"), whole(result, "session")
        except WireError as error:
            raise ControlError("invalid", f"{self.endpoint} answered `clock` with nonsense: {error}") from error
        return Clock(received_ns - (before_ns + after_ns) // 2, (after_ns - before_ns + 1) // 2, session)

    def _exchange(self, request: ControlRequest, part: bytes, until_s: float, timeout_s: float) -> ControlReply:
        socket, knocker = self._socket, self._knocker
        if not (socket and knocker):
            raise ControlError("failed", "the client is closed; call within `with`")
        knocker.watch()
        socket.sndtimeo = _remaining_ms(until_s)
        try:
            socket.send(part)
        except zmq.Again as error:
            knocker.watch()
            why = f"refuses us: {knocker.refusal}" if knocker.refusal else "does not answer; is `omote live` running?"
            raise ControlError(TIMEOUT, f"{self.endpoint} {why}") from error
        while (left_ms := _remaining_ms(until_s)) and socket.poll(left_ms):
            reply = self._read(socket.recv_multipart())
            if reply and reply.id == request.id:
                return reply
            self.dropped += 1
        raise ControlError(TIMEOUT, f"{request.method} was not answered by {self.endpoint} within {timeout_s:g} s")

    def _read(self, parts: list[bytes]) -> ControlReply | None:
        try:
            return decode_reply(parts[0])
        except ControlError:
            return None


def _remaining_ms(until_s: float) -> int:
    return max(int((until_s - time.monotonic()) * 1000), 0)


_OPTIONS = {
    zmq.LINGER: 0,
    zmq.IMMEDIATE: 1,  # or a request that was given up would be sent when the server is back
    zmq.SNDHWM: 8,
    zmq.RCVHWM: 64,
    zmq.MAXMSGSIZE: MAX_BYTES,
    zmq.HANDSHAKE_IVL: 5000,
    zmq.HEARTBEAT_IVL: 1000,
    zmq.HEARTBEAT_TIMEOUT: 3000,
    zmq.RECONNECT_IVL: 100,
    zmq.RECONNECT_IVL_MAX: 2000,
    zmq.TCP_KEEPALIVE: 1,
}
