"""Bounds what each peer of a socket may send: libzmq bounds neither unfinished messages nor subscriptions."""

from __future__ import annotations

import logging
import socket as sockets
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass

import zmq

_CHECK_NS = 50_000_000
_LEAK_PER_S = 256  # bytes; heartbeats take 100 of them, encrypted
_MOST_CONNECTIONS = 1024
_FRAME_BYTES = 48  # around a part: its length, and with CURVE a nonce and a signature
_LOG_PERIOD_NS = 1_000_000_000

# Linux's struct tcp_info: 8 bytes, 24 numbers of 32 bits, then pacing rate, its bound, bytes acknowledged, received.
_TCP_INFO_BYTES = 136
_RECEIVED_AT = 128

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Connection:
    peer: tuple[str, int]
    received: int  # bytes that the system has counted
    unread: float  # of them, those of no message that was read, less _LEAK_PER_S
    checked_ns: int


class InboundLimit:
    """Disconnects the peers of one socket that send more than `most_bytes` beyond the messages that were read.

    Subscriptions and the parts of a message whose last part never comes stay in
    libzmq's memory until their connection ends, and libzmq has no bound for them. The
    system counts each connection's bytes (Linux only), so a peer that sends too many
    is disconnected, which frees them. So is each connection beyond `most_connections`.
    Call `check` often, from the socket's thread.
    """

    def __init__(self, most_bytes: int, clock: Callable[[], int], *, most_connections: int = _MOST_CONNECTIONS) -> None:
        self.disconnected = 0
        self._most_bytes = most_bytes
        self._clock = clock
        self._most_connections = most_connections
        self._may_log_ns = 0
        self._connections: dict[int, _Connection] = {}  # by descriptor
        self._checked_ns = 0

    def add(self, fd: int, connection: sockets.socket, *, is_new: bool = True) -> None:
        """A peer that has connected; `fd` is libzmq's own descriptor.

        What came before counts only where `is_new`: elsewhere it was read and cannot be credited any more.
        """
        received = _bytes_received(connection)
        if received is None:
            return
        try:
            peer = connection.getpeername()[:2]
            if len(self._connections) < self._most_connections:
                self._connections[fd] = _Connection(peer, 0 if is_new else received, 0.0, self._clock())
            else:
                self._disconnect(connection, peer, f"{self._most_connections} others are connected, which is the most")
        except (OSError, IndexError):  # it has gone
            pass

    def receive(self, socket: zmq.Socket[bytes], most_parts: int) -> list[zmq.Frame]:
        """The first `most_parts` parts of the next message, which counts as read; zmq.Again as of the socket."""
        part = socket.recv(copy=False)
        fd, parts, size = int(part.get(zmq.SRCFD)), [part], len(part) + _FRAME_BYTES
        while socket.rcvmore:
            part = socket.recv(copy=False)
            size += len(part) + _FRAME_BYTES
            if len(parts) < most_parts:
                parts.append(part)
        if fd in self._connections:
            self._connections[fd].unread -= size
        return parts

    def check(self) -> None:
        """Counts what came in since, at most twenty times a second."""
        now_ns = self._clock()
        if now_ns - self._checked_ns < _CHECK_NS:
            return
        self._checked_ns = now_ns
        for fd, connection in list(self._connections.items()):
            if not self._is_within(fd, connection, now_ns):
                del self._connections[fd]

    def _is_within(self, fd: int, connection: _Connection, now_ns: int) -> bool:
        """False where the connection has ended, or has been ended for what it sent."""
        try:
            found = sockets.socket(fileno=fd)
        except OSError:
            return False
        try:
            # libzmq may have closed it since, and another file have its number.
            if found.getpeername()[:2] != connection.peer:
                return False
            received = _bytes_received(found)
            if received is None:
                return False
            leaked = _LEAK_PER_S * (now_ns - connection.checked_ns) / 1e9
            connection.unread = max(connection.unread + received - connection.received - leaked, 0.0)
            connection.received, connection.checked_ns = received, now_ns
            if connection.unread <= self._most_bytes:
                return True
            unread = f"it sent {connection.unread:.0f} bytes that are part of no whole message"
            self._disconnect(found, connection.peer, f"{unread}; at most {self._most_bytes} are kept")
        except (OSError, TypeError, IndexError):
            pass
        finally:
            found.detach()
        return False

    def _disconnect(self, connection: sockets.socket, peer: tuple[str, int], reason: str) -> None:
        self.disconnected += 1
        now_ns = self._clock()
        if now_ns >= self._may_log_ns:
            self._may_log_ns = now_ns + _LOG_PERIOD_NS
            _log.warning("%s:%d is disconnected: %s (%d so far)", *peer, reason, self.disconnected)
        # Resets the connection when libzmq closes it; otherwise a peer that is writing would wait for minutes.
        connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(sockets.SHUT_RDWR)


def _bytes_received(connection: sockets.socket) -> int | None:
    """How many bytes of this connection the system has received; None where it does not say."""
    if sys.platform != "linux":
        return None
    try:
        info = connection.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return None
    if len(info) < _TCP_INFO_BYTES:  # Linux before 4.1
        return None
    return int(struct.unpack_from("=Q", info, _RECEIVED_AT)[0])
