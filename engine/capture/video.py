"""A video file as a source: at the pace of a camera, or picture by picture."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import cv2

from omote.bridge.latest import Latest

from ..data import Signal, Stamp
from ..hardware import thread_plan
from .landmarker import face_landmarker
from .source import WHOLE_RECORDING, CameraView, EndOfSource, Picture, Playback, SourceError, TrackedPicture, Tracker

POLL_S = 0.1
JOIN_S = 0.5  # a disk that hangs is left behind, so that Ctrl-C ends within a second


class VideoSource:
    """Tracks the face in a video file, or in a part of it.

    In real time a thread of its own decodes picture after picture, as a camera's driver would, so that the newest is
    tracked and no decoding stands before it. Offline every picture comes, as fast as it is read. `fps` plays the file
    at another rate.
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
        playback: Playback = WHOLE_RECORDING,
    ) -> None:
        if fps is not None and not (math.isfinite(fps) and fps > 0.0):
            raise SourceError(f"fps must be a positive number, got {fps}")
        self.name = path.name
        self._film = PacedVideo(path, fps, loop, is_offline, clock_ns, sleep, playback)
        self._is_offline, self._open_tracker, self._clock_ns = is_offline, open_tracker, clock_ns
        self._tracker: Tracker | None = None
        self._newest: Latest[VideoFrame] = Latest()
        self._thread: threading.Thread | None = None  # from the first read on: nothing is lost while a model loads
        self._is_over = threading.Event()
        self._end: Exception | None = None

    @property
    def fps(self) -> float:
        """The file's own from the moment it is open, where no other was asked for."""
        return self._film.fps

    @property
    def first_s(self) -> float:
        """When the first picture that is played is shown in the file, from the first read on."""
        return self._film.first_s

    @property
    def dropped(self) -> int:
        """Pictures that came too late, or that a newer one replaced before they were read."""
        return self._film.dropped + self._newest.replaced

    @property
    def sight(self) -> TrackedPicture | None:
        """What the tracker saw last, from any thread; None before that, and where it has no points to show."""
        tracker = self._tracker
        return tracker.sight if isinstance(tracker, CameraView) else None

    def __enter__(self) -> Self:
        self._film.__enter__()
        try:
            self._tracker = self._open_tracker().__enter__()
        except BaseException:
            self._film.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        if self._thread is None:
            self._film.__exit__(*error)
        else:
            self._thread.join(JOIN_S)
        if self._tracker is not None:
            self._tracker.__exit__(*error)
            self._tracker = None

    def read(self, timeout_s: float) -> Signal | None:
        """The newest picture's signal; None where none is due in time; EndOfSource after the last."""
        if self._tracker is None:
            raise SourceError(f"{self.name} is read before it is opened: use `with`")
        shot = self._film.read(timeout_s) if self._is_offline else self._drained(timeout_s)
        if shot is None:
            return None
        return self._tracker.track(shot.picture, shot.stamp.after("capture", self._clock_ns()))

    def _drained(self, timeout_s: float) -> VideoFrame | None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._drain, name=f"decode {self.name}", daemon=True)
            self._thread.start()
        shot = self._newest.take(timeout_s)
        if shot is None and self._newest.is_closed and self._end:
            raise self._end
        return shot

    def _drain(self) -> None:
        """Decodes picture after picture until the end; runs in its own thread, which alone touches the film by then."""
        try:
            while not self._is_over.is_set():
                shot = self._film.read(POLL_S)
                if shot is not None:
                    self._newest.put(shot)
        except Exception as end:  # raised where the source is read
            self._end = end
        finally:
            self._film.__exit__()
            self._newest.close()


log = logging.getLogger(__name__)

DEFAULT_FPS = 30.0  # of a file that does not say
_CLOSE_S = 1e-4  # a picture so near a border counts as on it
BEHIND_S = 0.1  # a machine that decodes so much too late, or slept, plays on from there instead of racing after it


@dataclass(frozen=True)
class VideoFrame:
    """A picture, and when it was captured."""

    picture: Picture
    stamp: Stamp


