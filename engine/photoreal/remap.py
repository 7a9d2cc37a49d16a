"""Bends a picture: fields of displacements are drawn out over its pixels, and each pixel is fetched from its place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Rgb = NDArray[np.uint8]  # [S,S,3]

# OpenCV is imported when a picture is bent: it wants system libraries that a machine may lack which draws no such one,
# and every command comes by here.


def drawn_out(field: Array, side: int) -> Array:
    """[S,S,C] a coarse field [G,G,C], whose nodes are the middles of its cells, between its nodes."""
    import cv2

    return np.asarray(cv2.resize(field, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def sampled(field: Array, at: Array) -> Array:
    """[..,C] a field's values at places [H,W,2] (column, row), those outside at the border's nearest."""
    import cv2

    return np.asarray(cv2.remap(field, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def fetched(rgb: Rgb, at: Array) -> Rgb:
    """[S,S,3] the picture whose pixels come from these places [S,S,2]; its border goes on outside of it."""
    import cv2

    return np.asarray(cv2.remap(rgb, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8)
