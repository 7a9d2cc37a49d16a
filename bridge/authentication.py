"""Decides which clients may connect (CURVE keys, or the same user on this machine), and reconnects refused clients."""

from __future__ import annotations

import contextlib
import errno
import itertools
import logging
import os
import socket as sockets
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import zmq
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from .endpoint import check_connect, port_of, use_address_family
from .inbound import InboundLimit
from .keys import ClientKeys, ServerKeys

# ZAP (ZeroMQ RFC 27): libzmq asks this endpoint about each client.
_ZAP_ENDPOINT = "inproc://zeromq.zap.01"
_ZAP_VERSION = b"1.0"
_ZAP_PARTS = 6  # version, request, domain, address, identity and mechanism; then credentials, of which CURVE has one
_DOMAIN = "omote"
_REQUESTS_PER_POLL = 1000  # so that a flood cannot hold the thread

# Events of a handshake.
ACCEPTED = zmq.EVENT_ACCEPTED  # its value is the connection's file descriptor
REFUSED = zmq.EVENT_HANDSHAKE_FAILED_AUTH  # the key is not on the list
MISMATCHED = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL  # only one side has a key, or the key is for another server
DISCONNECTED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
SUCCEEDED = zmq.EVENT_HANDSHAKE_SUCCEEDED
CONNECTED = zmq.EVENT_CONNECTED  # of a client; its value is the connection's file descriptor
FAILURES = REFUSED | MISMATCHED | DISCONNECTED
_EVENTS_PER_POLL = 1000

_LOG_PERIOD_NS = 1_000_000_000
_RETRY_NS = 2_000_000_000

_log = logging.getLogger(__name__)
_monitor_numbers = itertools.count()


