"""A phone that plays from a script: sends datagrams, hears what it is asked, sleeps, and wakes with another port."""

from __future__ import annotations

import socket
from typing import Self

LOOPBACK = "127.0.0.1"
PATIENCE_S = 5.0


class Phone:
    """Listens on a port that stays the same, and sends from one that each waking changes, as real ones do."""

    def __init__(self) -> None:
        self._ears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._mouth: socket.socket | None = None
        self._before = 0  # the port that it sent from before it slept

    def __enter__(self) -> Self:
        self._ears.bind((LOOPBACK, 0))
        self.wake()
        return self

    def __exit__(self, *error: object) -> None:
        self.sleep()
        self._ears.close()

    @property
    def port(self) -> int:
        """Where it can be asked."""
        return int(self._ears.getsockname()[1])

    @property
    def sends_from(self) -> int:
        assert self._mouth, "it is asleep"
        return int(self._mouth.getsockname()[1])

    def close(self) -> None:
        """Its app is closed: whoever asks it is told that nobody listens. It may still send."""
        self._ears.close()

    def sleep(self) -> None:
        """From now on it neither sends nor hears."""
        if self._mouth:
            self._before = self.sends_from
            self._mouth.close()
        self._mouth = None

    def wake(self) -> None:
        """Sends from another port than before it slept, as if its router had forgotten it."""
        first = self._bound()
        self._mouth = first if first.getsockname()[1] != self._before else self._bound()
        if self._mouth is not first:
            first.close()

    def _bound(self) -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((LOOPBACK, 0))
        return one

    def send(self, port: int, *datagrams: bytes) -> None:
        assert self._mouth, "it is asleep"
        for data in datagrams:
            self._mouth.sendto(data, (LOOPBACK, port))

    def heard(self) -> list[tuple[bytes, int]]:
        """What it was asked since the last call, each with the port that asked."""
        self._ears.setblocking(False)
        found = []
        try:
            while True:
                data, address = self._ears.recvfrom(4096)
                found.append((data, int(address[1])))
        except BlockingIOError:
            return found

    def is_told_anything(self) -> bool:
        """Whether anything came to the port that it sends from."""
        assert self._mouth, "it is asleep"
        self._mouth.setblocking(False)
        try:
            self._mouth.recvfrom(1)
        except BlockingIOError:
            return False
        return True
