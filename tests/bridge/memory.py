"""A channel that keeps the newest picture."""

from __future__ import annotations

from omote.bridge.picture import Pixels


class MemoryChannel:
    """Sending fails where the next of `fails` is true; after the last of them it always works."""

    def __init__(self, fails: tuple[bool, ...] = ()) -> None:
        self.pixels: Pixels | None = None
        self.sent = 0
        self.is_closed = False
        self._fails = list(fails)

    def send(self, pixels: Pixels, /) -> None:
        if self._fails and self._fails.pop(0):
            raise RuntimeError("the program was closed")
        self.pixels = pixels
        self.sent += 1

    def close(self) -> None:
        self.is_closed = True
