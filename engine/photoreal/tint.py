"""The colour of the light on a photoreal picture; where it comes from was settled when the photo was taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..face.light import checked_light, relit_levels, studio_light

Array = NDArray[np.float32]
_DARKEST = 1e-4


def tinted(rgb: NDArray[np.uint8], light: Array) -> NDArray[np.uint8]:
    """[H,W,4] the picture [H,W,3], opaque, in light [27] so much stronger in each colour than the studio's.

    The network knows no light: the photo's stands for the studio's, and only strength and colour can differ from it.
    ValueError where the light is none.
    """
    gain = _strength(checked_light(light)) / _strength(studio_light())
    rgba = np.full((*rgb.shape[:2], 4), 255, np.uint8)
    for channel, shown in enumerate(relit_levels(gain)):
        rgba[..., channel] = shown.take(rgb[..., channel])
    return rgba


def _strength(light: Array) -> Array:
    """[3] of red, green and blue, by the first harmonic of each."""
    return np.asarray(np.maximum(light.reshape(3, 9)[:, 0], _DARKEST), np.float32)
