"""The client's side of a connection: whether the server lets it in, why not, and another try after a while."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import zmq

from .endpoint import check_connect
from .handshakes import BROKEN_OFF, FAILURES, MISMATCHED, REFUSED, SUCCEEDED, Handshakes
from .keys import ClientKeys

_AGAIN_NS = 2_000_000_000


class Knocker:
    """Connects one socket; leaving `with` closes it.

    libzmq gives up for good once it was refused, though somebody may be put on
    the list later, or the server be started anew with --curve. This one tries
    again every two seconds.
    """

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        endpoint: str,
        keys: ClientKeys | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        check_connect(endpoint)
        self.refusal = ""  # why the server does not let us in
        self._socket = socket
        self._endpoint = endpoint
        self._keys = keys
        self._clock = clock
        self._handshakes: Handshakes | None = None
        self._again_ns: int | None = None

    def __enter__(self) -> Knocker:
        if self._keys:
            self._keys.apply(self._socket)
        self._handshakes = Handshakes(self._socket, FAILURES | SUCCEEDED)
        self._socket.connect(self._endpoint)
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close(linger=0)
        if self._handshakes:
            self._handshakes.close()

    def watch(self) -> None:
        """Sees how it went, and knocks again where it is time; returns at once. For the socket's own thread."""
        for handshake in self._handshakes.news() if self._handshakes else ():
            self._note(handshake.event)
        if self._again_ns is not None and self._clock() >= self._again_ns:
            self._again_ns = self._clock() + _AGAIN_NS
            with contextlib.suppress(zmq.ZMQError):  # there may be nothing left to be disconnected
                self._socket.disconnect(self._endpoint)
            self._socket.connect(self._endpoint)

    def _note(self, event: int) -> None:
        self.refusal = self._why(event)
        is_final = event in (REFUSED, MISMATCHED)
        self._again_ns = self._clock() + _AGAIN_NS if is_final else None

    def _why(self, event: int) -> str:
        if event == SUCCEEDED:
            return ""
        if event == REFUSED:
            return "this key is not on its list; `omote keys new NAME` there makes one that is"
        if not self._keys and event == BROKEN_OFF:
            return (
                "it hung up: it wants a key, which `omote keys new NAME` there makes, "
                "or another user runs it, who can say --open-local"
            )
        if not self._keys:
            return "it wants a key; `omote keys new NAME` there makes one"
        if event == MISMATCHED:
            return "it has no keys and we came with one: start it with --curve, or come without"
        return "it hung up: the key file may be for another server"
