"""A webcam as a source: always its newest picture; an unplugged camera is opened again when it is back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, Self, cast

import cv2

from omote.bridge.latest import Latest

from ..data import Signal, Stamp
from .cameras import CameraFormat, native_backend
from .landmarker import face_landmarker
from .source import CameraView, MouthTracker, Picture, SourceError, TrackedPicture, Tracker, untracked

_RETRY_S = 1.0  # between two attempts to open a camera that is gone
_GONE_S = 0.5  # without a picture for this time, there is no face
_STILL_PICTURES = 8  # that a camera takes to find its exposure
_JOIN_S = 0.5  # after this time a driver that hangs is left behind, so that Ctrl-C ends within a second

log = logging.getLogger(__name__)


class VideoCapture(Protocol):
    """The part of an open cv2.VideoCapture that is used."""

    def read(self) -> tuple[bool, Picture | None]:
        """The next picture; False and None if the camera is gone."""
        ...

    def release(self) -> None: ...


@dataclass(frozen=True)
class _CameraFrame:
    picture: Picture
    captured_ns: int


class WebcamSource:
    """Tracks the face before a camera, which is opened by `with`, never before.

    A thread of its own takes every picture from the driver, so that the newest is read and none waits in a buffer.
    A camera that is gone gives signals of confidence 0, and is tried again every second.
    """

    def __init__(
        self,
        index: int = 0,
        format: CameraFormat | None = None,
        *,
        open_capture: Callable[[int, CameraFormat], VideoCapture] | None = None,
        open_tracker: Callable[[], Tracker] = face_landmarker,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        retry_s: float = _RETRY_S,
    ) -> None:
        self.name = f"webcam {index}"
        self.index = index
        self._format = format or CameraFormat()  # replaced as a whole
        self._open_capture = open_capture or open_camera
        self._open_tracker, self._clock_ns, self._retry_s = open_tracker, clock_ns, retry_s
        self._tracker: Tracker | None = None
        self._thread: threading.Thread | None = None
        self._newest: Latest[_CameraFrame] = Latest()
        self._is_over = threading.Event()
        self._count = 0
        self._picture_ns = 0  # when the last picture came

    @property
    def dropped(self) -> int:
        """Pictures that a newer one replaced before they were read."""
        return self._newest.replaced

    @property
    def tracked_picture(self) -> TrackedPicture | None:
        """The last picture that was tracked, from any thread; None before the first, or without landmarks."""
        tracker = self._tracker
        return tracker.tracked_picture if isinstance(tracker, CameraView) else None

    def __enter__(self) -> Self:
        camera = self._open_capture(self.index, self._format)
        try:
            self._tracker = self._open_tracker().__enter__()
        except BaseException:
            camera.release()
            raise
        self._picture_ns = self._clock_ns()
        self._thread = threading.Thread(target=self._capture, args=(camera,), name=self.name, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._newest.close()
        if self._thread is not None:
            self._thread.join(_JOIN_S)
        if self._tracker is not None:
            self._tracker.__exit__(*error)
            self._tracker = None

    def use_format(self, format: CameraFormat) -> None:
        """Opens the camera again with this format, which takes a moment; from any thread."""
        self._format = format

    def read(self, timeout_s: float) -> Signal | None:
        """The newest picture's signal; None if none came in time, one of confidence 0 if the camera is gone."""
        if self._tracker is None:
            raise SourceError(f"{self.name} is read before it is opened: use `with`")
        # A camera that is gone gives as many signals as it gave pictures, so that the portrait idles as smoothly.
        frame = self._newest.take(min(timeout_s, 1.0 / self._format.fps) if self._is_gone() else timeout_s)
        if frame is not None:
            self._picture_ns = frame.captured_ns
            if isinstance(self._tracker, MouthTracker):
                self._tracker.reads_mouth = self._format.reads_mouth
            stamp = self._stamp(frame.captured_ns).after("capture", self._clock_ns())
            return self._tracker.track(frame.picture, stamp)
        return untracked(self._stamp(self._clock_ns())) if self._is_gone() else None

    def _is_gone(self) -> bool:
        return self._clock_ns() - self._picture_ns >= _GONE_S * 1e9

    def _stamp(self, captured_ns: int) -> Stamp:
        index, self._count = self._count, self._count + 1
        return Stamp(index, captured_ns, time.time_ns() - (self._clock_ns() - captured_ns))

    def _capture(self, camera: VideoCapture) -> None:
        """Takes picture after picture until the end, in a thread that is the camera's only user."""
        is_gone, format = False, self._format
        while not self._is_over.is_set():
            is_new_format = self._format is not format
            picture = None if is_new_format else _read_frame(camera)
            if picture is not None:
                self._newest.put(_CameraFrame(picture, self._clock_ns()))
                if is_gone:
                    log.warning("%s is back", self.name)
                is_gone = False
                continue
            camera.release()
            if is_new_format:
                with suppress(SourceError):
                    camera, format = self._opened()
                    continue
            # Logged once, also if it opens again but gives nothing, because another program uses it.
            if not is_gone:
                log.warning("%s is gone; trying again every %.0f s", self.name, self._retry_s)
            is_gone = True
            found = self._reopened()
            if found is None:
                return
            camera, format = found
        camera.release()

    def _opened(self) -> tuple[VideoCapture, CameraFormat]:
        format = self._format
        return self._open_capture(self.index, format), format

    def _reopened(self) -> tuple[VideoCapture, CameraFormat] | None:
        """The camera once it opens, and the format it was asked for; None if the source is closed before."""
        while not self._is_over.wait(self._retry_s):
            with suppress(SourceError):
                return self._opened()
        return None


def still_picture(index: int, open_capture: Callable[[int, CameraFormat], VideoCapture] | None = None) -> Picture:
    """A picture [H,W,3] of a camera that no source uses, which is opened for a moment; SourceError if none comes."""
    camera = (open_capture or open_camera)(index, CameraFormat())
    try:
        pictures = [picture for _ in range(_STILL_PICTURES) if (picture := _read_frame(camera)) is not None]
    finally:
        camera.release()
    if not pictures:
        raise SourceError(f"camera {index} gives no picture: is another program using it?")
    return pictures[-1]


def _read_frame(camera: VideoCapture) -> Picture | None:
    """The next picture; None if the camera is gone, or sent half a picture, which OpenCV cannot decode."""
    try:
        is_read, picture = camera.read()
    except cv2.error:
        return None
    return picture if is_read else None


def open_camera(index: int, format: CameraFormat) -> VideoCapture:
    """The camera with this format or the nearest it has, without a buffer; SourceError if it does not open."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # Our error says it in one line.
    native = native_backend()
    for _, backend in (native, ("", cv2.CAP_ANY)):
        camera: Any = cv2.VideoCapture(index, backend)
        if camera.isOpened():
            for setting, value in (
                (cv2.CAP_PROP_FRAME_WIDTH, format.width),
                (cv2.CAP_PROP_FRAME_HEIGHT, format.height),
                (cv2.CAP_PROP_FPS, format.fps),
                (cv2.CAP_PROP_BUFFERSIZE, 1),
            ):
                camera.set(setting, value)
            return cast(VideoCapture, camera)
        camera.release()
    raise SourceError(
        f"camera {index} cannot be opened (tried {native[0]}, then OpenCV's other backends). Is it plugged in, not in "
        "use by another program, and allowed by the system's privacy settings? Choose another camera, or "
        "the demo, which needs none"
    )
