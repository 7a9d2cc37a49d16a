"""What previews show of a rendering: some of its pictures, made small."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omote.engine.offline.picture_file import Picture
from omote.engine.offline.resizing import resized


def spread(count: int, most: int) -> Sequence[int]:
    """Up to `most` of so many indices, as evenly as can be, the first and the last among them."""
    if count <= most:
        return range(count)
    return [round(k) for k in np.linspace(0, count - 1, most)] if most > 1 else [0]


def fitted(picture: Picture, side: int) -> Picture:
    """The picture, made smaller where it has more than so many pixels on a side."""
    return resized(picture, min(side, picture.shape[0]))
