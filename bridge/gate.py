"""The server's side of a connection: who is let in is asked here, and every client that is not is counted and named."""

from __future__ import annotations

import contextlib
import logging
import socket as sockets
import time
from collections.abc import Callable, Sequence
from typing import Self

import zmq
from zmq.utils import z85

from .endpoint import port_of
from .handshakes import ACCEPTED, FAILURES, MISMATCHED, REFUSED, Handshake, Handshakes
from .keys import ServerKeys
from .peer import are_own, peer_of

_ZAP_ENDPOINT = "inproc://zeromq.zap.01"  # ZeroMQ RFC 27: where libzmq asks
_ZAP_VERSION = b"1.0"
_ZAP_PARTS = 6  # version, request, domain, address, identity and mechanism; then credentials, of which CURVE has one
_DOMAIN = "omote"
_LOG_PERIOD_NS = 1_000_000_000
_A_TURN = 1000  # so that a flood cannot hold the thread

_log = logging.getLogger(__name__)


class Gate:
    """Guards the sockets of one context; `with` opens it, before they are bound.

    With keys it lets in who is on their list; without, programs of the same user
    on this machine, or with `is_open` of every user. It has no thread: whoever
    owns the sockets calls `watch` each turn, and a client that knocks waits for
    that long.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        keys: ServerKeys | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
        *,
        is_open: bool = False,
    ) -> None:
        self.rejected = 0  # clients that were not let in, and handshakes that failed
        self._context = context
        self._keys = keys
        self._asks_whose = keys is None and not is_open
        self._clock = clock
        self._asked: zmq.Socket[bytes] | None = None
        self._watched: list[Handshakes] = []
        self._refused = ""  # whom the list did not know, last
        self._may_log_ns = 0

    def __enter__(self) -> Self:
        if self._keys or self._asks_whose:
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
        """Makes the socket let in only whom it should, and watches it. Before it is bound."""
        if self._keys:
            socket.curve_server = True
            socket.setsockopt_string(zmq.CURVE_SECRETKEY, self._keys.secret)
        if self._asked:
            socket.setsockopt_string(zmq.ZAP_DOMAIN, _DOMAIN)
            # Or libzmq would let in everybody as soon as there is nobody to ask.
            socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        self._watched.append(Handshakes(socket, FAILURES | (ACCEPTED if self._asks_whose else 0)))

    def watch(self) -> None:
        """Answers who knocks and counts who failed; returns at once. For the thread that owns the guarded sockets."""
        for _ in range(_A_TURN):
            if not (self._asked and self._asked.poll(0)):
                break
            parts = self._asked.recv_multipart()
            # Who knocks was accepted before: another user's connection is cut off before anybody is let in, and then
            # libzmq passes on nothing that it sent.
            self._see()
            self._answer(self._asked, parts)
        self._see()

    def _see(self) -> None:
        accepted = []
        for handshakes in self._watched:
            for one in handshakes.news():
                if one.event == ACCEPTED:
                    accepted.append(one)
                else:
                    self._note(one.endpoint, self._why(one))
        if accepted:
            self._admit(accepted)

    def _admit(self, accepted: Sequence[Handshake]) -> None:
        """Cuts off the connections that do not come from this user."""
        endpoint_of = {one.value: one.endpoint for one in accepted}  # each number once: it may have been given again
        found = {number: peer_of(number, port_of(endpoint)) for number, endpoint in endpoint_of.items()}
        connections = {number: one for number, one in found.items() if one}
        for (number, one), is_own in zip(connections.items(), are_own([*connections.values()]), strict=True):
            if not is_own:
                self._note(endpoint_of[number], "another user of this machine runs it; --open-local lets all users in")
                with contextlib.suppress(OSError):  # it has gone
                    one.shutdown(sockets.SHUT_RDWR)
            one.detach()

    def _answer(self, asked: zmq.Socket[bytes], parts: list[bytes]) -> None:
        status, text = b"400", b"no CURVE"
        mechanism = parts[5] if len(parts) >= _ZAP_PARTS else b""
        if not self._keys and mechanism == b"NULL":
            status, text = b"200", b"OK"
        elif len(parts) == _ZAP_PARTS + 1 and mechanism == b"CURVE" and len(parts[6]) == 32:
            is_allowed = self._lets_in(address=parts[3], public=z85.encode(parts[6]).decode("ascii"))
            status, text = (b"200", b"OK") if is_allowed else (b"400", b"unknown key")
        asked.send_multipart([_ZAP_VERSION, parts[1] if len(parts) > 1 else b"", status, text, b"", b""])

    def _lets_in(self, address: bytes, public: str) -> bool:
        is_allowed = self._keys is not None and self._keys.allows(public)
        if not is_allowed:
            self._refused = f"{address.decode('ascii', 'replace')} with the key {public}"
        return is_allowed

    def _note(self, endpoint: str, why: str) -> None:
        self.rejected += 1
        now_ns = self._clock()
        if now_ns < self._may_log_ns:
            return
        self._may_log_ns = now_ns + _LOG_PERIOD_NS
        _log.warning("%s: a client was refused: %s (%d so far)", endpoint, why, self.rejected)

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
