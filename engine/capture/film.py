"""A video file as a camera: each picture comes when it is due, and those that nobody took in time are dropped."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import cv2

from omote.engine.nouns import Stamp
from omote.engine.threads import plan

from .playback import WHOLE, Playback
from .source import EndOfSource, SourceError
from .tracker import Picture

log = logging.getLogger(__name__)

DEFAULT_FPS = 30.0  # of a file that does not say
BEHIND_S = 0.1  # a machine that decodes so much too late, or slept, plays on from there instead of racing after it


@dataclass(frozen=True)
class Shot:
    """A picture, and when it was captured."""

    picture: Picture
    stamp: Stamp


class Film:
    """Reads the pictures of a file, from one thread.

    At the pace of a camera, or, offline, each of them as fast as it is asked for. The next picture is decoded while it
    is still to come, as a camera's would be before it is handed over.
    """

    def __init__(
        self,
        path: Path,
        fps: float | None,
        loop: bool,
        is_offline: bool,
        clock_ns: Callable[[], int],
        sleep: Callable[[float], None],
        playback: Playback = WHOLE,
    ) -> None:
        self.dropped = 0
        self.fps = fps or DEFAULT_FPS  # the file's own from the moment it is open
        self._path, self._asked_fps, self._loop, self._is_offline = path, fps, loop, is_offline
        self._clock_ns, self._sleep = clock_ns, sleep
        self._playback = playback
        self._first, self._past = 0.0, math.inf  # of the file's pictures, those that are played
        self._file: Any = None
        self._index = -1  # of the picture that was decoded last, all rounds counted
        self._round_index = -1  # the same in this round
        self._is_taken = True  # whether that one was given away
        self._start_ns: int | None = None  # when picture 0 was due
        self._wall_ahead_ns = 0  # wall clock minus `clock_ns`

    def __enter__(self) -> Self:
        self._file = opened(self._path)
        own_fps = _own_fps(self._file)
        self.fps = (self._asked_fps or own_fps) * self._playback.speed
        self._first = _picture_at(self._playback.start_s, own_fps)
        self._past = _picture_at(self._playback.past_s, own_fps)
        if self._first >= self._past:
            raise SourceError(f"no picture of {self._path.name} lies {self._playback.span}: wanted a longer span")
        return self

    def __exit__(self, *error: object) -> None:
        self._file.release()

    def read(self, timeout_s: float) -> Shot | None:
        """The newest picture that is due; None where none is in time; EndOfSource after the last."""
        if self._is_taken:
            self._grab()
        self._start()
        if not self._is_offline and not self._wait(timeout_s):
            return None
        self._is_taken = True
        stamp = Stamp(self._index, self._due_ns(), self._due_ns() + self._wall_ahead_ns)
        return Shot(self._retrieved(), stamp)

    def _start(self) -> None:
        if self._start_ns is None:
            self._start_ns = self._clock_ns()
            self._wall_ahead_ns = time.time_ns() - self._start_ns

    def _due_ns(self) -> int:
        return (self._start_ns or 0) + round(self._index * 1e9 / self.fps)

    def _wait(self, timeout_s: float) -> bool:
        """Whether the next picture is due within the time; then it is due now, and what came before it is dropped."""
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
        most = math.ceil(self.fps * BEHIND_S)
        for _ in range(min(late, most)):
            self._grab()
            self.dropped += 1
        if late > most and self._start_ns is not None:
            self._start_ns += round((late - most) * 1e9 / self.fps)

    def _grab(self) -> None:
        """Goes on by one picture, at the end to the first one again; EndOfSource where there is no more."""
        if not self._grab_played():
            self._end_round()
            if not self._grab_played():
                raise self._unreadable()
        self._index += 1
        self._round_index += 1
        self._is_taken = False

    def _grab_played(self) -> bool:
        """Whether there is a next picture of those that are played; it is the one to retrieve then."""
        if self._round_index + 1 >= self._past:
            return False
        return self._skip() and bool(self._file.grab())

    def _skip(self) -> bool:
        """Whether the first picture that is played comes next, or one behind it."""
        if self._round_index + 1 < self._first:
            self._file.set(cv2.CAP_PROP_POS_FRAMES, self._first)
            if self._file.get(cv2.CAP_PROP_POS_FRAMES) == self._first:
                self._round_index = int(self._first) - 1
            else:  # a file in which nothing can be found but by reading it
                self._file.release()
                self._file = opened(self._path)
        while self._round_index + 1 < self._first:
            if not self._file.grab():
                return False
            self._round_index += 1
        return True

    def _end_round(self) -> None:
        came = self._round_index + 1
        if came == 0:
            raise self._unreadable()
        if came <= self._first:
            raise SourceError(
                f"no picture of {self._path.name} lies {self._playback.span}: "
                f"it lasts {came / _own_fps(self._file):.2f} s"
            )
        promised = int(self._file.get(cv2.CAP_PROP_FRAME_COUNT))
        if came < min(promised, self._past):
            log.warning("%s ends after %d of %d pictures: it is cut off", self._path.name, came, promised)
        if not self._loop:
            raise EndOfSource(self._path.name)
        self._file.release()
        self._file = opened(self._path)
        self._round_index = -1

    def _retrieved(self) -> Picture:
        is_decoded, picture = self._file.retrieve()
        if not is_decoded:
            raise self._unreadable()
        return cast(Picture, picture)

    def _unreadable(self) -> SourceError:
        at = self._round_index + 1
        return SourceError(f"picture {at} of {self._path} cannot be decoded; is the file damaged?")


def opened(path: Path) -> Any:
    """OpenCV's reader on this file, upright; SourceError where it is no video."""
    if not path.is_file():
        raise SourceError(f"there is no file {path}")
    # What OpenCV and FFmpeg would print is said by the error. FFmpeg's level is read once, at the first video.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    file = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, plan().decoding])
    if not file.isOpened() or file.get(cv2.CAP_PROP_FRAME_WIDTH) < 1.0:
        file.release()
        raise SourceError(
            f"{path} ({path.stat().st_size} bytes) cannot be opened as a video: it is damaged, cut off, or holds none; "
            "wanted a file such as MP4 with H.264"
        )
    file.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # a phone's upright film is stored lying, with a note
    return file


def said_length(path: Path) -> tuple[float, float]:
    """Seconds that this video lasts and its pictures a second, as its header says; SourceError where it is no video."""
    file = opened(path)
    try:
        fps = _own_fps(file)
        return max(float(file.get(cv2.CAP_PROP_FRAME_COUNT)), 1.0) / fps, fps
    finally:
        file.release()


def _picture_at(time_s: float, fps: float) -> float:
    """Which picture is the first at this time or later."""
    return math.ceil(time_s * fps - 1e-6) if math.isfinite(time_s) else math.inf


def _own_fps(file: Any) -> float:
    fps = float(file.get(cv2.CAP_PROP_FPS))
    return fps if math.isfinite(fps) and fps > 0.0 else DEFAULT_FPS
