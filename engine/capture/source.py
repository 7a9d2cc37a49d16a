"""The protocols that sources and trackers follow, their errors, and which part of a recording is played."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.bridge.errors import OmoteError

from ..data import Signal, Stamp


class EndOfSource(Exception):
    """The recording has ended; a camera never does."""


class SourceError(OmoteError):
    """A source cannot be opened or read; the message says what was found, what was wanted and the cure."""


class Source(Protocol):
    """Opened by `with`, then read again and again from one thread."""

    name: str  # shown to the user: "webcam 0", "d0.mp4", "demo"

    @property
    def dropped(self) -> int:
        """Pictures that were skipped because they came too late."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def read(self, timeout_s: float) -> Signal | None:
        """The newest signal; None if none came in time; EndOfSource after the last.

        A picture without a face is a Signal of confidence 0, not None.
        """
        ...


class NoCamera:
    """A source without a face: the portrait idles, and a voice alone moves its mouth."""

    name = "no camera"
    dropped = 0
    fps = 30.0  # of its pictures offline

    def __init__(self, seconds: float | None = None) -> None:
        """Offline it lasts so many seconds, and its pictures have no face; live it has no pictures and no end."""
        self._count = None if seconds is None else max(round(seconds * self.fps), 1)
        self._index = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read(self, timeout_s: float) -> Signal | None:
        if self._count is None:
            time.sleep(timeout_s)
            return None
        if self._index >= self._count:
            raise EndOfSource
        captured_ns = round(self._index / self.fps * 1e9)
        self._index += 1
        return untracked(Stamp(self._index - 1, captured_ns, captured_ns))


@dataclass(frozen=True)
class Playback:
    """The speed and the part of a recording that are played: by default all of it, as it was recorded.

    Parameters
    ----------
    speed
        2 plays it twice as fast.
    start_s
        Where the part begins, in the recording's own seconds.
    end_s
        The last picture lies before it; None is the end of the recording.

    Raises
    ------
    SourceError
        For a speed that is not above 0, or a part that holds nothing.
    """

    speed: float = 1.0
    start_s: float = 0.0
    end_s: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.speed) and self.speed > 0.0):
            raise SourceError(f"a recording plays at a speed above 0, got {self.speed:g}")
        if not 0.0 <= self.start_s < self.stop_s:
            raise SourceError(f"nothing lies {self.span}: wanted a start from 0 s on, and an end after it")

    @property
    def stop_s(self) -> float:
        """The end as a number, infinite if there is none."""
        return math.inf if self.end_s is None else self.end_s

    @property
    def span(self) -> str:
        """The part in words."""
        return f"from {self.start_s:g} s to {'the end' if self.end_s is None else f'{self.end_s:g} s'}"


WHOLE_RECORDING = Playback()

Picture = NDArray[np.uint8]  # [H,W,3] blue, green, red, as OpenCV gives it; first row on top


class Tracker(Protocol):
    """Opened by `with`, then given one picture after another, in order, from one thread."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def track(self, picture: Picture, stamp: Stamp) -> Signal:
        """The face in this picture; a Signal of confidence 0 if there is none."""
        ...


@runtime_checkable
class MouthTracker(Protocol):
    """A tracker that reads tongue and cheeks, too, if it is told to."""

    reads_mouth: bool


def untracked(stamp: Stamp) -> Signal:
    """The signal of a picture without a face."""
    return Signal(stamp, np.zeros(arkit.COUNT, np.float32), confidence=0.0)


@dataclass(frozen=True, eq=False)
class TrackedPicture:
    """A picture of a camera. The page of this machine shows it; it is sent nowhere else."""

    picture: Picture  # [H,W,3] blue, green, red; never written to again
    points: NDArray[np.float32]  # [N,2] of the performer's face, pixels: x right, y down; [0,2] if there is none
    captured_ns: int  # as in the signal's stamp
    confidence: float = 0.0  # as in the signal
    others: int = 0  # faces of other people in the picture


@runtime_checkable
class CameraView(Protocol):
    """A source of pictures: a camera or a video file."""

    @property
    def tracked_picture(self) -> TrackedPicture | None:
        """The last picture that was tracked, from any thread; None before the first."""
        ...
