"""What a camera's source saw last, for the eyes of the person before it: the picture, and where its face was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .tracker import Picture


@dataclass(frozen=True, eq=False)
class Sight:
    """One camera picture. It is shown on the page of this machine, and goes nowhere else."""

    picture: Picture  # [H,W,3] blue, green, red; never written to again
    points: NDArray[np.float32]  # [N,2] of the performer's face, pixels: x right, y down; [0,2] where there is none
    captured_ns: int  # as in the signal's stamp
    confidence: float = 0.0  # as in the signal
    others: int = 0  # faces in the picture that are not the performer's


@runtime_checkable
class Sighted(Protocol):
    """A source that looks through a camera, or through a film."""

    @property
    def sight(self) -> Sight | None:
        """The last picture that was tracked, from any thread; None before the first."""
        ...
