"""What a network drew becomes a picture: levels of 255, alpha made definite, the light's colour put on, in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .face.tone import levels_in

Array = NDArray[np.float32]
_MATTE_SLACK = 16.0  # levels of 255
_STRETCH = 255.0 / (255.0 - 2.0 * _MATTE_SLACK)
# From -1..1 to levels, a half more so that cutting off rounds.
_SCALE = np.array([127.5, 127.5, 127.5, 127.5 * _STRETCH], np.float32)[:, None, None]
_OFFSET = np.array([128.0, 128.0, 128.0, (127.5 - _MATTE_SLACK) * _STRETCH + 0.5], np.float32)[:, None, None]


class Packer:
    """Makes pictures of one size; owns the arrays between, so that only the picture itself is new."""

    def __init__(self, size: int) -> None:
        self._levels = np.empty((4, size, size), np.float32)
        self._rounded = np.empty((4, size, size), np.uint8)

    def pack(self, drawn: Array, gain: Array) -> NDArray[np.uint8]:
        """[S,S,4] of [4,S,S] straight RGBA in -1..1, each colour [3] in so much stronger light.

        Alpha that is nearly nothing becomes nothing, nearly all becomes all: a regressed matte never quite says 0 or 1.
        """
        levels, rounded = self._levels, self._rounded
        np.multiply(drawn, _SCALE, out=levels)
        levels += _OFFSET
        np.clip(levels, 0.0, 255.0, out=levels)
        np.copyto(rounded, levels, casting="unsafe")
        picture = np.empty((*rounded.shape[1:], 4), np.uint8)
        for channel, shown in enumerate(levels_in(gain)):
            picture[..., channel] = shown.take(rounded[channel])
        picture[..., 3] = rounded[3]
        return picture