class ServerAuthenticator:
    """Guards the sockets of one context; enter `with` before they are bound.

    With keys, it allows the clients on their list; without, programs of the same
    user on this machine, or with `is_open` of every user. It has no thread: the
    thread that owns the sockets calls `poll` in its loop, and a new client waits
    for that call.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        keys: ServerKeys | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
        *,
        is_open: bool = False,
    ) -> None:
        self.rejected = 0  # clients that were refused, and handshakes that failed
        self._context = context
        self._keys = keys
        self._checks_user = keys is None and not is_open
        self._clock = clock
        self._zap: zmq.Socket[bytes] | None = None
        self._monitors: list[tuple[HandshakeMonitor, InboundLimit]] = []
        self._unknown_client = ""  # the last client that was not on the list
        self._may_log_ns = 0

    def __enter__(self) -> Self:
        if self._keys or self._checks_user:
            self._zap = self._context.socket(zmq.REP)
            self._zap.linger = 0
            self._zap.bind(_ZAP_ENDPOINT)
        return self

    def __exit__(self, *error: object) -> None:
        for monitor, _ in self._monitors:
            monitor.close()
        if self._zap:
            self._zap.close()

    def guard(self, socket: zmq.Socket[bytes], most_bytes: int) -> InboundLimit:
        """Makes the socket authenticate its clients and bound what they send; call it before the socket is bound.

        `most_bytes` is what one client may send beyond the requests that were read and credited.
        """
        if self._keys:
            socket.curve_server = True
            socket.setsockopt_string(zmq.CURVE_SECRETKEY, self._keys.secret)
        if self._zap:
            socket.setsockopt_string(zmq.ZAP_DOMAIN, _DOMAIN)
            # Otherwise libzmq allows every client as soon as the ZAP socket is closed.
            socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        limit = InboundLimit(most_bytes, self._clock)
        self._monitors.append((HandshakeMonitor(socket, FAILURES | ACCEPTED), limit))
        return limit

    def release(self, limit: InboundLimit) -> None:
        """Stops watching the socket of this limit, once that is closed."""
        for monitor, other in self._monitors:
            if other is limit:
                monitor.close()
        self._monitors = [one for one in self._monitors if one[1] is not limit]

    def poll(self) -> None:
        """Answers waiting clients and counts failures; returns at once. For the thread that owns the sockets."""
        for _ in range(_REQUESTS_PER_POLL):
            if not (self._zap and self._zap.poll(0)):
                break
            parts = self._zap.recv_multipart()
            # The connection was accepted before the request, so another user's connection is shut down before the
            # answer, and libzmq passes on nothing that it sent.
            self._read_events()
            self._answer(self._zap, parts)
        self._read_events()

    def _read_events(self) -> None:
        for monitor, limit in self._monitors:
            endpoint_of = {}
            for event in monitor.events():
                if event.kind == ACCEPTED:
                    endpoint_of[event.value] = event.endpoint  # a descriptor may have been reused
                else:
                    self._count_rejection(event.endpoint, self._reason(event))
            if endpoint_of:
                self._admit(endpoint_of, limit)
            limit.check()

    def _admit(self, endpoint_of: Mapping[int, str], limit: InboundLimit) -> None:
        """Shuts down what other users of this machine opened, and has the limit watch the rest."""
        found = {fd: connection_of(fd, port_of(endpoint)) for fd, endpoint in endpoint_of.items()}
        connections = {fd: connection for fd, connection in found.items() if connection}
        are_allowed = are_own([*connections.values()]) if self._checks_user else [True] * len(connections)
        for (fd, connection), is_allowed in zip(connections.items(), are_allowed, strict=True):
            if is_allowed:
                limit.add(fd, connection)
            else:
                reason = "another user of this machine runs it; --open-local allows all users"
                self._count_rejection(endpoint_of[fd], reason)
                with contextlib.suppress(OSError):  # already closed
                    connection.shutdown(sockets.SHUT_RDWR)
            connection.detach()

    def _answer(self, zap: zmq.Socket[bytes], parts: list[bytes]) -> None:
        status, text = b"400", b"no CURVE"
        mechanism = parts[5] if len(parts) >= _ZAP_PARTS else b""
        if not self._keys and mechanism == b"NULL":
            status, text = b"200", b"OK"
        elif self._keys and len(parts) == _ZAP_PARTS + 1 and mechanism == b"CURVE" and len(parts[6]) == 32:
            public = z85.encode(parts[6]).decode("ascii")
            is_allowed = self._keys.allows(public)
            status, text = (b"200", b"OK") if is_allowed else (b"400", b"unknown key")
            if not is_allowed:
                self._unknown_client = f"{parts[3].decode('ascii', 'replace')} with the key {public}"
        zap.send_multipart([_ZAP_VERSION, parts[1] if len(parts) > 1 else b"", status, text, b"", b""])

    def _count_rejection(self, endpoint: str, reason: str) -> None:
        self.rejected += 1
        now_ns = self._clock()
        if now_ns >= self._may_log_ns:
            self._may_log_ns = now_ns + _LOG_PERIOD_NS
            _log.warning("%s: a client was refused: %s (%d so far)", endpoint, reason, self.rejected)

    def _reason(self, failure: HandshakeEvent) -> str:
        if failure.kind == REFUSED:
            return f"{self._unknown_client} is not on the list; `omote keys new NAME` makes a key that is"
        if failure.kind == MISMATCHED and not self._keys:
            return "it has a key and this server none: start `omote live` with --curve, or the client without its key"
        if failure.kind == MISMATCHED and failure.value == zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
            return "its key file is for another server; `omote keys new NAME` makes one for this server"
        if failure.kind == MISMATCHED:
            return "it came without a key; `omote keys new NAME` makes one"
        if not self._keys:
            return "it left during the handshake: it is no Omote client, or it has a key and this server has none"
        return "it left during the handshake: it is no Omote client, or has no key of `omote keys new NAME`"


class ClientConnection:
    """Connects one socket; leaving `with` closes it.

    libzmq gives up for good once it was refused, although the client may be added
    to the list later, or the server be restarted with --curve. This class tries
    again every two seconds.
    """

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        endpoint: str,
        keys: ClientKeys | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
        limit: InboundLimit | None = None,
    ) -> None:
        """`limit` bounds what the server sends; read messages with its `receive`."""
        check_connect(endpoint)
        self.refusal = ""  # why the server refuses the connection; empty where it does not
        self._limit = limit
        self._socket = socket
        self._endpoint = endpoint
        self._keys = keys
        self._clock = clock
        self._monitor: HandshakeMonitor | None = None
        self._retry_ns: int | None = None

    def __enter__(self) -> Self:
        if self._keys:
            self._keys.apply(self._socket)
        self._monitor = HandshakeMonitor(self._socket, FAILURES | SUCCEEDED | CONNECTED)
        use_address_family(self._socket, self._endpoint)
        self._socket.connect(self._endpoint)
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close(linger=0)
        if self._monitor:
            self._monitor.close()

    def poll(self) -> None:
        """Reads how handshakes ended, and connects again when it is time; returns at once.

        For the socket's thread, where no whole message waits to be read.
        """
        for event in self._monitor.events() if self._monitor else ():
            if event.kind == CONNECTED:
                self._watch(event.value)
                continue
            self.refusal = self._reason(event)
            is_final = event.kind in (REFUSED, MISMATCHED)
            self._retry_ns = self._clock() + _RETRY_NS if is_final else None
        if self._retry_ns is not None and self._clock() >= self._retry_ns:
            self._retry_ns = self._clock() + _RETRY_NS
            with contextlib.suppress(zmq.ZMQError):  # libzmq may have disconnected already
                self._socket.disconnect(self._endpoint)
            self._socket.connect(self._endpoint)
        if self._limit:
            self._limit.check()

    def _watch(self, fd: int) -> None:
        connection = connection_of(fd, port_of(self._endpoint), is_client=True)
        if connection and self._limit:
            self._limit.add(fd, connection, is_new=False)
        if connection:
            connection.detach()

    def _reason(self, event: HandshakeEvent) -> str:
        if event.kind == SUCCEEDED:
            return ""
        if event.kind == REFUSED:
            return "this key is not on its list; `omote keys new NAME` there makes one that is"
        if event.kind == DISCONNECTED and event.value == errno.EAGAIN:  # the handshake took too long
            return "it says nothing: it is no ZeroMQ socket, or its program hangs"
        if not self._keys and event.kind == DISCONNECTED:
            return (
                "it hung up: another program may have this port, or it needs a key, which `omote keys new NAME` there "
                "makes, or another user runs it, who can add --open-local"
            )
        if not self._keys:
            return "it needs a key; `omote keys new NAME` there makes one"
        if event.kind == MISMATCHED:
            return "it has no keys and this client has one: start it with --curve, or this client without its key"
        return "it hung up: another program may have this port, or the key file is for another server"


@dataclass(frozen=True)
class HandshakeEvent:
    """The start or the end of a handshake."""

    kind: int  # `ACCEPTED`, `CONNECTED`, `REFUSED`, `MISMATCHED`, `DISCONNECTED` or `SUCCEEDED`
    value: int  # the descriptor, or libzmq's reason
    endpoint: str


class HandshakeMonitor:
    """Reports the `kinds` of handshake events of one socket.

    Make it before the socket binds or connects, and close it after the socket.
    """

    def __init__(self, socket: zmq.Socket[bytes], kinds: int) -> None:
        address = f"inproc://handshakes-{next(_monitor_numbers)}"
        socket.monitor(address, kinds)
        self._monitor = socket.context.socket(zmq.PAIR)
        self._monitor.rcvhwm = 0  # with a limit libzmq's I/O thread would block, and with it all sockets
        self._monitor.linger = 0
        self._monitor.connect(address)

    def close(self) -> None:
        self._monitor.close()

    def events(self) -> Iterator[HandshakeEvent]:
        """The events since the last call; returns at once."""
        for _ in range(_EVENTS_PER_POLL):
            if not self._monitor.poll(0):
                return
            found = parse_monitor_message(self._monitor.recv_multipart())
            yield HandshakeEvent(int(found["event"]), int(found["value"]), found["endpoint"].decode("ascii", "replace"))


# Which user runs the program at the other end of a connection.

Address = tuple[str, int]
Ends = tuple[Address, Address]

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))  # the second is missing where the system has no IPv6
_LOCAL, _REMOTE, _STATE, _UID = 1, 2, 3, 7  # columns of a row
_ESTABLISHED = "01"
_ROOT = 0


def connection_of(fd: int, port: int, *, is_client: bool = False) -> sockets.socket | None:
    """The socket with this descriptor, to be detached and not closed; None if it is not a connection to our port.

    With `is_client` the port is that of the other end.

    libzmq reports the descriptor of a connection that it may have closed since: another file may have it by now.
    """
    try:
        found = sockets.socket(fileno=fd)
    except OSError:
        return None
    try:
        here, there = found.getsockname()[1], found.getpeername()[1]
        if port == (there if is_client else here):
            return found
    except (OSError, IndexError, TypeError):
        pass
    found.detach()
    return None


def are_own(connections: Sequence[sockets.socket]) -> list[bool]:
    """Which of these loopback connections come from a running program of the same user, or of root."""
    ends = [_ends(connection) for connection in connections]
    if not any(ends):
        return [False] * len(ends)
    own = _own_by_table() if sys.platform == "linux" else _own_by_process()
    return [one in own for one in ends]


def _ends(connection: sockets.socket) -> Ends | None:
    """The peer's address, then ours; None where the peer has disconnected."""
    try:
        return connection.getpeername()[:2], connection.getsockname()[:2]
    except OSError:
        return None