class PacedVideo:
    """Reads the pictures of a file, from one thread.

    At the pace of a camera, or, offline, each of them as fast as it is asked for, and captured when the file says:
    phones and browsers record at no even rate. The next picture is decoded while it is still to come, as a camera's
    would be before it is handed over.
    """

    def __init__(
        self,
        path: Path,
        fps: float | None,
        loop: bool,
        is_offline: bool,
        clock_ns: Callable[[], int],
        sleep: Callable[[float], None],
        playback: Playback = WHOLE_RECORDING,
    ) -> None:
        self.dropped = 0
        self.fps = fps or DEFAULT_FPS  # the file's own from the moment it is open
        self._path, self._asked_fps, self._loop, self._is_offline = path, fps, loop, is_offline
        self._clock_ns, self._sleep = clock_ns, sleep
        self._playback = playback
        self._own_fps = self.fps
        self._file: Any = None
        self._index = -1  # of the picture that was decoded last, all rounds counted
        self._file_index, self._file_s = -1, 0.0  # the same in the file, and when it is shown there
        self._first_index, self._first_s = -1, 0.0  # of the first picture of this round
        self._before_s = 0.0  # how long all earlier rounds took
        self._is_taken = True  # whether that one was given away
        self._start_ns: int | None = None  # when picture 0 was due
        self._wall_ahead_ns = 0  # wall clock minus `clock_ns`

    def __enter__(self) -> Self:
        self._file = open_video(self._path)
        self._own_fps = own_fps = _own_fps(self._file)
        self.fps = (self._asked_fps or own_fps) * self._playback.speed
        if _picture_at(self._playback.start_s, own_fps) >= _picture_at(self._playback.past_s, own_fps):
            raise SourceError(f"no picture of {self._path.name} lies {self._playback.span}: wanted a longer span")
        return self

    def __exit__(self, *error: object) -> None:
        self._file.release()

    @property
    def first_s(self) -> float:
        """When the first picture that is played is shown in the file, from the first read on."""
        return self._first_s

    def read(self, timeout_s: float) -> VideoFrame | None:
        """The newest picture that is due; None where none is in time; EndOfSource after the last."""
        if self._is_taken:
            self._grab()
        self._start()
        if not self._is_offline and not self._wait(timeout_s):
            return None
        self._is_taken = True
        stamp = Stamp(self._index, self._due_ns(), self._due_ns() + self._wall_ahead_ns)
        return VideoFrame(self._retrieved(), stamp)

    def _start(self) -> None:
        if self._start_ns is None:
            self._start_ns = self._clock_ns()
            self._wall_ahead_ns = time.time_ns() - self._start_ns

    def _due_ns(self) -> int:
        since_s = self._index / self.fps
        if self._is_offline and self._asked_fps is None:
            since_s = (self._before_s + self._file_s - self._first_s) / self._playback.speed
        return (self._start_ns or 0) + round(since_s * 1e9)

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
        self._is_taken = False

    def _grab_played(self) -> bool:
        """Whether there is a next picture of those that are played; it is the one to retrieve then."""
        is_first = self._first_index < 0
        is_there = self._grab_first() if is_first else self._grab_next()
        if not is_there or self._file_s >= self._playback.past_s - _CLOSE_S:
            return False
        if is_first:
            self._first_index, self._first_s = self._file_index, self._file_s
        return True

    def _grab_first(self) -> bool:
        start_s = self._playback.start_s
        if first := int(_picture_at(start_s, self._own_fps)):
            self._file.set(cv2.CAP_PROP_POS_FRAMES, first)
            self._file_index = first - 1
            is_found = self._file.get(cv2.CAP_PROP_POS_FRAMES) == first and self._grab_next()
            if is_found and abs(self._file_s - first / self._own_fps) < 0.5 / self._own_fps:
                return True
            self._reopen()  # a file in which nothing can be found but by reading it
        while self._grab_next():
            if self._file_s >= start_s - _CLOSE_S:
                return True
        return False

    def _grab_next(self) -> bool:
        if not self._file.grab():
            return False
        self._file_index += 1
        said_s = float(self._file.get(cv2.CAP_PROP_POS_MSEC)) / 1e3  # 0 where the file says no times
        self._file_s = max(self._file_s, said_s if said_s > 0.0 else self._file_index / self._own_fps)
        return True

    def _reopen(self) -> None:
        self._file.release()
        self._file = open_video(self._path)
        self._file_index, self._file_s, self._first_index = -1, 0.0, -1

    def _end_round(self) -> None:
        came, after_s = self._file_index + 1, self._file_s + 1.0 / self._own_fps
        if came == 0:
            raise self._unreadable()
        if self._first_index < 0:
            raise SourceError(
                f"no picture of {self._path.name} lies {self._playback.span}: it was read to {after_s:.2f} s"
            )
        promised = int(self._file.get(cv2.CAP_PROP_FRAME_COUNT))
        if came < promised and after_s < min(promised / self._own_fps, self._playback.past_s) - _CLOSE_S:
            log.warning("%s ends after %d of %d pictures: it is cut off", self._path.name, came, promised)
        if not self._loop:
            raise EndOfSource(self._path.name)
        self._before_s += min(after_s, self._playback.past_s) - self._first_s
        self._reopen()

    def _retrieved(self) -> Picture:
        is_decoded, picture = self._file.retrieve()
        if not is_decoded:
            raise self._unreadable()
        return cast(Picture, picture)

    def _unreadable(self) -> SourceError:
        return SourceError(f"picture {self._file_index + 1} of {self._path} cannot be decoded; is the file damaged?")


def open_video(path: Path) -> Any:
    """OpenCV's reader on this file, upright; SourceError where it is no video."""
    if not path.is_file():
        raise SourceError(f"there is no file {path}")
    # What OpenCV and FFmpeg would print is said by the error. FFmpeg's level is read once, at the first video.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    file = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, thread_plan().decoding])
    if not file.isOpened() or file.get(cv2.CAP_PROP_FRAME_WIDTH) < 1.0:
        file.release()
        raise SourceError(
            f"{path} ({path.stat().st_size} bytes) cannot be opened as a video: it is damaged, cut off, or holds none; "
            "wanted a file such as MP4 with H.264"
        )
    file.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # a phone's upright film is stored lying, with a note
    return file


def header_length(path: Path) -> tuple[float, float]:
    """Seconds that this video lasts and its pictures a second, as its header says; SourceError where it is no video."""
    file = open_video(path)
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
