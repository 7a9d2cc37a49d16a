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

from omote.bridge.errors import printable
from omote.bridge.latest import Latest

from ..data import Signal, Stamp
from ..hardware import thread_plan
from .landmarker import face_landmarker
from .source import WHOLE_RECORDING, CameraView, EndOfSource, Picture, Playback, SourceError, TrackedPicture, Tracker

DEFAULT_FPS = 30.0  # of a file without a rate
_POLL_S = 0.1
_JOIN_S = 0.5  # after this time a disk that hangs is left behind, so that Ctrl-C ends within a second
_SAME_TIME_S = 1e-4  # a picture this near to a border of the played part lies on it
# When decoding is late by more than this, or the machine slept, playback goes on from there and does not catch up.
_MOST_LATE_S = 0.1

log = logging.getLogger(__name__)


class VideoSource:
    """Tracks the face in a video file, or in a part of it.

    In real time a thread of its own decodes picture after picture, as a camera's driver does, so that the newest is
    tracked and never waits for decoding. Offline every picture comes, as fast as it is read. `fps` plays the file at
    another rate.
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
        self.name = printable(path.name, 255)
        self._video = PacedVideo(path, fps, loop, is_offline, clock_ns, sleep, playback)
        self._is_offline, self._open_tracker, self._clock_ns = is_offline, open_tracker, clock_ns
        self._tracker: Tracker | None = None
        self._newest: Latest[VideoFrame] = Latest()
        self._thread: threading.Thread | None = None  # starts at the first read: no picture is lost to model loading
        self._is_over = threading.Event()
        self._end: Exception | None = None

    @property
    def fps(self) -> float:
        """Pictures a second as it is played; the file's own rate is known once it is open."""
        return self._video.fps

    @property
    def first_s(self) -> float:
        """The time of the first played picture in the file, from the first read on."""
        return self._video.first_s

    @property
    def dropped(self) -> int:
        """Pictures that came too late, or that a newer one replaced before they were read."""
        return self._video.dropped + self._newest.replaced

    @property
    def tracked_picture(self) -> TrackedPicture | None:
        """The last picture that was tracked, from any thread; None before the first, or without landmarks."""
        tracker = self._tracker
        return tracker.tracked_picture if isinstance(tracker, CameraView) else None

    def __enter__(self) -> Self:
        self._video.__enter__()
        try:
            self._tracker = self._open_tracker().__enter__()
        except BaseException:
            self._video.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        if self._thread is None:
            self._video.__exit__(*error)
        else:
            self._thread.join(_JOIN_S)
        if self._tracker is not None:
            self._tracker.__exit__(*error)
            self._tracker = None

    def read(self, timeout_s: float) -> Signal | None:
        """The newest picture's signal; None if none is due in time; EndOfSource after the last."""
        if self._tracker is None:
            raise SourceError(f"{self.name} is read before it is opened: use `with`")
        frame = self._video.read(timeout_s) if self._is_offline else self._newest_frame(timeout_s)
        if frame is None:
            return None
        return self._tracker.track(frame.picture, frame.stamp.after("capture", self._clock_ns()))

    def _newest_frame(self, timeout_s: float) -> VideoFrame | None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._decode, name=f"decode {self.name}", daemon=True)
            self._thread.start()
        frame = self._newest.take(timeout_s)
        if frame is None and self._newest.is_closed and self._end:
            raise self._end
        return frame

    def _decode(self) -> None:
        """Decodes picture after picture until the end, in a thread that from then on is the file's only user."""
        try:
            while not self._is_over.is_set():
                frame = self._video.read(_POLL_S)
                if frame is not None:
                    self._newest.put(frame)
        except Exception as end:  # `read` raises it.
            self._end = end
        finally:
            self._video.__exit__()
            self._newest.close()


@dataclass(frozen=True)
class VideoFrame:
    """A picture, and when it was captured."""

    picture: Picture
    stamp: Stamp


