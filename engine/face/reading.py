"""What a tracker says of one face in a still picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Reading:
    """MediaPipe's landmarks, weights and rotation, as it gives them."""

    points: Array  # [478,2] pixels: x right, y down
    weights: Array  # [52] ARKit weights
    rotation: Array  # [3] radians, +x looks down, +y to the subject's left; too small through a narrow lens

    @property
    def centre(self) -> Array:
        """[2] the middle of the points' box."""
        return np.asarray((self.points.min(0) + self.points.max(0)) / 2.0, np.float32)

    @property
    def size_px(self) -> float:
        """The longer side of the points' box."""
        return float(np.ptp(self.points, 0).max())
