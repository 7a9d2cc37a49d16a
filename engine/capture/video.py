"""A video file as a source: at the pace of a camera, or picture by picture."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from omote.bridge.latest import Latest
from omote.engine.nouns import Signal

from .film import Film, Shot
from .landmarker import face_landmarker
from .playback import WHOLE, Playback
from .sight import Sight, Sighted
from .source import SourceError
from .tracker import Tracker

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
        playback: Playback = WHOLE,
    ) -> None:
        if fps is not None and not (math.isfinite(fps) and fps > 0.0):
            raise SourceError(f"fps must be a positive number, got {fps}")
        self.name = path.name
        self._film = Film(path, fps, loop, is_offline, clock_ns, sleep, playback)
        self._is_offline, self._open_tracker, self._clock_ns = is_offline, open_tracker, clock_ns
        self._tracker: Tracker | None = None
        self._newest: Latest[Shot] = Latest()
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
    def sight(self) -> Sight | None:
        """What the tracker saw last, from any thread; None before that, and where it has no points to show."""
        tracker = self._tracker
        return tracker.sight if isinstance(tracker, Sighted) else None

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

    def _drained(self, timeout_s: float) -> Shot | None:
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
