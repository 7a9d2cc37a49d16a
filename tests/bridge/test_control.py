"""Control endpoint, over real sockets. Nothing here asserts how long something takes."""

from __future__ import annotations

import socket as sockets
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import msgpack
import pytest
import zmq

from omote.bridge import keys
from omote.bridge.control import ControlClient, ControlError, ControlServer, Method
from omote.bridge.control.message import (
    MAX_BYTES,
    ControlReply,
    ControlRequest,
    decode_reply,
    encode_reply,
    encode_request,
)
from omote.bridge.endpoint import EndpointError, PortInUseError, split
from omote.bridge.keys import ServerKeys

from .sending import FREE_PORT, PATIENCE_S, wait_for

SESSION = 0xFEDCBA9876543210
HOUR_NS = 3_600_000_000_000


def echo(arguments: Mapping[str, object]) -> Mapping[str, object]:
    return {"heard": dict(arguments)}


def serving(keys: ServerKeys | None = None, **more: Method) -> ControlServer:
    return ControlServer(FREE_PORT, {"echo": echo, **more}, session=SESSION, keys=keys)


def refusal(client: ControlClient, method: str, arguments: Mapping[str, object] | None = None) -> tuple[str, str]:
    with pytest.raises(ControlError) as refused:
        client.call(method, arguments, PATIENCE_S)
    return refused.value.code, refused.value.message


class Raw:
    """A DEALER that sends any bytes."""

    def __init__(self, endpoint: str) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(endpoint)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *error: object) -> None:
        self._context.destroy(linger=0)

    def send(self, *parts: bytes) -> None:
        self._socket.send_multipart(parts)

    def reply(self) -> ControlReply:
        assert self._socket.poll(int(PATIENCE_S * 1000)), "nothing came"
        (part,) = self._socket.recv_multipart()
        return decode_reply(part)


def test_a_method_gets_its_arguments_and_its_result_comes_back() -> None:
    arguments = {"name": "hannya", "harmonics": [0.5] * 27, "hold": None, "big": 2**64 - 1}
    with serving() as server, ControlClient(server.endpoint) as client:
        assert client.call("echo", arguments, PATIENCE_S) == {"heard": arguments}
        assert client.call("echo", timeout_s=PATIENCE_S) == {"heard": {}}


def test_an_unknown_method_is_unsupported_and_the_known_are_named() -> None:
    with serving() as server, ControlClient(server.endpoint) as client:
        code, message = refusal(client, "fly")
    assert code == "unsupported"
    assert "'fly'" in message
    assert "echo, clock" in message


def test_the_error_of_a_method_reaches_the_client() -> None:
    def dislike(arguments: Mapping[str, object]) -> Mapping[str, object]:
        raise ControlError("invalid", "name must be one of a, b")

    with serving(dislike=dislike) as server, ControlClient(server.endpoint) as client:
        assert refusal(client, "dislike") == ("invalid", "name must be one of a, b")


def test_a_method_that_breaks_answers_failed_and_the_server_lives_on(caplog: pytest.LogCaptureFixture) -> None:
    def broken(arguments: Mapping[str, object]) -> Mapping[str, object]:
        raise ZeroDivisionError("inside")

    with serving(broken=broken) as server, ControlClient(server.endpoint) as client:
        for _ in range(3):
            assert refusal(client, "broken") == ("failed", "broken failed inside Omote; its log says why")
        assert client.call("echo", timeout_s=PATIENCE_S) == {"heard": {}}
    assert [bool(record.exc_info) for record in caplog.records] == [True, False, False]


@pytest.mark.parametrize("result", [{"names": ["a"] * 257}, {"deep": object()}, {"text": "x" * 257}])
def test_a_result_that_no_client_would_take_is_failed(result: Mapping[str, object]) -> None:
    with serving(much=lambda _: result) as server, ControlClient(server.endpoint) as client:
        code, message = refusal(client, "much")
    assert code == "failed"
    assert "cannot be sent" in message


def test_arguments_over_the_bounds_are_refused_before_they_are_sent() -> None:
    with serving() as server, ControlClient(server.endpoint) as client:
        code, message = refusal(client, "echo", {"name": "x" * 257})
        assert code == "invalid"
        assert "echo cannot be sent" in message
        assert client.call("echo", timeout_s=PATIENCE_S) == {"heard": {}}


def test_a_slow_method_delays_no_other_and_too_many_are_busy() -> None:
    may_end, has_begun = threading.Event(), threading.Event()

    def slow(arguments: Mapping[str, object]) -> Mapping[str, object]:
        has_begun.set()
        assert may_end.wait(PATIENCE_S)
        return {"character": arguments["name"]}

    with serving(set_character=slow) as server, Raw(server.endpoint) as raw, ControlClient(server.endpoint) as client:
        for id in range(12):
            raw.send(encode_request(ControlRequest(id, "set_character", {"name": str(id)})))
            assert has_begun.wait(PATIENCE_S)
        refused = [raw.reply() for _ in range(3)]  # one is under way and eight wait
        assert [(reply.id, reply.error and reply.error.code) for reply in refused] == [
            (id, "busy") for id in (9, 10, 11)
        ]
        assert client.call("echo", timeout_s=PATIENCE_S) == {"heard": {}}
        may_end.set()
        done = [raw.reply() for _ in range(9)]
        assert [(reply.id, reply.result) for reply in done] == [(id, {"character": str(id)}) for id in range(9)]


