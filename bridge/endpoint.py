"""Where sockets stand: the addresses that may be bound, with keys and without, and why one cannot be."""

from __future__ import annotations

import errno
import ipaddress
import re

import zmq

from .errors import OmoteError
from .keys import ServerKeys

PARAMS_ENDPOINT = "tcp://127.0.0.1:5556"
VIDEO_ENDPOINT = "tcp://127.0.0.1:5557"
CONTROL_ENDPOINT = "tcp://127.0.0.1:5558"

_ENDPOINT = re.compile(
    r"tcp://(?P<host>\[[0-9a-fA-F:.%]{2,64}\]|[^\s:/\[\]]{1,255}):(?P<port>[0-9]{1,5}|\*)\Z", re.ASCII
)
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\Z", re.ASCII)
_ANY_HOSTS = ("*", "0.0.0.0")


class BindError(OmoteError):
    """An endpoint cannot be opened: `EndpointError`, `PortInUseError`. The message is one line, with the cure."""


class EndpointError(BindError):
    """The address is none that may be bound, or none at all."""


class PortInUseError(BindError):
    """Another program has the port."""


def check_bind(endpoint: str, keys: ServerKeys | None = None) -> None:
    """EndpointError unless Omote may bind this: tcp, an IPv4 address; with no keys one of 127.0.0.1's kind."""
    host, port = split(endpoint)
    if host.startswith("["):
        raise EndpointError(f"{endpoint} is refused: IPv6 is not served yet; use an IPv4 address as 127.0.0.1")
    if host not in _ANY_HOSTS and not _is_ipv4(host):
        raise EndpointError(
            f"{endpoint} is refused: {host} is no number; use 127.0.0.1 for this machine alone, or 0.0.0.0 for all"
        )
    if keys is None and not is_loopback(endpoint):
        raise EndpointError(
            f"{endpoint} is refused: without keys only this machine may listen: tcp://127.0.0.1:{port}; "
            "to let other machines in make keys with `omote keys new NAME`, then say --curve"
        )


def check_connect(endpoint: str) -> None:
    """EndpointError unless this names one port of one machine, by its address or by its name."""
    host, port = split(endpoint)
    if host.startswith("["):
        raise EndpointError(f"{endpoint} is refused: IPv6 is not served yet; use an IPv4 address or the machine's name")
    if not _HOST.match(host) or port == "*":
        raise EndpointError(f"{endpoint} leads nowhere: name one machine and one port, as tcp://127.0.0.1:5557")


def is_loopback(endpoint: str) -> bool:
    """Whether it leads to this machine and no further: 127.x.y.z, [::1] or localhost."""
    host, _ = split(endpoint)
    bare = host.strip("[]")
    if bare.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def split(endpoint: str) -> tuple[str, str]:
    """Host and port of `tcp://HOST:PORT`; the port may be `*`, any that is free. EndpointError for anything else."""
    found = _ENDPOINT.match(endpoint)
    if not found or (found["port"] != "*" and not 0 < int(found["port"]) < 65536):
        raise EndpointError(f"{endpoint} is no address: it must be as tcp://127.0.0.1:5557, the port from 1 to 65535")
    return found["host"], found["port"]


def port_of(endpoint: str) -> int:
    """The port's number; 0 where any free one is wanted."""
    port = split(endpoint)[1]
    return 0 if port == "*" else int(port)


def bind(socket: zmq.Socket[bytes], what: str, endpoint: str) -> str:
    """Binds and returns the address with the port that was got; EndpointError or PortInUseError name `what` it is."""
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        raise _bind_error(what, endpoint, error) from error
    return socket.getsockopt_string(zmq.LAST_ENDPOINT)


def _bind_error(what: str, endpoint: str, error: zmq.ZMQError) -> BindError:
    if error.errno in (zmq.EADDRINUSE, errno.EADDRINUSE):
        return PortInUseError(f"{endpoint} ({what}) is taken by another program; stop that one or choose another port")
    if error.errno in (zmq.EADDRNOTAVAIL, errno.EADDRNOTAVAIL, errno.ENODEV):
        cure = "this machine has no such address; use one of its own, or 0.0.0.0 for all"
    else:
        cure = "choose a port from 1024 to 65535"
    return EndpointError(f"{endpoint} ({what}) cannot be bound: {error.strerror}; {cure}")


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
