"""The page's server, as a browser's sockets meet it."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from starlette.types import Message
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from omote.bridge.payload import APPENDED, FIELDS
from omote.studio.page import api, time_limit
from omote.studio.page.server import PageError, PageServer
from omote.studio.page.streams import (
    FACE_ARRAYS,
    PORTRAIT_HEADER,
    PORTRAIT_MAGIC,
    encode_face,
    encode_portrait,
    serve_websocket,
)
from tests.studio.clients import Draw, base, stranger


@contextmanager
def looking(server: PageServer) -> Iterator[ClientConnection]:
    """A client that says what a browser on the page would say."""
    address = f"ws://127.0.0.1:{server.port}/pictures?token={server.tokens.view}"
    with connect(address, origin=Origin(base(server)), proxy=None) as client:
        yield client


def next_index(client: ClientConnection) -> int:
    """The index of the next picture that the client asks for."""
    client.send("next")
    message = client.recv(timeout=20)
    assert isinstance(message, bytes)
    index: int = PORTRAIT_HEADER.unpack_from(message)[4]
    return index


def test_message_carries_size_times_and_the_exact_pixels(draw: Draw) -> None:
    portrait = draw(5)
    message = encode_portrait(portrait, number=9, now_ns=portrait.stamp.captured_ns + 40_000_000)
    magic, width, height, number, index, captured_ms, sent_ms = PORTRAIT_HEADER.unpack_from(message)
    assert (magic, width, height, number, index) == (PORTRAIT_MAGIC, 64, 64, 9, 5)
    assert captured_ms == pytest.approx(portrait.stamp.captured_wall_ns / 1e6)
    assert sent_ms - captured_ms == pytest.approx(40, abs=0.01)  # a float64 of milliseconds since 1970 resolves 0.25 us
    pixels = np.frombuffer(message, np.uint8, offset=PORTRAIT_HEADER.size).reshape(64, 64, 4)
    np.testing.assert_array_equal(pixels, portrait.rgba)


def test_a_face_carries_what_the_wire_carries_by_name(draw: Draw) -> None:
    portrait = draw(5)
    found = json.loads(encode_face(portrait, number=9, now_ns=portrait.stamp.captured_ns + 40_000_000))
    assert (found["number"], found["index"], found["basis"]) == (9, 5, "open")
    assert found["captured_ms"] == pytest.approx(portrait.stamp.captured_wall_ns / 1e6)
    assert found["sent_ms"] - found["captured_ms"] == pytest.approx(40, abs=0.01)
    sizes = dict((*FIELDS, *APPENDED))
    assert {name: len(found[name]) for name in FACE_ARRAYS} == {name: sizes[name] for name in FACE_ARRAYS}
    assert (len(found["shown_weights"]), found["recognised"]) == (sizes["shown_weights"], [])
    assert (found["confidence"], found["presence"]) == (0.0, 1.0)


def test_picture_that_was_offered_arrives(server: PageServer, draw: Draw) -> None:
    with looking(server) as client:
        server.offer(draw(0))
        assert next_index(client) == 0
        server.offer(draw(1))
        assert next_index(client) == 1


def test_picture_is_awaited_when_none_is_new(server: PageServer, draw: Draw) -> None:
    with looking(server) as client:
        server.offer(draw(0))
        assert next_index(client) == 0
        client.send("next")
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.1)
        server.offer(draw(1))
        message = client.recv(timeout=20)
        assert isinstance(message, bytes)
        assert PORTRAIT_HEADER.unpack_from(message)[4] == 1


def test_client_that_did_not_read_gets_the_newest_and_no_backlog(server: PageServer, draw: Draw) -> None:
    with looking(server) as slow, looking(server) as quick:
        server.offer(draw(0))
        assert next_index(slow) == next_index(quick) == 0
        for index in range(1, 100):
            server.offer(draw(index))
        assert next_index(quick) == 99
        assert next_index(slow) == 99
        slow.send("next")
        with pytest.raises(TimeoutError):
            slow.recv(timeout=0.1)


def test_offer_without_a_client_keeps_the_newest_picture(server: PageServer, draw: Draw) -> None:
    for index in range(100):
        server.offer(draw(index))
    with looking(server) as client:
        assert next_index(client) == 99


def test_client_with_an_unknown_command_is_disconnected(server: PageServer) -> None:
    with looking(server) as client:
        client.send(b"\x00")
        assert list(client) == []


def test_client_whose_connection_the_server_has_just_ended_is_simply_gone() -> None:
    async def receive() -> Message:
        if sent:
            await asyncio.Event().wait()
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:  # as uvicorn's after bytes that are no frame, or no answer to a ping
        sent.append(message["type"])
        if message["type"] != "websocket.accept":
            raise RuntimeError(f"Unexpected ASGI message '{message['type']}', after sending 'websocket.close'.")

    sent: list[str] = []
    client = WebSocket({"type": "websocket", "headers": [], "path": "/events"}, receive, send)
    asyncio.run(serve_websocket(client, lambda text: True, lambda: client.send_text("a state")))
    assert sent == ["websocket.accept", "websocket.send", "websocket.close"]


def test_scripts_are_served_as_scripts_whatever_the_system_calls_them() -> None:
    mimetypes.add_type("text/plain", ".js")  # as some Windows registries do
    with PageServer(port=0) as server, stranger(server) as client:
        assert client.get("/static/stream.js").headers["Content-Type"].startswith("text/javascript")


def test_port_in_use_is_one_line_that_names_it_and_the_cure(server: PageServer) -> None:
    threads = threading.active_count()
    with pytest.raises(PageError, match=rf"^port {server.port} is in use: choose another with --page-port[^\n]*$"):
        PageServer(port=server.port).__enter__()
    assert threading.active_count() == threads


def test_requests_that_stay_incomplete_are_closed(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "HEADER_TIMEOUT_S", 0.2)
    monkeypatch.setattr(api, "BODY_TIMEOUT_S", 0.2)
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    token = f"Authorization: Bearer {server.tokens.control}\r\n"
    cases = (
        ("", b""),
        (f"GET / HTTP/1.1\r\n{host}", b""),
        (f"POST /api/tuning HTTP/1.1\r\n{host}{token}Content-Length: 9\r\n\r\n{{", b"HTTP/1.1 408"),
        (f"GET /static/clean.css HTTP/1.1\r\n{host}\r\nGET", b"HTTP/1.1 200"),  # the second one of a connection
    )
    for sent, answer in cases:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
            client.sendall(sent.encode())
            received = b""
            while part := client.recv(65536):
                received += part
            assert received.startswith(answer), sent


def test_a_socket_outlives_the_limit_of_requests(
    server: PageServer, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_limit, "HEADER_TIMEOUT_S", 0.2)
    with looking(server) as client:
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.6)
        server.offer(draw(0))
        assert next_index(client) == 0


def test_server_ends_soon_while_clients_are_connected_and_waiting(draw: Draw) -> None:
    with PageServer(port=0) as server:
        server.offer(draw(0))
        with looking(server) as waiting, looking(server) as idle:
            assert next_index(waiting) == next_index(idle) == 0
            waiting.send("next")
            server.__exit__()
            for client in (waiting, idle):
                with pytest.raises(ConnectionClosed):
                    client.recv(timeout=20)
    left = [thread for thread in threading.enumerate() if thread.name == "page"]
    for thread in left:
        thread.join(20)  # it was told to end; a busy machine may take longer than the server waits for it
    assert not any(thread.is_alive() for thread in left)


def test_offer_after_the_end_is_harmless(draw: Draw) -> None:
    with PageServer(port=0) as server, looking(server) as client:
        server.offer(draw(0))
        assert next_index(client) == 0
    server.offer(draw(1))
