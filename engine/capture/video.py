"""A video file as a source: at the pace of a camera, or picture by picture."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, cast

import cv2

from omote.engine.nouns import Signal, Stamp

from .landmarker import face_landmarker
from .source import EndOfSource, SourceError
from .tracker import Picture, Tracker

log = logging.getLogger(__name__)

DEFAULT_FPS = 30.0  # of a file that does not say


class VideoSource:
    """Tracks the face in a video file.

    In real time a picture is captured at the moment it is due, and pictures that nobody read in time are dropped, as
    a camera's would be. Offline every picture comes, as fast as it is read. `fps` plays the file at another rate.
    """

    def __init__(
        self,
        path: Path,
        fps: float | None = None,
        loop: bool = False,
        is_offline: bool = False,
        *,
        open_tracker: Callable[[], Tracker] = face_landmarker,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if fps is not None and not (math.isfinite(fps) and fps > 0.0):
            raise SourceError(f"fps must be a positive number, got {fps}")
        self.name = path.name
        self.dropped = 0
        self.fps = fps or DEFAULT_FPS  # the file's own from the moment it is open
        self._path, self._asked_fps, self._loop, self._is_offline = path, fps, loop, is_offline
        self._open_tracker, self._clock_ns, self._sleep = open_tracker, clock_ns, sleep
        self._tracker: Tracker | None = None
        self._file: Any = None
        self._index = 0  # of the picture that comes next, all rounds counted
        self._round_index = 0  # the same in this round
        self._start_ns: int | None = None  # when picture 0 was due
        self._wall_ahead_ns = 0  # wall clock minus `clock_ns`

    def __enter__(self) -> Self:
        self._file = _opened(self._path)
        self.fps = self._asked_fps or _own_fps(self._file)
        try:
            self._tracker = self._open_tracker().__enter__()
        except BaseException:
            self._file.release()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if self._tracker is not None:
            self._tracker.__exit__(*error)
            self._tracker = None
        self._file.release()

    def read(self, timeout_s: float) -> Signal | None:
        """The newest picture's signal; None where none is due in time; EndOfSource after the last."""
        if self._tracker is None:
            raise SourceError(f"{self.name} is read before it is opened: use `with`")
        if self._start_ns is None:
            self._start_ns = self._clock_ns()
            self._wall_ahead_ns = time.time_ns() - self._start_ns
        if not self._is_offline and not self._wait(timeout_s):
            return None
        stamp = Stamp(self._index, self._due_ns(), self._due_ns() + self._wall_ahead_ns)
        self._grab()
        return self._tracker.track(self._retrieved(), stamp)

    def _due_ns(self) -> int:
        return (self._start_ns or 0) + round(self._index * 1e9 / self.fps)

    def _wait(self, timeout_s: float) -> bool:
        """Whether a picture is due within the time; then it is due now, and those that came before it are dropped."""
        wait_s = (self._due_ns() - self._clock_ns()) / 1e9
        if wait_s > timeout_s:
            self._sleep(timeout_s)
            return False
        if wait_s > 0.0:
            self._sleep(wait_s)
        else:
            self._drop(int(-wait_s * self.fps))
        return True

    def _drop(self, late: int) -> None:
        most = math.ceil(self.fps)
        for _ in range(min(late, most)):
            self._grab()
            self.dropped += 1
        if late > most and self._start_ns is not None:
            # After the machine slept the file goes on from here instead of racing to where it would be.
            self._start_ns += round((late - most) * 1e9 / self.fps)

    def _grab(self) -> None:
        """Goes on by one picture, at the end to the first one again; EndOfSource where there is no more."""
        if not self._file.grab():
            self._end_round()
            if not self._file.grab():
                raise self._unreadable()
        self._index += 1
        self._round_index += 1

    def _end_round(self) -> None:
        if self._round_index == 0:
            raise self._unreadable()
        promised = int(self._file.get(cv2.CAP_PROP_FRAME_COUNT))
        if self._round_index < promised:
            log.warning("%s ends after %d of %d pictures: it is cut off", self.name, self._round_index, promised)
        if not self._loop:
            raise EndOfSource(self.name)
        self._file.release()
        self._file = _opened(self._path)
        self._round_index = 0

    def _retrieved(self) -> Picture:
        is_decoded, picture = self._file.retrieve()
        if not is_decoded:
            raise self._unreadable()
        return cast(Picture, picture)

    def _unreadable(self) -> SourceError:
        return SourceError(f"picture {self._round_index} of {self._path} cannot be decoded; is the file damaged?")


def _opened(path: Path) -> Any:
    """OpenCV's reader on this file, upright; SourceError where it is no video."""
    if not path.is_file():
        raise SourceError(f"there is no file {path}")
    # What OpenCV and FFmpeg would print is said by the error. FFmpeg's level is read once, at the first video.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    file = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not file.isOpened() or file.get(cv2.CAP_PROP_FRAME_WIDTH) < 1.0:
        file.release()
        raise SourceError(
            f"{path} ({path.stat().st_size} bytes) cannot be opened as a video: it is damaged, cut off, or holds none; "
            "wanted a file such as MP4 with H.264"
        )
    file.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # a phone's upright film is stored lying, with a note
    return file


def _own_fps(file: Any) -> float:
    fps = float(file.get(cv2.CAP_PROP_FPS))
    return fps if math.isfinite(fps) and fps > 0.0 else DEFAULT_FPS
