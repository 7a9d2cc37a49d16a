"""TCP and UDP ports of this machine: opens the page's, and tells whether one is free."""

from __future__ import annotations

import errno
import socket
import sys

from omote.bridge.errors import OmoteError
from omote.engine.capture.datagrams import ANY_ADDRESS

DEFAULT_PAGE_PORT = 8765
LOOPBACK_HOST = "127.0.0.1"


class PageError(OmoteError, ValueError):
    """The page cannot be served; the message says what was found and the cure."""


def listen_on_loopback(port: int) -> socket.socket:
    """A listening socket on loopback; PageError where the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform == "win32":  # where SO_REUSEADDR would share the port with whoever has it
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:  # so that a new start may follow an old one at once
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK_HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        found = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
        raise PageError(f"port {port} {found}: choose another with --page-port, or --no-page") from error
    return listener


def is_tcp_port_free(port: int) -> bool:
    """For the page and ZeroMQ, which bind to loopback."""
    with socket.socket() as trial:
        if sys.platform != "win32":  # there it would share the port with whoever has it
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _can_bind(trial, "127.0.0.1", port)


def is_udp_port_free(port: int) -> bool:
    """For a source that phones send to; nothing is read."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        return _can_bind(trial, ANY_ADDRESS, port)


def _can_bind(trial: socket.socket, host: str, port: int) -> bool:
    try:
        trial.bind((host, port))
    except (OSError, OverflowError):  # the latter of what is no port
        return False
    return True
