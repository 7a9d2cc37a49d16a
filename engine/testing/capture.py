"""A camera and a tracker that play from a script, and a disk with little room."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from omote.bridge import arkit

from ..capture.recorder import GrowingFile, new_file
from ..capture.source import Picture, SourceError, untracked
from ..data import Signal, Stamp


class ScriptedPort:
    """A socket into which cameras are plugged: each opening gives the next script, None being an empty socket."""

    def __init__(self, scripts: Sequence[Sequence[Picture] | None]) -> None:
        self._scripts = list(scripts)
        self.opened = 0  # cameras that were found
        self.released = 0

    def open(self, index: int, fps: float) -> ScriptedCamera:
        """The next camera; SourceError where the socket is empty, and for ever after the last script."""
        script = self._scripts.pop(0) if self._scripts else None
        if script is None:
            raise SourceError(f"camera {index} is not plugged in")
        self.opened += 1
        return ScriptedCamera(self, script)


class ScriptedCamera:
    """Gives its pictures one after another, then is gone."""

    def __init__(self, port: ScriptedPort, pictures: Sequence[Picture]) -> None:
        self._port, self._pictures = port, list(pictures)

    def read(self) -> tuple[bool, Picture | None]:
        return (True, self._pictures.pop(0)) if self._pictures else (False, None)

    def release(self) -> None:
        self._port.released += 1


class BrightnessTracker:
    """Takes the brightness of a picture for an open jaw, and black for no face: tells which picture was read."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def track(self, picture: Picture, stamp: Stamp) -> Signal:
        brightness = float(np.mean(picture)) / 255.0
        if brightness < 0.01:
            return untracked(stamp)
        return Signal(stamp, arkit.weights({"jawOpen": brightness}))


class SmallDisk:
    """Makes files on a disk that has room for so many bytes, and can be pulled out."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.is_there = True

    def new_file(self, path: Path) -> GrowingFile:
        return _SmallFile(self, new_file(path))


class _SmallFile:
    """A real file that grows until its disk is full."""

    def __init__(self, disk: SmallDisk, file: GrowingFile) -> None:
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
