"""A writer: makes one file of a rendering, after having said before the work whether it can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from omote.engine.offline.picture_file import Pictures
from omote.engine.offline.script import Script

Tell = Callable[[int], None]  # is told how many pictures are written


class Writer(Protocol):
    """The file appears when all of it is written, and replaces what was there."""

    @property
    def path(self) -> Path:
        """Of the file."""
        ...

    def check(self, script: Script, size: int) -> None:
        """RenderError where this cannot be written here: a codec, a library, a size; costs less than a second."""
        ...

    def bytes_of(self, script: Script, size: int) -> int:
        """How large the file will be at most, about: for pictures of so many pixels on a side."""
        ...

    def write(self, script: Script, pictures: Pictures, tell: Tell) -> None:
        """Writes it; the same pictures give the same bytes on one machine. RenderError where that fails."""
        ...
