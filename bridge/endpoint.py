"""Endpoints: which addresses may be bound or connected to, and the ZeroMQ sockets that use them."""

from __future__ import annotations

import errno
import ipaddress
import re
from collections.abc import Mapping
from contextlib import ExitStack

import zmq

from .errors import OmoteError
from .keys import ServerKeys

PARAMS_ENDPOINT = "tcp://127.0.0.1:5556"
VIDEO_ENDPOINT = "tcp://127.0.0.1:5557"
CONTROL_ENDPOINT = "tcp://127.0.0.1:5558"

_ENDPOINT = re.compile(
    r"tcp://(?P<host>\[[0-9a-fA-F:.]{2,45}(?:%[A-Za-z0-9_.-]{1,15})?\]|[^\s:/\[\]]{1,255}):(?P<port>[0-9]{1,5}|\*)\Z",
    re.ASCII,
)
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\Z", re.ASCII)
_ANY_HOSTS = ("*", "0.0.0.0", "[::]")

_OPTIONS: dict[int, int] = {
    zmq.LINGER: 0,
    zmq.HANDSHAKE_IVL: 5000,
    zmq.HEARTBEAT_IVL: 1000,
    zmq.HEARTBEAT_TIMEOUT: 3000,
    zmq.TCP_KEEPALIVE: 1,
}
SERVER_OPTIONS = {**_OPTIONS, zmq.HEARTBEAT_TTL: 3000}
CLIENT_OPTIONS = {**_OPTIONS, zmq.RECONNECT_IVL: 100, zmq.RECONNECT_IVL_MAX: 2000}


class BindError(OmoteError):
    """An endpoint cannot be opened; the message is one line, with the cure."""


class EndpointError(BindError):
    """The address is malformed, or may not be used."""


class PortInUseError(BindError):
    """Another program uses the port."""


def check_bind(endpoint: str, keys: ServerKeys | None = None) -> None:
    """EndpointError unless Omote may bind this: TCP and an address, which without keys is a loopback address."""
    host, port = split(endpoint)
    if host not in _ANY_HOSTS and not _is_address(host):
        raise EndpointError(
            f"{endpoint} is refused: {host} is not an address; use 127.0.0.1 or [::1] for this machine, or 0.0.0.0 or "
            "[::] for all"
        )
    if keys is None and not is_loopback(endpoint):
        raise EndpointError(
            f"{endpoint} is refused: without keys only this machine may listen, at tcp://127.0.0.1:{port}; "
            "to let other machines in, make keys with `omote keys new NAME` and add --curve"
        )


def check_connect(endpoint: str) -> None:
    """EndpointError unless this names one port of one machine, by its address or its name."""
    host, port = split(endpoint)
    if not (_is_address(host) if host.startswith("[") else _HOST.match(host)) or port == "*":
        raise EndpointError(
            f"{endpoint} cannot be connected to: name one machine and one port, as tcp://127.0.0.1:5557"
        )


def is_loopback(endpoint: str) -> bool:
    """Whether this is an address of this machine alone: 127.x.y.z, [::1] or localhost."""
    host, _ = split(endpoint)
    bare = host.strip("[]")
    if bare.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def split(endpoint: str) -> tuple[str, str]:
    """Host and port of `tcp://HOST:PORT`, where the port `*` is any free one; EndpointError for anything else."""
    found = _ENDPOINT.match(endpoint)
    if not found or (found["port"] != "*" and not 0 < int(found["port"]) < 65536):
        raise EndpointError(f"{endpoint} is no address: it must be tcp://HOST:PORT, the port from 1 to 65535")
    return found["host"], found["port"]


def port_of(endpoint: str) -> int:
    """The port's number; 0 for `*`."""
    port = split(endpoint)[1]
    return 0 if port == "*" else int(port)


def for_this_machine(endpoint: str) -> str:
    """The address by which this machine's own programs reach a bound endpoint."""
    host, port = split(endpoint)
    return f"tcp://127.0.0.1:{port}" if host in _ANY_HOSTS else endpoint


def open_context(stack: ExitStack) -> zmq.Context[zmq.Socket[bytes]]:
    """A context that the stack destroys."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    stack.callback(context.destroy, linger=0)
    return context


def open_socket(
    stack: ExitStack, context: zmq.Context[zmq.Socket[bytes]], kind: int, options: Mapping[int, int]
) -> zmq.Socket[bytes]:
    """A socket of this kind (`zmq.SUB`, ...) that the stack closes."""
    socket = stack.enter_context(context.socket(kind))
    for option, value in options.items():
        socket.setsockopt(option, value)
    return socket


def bind(socket: zmq.Socket[bytes], what: str, endpoint: str) -> str:
    """Binds and returns the address with its port; EndpointError or PortInUseError name the endpoint as `what`."""
    use_address_family(socket, endpoint)
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        raise _bind_error(what, endpoint, error) from error
    return socket.getsockopt_string(zmq.LAST_ENDPOINT)


def use_address_family(socket: zmq.Socket[bytes], endpoint: str) -> None:
    """Lets the socket bind or connect to an IPv6 address; a name stays one of IPv4."""
    if split(endpoint)[0].startswith("["):
        socket.ipv6 = True


def _bind_error(what: str, endpoint: str, error: zmq.ZMQError) -> BindError:
    if error.errno in (zmq.EADDRINUSE, errno.EADDRINUSE):
        return PortInUseError(f"{endpoint} ({what}) is taken by another program; stop it or choose another port")
    if error.errno in (zmq.EADDRNOTAVAIL, errno.EADDRNOTAVAIL, errno.ENODEV):
        cure = "this machine has no such address; use one of its addresses, or 0.0.0.0 for all"
    else:
        cure = "choose a port from 1024 to 65535"
    return EndpointError(f"{endpoint} ({what}) cannot be bound: {error.strerror}; {cure}")


def _is_address(host: str) -> bool:
    """Whether this is an IPv4 address, or an IPv6 address in brackets that stands for no IPv4 one."""
    bare = host.strip("[]")
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return host == bare
    return host == f"[{bare}]" and found.ipv4_mapped is None
