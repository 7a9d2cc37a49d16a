"""Pictures of any size from the few that networks draw: reduced from the next larger, enlarged beyond the largest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .picture_file import Picture

_FAINT = np.float32(1.0 / 1024.0)  # so little alpha does not tell the colour: what was drawn around it does


def drawn_size(size: int, sizes: Sequence[int]) -> int:
    """The least of these that is not smaller, else the largest."""
    return min((one for one in sizes if one >= size), default=max(sizes))


def resized(picture: Picture, size: int) -> Picture:
    """[size,size,4] the same picture, itself where it is of this size; the same bytes each time.

    Colours are mixed by how much of them is seen, so that nothing behind the head darkens its outline.
    """
    if picture.shape[0] == size:
        return picture
    # Lanczos rings twice, which in an enlarged matte would be a faint line within the outline.
    filter_ = Image.Resampling.LANCZOS if size < picture.shape[0] else Image.Resampling.BICUBIC
    rgb, alpha = picture[..., :3].astype(np.float32), picture[..., 3].astype(np.float32) / np.float32(255.0)
    # Not cut off at 1 before it divides: it rings exactly as the colours do that it was multiplied with.
    matte = np.maximum(_scaled(alpha, size, filter_), 0.0)
    found = np.empty((size, size, 4), np.uint8)
    for channel in range(3):
        seen = np.maximum(_scaled(rgb[..., channel] * alpha, size, filter_), 0.0)
        drawn = _scaled(rgb[..., channel], size, filter_)
        found[..., channel] = _levels((seen + _FAINT * drawn) / (matte + _FAINT))
    found[..., 3] = _levels(matte * np.float32(255.0))
    return found


def _scaled(plane: NDArray[np.float32], size: int, filter_: Image.Resampling) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(plane).resize((size, size), filter_), np.float32)


def _levels(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.clip(plane + np.float32(0.5), 0.0, 255.0).astype(np.uint8)
    return rounded
