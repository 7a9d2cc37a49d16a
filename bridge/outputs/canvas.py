"""Portraits as other programs want them: of one size, over a colour, or with colours that are multiplied by alpha."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

_PREMULTIPLIED = "RGBa"  # Pillow's name


class Steady:
    """Gives every picture the size of the first, or `side` pixels on the longer side.

    The size of a portrait follows the machine's load; a program that shows it
    would move everything in its scene each time.
    """

    def __init__(self, side: int | None = None) -> None:
        self._side = side
        self._size: tuple[int, int] | None = None  # width, height

    def __call__(self, rgba: Pixels) -> Pixels:
        """[h,w,4] in that size, straight alpha."""
        height, width = rgba.shape[:2]
        if self._size is None:
            scale = (self._side or max(height, width)) / max(height, width)
            self._size = (max(round(width * scale), 1), max(round(height * scale), 1))
        return rgba if self._size == (width, height) else np.asarray(_resized(_image(rgba), self._size))


class Canvas:
    """Puts a picture of any size into the middle of one frame, as large as it fits and never stretched."""

    def __init__(self, width: int, height: int, background: tuple[int, int, int] | None) -> None:
        """Without a `background` what is around the portrait, and shines through it, is transparent."""
        self.width, self.height = width, height
        self.background = background

    def __call__(self, rgba: Pixels) -> Pixels:
        """[height,width,3] over the background, or [height,width,4] of straight alpha where there is none."""
        height, width = rgba.shape[:2]
        scale = min(self.width / width, self.height / height)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        picture = _image(rgba) if size == (width, height) else _resized(_image(rgba), size)
        at = ((self.width - size[0]) // 2, (self.height - size[1]) // 2)
        if self.background is None:
            frame = Image.new("RGBA", (self.width, self.height))
            frame.paste(picture, at)
        else:
            frame = Image.new("RGB", (self.width, self.height), self.background)
            frame.paste(picture, at, mask=picture)
        return np.asarray(frame)


class Premultiplied:
    """Of one size, and with colours that are multiplied by alpha, as textures are shared between programs."""

    def __init__(self, side: int | None = None) -> None:
        self._steady = Steady(side)

    def __call__(self, rgba: Pixels) -> Pixels:
        """[h,w,4]; each colour is (colour * alpha + 127) // 255, as on our own wire."""
        pixels = self._steady(rgba)
        alpha = pixels[..., 3:].astype(np.uint16)
        colours = (pixels[..., :3] * alpha + 127) // 255
        return np.dstack([colours.astype(np.uint8), pixels[..., 3]])


def _image(rgba: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(rgba))


def _resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Multiplied by alpha meanwhile: colours that nobody sees must not shine through at the edge of the hair."""
    return picture.convert(_PREMULTIPLIED).resize(size, Image.Resampling.BILINEAR).convert("RGBA")
