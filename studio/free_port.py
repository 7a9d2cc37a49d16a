"""Whether a port of this machine can be opened: it is tried, and let go at once."""

from __future__ import annotations

import socket
import sys

from omote.engine.capture.datagrams import ANY_ADDRESS


def tcp(port: int) -> bool:
    """For the page and ZeroMQ, which bind to loopback."""
    with socket.socket() as trial:
        if sys.platform != "win32":  # there it would share the port with whoever has it
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _binds(trial, "127.0.0.1", port)


def udp(port: int) -> bool:
    """For a source that phones send to; nothing is read."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        return _binds(trial, ANY_ADDRESS, port)


def _binds(trial: socket.socket, host: str, port: int) -> bool:
    try:
        trial.bind((host, port))
    except (OSError, OverflowError):  # the latter of what is no port
        return False
    return True
