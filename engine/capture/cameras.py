"""The cameras of this machine by name, how the system opens them, and the picture format to ask one for."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from .source import SourceError

MOST_CAMERAS = 100
# The numbers are CAP_DSHOW, CAP_AVFOUNDATION and CAP_V4L2 of OpenCV, which this module does not import.
_BACKENDS = {"win32": ("DirectShow", 700), "darwin": ("AVFoundation", 1200)}
_LINUX_BACKEND = ("V4L2", 200)
_SPEC = re.compile(r"webcam(?::(\d{1,2}))?(?::(\d{1,5})x(\d{1,5}))?(?:@(\d+(?:\.\d+)?))?(\+mouth)?\Z", re.ASCII)


@dataclass(frozen=True)
class CameraFormat:
    """What a camera is asked for. It may give something else: the nearest that it has."""

    width: int = 640
    height: int = 480
    fps: float = 30.0
    reads_mouth: bool = False  # whether tongue and cheeks are looked for, too

    def __post_init__(self) -> None:
        if not (16 <= self.width <= 7680 and 16 <= self.height <= 7680):
            raise SourceError(f"a camera's picture has 16 to 7680 pixels a side, got {self.width}x{self.height}")
        if not 1.0 <= self.fps <= 1000.0:
            raise SourceError(f"a camera gives 1 to 1000 pictures a second, not {self.fps:g}")


@dataclass(frozen=True)
class Camera:
    """A camera that is plugged in."""

    index: int  # as OpenCV counts them
    name: str  # as the system calls it: "HD Webcam C920"
    path: str  # the system's address of it: "/dev/video0"; "" without one


@runtime_checkable
class AdjustableCamera(Protocol):
    """A source that is a camera, whose format can be changed while it is open."""

    index: int

    def use_format(self, format: CameraFormat) -> None:
        """Opens the camera again with this format, which takes a moment; from any thread."""
        ...


def list_cameras(enumerate_devices: Callable[[], Iterable[Any]] | None = None) -> tuple[Camera, ...]:
    """The cameras of this machine, by index; none of them is opened. SourceError if the system cannot be asked."""
    try:
        devices = list((enumerate_devices or _devices)())
    except (ImportError, OSError, RuntimeError, NotImplementedError) as error:
        raise SourceError(f"the cameras of this machine cannot be listed: {error}") from error
    found = {
        int(one.index): Camera(int(one.index), _printable(one.name) or f"Camera {one.index}", _printable(one.path))
        for one in devices
        if 0 <= int(one.index) < MOST_CAMERAS
    }
    return tuple(found[index] for index in sorted(found))


def native_backend() -> tuple[str, int]:
    """The name and OpenCV's number of the backend that is the system's own."""
    return _BACKENDS.get(sys.platform, _LINUX_BACKEND)


def webcam_spec(index: int, format: CameraFormat) -> str:
    """The source as `open_source` takes it: "webcam:1:1280x720@30", or with "+mouth" after it."""
    mouth = "+mouth" if format.reads_mouth else ""
    return f"webcam:{index}:{format.width}x{format.height}@{format.fps:g}{mouth}"


def parse_webcam(spec: str) -> tuple[int, CameraFormat]:
    """The camera and its format in webcam[:N][:WIDTHxHEIGHT][@FPS][+mouth]; SourceError if it is written otherwise."""
    found = _SPEC.match(spec)
    if not found:
        form = "webcam[:N][:WIDTHxHEIGHT][@FPS][+mouth], as webcam:1:1280x720@30, with N from 0 to 99"
        raise SourceError(f"{spec}: wanted {form}")
    index, width, height, fps, mouth = found.groups()
    usual = CameraFormat()
    size = (int(width), int(height)) if width else (usual.width, usual.height)
    return int(index or 0), CameraFormat(*size, float(fps) if fps else usual.fps, mouth is not None)


def _devices() -> Iterable[Any]:
    from cv2_enumerate_cameras import enumerate_cameras

    return enumerate_cameras(native_backend()[1])


def _printable(text: object) -> str:
    return "".join(one for one in str(text or "") if one.isprintable())[:120].strip()
