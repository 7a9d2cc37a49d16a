"""Many pictures on one, in rows, each over its label."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Picture = NDArray[np.uint8]  # [S,S,3], or [S,S,4] with straight alpha

LABEL = 24  # pixels under each picture
_SQUARE = 16  # pixels of a checkerboard's


def grid(
    pictures: Sequence[Picture], labels: Sequence[str], columns: int | None = None, *, is_checkered: bool = False
) -> Image.Image:
    """In rows, about as many as columns or of so many, on white; what is see-through shows that, or a checkerboard.

    All pictures are of one size; a label that is too long is cut.
    """
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    side = pictures[0].shape[0]
    size = columns * side, math.ceil(len(pictures) / columns) * (side + LABEL)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for number, (label, picture) in enumerate(zip(labels, pictures, strict=True)):
        left, top = number % columns * side, number // columns * (side + LABEL)
        image = Image.fromarray(picture)
        if is_checkered:
            sheet.paste(checkerboard(side), (left, top))
        sheet.paste(image, (left, top), image if image.mode == "RGBA" else None)
        pen.text((left + side // 2, top + side + LABEL // 2), _cut(label, side, pen), "black", anchor="mm")
    return sheet


def checkerboard(side: int) -> Image.Image:
    """What programs show behind pictures that can be seen through."""
    rows, columns = np.indices((side, side)) // _SQUARE
    return Image.fromarray(np.where((rows + columns) % 2, 204, 238).astype(np.uint8)).convert("RGB")


def _cut(name: str, width: int, pen: ImageDraw.ImageDraw) -> str:
    while name and pen.textlength(name) > width:
        name = name[:-1]
    return name