def test_the_server_ends_though_a_slow_method_does_not() -> None:
    may_end, has_begun = threading.Event(), threading.Event()

    def stuck(arguments: Mapping[str, object]) -> Mapping[str, object]:
        has_begun.set()
        may_end.wait(PATIENCE_S)
        return {}

    with serving(set_character=stuck) as server, Raw(server.endpoint) as raw:
        raw.send(encode_request(ControlRequest(1, "set_character")))
        assert has_begun.wait(PATIENCE_S)
    assert not may_end.is_set()
    may_end.set()


@pytest.mark.parametrize(
    ("fields", "code", "wanted"),
    [
        ({"v": 1, "id": 7}, "invalid", "'method' must be a text"),
        ({"v": 1, "id": 7, "method": 3}, "invalid", "'method' must be a text"),
        ({"v": 1, "id": 7, "method": "echo", "with": [1]}, "invalid", "'with' must be a map"),
        ({"id": 7, "method": "echo"}, "invalid", "has its version"),
        ({"v": 2, "id": 7, "method": "echo"}, "version", "2 is newer than 1"),
    ],
)
def test_a_malformed_request_with_an_id_is_answered(fields: Mapping[str, object], code: str, wanted: str) -> None:
    with serving() as server, Raw(server.endpoint) as raw:
        raw.send(msgpack.packb(fields))
        reply = raw.reply()
        assert reply.id == 7
        assert reply.error
        assert reply.error.code == code
        assert wanted in reply.error.message
        assert server.rejected_requests == 1


def nested(depth: int) -> object:
    return [nested(depth - 1)] if depth else 1


@pytest.mark.parametrize(
    "parts",
    [
        [b""],
        [b"\xc1"],
        [b"GET / HTTP/1.1\r\n\r\n"],
        [msgpack.packb([1, 2])],
        [msgpack.packb({"v": 1, "method": "echo"})],
        [msgpack.packb({"v": 1, "id": -1, "method": "echo"})],
        [msgpack.packb({"v": 1, "id": 1.0, "method": "echo"})],
        [msgpack.packb({"v": 1, "id": 1, "method": "echo", "with": {"a": nested(9)}})],
        [msgpack.packb({"v": 1, "id": 1, "method": "echo", "with": {"a": "x" * 300}})],
        [b"\x91" * 10000],
        [b"", msgpack.packb({"v": 1, "id": 1, "method": "echo"})],
        [b"x"] * 100,
    ],
)
def test_a_malformed_request_without_an_id_is_counted_and_not_answered(parts: list[bytes]) -> None:
    with serving() as server, Raw(server.endpoint) as raw:
        raw.send(*parts)
        raw.send(encode_request(ControlRequest(99, "echo")))
        assert raw.reply().id == 99
        assert server.rejected_requests == 1


def test_a_request_of_too_many_bytes_disconnects_and_the_server_survives() -> None:
    with serving() as server, Raw(server.endpoint) as raw, ControlClient(server.endpoint) as client:
        raw.send(bytes(MAX_BYTES + 1))
        assert client.call("echo", timeout_s=PATIENCE_S) == {"heard": {}}
        raw.send(encode_request(ControlRequest(1, "echo")))  # it reconnects; this request may be lost
        assert client.call("echo", timeout_s=PATIENCE_S) == {"heard": {}}
        assert server.rejected_requests == 0


def test_a_browser_and_a_port_scanner_do_no_harm() -> None:
    with serving() as server, ControlClient(server.endpoint) as client:
        address = ("127.0.0.1", int(split(server.endpoint)[1]))
        for data in (b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 20, b"\xff" * 64, bytes(64)):
            with sockets.create_connection(address, PATIENCE_S) as stranger:
                stranger.sendall(data)
        assert client.call("echo", timeout_s=PATIENCE_S) == {"heard": {}}


def test_a_client_names_the_server_that_does_not_answer() -> None:
    with (
        ControlClient("tcp://127.0.0.1:1") as client,
        pytest.raises(ControlError, match=r"does not answer; is `omote live` running") as refused,
    ):
        client.call("echo", timeout_s=0.2)
    assert refused.value.code == "timeout"


def test_a_short_timeout_does_not_read_as_a_missing_server() -> None:
    with serving() as server, ControlClient(server.endpoint) as client:
        client.call("echo", timeout_s=PATIENCE_S)  # connected
        with pytest.raises(ControlError, match="echo was not answered"):
            client.call("echo", timeout_s=0.0)


