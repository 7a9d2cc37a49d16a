"""What previews show of a rendering: some of its pictures, made small."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from omote.engine.offline.picture_file import Picture


def spread(count: int, most: int) -> Sequence[int]:
    """Up to `most` of so many indices, as evenly as can be, the first and the last among them."""
    if count <= most:
        return range(count)
    return [round(k) for k in np.linspace(0, count - 1, most)] if most > 1 else [0]


def fitted(picture: Picture, side: int) -> Picture:
    """The picture, made smaller where it has more than so many pixels on a side."""
    if picture.shape[0] <= side:
        return picture
    # By premultiplied colour: what is clear has a colour too, and it must not run into the edge.
    image = Image.fromarray(picture).convert("RGBa").resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image.convert("RGBA"))
