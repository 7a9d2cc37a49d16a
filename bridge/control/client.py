"""Sends requests to a running Omote: every wait is bounded, and a restarted server is found again."""

from __future__ import annotations

import contextlib
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
from ..endpoint import CLIENT_OPTIONS, check_connect, open_context, open_socket
from ..fields import WireError, uint
from ..keys import ClientKeys
from .message import MAX_BYTES, TIMEOUT, ControlError, ControlReply, ControlRequest, decode_reply, encode_request

TIMEOUT_S = 2.0
EXCHANGES = 8
_OPTIONS = {
    **CLIENT_OPTIONS,
    zmq.IMMEDIATE: 1,  # otherwise a request that timed out is sent when the server is back
    zmq.SNDHWM: 8,
    zmq.RCVHWM: 64,
    zmq.MAXMSGSIZE: MAX_BYTES,
}


@dataclass(frozen=True)
class Clock:
    """How far the server's monotonic clock is ahead of ours, for one session of the server."""

    offset_ns: int
    uncertainty_ns: int  # the most by which the offset is wrong
    session: int


class ControlClient:
    """One DEALER socket; `with` opens it. Any thread may call: requests are sent one at a time.

    Parameters
    ----------
    endpoint
        Of a running `omote live`: `tcp://127.0.0.1:5558` unless it was told otherwise.
    keys
        Of the key file for this machine, where the sender encrypts: `ClientKeys.load(path)`.
    clock
        Nanoseconds of this machine's monotonic clock, for `measure_clock`.

    Raises
    ------
    EndpointError
        For an address that does not name one port of one machine.

    Examples
    --------
    >>> with ControlClient("tcp://127.0.0.1:5558") as omote:
    ...     omote.call("set_character", {"name": "noah"}, timeout_s=10.0)
    """

    def __init__(
        self,
        endpoint: str,
        keys: ClientKeys | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        check_connect(endpoint)
        self.endpoint = endpoint
        self.dropped = 0  # replies that came too late or were malformed
        self._keys = keys
        self._clock = clock
        self._ids = itertools.count(secrets.randbits(32))
        self._lock = threading.Lock()
        self._socket: zmq.Socket[bytes] | None = None
        self._connection: ClientConnection | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            socket = open_socket(stack, open_context(stack), zmq.DEALER, _OPTIONS)
            self._connection = stack.enter_context(ClientConnection(socket, self.endpoint, self._keys))
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
        """Asks for something and waits for the answer.

        Parameters
        ----------
        method
            Its name, as WIRE.md lists them under *Control*.
        arguments
            By name, as WIRE.md lists them.
        timeout_s
            How long to wait for the answer; a change of character may take seconds.

        Returns
        -------
        Mapping
            The fields of the result.

        Raises
        ------
        ControlError
            Where the server refuses, or does not answer in time (its `code` is "timeout").
        """
        until_s = time.monotonic() + timeout_s
        request = ControlRequest(next(self._ids), method, arguments or {})
        part = encode_request(request)
        if not self._lock.acquire(timeout=max(timeout_s, 0.0)):
            raise ControlError(TIMEOUT, f"{method} waited for another request for {timeout_s:g} s")
        try:
            reply = self._exchange(request, part, until_s, timeout_s)
        finally:
            self._lock.release()
        if reply.error:
            raise reply.error
        return reply.result or {}

    def measure_clock(self) -> Clock:
        """The best of eight exchanges; ControlError where the server does not answer, or was restarted meanwhile."""
        clocks = [self._exchange_clock() for _ in range(EXCHANGES)]
        if len({clock.session for clock in clocks}) > 1:
            raise ControlError("failed", "the server was restarted while its clock was measured; measure again")
        return min(clocks, key=lambda clock: clock.uncertainty_ns)

    def _exchange_clock(self) -> Clock:
        before_ns = self._clock()
        result = self.call("clock")
        after_ns = self._clock()
        try:
            received_ns, session = uint(result, "received"), uint(result, "session")
        except WireError as error:
            raise ControlError("invalid", f"{self.endpoint} gave `clock` an invalid result: {error}") from error
        return Clock(received_ns - (before_ns + after_ns) // 2, (after_ns - before_ns + 1) // 2, session)

    def _exchange(self, request: ControlRequest, part: bytes, until_s: float, timeout_s: float) -> ControlReply:
        socket, connection = self._socket, self._connection
        if not (socket and connection):
            raise ControlError("failed", "the client is closed; call it inside `with`")
        connection.poll()
        socket.sndtimeo = _remaining_ms(until_s)
        try:
            socket.send(part)
        except zmq.Again as error:
            connection.poll()
            refusal = f"refuses us: {connection.refusal}" if connection.refusal else ""
            reason = refusal or "does not answer; is `omote live` running?"
            raise ControlError(TIMEOUT, f"{self.endpoint} {reason}") from error
        while (left_ms := _remaining_ms(until_s)) and socket.poll(left_ms):
            with contextlib.suppress(ControlError):
                reply = decode_reply(socket.recv_multipart()[0])
                if reply.id == request.id:
                    return reply
            self.dropped += 1
        raise ControlError(TIMEOUT, f"{request.method} was not answered by {self.endpoint} within {timeout_s:g} s")


def _remaining_ms(until_s: float) -> int:
    return max(int((until_s - time.monotonic()) * 1000), 0)
