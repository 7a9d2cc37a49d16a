"""Fakes of capture: a scripted camera, a tracker of brightness, a microphone that hums, and a small disk."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from omote.bridge import arkit

from ..capture.cameras import CameraFormat
from ..capture.recorder import GrowingFile, new_file
from ..capture.source import Picture, SourceError, untracked
from ..capture.voice import HOP
from ..data import Array, Signal, Stamp
from ..face.lipsync import VoiceError


class ScriptedPort:
    """A port for cameras: each opening gives a camera with the next script; None is an empty port."""

    def __init__(self, scripts: Sequence[Sequence[Picture] | None]) -> None:
        self._scripts = list(scripts)
        self.opened = 0  # cameras, successfully
        self.released = 0
        self.formats: list[CameraFormat] = []  # that were asked for

    def open(self, index: int, format: CameraFormat) -> ScriptedCamera:
        """The next camera; SourceError if the port is empty, and after the last script."""
        script = self._scripts.pop(0) if self._scripts else None
        if script is None:
            raise SourceError(f"camera {index} is not plugged in")
        self.opened += 1
        self.formats.append(format)
        return ScriptedCamera(self, script)


class ScriptedCamera:
    """Gives its pictures one after another, then fails."""

    def __init__(self, port: ScriptedPort, pictures: Sequence[Picture]) -> None:
        self._port, self._pictures = port, list(pictures)

    def read(self) -> tuple[bool, Picture | None]:
        return (True, self._pictures.pop(0)) if self._pictures else (False, None)

    def release(self) -> None:
        self._port.released += 1


class BrightnessTracker:
    """Tracks the brightness of a picture as an open jaw, and black as no face, so that pictures can be told apart."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def track(self, picture: Picture, stamp: Stamp) -> Signal:
        brightness = float(np.mean(picture)) / 255.0
        if brightness < 0.01:
            return untracked(stamp)
        return Signal(stamp, arkit.weights({"jawOpen": brightness}))


class HummingMicrophone:
    """A microphone that hums at -20 dB, and logs when it is opened and closed.

    "unplugged" cannot be opened, and "loose" fails at its third read.
    """

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self._log, self._reads = log, 0

    def __enter__(self) -> Self:
        if self.name == "unplugged":
            raise VoiceError("the microphone unplugged cannot be opened")
        self._log.append(f"open {self.name}")
        return self

    def __exit__(self, *error: object) -> None:
        self._log.append(f"close {self.name}")

    def read(self) -> tuple[Array, int]:
        self._reads += 1
        if self.name == "loose" and self._reads == 3:
            raise VoiceError("the microphone loose failed: choose it again")
        time.sleep(0.002)
        return np.full(HOP, 0.1, np.float32), time.perf_counter_ns()


class SmallDisk:
    """A disk with space for so many bytes, which can be unplugged."""

    def __init__(self, free_bytes: int) -> None:
        self.free_bytes = free_bytes
        self.is_there = True

    def new_file(self, path: Path) -> GrowingFile:
        return _SmallFile(self, new_file(path))


class _SmallFile:
    """A file that grows until its disk is full."""

    def __init__(self, disk: SmallDisk, file: GrowingFile) -> None:
        self._disk, self._file = disk, file

    def write(self, data: bytes) -> int:
        if not self._disk.is_there:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if data and not self._disk.free_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = self._file.write(data[: self._disk.free_bytes]) or 0
        self._disk.free_bytes -= taken
        return taken

    def truncate(self, size: int) -> int:
        if not self._disk.is_there:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self._file.truncate(size)

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()
