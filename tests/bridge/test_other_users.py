"""On one machine, programs of the same user may connect without a key, and those of other users may not."""

from __future__ import annotations

import os
import socket as sockets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import zmq

from omote.bridge import authentication
from omote.bridge.control.client import ControlClient
from omote.bridge.control.message import ControlRequest, encode_request
from omote.bridge.control.server import ControlServer
from omote.bridge.endpoint import port_of
from omote.bridge.publisher import Publisher

from .sending import FREE_PORT, PATIENCE_S

needs_another_user = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can start a program as another user"
)
_AS_NOBODY = "import os, socket, sys, time, zmq\nos.setgroups([]); os.setresgid(65534, 65534, 65534)\n"
_AS_NOBODY += "os.setresuid(65534, 65534, 65534)\n"


def as_nobody(code: str, *arguments: str) -> str:
    """The output of this code, run by another user."""
    command = [sys.executable, "-c", _AS_NOBODY + code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_S).stdout


def has_ipv6() -> bool:
    """Whether this machine has an IPv6 loopback address."""
    try:
        with sockets.create_server(("::1", 0), family=sockets.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback address")
LOOPBACKS = ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)]


@pytest.fixture(params=LOOPBACKS)
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[sockets.socket, sockets.socket]]:
    """A connection over loopback: the server's side and the client's."""
    family = sockets.AF_INET6 if ":" in request.param else sockets.AF_INET
    with (
        sockets.create_server((request.param, 0), family=family) as server,
        sockets.create_connection(server.getsockname()[:2]) as client,
    ):
        accepted, _ = server.accept()
        with accepted:
            yield accepted, client


def test_a_connection_of_ours_is_own_until_it_closes(ends: tuple[sockets.socket, sockets.socket]) -> None:
    accepted, client = ends
    assert authentication.are_own([accepted, accepted]) == [True, True]
    client.close()
    assert authentication.are_own([accepted]) == [False]


def test_connections_are_found_by_process_too(ends: tuple[sockets.socket, sockets.socket]) -> None:
    accepted, _ = ends
    assert (accepted.getpeername()[:2], accepted.getsockname()[:2]) in authentication._own_by_process()


def test_a_number_that_is_no_connection_to_the_port_is_left_alone(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert authentication.connection_of(file.fileno(), 5556) is None
        file.write(b"still open")
    with sockets.create_server(("127.0.0.1", 0)) as server:
        assert authentication.connection_of(server.fileno(), server.getsockname()[1]) is None
        assert server.getsockname()
    assert authentication.connection_of(12345, 5556) is None


_SUBSCRIBE = """
subscriber = zmq.Context().socket(zmq.SUB)
subscriber.linger = 0
subscriber.subscribe(b"")
subscriber.connect(sys.argv[1])
print("heard" if subscriber.poll(2000) else "nothing")
"""


@needs_another_user
@pytest.mark.parametrize(("open_local", "expected"), [(False, "nothing"), (True, "heard")])
def test_another_user_sees_nothing_unless_all_are_allowed(open_local: bool, expected: str) -> None:
    with Publisher(FREE_PORT, FREE_PORT, open_local=open_local) as publisher:
        assert as_nobody(_SUBSCRIBE, publisher.params_endpoint).strip() == expected
        assert (publisher.rejected_handshakes > 0) is not open_local
        with zmq.Context() as context, context.socket(zmq.SUB) as own:
            own.linger = 0
            own.subscribe(b"")
            own.connect(publisher.params_endpoint)
            assert own.poll(int(1000 * PATIENCE_S))


@needs_ipv6
def test_over_ipv6_we_are_served_and_another_user_is_not() -> None:
    asked = Noting("tcp://[::1]:*")
    with Publisher("tcp://[::1]:*", "tcp://[::1]:*") as publisher, asked.server as server:
        with zmq.Context() as context, context.socket(zmq.SUB) as own:
            own.linger, own.ipv6 = 0, True
            own.subscribe(b"")
            own.connect(publisher.params_endpoint)
            assert own.poll(int(1000 * PATIENCE_S))
        with ControlClient(server.endpoint) as client:
            client.call("note", {"by": "us"})
        if os.geteuid() == 0:
            as_ipv6 = "zmq.Context.instance().ipv6 = True\n"
            assert (
                as_nobody(
                    as_ipv6 + _SUBSCRIBE.replace("zmq.Context()", "zmq.Context.instance()"), publisher.params_endpoint
                ).strip()
                == "nothing"
            )
            assert publisher.rejected_handshakes > 0
    assert asked.by == ["us"]


class Noting:
    """A control server that notes the clients of its requests."""

    def __init__(self, endpoint: str = FREE_PORT, open_local: bool = False) -> None:
        self.by: list[object] = []
        self.server = ControlServer(endpoint, {"note": self._note}, session=1, open_local=open_local)

    def _note(self, arguments: Mapping[str, object]) -> Mapping[str, object]:
        self.by.append(arguments["by"])
        return {}


_ASK = """
asker = zmq.Context().socket(zmq.DEALER)
asker.linger = 500
asker.connect(sys.argv[1])
asker.send(bytes.fromhex(sys.argv[2]))
print("answered" if asker.poll(2000) else "nothing")
"""
# Unlike any library: READY and the request are sent before the server's answer, and then the client may leave.
_ASK_AT_ONCE = """
address, request = ("127.0.0.1", int(sys.argv[1])), bytes.fromhex(sys.argv[2])
greeting = b"\\xff" + bytes(8) + b"\\x7f\\x03\\x00" + b"NULL".ljust(20, b"\\0") + bytes(32)
kind = b"\\x0bSocket-Type" + (6).to_bytes(4, "big") + b"DEALER"
ready = b"\\x05READY" + kind
client = socket.socket()
client.connect(address)
client.sendall(greeting)
time.sleep(0.02)  # libzmq does not read on at once
client.sendall(b"\\x04" + bytes([len(ready)]) + ready + b"\\x00" + bytes([len(request)]) + request)
if sys.argv[3] == "stays":
    time.sleep(1.0)
client.close()
"""


def request(by: str) -> bytes:
    return encode_request(ControlRequest(1, "note", {"by": by}))


@needs_another_user
def test_another_user_controls_nothing_unless_all_are_allowed() -> None:
    asked, open_to_all = Noting(), Noting(open_local=True)
    with asked.server as server, open_to_all.server as other:
        assert as_nobody(_ASK, server.endpoint, request("nobody").hex()).strip() == "nothing"
        assert as_nobody(_ASK, other.endpoint, request("nobody").hex()).strip() == "answered"
        with ControlClient(server.endpoint) as client:
            client.call("note", {"by": "us"})
        assert server.rejected_handshakes > 0
    assert asked.by == ["us"]
    assert open_to_all.by == ["nobody"]


@needs_another_user
@pytest.mark.parametrize("then", ["stays", "goes"])
def test_a_request_that_comes_before_the_greeting_is_answered_is_not_carried_out(then: str) -> None:
    asked, open_to_all = Noting(), Noting(open_local=True)
    with asked.server as server, open_to_all.server as other:
        for one in (server, other):
            as_nobody(_ASK_AT_ONCE, str(port_of(one.endpoint)), request("nobody").hex(), then)
        with ControlClient(server.endpoint) as client:
            for _ in range(20):
                client.call("note", {"by": "us"})
                time.sleep(0.02)
        ends_s = time.monotonic() + PATIENCE_S
        while then == "stays" and not open_to_all.by and time.monotonic() < ends_s:
            time.sleep(0.02)
    assert set(asked.by) == {"us"}
    if then == "stays":
        assert open_to_all.by == ["nobody"]
