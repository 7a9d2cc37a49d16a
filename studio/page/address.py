"""Where the page listens: a port of loopback, and no other interface."""

from __future__ import annotations

import errno
import socket
import sys

DEFAULT_PORT = 8765
HOST = "127.0.0.1"


class PageError(ValueError):
    """The page cannot be served; the message says what was found and the cure."""


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; PageError where the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform == "win32":  # where SO_REUSEADDR would share the port with whoever has it
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:  # so that a new start may follow an old one at once
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        found = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
        raise PageError(f"port {port} {found}: choose another with --page-port, or --no-page") from error
    return listener