class PacedVideo:
    """Reads the pictures of a file, from one thread: at the pace of a camera, or offline as fast as they are read.

    Offline a picture counts as captured at its time in the file, since phones and browsers record at no even rate. The
    next picture is decoded before it is due, as a camera decodes before it hands over.
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
        self.fps = fps or DEFAULT_FPS  # the file's own once it is open
        self.first_s = 0.0  # the time of the first played picture in the file, from the first read on
        self._path, self._requested_fps, self._loop, self._is_offline = path, fps, loop, is_offline
        self._clock_ns, self._sleep = clock_ns, sleep
        self._playback = playback
        self._file_fps = self.fps
        self._file: Any = None
        self._index = -1  # of the last decoded picture, all rounds counted
        self._file_index, self._file_s = -1, 0.0  # its index and time in the file
        self._first_index = -1  # of the first played picture of this round
        self._earlier_rounds_s = 0.0  # the length of all earlier rounds
        self._is_taken = True  # whether `read` returned the last decoded picture
        self._start_ns: int | None = None  # when picture 0 was due
        self._wall_offset_ns = 0  # wall clock minus `clock_ns`

    def __enter__(self) -> Self:
        self._file = open_video(self._path)
        self._file_fps = _fps_of(self._file)
        self.fps = (self._requested_fps or self._file_fps) * self._playback.speed
        first, last = (_index_at(time_s, self._file_fps) for time_s in (self._playback.start_s, self._playback.stop_s))
        if first >= last:
            raise SourceError(f"no picture of {self._path.name} lies {self._playback.span}: wanted a longer span")
        return self

    def __exit__(self, *error: object) -> None:
        self._file.release()

    def read(self, timeout_s: float) -> VideoFrame | None:
        """The newest picture that is due; None if none is in time; EndOfSource after the last."""
        if self._is_taken:
            self._advance()
        if self._start_ns is None:
            self._start_ns = self._clock_ns()
            self._wall_offset_ns = time.time_ns() - self._start_ns
        if not self._is_offline and not self._wait(timeout_s):
            return None
        self._is_taken = True
        due_ns = self._due_ns()
        return VideoFrame(self._retrieved(), Stamp(self._index, due_ns, due_ns + self._wall_offset_ns))

    def _due_ns(self) -> int:
        since_s = self._index / self.fps
        if self._is_offline and self._requested_fps is None:
            since_s = (self._earlier_rounds_s + self._file_s - self.first_s) / self._playback.speed
        return (self._start_ns or 0) + round(since_s * 1e9)

    def _wait(self, timeout_s: float) -> bool:
        """Whether the next picture is due within the time. Waits until it is, and drops the pictures before it."""
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
        most = math.ceil(self.fps * _MOST_LATE_S)
        for _ in range(min(late, most)):
            if self._is_last():
                break  # It is shown, however late.
            self.dropped += 1
            self._advance()
        if late > most and self._start_ns is not None:
            self._start_ns += round((late - most) * 1e9 / self.fps)

    def _is_last(self) -> bool:
        """Whether the file ends after this picture, by its header and its times, and is not begun again."""
        is_at_end = self._file_index + 1 >= int(self._file.get(cv2.CAP_PROP_FRAME_COUNT)) > 0
        return not self._loop and (is_at_end or self._file_s + 1.0 / self._file_fps >= self._playback.stop_s)

    def _advance(self) -> None:
        """Goes on by one picture, from the last to the first if it loops; EndOfSource if there is no more."""
        if not self._grab_played():
            self._end_round()
            if not self._grab_played():
                raise self._unreadable()
        self._index += 1
        self._is_taken = False

    def _grab_played(self) -> bool:
        """Whether the played part has a next picture; if so, it can be retrieved."""
        is_first = self._first_index < 0
        is_there = self._grab_first() if is_first else self._grab_next()
        if not is_there or self._file_s >= self._playback.stop_s - _SAME_TIME_S:
            return False
        if is_first:
            self._first_index, self.first_s = self._file_index, self._file_s
        return True

    def _grab_first(self) -> bool:
        start_s = self._playback.start_s
        if first := int(_index_at(start_s, self._file_fps)):
            self._file.set(cv2.CAP_PROP_POS_FRAMES, first)
            self._file_index = first - 1
            is_found = self._file.get(cv2.CAP_PROP_POS_FRAMES) == first and self._grab_next()
            if is_found and abs(self._file_s - first / self._file_fps) < 0.5 / self._file_fps:
                return True
            self._reopen()  # Seeking fails in this file, so it is read up to the start.
        while self._grab_next():
            if self._file_s >= start_s - _SAME_TIME_S:
                return True
        return False

    def _grab_next(self) -> bool:
        if not self._file.grab():
            return False
        self._file_index += 1
        time_s = float(self._file.get(cv2.CAP_PROP_POS_MSEC)) / 1e3  # 0 in a file without times
        self._file_s = max(self._file_s, time_s if time_s > 0.0 else self._file_index / self._file_fps)
        return True

    def _reopen(self) -> None:
        self._file.release()
        self._file = open_video(self._path)
        self._file_index, self._file_s, self._first_index = -1, 0.0, -1

    def _end_round(self) -> None:
        count, after_s = self._file_index + 1, self._file_s + 1.0 / self._file_fps
        if count == 0:
            raise self._unreadable()
        if self._first_index < 0:
            raise SourceError(
                f"no picture of {self._path.name} lies {self._playback.span}: it was read to {after_s:.2f} s"
            )
        promised = int(self._file.get(cv2.CAP_PROP_FRAME_COUNT))
        promised_s = min(promised / self._file_fps, self._playback.stop_s)
        if count < promised and after_s < promised_s - _SAME_TIME_S:
            name = printable(self._path.name, 255)
            log.warning("%s ends after %d of %d pictures: it is cut off", name, count, promised)
        if not self._loop:
            raise EndOfSource(self._path.name)
        self._earlier_rounds_s += min(after_s, self._playback.stop_s) - self.first_s
        self._reopen()

    def _retrieved(self) -> Picture:
        is_decoded, picture = self._file.retrieve()
        if not is_decoded:
            raise self._unreadable()
        return cast(Picture, picture)

    def _unreadable(self) -> SourceError:
        return SourceError(f"picture {self._file_index + 1} of {self._path} cannot be decoded; is the file damaged?")


def open_video(path: Path) -> Any:
    """OpenCV's reader of this file, which turns pictures upright; SourceError if it is no video."""
    if not path.is_file():
        raise SourceError(f"there is no file {path}")
    # Our error replaces what OpenCV and FFmpeg print. FFmpeg reads its level once, at the first video.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    file = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, thread_plan().decoding])
    if not file.isOpened() or file.get(cv2.CAP_PROP_FRAME_WIDTH) < 1.0:
        file.release()
        raise SourceError(
            f"{path} ({path.stat().st_size} bytes) cannot be opened as a video: it is damaged, cut off, or holds none; "
            "wanted a file such as MP4 with H.264"
        )
    file.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # A phone stores an upright video lying, with a note.
    return file


def header_length(path: Path) -> tuple[float, float]:
    """Seconds that this video lasts and its pictures a second, from its header; SourceError if it is no video."""
    file = open_video(path)
    try:
        fps = _fps_of(file)
        return max(float(file.get(cv2.CAP_PROP_FRAME_COUNT)), 1.0) / fps, fps
    finally:
        file.release()


def _index_at(time_s: float, fps: float) -> float:
    """The index of the first picture at this time or later."""
    return math.ceil(time_s * fps - 1e-6) if math.isfinite(time_s) else math.inf


def _fps_of(file: Any) -> float:
    fps = float(file.get(cv2.CAP_PROP_FPS))
    return fps if math.isfinite(fps) and fps > 0.0 else DEFAULT_FPS
