"""A source of your own: faces that an iterable gives, at a steady rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Self

import numpy as np

from omote.bridge import arkit

from ..data import Signal, Stamp
from ..face.retarget import gaze_from_weights
from .source import EndOfSource, SourceError, untracked


class IterableSource:
    """Plays the faces that an iterable gives, such as a generator of your own.

    A face is asked for when it is due, and counts as captured at that moment. If asking takes longer than a picture
    lasts, the next one follows at once. The loop that reads the source asks from one thread.

    Parameters
    ----------
    faces
        Each face as ARKit weights by name (0 to 1), as a `Signal`, which keeps its own stamp, or None for no face.
    name
        Shown to the user.
    fps
        Faces a second, above 0 and at most 1000.

    Raises
    ------
    SourceError
        For another rate; from `read` for a face of another type.
    FaceWeightError
        From `read`, for a weight that ARKit lacks, or a value that is not from 0 to 1.

    Examples
    --------
    >>> with IterableSource([{"jawOpen": 0.5}]) as source:
    ...     source.read(1.0).confidence
    1.0
    """

    def __init__(
        self,
        faces: Iterable[Mapping[str, float] | Signal | None],
        name: str = "own",
        fps: float = 30.0,
        *,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0.0 < fps <= 1000.0:
            raise SourceError(f"the faces a second of a source must be above 0 and at most 1000, got {fps}")
        if not isinstance(faces, Iterable):
            raise SourceError(f"a source needs an iterable of faces, such as a generator, got {type(faces).__name__}")
        self.name = name
        self.dropped = 0
        self.fps = fps
        self._faces, self._clock_ns, self._sleep = faces, clock_ns, sleep
        self._given: Iterator[Mapping[str, float] | Signal | None] = iter(())
        self._index = 0
        self._due_ns: int | None = None  # of the next face; set by the first read

    def __enter__(self) -> Self:
        self._given, self._index, self._due_ns = iter(self._faces), 0, None
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read(self, timeout_s: float) -> Signal | None:
        """The next face when it is due; None if that is later than the timeout; EndOfSource after the last."""
        if self._due_ns is None:
            self._due_ns = self._clock_ns()
        wait_s = (self._due_ns - self._clock_ns()) / 1e9
        if wait_s > 0.0:
            self._sleep(min(wait_s, timeout_s))
        if wait_s > timeout_s:
            return None
        try:
            face = next(self._given)
        except StopIteration:
            raise EndOfSource(self.name) from None
        self._due_ns = max(self._due_ns + round(1e9 / self.fps), self._clock_ns())
        self._index += 1
        return _signal(face, Stamp(self._index - 1, self._clock_ns(), time.time_ns()))


def _signal(face: Mapping[str, float] | Signal | None, stamp: Stamp) -> Signal:
    if isinstance(face, Signal):
        return face
    if face is None:
        return untracked(stamp)
    if not isinstance(face, Mapping):
        raise SourceError(f"a source gives weights by name, a Signal or None, got {type(face).__name__}")
    weights = arkit.weights(face)
    return Signal(stamp, weights, gaze=np.asarray(gaze_from_weights(weights), np.float32))
