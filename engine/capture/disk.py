"""Files that are written row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Growing(Protocol):
    """What is used of an open, unbuffered file."""

    def write(self, data: bytes, /) -> int | None:
        """How many of the bytes were taken; OSError where none can be."""
        ...

    def truncate(self, size: int, /) -> int: ...

    def close(self) -> None: ...


def new_file(path: Path) -> Growing:
    """An empty file, unbuffered, so that what is written outlives this process; FileExistsError where one is there."""
    return path.open("xb", buffering=0)