def _own_by_table() -> set[Ends]:
    """Open sockets of this user and of root, from Linux's tables, which count closed sockets as root's."""
    found = set()
    for row in (row for table in _TABLES if table.exists() for row in table.read_text("ascii").splitlines()[1:]):
        columns = row.split()
        if columns[_STATE] == _ESTABLISHED and int(columns[_UID]) in (os.geteuid(), _ROOT):
            found.add((_address(columns[_LOCAL]), _address(columns[_REMOTE])))
    return found


def _address(written: str) -> Address:
    """127.0.0.1:5556, which Linux writes as 0100007F:15B4; an IPv6 address has four such numbers."""
    numbers, port = written.split(":")
    packed = b"".join(struct.pack("=I", int(numbers[k : k + 8], 16)) for k in range(0, len(numbers), 8))
    family = sockets.AF_INET if len(packed) == 4 else sockets.AF_INET6
    return sockets.inet_ntop(family, packed), int(port, 16)


def _own_by_process() -> set[Ends]:
    """Sockets of this user's processes, for Windows and macOS, which do not show those of other users."""
    import psutil

    me, found = psutil.Process().username(), set()
    for process in psutil.process_iter(["username"]):
        if process.info["username"] != me:
            continue
        try:
            connections = process.net_connections("tcp")
        except psutil.Error:
            continue
        found |= {(tuple(one.laddr), tuple(one.raddr)) for one in connections if one.raddr}
    return found
