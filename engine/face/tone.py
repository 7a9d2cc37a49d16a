"""The tone curve of every picture: by it a finished picture can be seen in light of another colour."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

EXPOSURE = 0.59
GAMMA = 0.4545


def tone(light: NDArray[np.floating]) -> NDArray[np.float64]:
    """What linear light of any shape is on the screen, 0 to 1: Narkowicz' fit of ACES (2016), then sRGB's gamma."""
    v = np.maximum(np.asarray(light, np.float64), 0.0) * EXPOSURE
    return np.asarray(np.clip(v * (2.51 * v + 0.03) / (v * (2.43 * v + 0.59) + 0.14), 0.0, 1.0) ** GAMMA)


def untoned(picture: NDArray[np.uint8]) -> Array:
    """The linear light of sRGB levels, of any shape: `tone` backwards; white is the least that is shown as white."""
    return _linear().astype(np.float32)[picture]


def levels_in(gain: Array) -> NDArray[np.uint8]:
    """[3,256] what each level of red, green and blue becomes where its light [3] is so much stronger.

    Light falls linearly on a scene, so that is how the scene would look, but for levels that were cut off at white.
    """
    return _levels_in(*(float(one) for one in gain))


@lru_cache(maxsize=8)
def _levels_in(*gain: float) -> NDArray[np.uint8]:
    return np.stack([(tone(_linear() * one) * 255.0 + 0.5).astype(np.uint8) for one in gain])


@cache
def _linear() -> NDArray[np.float64]:
    """[256] the linear light of each level: the tone curve backwards; white is the least that is shown as white."""
    light = np.geomspace(1e-5, 50.0, 20_000)
    shown = tone(light)
    rises = shown < 254.5 / 255.0
    return np.interp(np.arange(256) / 255.0, shown[rises], light[rises])
