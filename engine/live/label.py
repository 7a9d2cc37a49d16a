"""A small visible mark, "AI", in the lower right corner of each picture, which the user switches on."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Rgba = NDArray[np.uint8]  # [H,W,4] straight alpha

TEXT = "AI"
_HEIGHT = 0.07  # of the picture's shorter side
_LEAST_PX = 16
_PLATE, _INK = (16, 18, 22, 200), (255, 255, 255, 255)


class Label:
    """Draws the mark while it is on. A picture that has not changed gives the same array again."""

    def __init__(self) -> None:
        self.is_on = False
        self._last: tuple[Rgba, Rgba] | None = None  # a picture, and the same with the mark

    def on(self, rgba: Rgba) -> Rgba:
        """The picture with the mark; the same array while it is off."""
        if not self.is_on:
            return rgba
        if self._last is None or self._last[0] is not rgba:
            self._last = rgba, labelled(rgba)
        return self._last[1]


def labelled(rgba: Rgba, *, is_premultiplied: bool = False) -> Rgba:
    """A copy of the picture with the mark over it, which can be read on any ground."""
    height, width = rgba.shape[:2]
    plate = _plate(max(round(_HEIGHT * min(height, width)), _LEAST_PX))
    rows, columns = min(plate.shape[0], height), min(plate.shape[1], width)
    edge = min(rows // 3, height - rows, width - columns)
    top, left = height - rows - edge, width - columns - edge
    copy = rgba.copy()
    under, plate = copy[top : top + rows, left : left + columns], plate[:rows, :columns]
    if is_premultiplied:
        share = plate[..., 3:].astype(np.float32) / 255.0
        over = np.concatenate([plate[..., :3] * share, plate[..., 3:]], -1)
        under[:] = np.rint(over + under * (1.0 - share)).astype(np.uint8)
    else:
        under[:] = np.asarray(Image.alpha_composite(Image.fromarray(under), Image.fromarray(plate)))
    return copy


@lru_cache(maxsize=4)
def _plate(height: int) -> Rgba:
    """[h,w,4] the mark: white letters on a dark rounded plate."""
    font = ImageFont.load_default(size=0.7 * height)
    left, top, right, bottom = font.getbbox(TEXT)
    image = Image.new("RGBA", (round(right - left + 0.7 * height), height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, image.width - 1, height - 1), radius=0.25 * height, fill=_PLATE)
    draw.text(((image.width - right - left) / 2, (height - bottom - top) / 2), TEXT, font=font, fill=_INK)
    return np.asarray(image)
