"""Decides which clients may connect (CURVE keys, or the same user on this machine), and reconnects refused clients."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import socket as sockets
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import zmq
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from .endpoint import check_connect, port_of
from .keys import ClientKeys, ServerKeys

_ZAP_ENDPOINT = "inproc://zeromq.zap.01"  # ZeroMQ RFC 27: where libzmq asks
_ZAP_VERSION = b"1.0"
_ZAP_PARTS = 6  # version, request, domain, address, identity and mechanism; then credentials, of which CURVE has one
_DOMAIN = "omote"
_LOG_PERIOD_NS = 1_000_000_000
_REQUESTS_PER_POLL = 1000  # so that a flood cannot hold the thread

_log = logging.getLogger(__name__)


class ServerAuthenticator:
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
        self._watched: list[HandshakeMonitor] = []
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
        self._watched.append(HandshakeMonitor(socket, FAILURES | (ACCEPTED if self._asks_whose else 0)))

    def watch(self) -> None:
        """Answers who knocks and counts who failed; returns at once. For the thread that owns the guarded sockets."""
        for _ in range(_REQUESTS_PER_POLL):
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

    def _admit(self, accepted: Sequence[HandshakeEvent]) -> None:
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

    def _why(self, failed: HandshakeEvent) -> str:
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


_RETRY_NS = 2_000_000_000


class ClientConnection:
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
        self._handshakes: HandshakeMonitor | None = None
        self._again_ns: int | None = None

    def __enter__(self) -> ClientConnection:
        if self._keys:
            self._keys.apply(self._socket)
        self._handshakes = HandshakeMonitor(self._socket, FAILURES | SUCCEEDED)
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
            self._again_ns = self._clock() + _RETRY_NS
            with contextlib.suppress(zmq.ZMQError):  # there may be nothing left to be disconnected
                self._socket.disconnect(self._endpoint)
            self._socket.connect(self._endpoint)

    def _note(self, event: int) -> None:
        self.refusal = self._why(event)
        is_final = event in (REFUSED, MISMATCHED)
        self._again_ns = self._clock() + _RETRY_NS if is_final else None

    def _why(self, event: int) -> str:
        if event == SUCCEEDED:
            return ""
        if event == REFUSED:
            return "this key is not on its list; `omote keys new NAME` there makes one that is"
        if not self._keys and event == DISCONNECTED:
            return (
                "it hung up: it wants a key, which `omote keys new NAME` there makes, "
                "or another user runs it, who can say --open-local"
            )
        if not self._keys:
            return "it wants a key; `omote keys new NAME` there makes one"
        if event == MISMATCHED:
            return "it has no keys and we came with one: start it with --curve, or come without"
        return "it hung up: the key file may be for another server"


ACCEPTED = zmq.EVENT_ACCEPTED  # its value is the connection's file descriptor
REFUSED = zmq.EVENT_HANDSHAKE_FAILED_AUTH  # the key is not on the list
MISMATCHED = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL  # one has a key and the other has none, or it is for another server
DISCONNECTED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
SUCCEEDED = zmq.EVENT_HANDSHAKE_SUCCEEDED
FAILURES = REFUSED | MISMATCHED | DISCONNECTED

_EVENTS_PER_POLL = 1000  # so that a flood cannot hold whoever looks
_monitor_numbers = itertools.count()


@dataclass(frozen=True)
class HandshakeEvent:
    """One that has begun or ended."""

    event: int  # `ACCEPTED`, `REFUSED`, `MISMATCHED`, `BROKEN_OFF` or `SUCCEEDED`
    value: int  # the descriptor, or libzmq's reason
    endpoint: str


class HandshakeMonitor:
    """Those of one socket with one of these `events`; made before the socket binds or connects, closed after it."""

    def __init__(self, socket: zmq.Socket[bytes], events: int) -> None:
        address = f"inproc://handshakes-{next(_monitor_numbers)}"
        socket.monitor(address, events)
        self._monitor = socket.context.socket(zmq.PAIR)
        self._monitor.rcvhwm = 0  # with a limit libzmq's thread would wait for us, and with it all its sockets
        self._monitor.linger = 0
        self._monitor.connect(address)

    def close(self) -> None:
        self._monitor.close()

    def news(self) -> Iterator[HandshakeEvent]:
        """What happened since the last look; returns at once."""
        for _ in range(_EVENTS_PER_POLL):
            if not self._monitor.poll(0):
                return
            found = parse_monitor_message(self._monitor.recv_multipart())
            yield HandshakeEvent(int(found["event"]), int(found["value"]), found["endpoint"].decode("ascii", "replace"))


Address = tuple[str, int]
Ends = tuple[Address, Address]

_TABLE = Path("/proc/net/tcp")
_LOCAL, _REMOTE, _STATE, _UID = 1, 2, 3, 7  # columns of a row
_ESTABLISHED = "01"
_ROOT = 0


def peer_of(fd: int, port: int) -> sockets.socket | None:
    """The socket behind this number, to be detached and not closed; None if it is no connection to our port any more.

    libzmq tells the number of a connection that it accepted, and may have closed it meanwhile: the number may be
    another file's by now.
    """
    try:
        found = sockets.socket(fileno=fd)
    except OSError:
        return None
    try:
        if found.getsockname()[1] == port and found.getpeername():
            return found
    except (OSError, IndexError, TypeError):
        pass
    found.detach()
    return None


def are_own(connections: Sequence[sockets.socket]) -> list[bool]:
    """Which of these connections over loopback come from a running program of the same user, or of root."""
    ends = [_ends(one) for one in connections]
    if not any(ends):
        return [False] * len(ends)
    own = _own_by_table() if sys.platform == "linux" else _own_by_process()
    return [one in own for one in ends]


def _ends(connection: sockets.socket) -> Ends | None:
    """The peer's address, then ours; None where it has gone."""
    try:
        return connection.getpeername()[:2], connection.getsockname()[:2]
    except OSError:
        return None


def _own_by_table() -> set[Ends]:
    """Open sockets of this user and of root, from Linux's table. A closed one would be said to be root's."""
    found = set()
    for row in _TABLE.read_text("ascii").splitlines()[1:]:
        columns = row.split()
        if columns[_STATE] == _ESTABLISHED and int(columns[_UID]) in (os.geteuid(), _ROOT):
            found.add((_address(columns[_LOCAL]), _address(columns[_REMOTE])))
    return found


def _address(written: str) -> Address:
    """127.0.0.1:5556, which Linux writes as 0100007F:15B4."""
    number, port = written.split(":")
    return sockets.inet_ntoa(struct.pack("=I", int(number, 16))), int(port, 16)


def _own_by_process() -> set[Ends]:
    """Sockets of this user's processes: Windows and macOS show those of others to nobody else."""
    import psutil

    me, found = psutil.Process().username(), set()
    for process in psutil.process_iter(["username"]):
        if process.info["username"] != me:
            continue
        try:
            connections = process.net_connections("tcp4")
        except psutil.Error:
            continue
        found |= {(tuple(one.laddr), tuple(one.raddr)) for one in connections if one.raddr}
    return found
