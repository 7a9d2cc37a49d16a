"""Steadies a face by attention over the faces just before: a tracker's noise is averaged, a movement is not delayed."""

from __future__ import annotations

from collections import deque
from functools import cache

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.nouns import FlameParams

from .retarget import from_weights

Array = NDArray[np.float32]

FRAMES = 8  # that are remembered: a quarter of a second at 30 a second
WEIGHT_NOISE, TURN_NOISE_RAD = 0.012, 0.004  # what a webcam's tracker trembles by, one standard deviation
_REACH = 2.5  # differences, in standard deviations of the noise, that still count as noise


class Memory:
    """The faces just before, which the next one attends to.

    Each parameter is a head of its own: its value now is the query, its values before are keys and values, and the
    likeness is a Gaussian as wide as the tracker's noise (a bilateral filter in time, Tomasi and Manduchi 1998). What
    lies within the noise is averaged over the memory; what moved beyond it finds nothing like it there, and stays.
    """

    def __init__(self) -> None:
        self._before: deque[Array] = deque(maxlen=FRAMES)
        self._basis = ""
        noise()  # takes a tenth of a second, which no picture shall wait for

    def forget(self) -> None:
        """The next face stands alone."""
        self._before.clear()

    def steadied(self, params: FlameParams) -> FlameParams:
        """The face as it is to be drawn; remembers what it was told."""
        if params.basis != self._basis:
            self.forget()
            self._basis = params.basis
        now = params.vector()
        faces = np.stack([now, *self._before])
        apart = (faces - now) / (_REACH * noise())
        share = np.exp(-0.5 * apart * apart)
        self._before.append(now)
        mean = (share * faces).sum(0) / share.sum(0)
        return FlameParams.from_vector(mean.astype(np.float32), params.basis)


@cache
def noise() -> Array:
    """[67] by how much each parameter trembles where the tracker does: measured on 512 trembling faces.

    Next to nothing for those that no tracker's noise reaches, which are so taken as they are.
    """
    rng = np.random.default_rng(0)
    half = np.full(arkit.COUNT, 0.5)
    rows = []
    for _ in range(512):
        weights = (half + rng.normal(0.0, WEIGHT_NOISE, arkit.COUNT)).astype(np.float32)
        turn = rng.normal(0.0, TURN_NOISE_RAD, 3).astype(np.float32)
        rows.append(from_weights(weights, None, turn).vector())
    return np.asarray(np.std(rows, axis=0) + 1e-9, np.float32)
