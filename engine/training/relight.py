"""Gives a rendered picture light of another colour, as the renderer itself would: its tone curve is known."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from .faces.develop import tone

Array = NDArray[np.float32]
_SPREAD = 0.22  # of the logarithm of each channel's gain
_SHARE = 0.6  # of the people who are seen in other light


def sample_gains(people: int, rng: np.random.Generator) -> Array:
    """[P,3] by how much red, green and blue light grow; one where the light stays."""
    gains = np.exp(rng.normal(0.0, _SPREAD, (people, 3)))
    return np.where(rng.random((people, 1)) < _SHARE, gains, 1.0).astype(np.float32)


def relit(rgba: NDArray[np.uint8], gain: Array) -> NDArray[np.uint8]:
    """[H,W,4] the picture with each channel of its light [3] so much stronger; alpha stays."""
    out = rgba.copy()
    for channel in range(3):
        shown = tone(_linear() * gain[channel]) * 255.0 + 0.5
        out[..., channel] = shown.astype(np.uint8)[rgba[..., channel]]
    return out


@cache
def _linear() -> NDArray[np.float64]:
    """[256] the linear light of each level: the inverse of the tone curve."""
    light = np.geomspace(1e-5, 20.0, 20_000)
    return np.interp(np.arange(256) / 255.0, tone(light), light)
