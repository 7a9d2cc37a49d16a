"""Reaches for an address, and does not wait for ever for what is there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from .crew import CrewError


def require_listener(address: str, timeout_s: float) -> None:
    """CrewError unless something listens there; "auto" is left to Ray, which knows the cluster of this machine."""
    if address == "auto":
        return
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.scheme not in ("", "ray"):
        raise CrewError(f'--cluster takes "local", "auto", HOST:6379 or ray://HOST:10001, got "{address}"')
    try:
        socket.create_connection((host, port), timeout_s).close()
    except OSError as error:
        raise CrewError(
            f"no cluster is reached at {address} ({error.strerror or error}): start one there with "
            "`ray start --head`, and see whether a firewall is between"
        ) from error


def within(seconds: float, call: Callable[[], object]) -> None:
    """Makes the call, and raises what it raises; TimeoutError where it takes longer, and is left behind."""
    raised: list[BaseException] = []

    def made() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=made, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError
    if raised:
        raise raised[0]
