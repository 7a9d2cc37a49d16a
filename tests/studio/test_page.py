"""The page's server, as a browser's sockets meet it."""

from __future__ import annotations

import asyncio
import http.client
import json
import mimetypes
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from starlette.types import Message
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from omote.engine.data import Portrait
from omote.engine.live.latency import Percentiles
from omote.studio.app.ports import PageError
from omote.studio.app.state import Endpoint, Stage, Status
from omote.studio.page.server import PageServer
from omote.studio.page.streams import PORTRAIT_HEADER, PORTRAIT_MAGIC, encode_portrait, serve_websocket

Draw = Callable[[int], Portrait]

STATUS = Status(
    source="demo",
    character="<b>Aki</b>",
    runtime="openvino cpu f32",
    size=64,
    steps=1,
    fps=29.7,
    pictures=300,
    dropped=2,
    tracked_fraction=0.98,
    presence="tracked",
    latency=Percentiles(41.0, 60.5, 72.0),
    stages=(Stage("draw", Percentiles(30.0, 40.0, 50.0)),),
    endpoints=(Endpoint("video", "tcp://127.0.0.1:5557"),),
)


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer(port=0) as page:
        yield page


@contextmanager
def looking(server: PageServer) -> Iterator[ClientConnection]:
    """A client that says what a browser on the page would say."""
    address = f"ws://127.0.0.1:{server.port}/pictures?token={server.tokens.view}"
    with connect(address, origin=Origin(origin(server)), proxy=None) as client:
        yield client


def next_index(client: ClientConnection) -> int:
    """The index of the next picture that the client asks for."""
    client.send("next")
    message = client.recv(timeout=20)
    assert isinstance(message, bytes)
    index: int = PORTRAIT_HEADER.unpack_from(message)[4]
    return index


def ask(
    server: PageServer, path: str, method: str = "GET", body: str | None = None, **headers: str
) -> tuple[int, http.client.HTTPMessage, str]:
    """Status, headers and text of one request; `headers` are added to, or replace, what a client sends by itself."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, f"{path}?token={server.tokens.control}", body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def origin(server: PageServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def test_message_carries_size_times_and_the_exact_pixels(draw: Draw) -> None:
    portrait = draw(5)
    message = encode_portrait(portrait, number=9, now_ns=portrait.stamp.captured_ns + 40_000_000)
    magic, width, height, number, index, captured_ms, sent_ms = PORTRAIT_HEADER.unpack_from(message)
    assert (magic, width, height, number, index) == (PORTRAIT_MAGIC, 64, 64, 9, 5)
    assert captured_ms == pytest.approx(portrait.stamp.captured_wall_ns / 1e6)
    assert sent_ms - captured_ms == pytest.approx(40, abs=0.01)  # a float64 of milliseconds since 1970 resolves 0.25 us
    pixels = np.frombuffer(message, np.uint8, offset=PORTRAIT_HEADER.size).reshape(64, 64, 4)
    np.testing.assert_array_equal(pixels, portrait.rgba)


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


def test_offer_does_nothing_but_remember_while_nobody_looks(server: PageServer, draw: Draw) -> None:
    for index in range(100):
        server.offer(draw(index))
    with looking(server) as client:
        assert next_index(client) == 99


def test_client_that_says_something_else_is_sent_away(server: PageServer) -> None:
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


def test_pages_are_served_with_a_policy_that_allows_no_foreign_script(server: PageServer) -> None:
    for path in ("/", "/clean", "/static/stream.js"):
        status, headers, _ = ask(server, path)
        assert status == 200
        assert "default-src 'none'; script-src 'self';" in headers["Content-Security-Policy"]


def test_scripts_are_served_as_scripts_whatever_the_system_calls_them() -> None:
    mimetypes.add_type("text/plain", ".js")  # as some Windows registries do
    with PageServer(port=0) as server:
        assert ask(server, "/static/stream.js")[1]["Content-Type"].startswith("text/javascript")


def test_numbers_are_served_as_shown_last(server: PageServer) -> None:
    assert json.loads(ask(server, "/api/status")[2]) is None
    server.show(STATUS)
    told = json.loads(ask(server, "/api/status")[2])
    assert told["latency"] == {"p50": 41.0, "p95": 60.5, "p99": 72.0}
    assert told["stages"] == [{"name": "draw", "took_ms": {"p50": 30.0, "p95": 40.0, "p99": 50.0}}]
    assert told["endpoints"] == [{"name": "video", "address": "tcp://127.0.0.1:5557"}]


@pytest.mark.parametrize("path", ["/", "/clean", "/api/status", "/static/stream.js"])
def test_foreign_host_is_refused_so_that_rebinding_a_name_gains_nothing(server: PageServer, path: str) -> None:
    status, _, text = ask(server, path, Host=f"evil.example:{server.port}")
    assert status == 403
    assert "evil.example" in text
    assert f"127.0.0.1:{server.port}" in text


def test_foreign_origin_is_refused(server: PageServer) -> None:
    status, _, text = ask(server, "/api/status", Origin="http://evil.example")
    assert status == 403
    assert "not to Origin 'http://evil.example'" in text


def test_other_port_of_this_machine_is_a_foreign_origin(server: PageServer) -> None:
    assert ask(server, "/api/status", Origin=f"http://127.0.0.1:{server.port + 1}")[0] == 403


@pytest.mark.parametrize("stranger", ["http://evil.example", "null"])
@pytest.mark.parametrize("path", ["/pictures", "/events", "/camera"])
def test_socket_of_a_foreign_origin_is_refused_with_a_reason_whatever_its_token(
    server: PageServer, path: str, stranger: str
) -> None:
    address = f"ws://127.0.0.1:{server.port}{path}?token={server.tokens.control}"
    with pytest.raises(InvalidStatus) as refused, connect(address, origin=Origin(stranger), proxy=None):
        pass
    assert refused.value.response.status_code == 403
    assert b"Origin" in (refused.value.response.body or b"")


def test_socket_with_a_foreign_host_is_refused(server: PageServer) -> None:
    here = socket.create_connection(("127.0.0.1", server.port))
    address, own = f"ws://evil.example:{server.port}/pictures?token={server.tokens.view}", Origin(origin(server))
    with here, pytest.raises(InvalidStatus) as refused, connect(address, sock=here, origin=own, proxy=None):
        pass
    assert refused.value.response.status_code == 403


def test_port_in_use_is_one_line_that_names_it_and_the_cure(server: PageServer) -> None:
    threads = threading.active_count()
    with pytest.raises(PageError, match=rf"^port {server.port} is in use: choose another with --page-port[^\n]*$"):
        PageServer(port=server.port).__enter__()
    assert threading.active_count() == threads


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
