"""A peer that sends without end is disconnected, and takes nothing from the others."""

from __future__ import annotations

import socket as sockets
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from omote.bridge import frame
from omote.bridge.control.client import ControlClient
from omote.bridge.control.server import ControlServer
from omote.bridge.endpoint import port_of
from omote.bridge.frame import Frame, Header
from omote.bridge.inbound import InboundLimit
from omote.bridge.picture import RGBA8
from omote.bridge.publisher import Publisher
from omote.bridge.subscriber import Subscriber

from .sending import FREE_PORT, PATIENCE_S, noise, shot, taken, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts a connection's bytes")

MOST_SENT = 256 << 20  # far beyond every bound; a client that may send as much is not bounded
MORE_OF_1000 = b"\x03" + struct.pack(">Q", 1000) + bytes(1000)
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)


@contextmanager
def zmtp(endpoint: str, kind: bytes) -> Iterator[sockets.socket]:
    """A raw connection after ZMTP's handshake, as a socket of this kind."""
    with sockets.create_connection(("127.0.0.1", port_of(endpoint)), timeout=PATIENCE_S) as client:
        ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
        client.sendall(GREETING + bytes([4, len(ready)]) + ready)
        heard = b""
        while b"READY" not in heard:
            heard += client.recv(4096)
        yield client


def is_disconnected(client: sockets.socket, chunks: Iterator[bytes]) -> bool:
    """Whether the other side ends the connection while this is sent, or after it."""
    try:
        for chunk in chunks:
            client.sendall(chunk)
        return client.recv(1) == b""
    except ConnectionError:
        return True


def endless_parts() -> Iterator[bytes]:
    for _ in range(MOST_SENT // 65536):
        yield MORE_OF_1000 * 65


def subscriptions() -> Iterator[bytes]:
    for first in range(0, MOST_SENT // 23, 1000):
        yield b"".join(b"\x00\x15\x01%020d" % number for number in range(first, first + 1000))


@pytest.mark.parametrize("flood", [endless_parts, subscriptions])
def test_subscriber_that_floods_is_disconnected_and_others_go_on(flood: Callable[[], Iterator[bytes]]) -> None:
    with Publisher(FREE_PORT, FREE_PORT) as source, Subscriber(source.video_endpoint) as listener:
        wait_for(lambda: "v/omote" in source.listening)
        with zmtp(source.video_endpoint, b"SUB") as client:
            assert is_disconnected(client, flood())
        source.publish(shot(7, noise(1, 32)))
        assert taken(listener).header.index == 7


def test_request_without_an_end_is_disconnected_and_others_go_on() -> None:
    with ControlServer(FREE_PORT, {}, session=1) as control:
        with zmtp(control.endpoint, b"DEALER") as client:
            assert is_disconnected(client, endless_parts())
        with ControlClient(control.endpoint) as asking:
            assert asking.call("clock")["session"] == 1


def test_client_that_asks_for_much_in_whole_requests_is_served() -> None:
    """Far more than may wait, but each request is read."""
    with ControlServer(FREE_PORT, {"echo": lambda _: {}}, session=1) as control:
        with ControlClient(control.endpoint) as client:
            for _ in range(150):
                client.call("echo", {f"text{at}": "x" * 250 for at in range(50)})
            assert client.call("clock")["session"] == 1
        assert control.rejected_requests == 0


@contextmanager
def raw_publisher() -> Iterator[tuple[str, sockets.socket]]:
    """An endpoint, and its listener; `accepted` makes a publisher of it."""
    with sockets.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_S)
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}", listener


def accepted(listener: sockets.socket) -> sockets.socket:
    """The next connection, after ZMTP's handshake and the subscriptions."""
    connection, _ = listener.accept()
    connection.settimeout(PATIENCE_S)
    ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 3) + b"PUB"
    connection.sendall(GREETING + bytes([4, len(ready)]) + ready)
    heard = b""
    while b"h/omote" not in heard or b"v/omote" not in heard:
        heard += connection.recv(4096)
    return connection


def test_sender_that_floods_a_subscriber_is_disconnected_and_the_next_is_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with raw_publisher() as (endpoint, listener), Subscriber(endpoint) as subscriber:
        with accepted(listener) as hostile:
            assert is_disconnected(hostile, endless_parts())
        assert "bytes that are part of no whole message" in caplog.text
        with accepted(listener) as honest:
            parts = frame.encode(Frame(Header(9, 0, 7, 1, 2, 3, 4), noise(1, 32)), RGBA8)
            for number, part in enumerate(parts):
                is_last = number == len(parts) - 1
                honest.sendall(struct.pack(">BQ", 2 if is_last else 3, len(part)) + bytes(part))
            assert taken(subscriber).header.index == 7


def test_connections_beyond_the_most_are_ended_and_reported_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    now_ns = [10_000_000_000]
    limit = InboundLimit(1000, lambda: now_ns[0], most_connections=2)
    with sockets.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        clients = []
        for number in range(6):
            now_ns[0] += 300_000_000
            clients.append(stack.enter_context(sockets.create_connection(listener.getsockname(), timeout=PATIENCE_S)))
            server_side, _ = listener.accept()
            stack.enter_context(server_side)
            limit.add(server_side.fileno(), server_side)
            assert limit.disconnected == max(number - 1, 0)
        assert all(client.recv(1) == b"" for client in clients[2:])
        clients[0].settimeout(0.05)
        with pytest.raises(TimeoutError):
            clients[0].recv(1)
    assert caplog.text.count("2 others are connected, which is the most") == 1
    assert "(1 so far)" in caplog.text
