"""Files that are written row by row: the machine's own, and a disk with little room, to try what becomes of a take."""

from __future__ import annotations

import errno
import os
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


class SmallDisk:
    """Makes files on a disk that has room for so many bytes, and can be pulled out."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.is_there = True

    def new_file(self, path: Path) -> Growing:
        return _SmallFile(self, new_file(path))


class _SmallFile:
    """A real file of which the disk takes only what it has room for."""

    def __init__(self, disk: SmallDisk, file: Growing) -> None:
        self._disk, self._file = disk, file

    def write(self, data: bytes) -> int:
        if not self._disk.is_there:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if data and not self._disk.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = self._file.write(data[: self._disk.room]) or 0
        self._disk.room -= taken
        return taken

    def truncate(self, size: int) -> int:
        if not self._disk.is_there:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self._file.truncate(size)

    def close(self) -> None:
        self._file.close()
