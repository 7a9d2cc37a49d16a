"""Tells whom a socket accepted and how its handshakes ended, on either side, without ever holding up the socket."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import zmq
from zmq.utils.monitor import parse_monitor_message

ACCEPTED = zmq.EVENT_ACCEPTED  # its value is the connection's file descriptor
REFUSED = zmq.EVENT_HANDSHAKE_FAILED_AUTH  # the key is not on the list
MISMATCHED = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL  # one has a key and the other has none, or it is for another server
BROKEN_OFF = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
SUCCEEDED = zmq.EVENT_HANDSHAKE_SUCCEEDED
FAILURES = REFUSED | MISMATCHED | BROKEN_OFF

_A_TURN = 1000  # so that a flood cannot hold whoever looks
_count = itertools.count()


@dataclass(frozen=True)
class Handshake:
    """One that has begun or ended."""

    event: int  # `ACCEPTED`, `REFUSED`, `MISMATCHED`, `BROKEN_OFF` or `SUCCEEDED`
    value: int  # the descriptor, or libzmq's reason
    endpoint: str


class Handshakes:
    """Those of one socket with one of these `events`; made before the socket binds or connects, closed after it."""

    def __init__(self, socket: zmq.Socket[bytes], events: int) -> None:
        address = f"inproc://handshakes-{next(_count)}"
        socket.monitor(address, events)
        self._monitor = socket.context.socket(zmq.PAIR)
        self._monitor.rcvhwm = 0  # with a limit libzmq's thread would wait for us, and with it all its sockets
        self._monitor.linger = 0
        self._monitor.connect(address)

    def close(self) -> None:
        self._monitor.close()

    def news(self) -> Iterator[Handshake]:
        """What happened since the last look; returns at once."""
        for _ in range(_A_TURN):
            if not self._monitor.poll(0):
                return
            found = parse_monitor_message(self._monitor.recv_multipart())
            yield Handshake(int(found["event"]), int(found["value"]), found["endpoint"].decode("ascii", "replace"))
