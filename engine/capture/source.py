"""What every source of a performance looks like to the loop."""

from __future__ import annotations

from typing import Protocol, Self

from omote.engine.nouns import Signal


class EndOfSource(Exception):
    """The file has ended; a camera never does."""


class SourceError(Exception):
    """A source cannot be opened or read; the message says what was found, what was wanted and the cure."""


class Source(Protocol):
    """Opened by `with`; then read again and again from one thread."""

    name: str  # for people: "webcam 0", "d0.mp4", "demo"

    @property
    def dropped(self) -> int:
        """Pictures that were skipped because they came too late."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def read(self, timeout_s: float) -> Signal | None:
        """The newest signal; None where none came in time; EndOfSource after the last.

        A picture without a face is a Signal of confidence 0, not None.
        """
        ...
