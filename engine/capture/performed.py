"""What a tracker saw of a performance, picture by picture: a take, once it is read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.nouns import Array, Signal, Stamp

from .playback import Playback
from .take_csv import DAY_NS, TakeError

_CLOSE_S = 1e-4  # a row so near a border counts as on it: the CSV's times are printed digits


@dataclass(frozen=True)
class Take:
    """What a tracker saw of a performance, picture by picture."""

    fps: float
    time_s: NDArray[np.float64]  # [n] from 0, never back
    weights: Array  # [n,52] ARKit order, 0 to 1
    head_rotation: Array  # [n,3] as in `Signal`; so are the next three
    head_translation: Array  # [n,3]
    gaze: Array  # [n,2,2]
    confidence: Array  # [n]
    provenance: str = ""  # who performed, who recorded it, under which licence
    timecode_ns: int | None = None  # of the first picture, since midnight; None where nobody's clock was kept
    timecode_rate: int | None = None  # frames that its file's timecode counts in a second; None: as many as `fps`

    def __post_init__(self) -> None:
        count = len(self.time_s)
        if not count or not 0.0 < self.fps <= 1000.0:
            raise TakeError(f"a take has pictures, and 0 to 1000 of them a second; got {count} at {self.fps}")
        if self.time_s[0] != 0.0 or (np.diff(self.time_s) < 0).any():
            raise TakeError("the times of a take begin at 0 and never go back")
        for name, shape in _SHAPES.items():
            value = getattr(self, name)
            if value.shape != (count, *shape) or not np.isfinite(value).all():
                raise TakeError(f"{name} must be finite {[count, *shape]}, got {list(value.shape)}")
        for name in ("weights", "confidence"):
            if getattr(self, name).min() < 0.0 or getattr(self, name).max() > 1.0:
                raise TakeError(f"{name} must be between 0 and 1")
        if self.timecode_ns is not None and not 0 <= self.timecode_ns < DAY_NS:
            raise TakeError(f"a timecode lies within a day, got {self.timecode_ns / 1e9:.0f} s")

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def seconds(self) -> float:
        """How long it lasts, to the end of its last picture."""
        return float(self.time_s[-1]) + 1.0 / self.fps

    def signal(self, row: int, stamp: Stamp) -> Signal:
        """What the tracker saw in this row."""
        return Signal(
            stamp,
            self.weights[row],
            self.head_rotation[row],
            self.head_translation[row],
            self.gaze[row],
            float(self.confidence[row]),
        )

    def timecode_of(self, row: int) -> int | None:
        """This row's, in nanoseconds since midnight; None where nobody's clock was kept."""
        if self.timecode_ns is None:
            return None
        return (self.timecode_ns + round(float(self.time_s[row]) * 1e9)) % DAY_NS


_SHAPES: dict[str, tuple[int, ...]] = {
    "weights": (arkit.COUNT,),
    "head_rotation": (3,),
    "head_translation": (3,),
    "gaze": (2, 2),
    "confidence": (),
}


def trimmed(take: Take, part: Playback) -> Take:
    """The pictures of this part, in the take's own seconds; TakeError where there are none. Its speed does not matter.

    Times begin at 0 again; timecodes stay what they were.
    """
    rows = rows_of(take, part)
    parts = {name: getattr(take, name)[rows] for name in _SHAPES}
    time_s = take.time_s[rows] - take.time_s[rows.start]
    return replace(take, time_s=time_s, timecode_ns=take.timecode_of(rows.start), **parts)


def rows_of(take: Take, part: Playback) -> slice:
    """Which pictures are of this part; TakeError where none is."""
    kept = np.flatnonzero((take.time_s >= part.start_s - _CLOSE_S) & (take.time_s < part.past_s - _CLOSE_S))
    if not len(kept):
        raise TakeError(f"no picture lies {part.span}: the take lasts {take.seconds:.2f} s")
    return slice(int(kept[0]), int(kept[-1]) + 1)
