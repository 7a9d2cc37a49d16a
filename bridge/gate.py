"""The server's side of CURVE: who is let in is asked here, and every handshake that fails is counted and named."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Self

import zmq
from zmq.utils import z85

from .handshakes import FAILURES, MISMATCHED, REFUSED, Handshake, Handshakes
from .keys import ServerKeys

_ZAP_ENDPOINT = "inproc://zeromq.zap.01"  # ZeroMQ RFC 27: where libzmq asks
_ZAP_VERSION = b"1.0"
_ZAP_PARTS = 7  # version, request, domain, address, identity, mechanism and CURVE's one credential
_DOMAIN = "omote"
_LOG_PERIOD_NS = 1_000_000_000
_A_TURN = 1000  # so that a flood cannot hold the thread

_log = logging.getLogger(__name__)


class Gate:
    """Guards the sockets of one context; `with` opens it, before they are bound.

    It has no thread: whoever owns the sockets calls `watch` each turn, and a
    client that knocks waits for that long. Without keys it lets everybody in
    and only counts the handshakes that fail.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        keys: ServerKeys | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.rejected = 0  # handshakes that failed
        self._context = context
        self._keys = keys
        self._clock = clock
        self._asked: zmq.Socket[bytes] | None = None
        self._watched: list[Handshakes] = []
        self._refused = ""  # whom the list did not know, last
        self._may_log_ns = 0

    def __enter__(self) -> Self:
        if self._keys:
            self._asked = self._context.socket(zmq.REP)
            self._asked.linger = 0
            self._asked.bind(_ZAP_ENDPOINT)
        return self

    def __exit__(self, *error: object) -> None:
        for handshakes in self._watched:
            handshakes.close()
        if self._asked:
            self._asked.close()

    def guard(self, socket: zmq.Socket[bytes]) -> None:
        """Makes the socket let in only who is on the list (with keys), and watches it. Before it is bound."""
        if self._keys:
            socket.curve_server = True
            socket.setsockopt_string(zmq.CURVE_SECRETKEY, self._keys.secret)
            socket.setsockopt_string(zmq.ZAP_DOMAIN, _DOMAIN)
            # Or libzmq would let in everybody as soon as there is nobody to ask.
            socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        self._watched.append(Handshakes(socket, FAILURES))

    def watch(self) -> None:
        """Answers who knocks and counts who failed; returns at once. For the thread that owns the guarded sockets."""
        for _ in range(_A_TURN):
            if not (self._asked and self._asked.poll(0)):
                break
            self._answer(self._asked, self._asked.recv_multipart())
        for handshakes in self._watched:
            for failed in handshakes.ended():
                self._note(failed)

    def _answer(self, asked: zmq.Socket[bytes], parts: list[bytes]) -> None:
        status, text = b"400", b"no CURVE"
        if len(parts) == _ZAP_PARTS and parts[5] == b"CURVE" and len(parts[6]) == 32:
            is_allowed = self._lets_in(address=parts[3], public=z85.encode(parts[6]).decode("ascii"))
            status, text = (b"200", b"OK") if is_allowed else (b"400", b"unknown key")
        asked.send_multipart([_ZAP_VERSION, parts[1] if len(parts) > 1 else b"", status, text, b"", b""])

    def _lets_in(self, address: bytes, public: str) -> bool:
        is_allowed = self._keys is not None and self._keys.allows(public)
        if not is_allowed:
            self._refused = f"{address.decode('ascii', 'replace')} with the key {public}"
        return is_allowed

    def _note(self, failed: Handshake) -> None:
        self.rejected += 1
        now_ns = self._clock()
        if now_ns < self._may_log_ns:
            return
        self._may_log_ns = now_ns + _LOG_PERIOD_NS
        why = self._why(failed)
        _log.warning("%s: a client was refused: %s (%d handshakes failed so far)", failed.endpoint, why, self.rejected)

    def _why(self, failed: Handshake) -> str:
        if failed.event == REFUSED:
            return f"{self._refused} is not on the list; `omote keys new NAME` makes a key that is"
        if failed.event == MISMATCHED and not self._keys:
            return (
                "it came with a key, and here is none: start `omote live` with --curve, or the client without its key"
            )
        if failed.event == MISMATCHED and failed.value == zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
            return "its key file is for another server; `omote keys new NAME` makes one for this"
        if failed.event == MISMATCHED:
            return "it came without a key; `omote keys new NAME` makes one"
        if not self._keys:
            return "it left during the handshake: it is no Omote client, or has a key, and here is none"
        return "it left during the handshake: it is no Omote client, or has no key of `omote keys new NAME`"
