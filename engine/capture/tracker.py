"""What a camera or a video asks of whoever finds the face in its pictures."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.nouns import Signal, Stamp

Picture = NDArray[np.uint8]  # [H,W,3] blue, green, red: the order in which OpenCV gives it; first row on top


class Tracker(Protocol):
    """Opened by `with`; then given one picture after another, in order, from one thread."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def track(self, picture: Picture, stamp: Stamp) -> Signal:
        """What the face in this picture does; a Signal of confidence 0 where there is none."""
        ...


def untracked(stamp: Stamp) -> Signal:
    """The signal of a picture without a face."""
    return Signal(stamp, np.zeros(arkit.COUNT, np.float32), confidence=0.0)
