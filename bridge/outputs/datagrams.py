"""Sends datagrams to one address, and never disturbs who sends: what cannot be sent is counted and forgotten."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from typing import Self

_LOG_PERIOD_NS = 1_000_000_000

_log = logging.getLogger(__name__)


class Datagrams:
    """UDP to one host, whose name is resolved once, when `with` opens it; SenderError where that fails.

    `send` never blocks. UDP tells nothing of who is not there; what the system does tell (no route, a full buffer, a
    port where nobody listens) is logged at most once a second.
    """

    def __init__(self, host: str, port: int, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self.host, self.port = host, port
        self.sent = self.failed = 0  # datagrams
        self.trouble = ""  # why the newest could not be sent; empty where it could
        self._clock = clock
        self._logged_ns: int | None = None
        self._socket: socket.socket | None = None
        self._address: tuple[object, ...] = ()

    def __enter__(self) -> Self:
        family, self._address = _resolved(self.host, self.port)
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        return self

    def __exit__(self, *error: object) -> None:
        if self._socket:
            self._socket.close()

    def send(self, data: bytes) -> None:
        """Sends this, or counts that it could not be sent."""
        assert self._socket, "opened by `with`"
        try:
            self._socket.sendto(data, self._address)
        except OSError as error:  # Windows reports here, for an earlier datagram, that nobody listened (ICMP)
            self.failed += 1
            self.trouble = f"{error}"
            self._log_now_and_then(error)
        else:
            self.sent += 1
            self.trouble = ""

    def _log_now_and_then(self, error: OSError) -> None:
        now_ns = self._clock()
        if self._logged_ns is None or now_ns - self._logged_ns >= _LOG_PERIOD_NS:
            self._logged_ns = now_ns
            _log.warning("%s port %s: %s; %d datagrams could not be sent", self.host, self.port, error, self.failed)


class SenderError(ValueError):
    """There is nowhere to send to; the message says what was found, what was wanted and the nearest."""


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, tuple[object, ...]]:
    """The address of that name; IPv4 where there is one, for that is what these receivers listen on."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise SenderError(f"nobody is called {host} ({error}): wanted a host's name or number, as 127.0.0.1") from error
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, address