def test_a_late_reply_is_dropped_by_its_id() -> None:
    may_end = threading.Event()

    def slow(arguments: Mapping[str, object]) -> Mapping[str, object]:
        assert may_end.wait(PATIENCE_S)
        return {"character": "late"}

    with serving(set_character=slow) as server, ControlClient(server.endpoint) as client:
        client.call("echo", timeout_s=PATIENCE_S)  # connected
        with pytest.raises(ControlError, match="set_character was not answered"):
            client.call("set_character", timeout_s=0.2)
        may_end.set()
        while not client.dropped:
            assert client.call("echo", timeout_s=PATIENCE_S) == {"heard": {}}


def test_a_server_that_was_restarted_is_found_again() -> None:
    with serving() as server, ControlClient(server.endpoint) as client:
        endpoint = server.endpoint
        assert client.measure_clock().session == SESSION
        server.__exit__()
        with pytest.raises(ControlError):
            client.call("echo", timeout_s=0.2)
        with ControlServer(endpoint, {"echo": echo}, session=2):
            wait_for(lambda: _answers(client))
            assert client.measure_clock().session == 2


def _answers(client: ControlClient) -> bool:
    try:
        client.call("echo", timeout_s=1.0)
    except ControlError:
        return False
    return True


def test_many_threads_may_call_one_client() -> None:
    got: list[tuple[int, object]] = []

    def ask(number: int) -> None:
        for _ in range(20):
            result = client.call("echo", {"number": number}, PATIENCE_S)
            got.append((number, result["heard"]))

    with serving() as server, ControlClient(server.endpoint) as client:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert len(got) == 100
    assert all(heard == {"number": number} for number, heard in got)


@pytest.mark.parametrize("hours", [-7, 0, 5])
def test_the_offset_of_two_clocks_is_recovered_within_its_uncertainty(hours: int) -> None:
    base_ns = 100 * HOUR_NS  # a clock of the wire is never below 0
    server = ControlServer(
        FREE_PORT, {}, session=SESSION, clock=lambda: time.perf_counter_ns() + base_ns + hours * HOUR_NS
    )
    with server, ControlClient(server.endpoint, clock=lambda: time.perf_counter_ns() + base_ns) as client:
        clock = client.measure_clock()
    assert abs(clock.offset_ns - hours * HOUR_NS) <= clock.uncertainty_ns
    assert 0 < clock.uncertainty_ns < HOUR_NS
    assert clock.session == SESSION


def test_with_keys_only_clients_on_the_list_are_answered(tmp_path: Path) -> None:
    server_keys = keys.make_server(tmp_path)
    known = keys.make_client(server_keys, "known", tmp_path / "known.omote-key")
    unknown = keys.make_client(server_keys, "unknown", tmp_path / "unknown.omote-key")
    keys.remove_client(server_keys.clients, "unknown")
    with serving(server_keys) as server:
        with ControlClient(server.endpoint, known) as client:
            assert client.call("echo", {"a": 1}, PATIENCE_S) == {"heard": {"a": 1}}
        for stranger in (unknown, None):
            before = server.rejected_handshakes
            with ControlClient(server.endpoint, stranger) as client:
                with pytest.raises(ControlError, match=r"does not answer|refuses us"):
                    client.call("echo", timeout_s=0.3)
                wait_for(lambda count=before: server.rejected_handshakes > count)  # type: ignore[misc]
        assert server.rejected_requests == 0


def test_a_client_that_is_added_to_the_list_later_is_answered(tmp_path: Path) -> None:
    server_keys = keys.make_server(tmp_path)
    client_keys = keys.make_client(server_keys, "a", tmp_path / "a.omote-key")
    entry = server_keys.clients / "a.toml"
    content = entry.read_text()
    entry.unlink()
    with serving(server_keys) as server, ControlClient(server.endpoint, client_keys) as client:
        with pytest.raises(ControlError, match=r"does not answer|refuses us"):
            client.call("echo", timeout_s=0.3)
        wait_for(lambda: server.rejected_handshakes > 0)
        entry.write_text(content)
        wait_for(lambda: _answers(client))


def test_a_taken_port_and_an_open_address_are_refused_with_the_cure() -> None:
    with serving() as server, pytest.raises(PortInUseError, match=r"control.*choose another port"):
        ControlServer(server.endpoint, {}, session=1).__enter__()
    with pytest.raises(EndpointError, match="omote keys new"):
        ControlServer("tcp://0.0.0.0:5558", {}, session=1)


@pytest.mark.parametrize(
    ("sentence", "sent"), [("a" * 256, "a" * 256), ("a" * 257, "a" * 253 + "…"), ("é" * 200, "é" * 126 + "…")]
)
def test_a_sentence_that_is_cut_says_so(sentence: str, sent: str) -> None:
    reply = decode_reply(encode_reply(ControlReply(1, error=ControlError("failed", sentence))))
    assert reply.error is not None
    assert reply.error.message == sent
