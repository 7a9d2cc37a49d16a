"""Endpoints: which may be bound, with keys and without, and which can be connected to."""

from __future__ import annotations

from pathlib import Path

import pytest
import zmq

from omote.bridge import endpoint, keys
from omote.bridge.endpoint import EndpointError, PortInUseError
from omote.bridge.keys import ServerKeys

from .sending import FREE_PORT


@pytest.fixture
def server(tmp_path: Path) -> ServerKeys:
    return keys.make_server(tmp_path / "keys")


@pytest.mark.parametrize(
    "address",
    [
        *("tcp://0.0.0.0:5557", "tcp://*:5557", "tcp://192.168.1.2:5557", "tcp://0.0.0.0:*", "tcp://128.0.0.1:1"),
        *("tcp://[::]:5557", "tcp://[fd00::2]:5557", "tcp://[fe80::1%eth0]:5557"),
    ],
)
def test_an_address_that_others_reach_is_refused_without_keys(address: str, server: ServerKeys) -> None:
    with pytest.raises(EndpointError, match=r"only this machine may listen.*`omote keys new NAME` and add --curve"):
        endpoint.check_bind(address)
    endpoint.check_bind(address, server)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:5557", "tcp://127.0.0.1:*", "tcp://127.1.2.3:65535", "tcp://[::1]:*"]
)
def test_an_address_of_this_machine_alone_is_always_allowed(address: str, server: ServerKeys) -> None:
    endpoint.check_bind(address)
    endpoint.check_bind(address, server)


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("tcp://[::ffff:127.0.0.1]:5557", "is not an address"),
        ("tcp://[127.0.0.1]:5557", "is not an address"),
        ("tcp://[::12345]:5557", "is not an address"),
        ("tcp://::1:5557", "is no address"),
        ("tcp://localhost:5557", "localhost is not an address; use 127.0.0.1 or"),
        ("tcp://127.0.0.1.example.org:5557", "is not an address"),
        ("tcp://127.0.0.256:5557", "is not an address"),
        ("tcp://127.0.0.1", "is no address"),
        ("tcp://127.0.0.1:0", "is no address"),
        ("tcp://127.0.0.1:65536", "is no address"),
        ("tcp://127.0.0.1:5557\n", "is no address"),
        ("tcp://127.0.0.1:5557;tcp://0.0.0.0:1", "is no address"),
        ("tcp://127.0.0.1:5557@x", "is no address"),
        ("ipc:///tmp/omote", "is no address"),
        ("127.0.0.1:5557", "is no address"),
        ("", "is no address"),
    ],
)
def test_what_is_no_address_to_bind_is_refused_even_with_keys(address: str, wanted: str, server: ServerKeys) -> None:
    for its_keys in (None, server):
        with pytest.raises(EndpointError, match=wanted):
            endpoint.check_bind(address, its_keys)


@pytest.mark.parametrize(
    ("address", "is_loopback"),
    [
        ("tcp://localhost:1", True),
        ("tcp://127.0.0.2:1", True),
        ("tcp://[::1]:1", True),
        ("tcp://studio-pc:1", False),
        ("tcp://192.168.1.2:1", False),
        ("tcp://*:1", False),
        ("tcp://127.0.0.1.example.org:1", False),
    ],
)
def test_an_address_tells_whether_it_is_this_machine(address: str, is_loopback: bool) -> None:
    assert endpoint.is_loopback(address) == is_loopback


@pytest.mark.parametrize(
    "address",
    [
        *("tcp://127.0.0.1:5557", "tcp://studio-pc:1", "tcp://my_pc.local:65535", "tcp://a:1", "tcp://[::1]:5557"),
        "tcp://[fe80::1%eth0]:5557",
    ],
)
def test_one_port_of_one_machine_can_be_connected_to(address: str) -> None:
    endpoint.check_connect(address)


@pytest.mark.parametrize(
    "address", ["tcp://*:5557", "tcp://127.0.0.1:*", "tcp://-:5", "tcp://a-:5", "tcp://[::1]:*", "studio-pc:1"]
)
def test_what_names_no_port_of_a_machine_is_refused_before_it_is_connected_to(address: str) -> None:
    with pytest.raises(EndpointError, match=r"cannot be connected to|is no address"):
        endpoint.check_connect(address)


def test_an_address_that_cannot_be_bound_says_why() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.PUB) as first, context.socket(zmq.PUB) as second:
        taken = endpoint.bind(first, "video", FREE_PORT)
        with pytest.raises(PortInUseError, match=rf"{taken} \(video\) is taken by another program"):
            endpoint.bind(second, "video", taken)
        with pytest.raises(EndpointError, match=r"this machine has no such address"):
            endpoint.bind(second, "video", "tcp://192.0.2.1:*")  # kept free for examples: RFC 5737
    context.destroy(linger=0)
