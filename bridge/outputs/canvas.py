"""Portraits as other programs want them: of one size, over a colour, or with colours that are multiplied by alpha."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..picture import Pixels, premultiplied
from .enlarge import Enlarger, can_enlarge

Size = tuple[int, int]  # width, height


class Steady:
    """Gives every picture the size of the first, or `side` pixels on the longer side.

    The size of a portrait follows the machine's load; a program that shows it
    would move everything in its scene each time.
    """

    def __init__(self, side: int | None = None) -> None:
        self._first, self._resize = _First(side), _Resize()

    def __call__(self, rgba: Pixels) -> Pixels:
        """[h,w,4] in that size, straight alpha; done with before the next picture."""
        return self._resize.straight(rgba, self._first.size(rgba))


class Premultiplied:
    """Of one size, as `Steady` has it, and with colours multiplied by alpha, as programs share textures."""

    def __init__(self, side: int | None = None) -> None:
        self._first, self._resize = _First(side), _Resize()

    def __call__(self, rgba: Pixels) -> Pixels:
        """[h,w,4], done with before the next picture; each colour is (colour * alpha + 127) // 255, as on our wire."""
        return self._resize(premultiplied(rgba), self._first.size(rgba))


class Canvas:
    """Puts a picture of any size into the middle of one frame, as large as it fits and never stretched."""

    def __init__(self, width: int, height: int, background: tuple[int, int, int] | None) -> None:
        """Without a `background` what is around the portrait, and shines through it, is transparent."""
        self.width, self.height = width, height
        self.background = background
        self._frame = np.empty((height, width, 3 if background else 4), np.uint8)
        self._covered: Size | None = None  # by the picture before; around it the frame is painted
        self._resize = _Resize()

    def __call__(self, rgba: Pixels) -> Pixels:
        """[height,width,3] over the background, or [height,width,4] of straight alpha where there is none.

        It is the same memory each time: done with before the next picture.
        """
        size = self._fitting(rgba)
        if self.background is None:
            self._put(self._resize.straight(rgba, size), size)
        else:  # blended before it is made larger, which is less to blend and, over one colour, the same
            self._put(_without_alpha(self._resize(_blended(rgba, self.background), size)), size)
        return self._frame

    def _fitting(self, rgba: Pixels) -> Size:
        height, width = rgba.shape[:2]
        scale = min(self.width / width, self.height / height)
        return max(round(width * scale), 1), max(round(height * scale), 1)

    def _put(self, picture: Pixels, size: Size) -> None:
        if size != self._covered:
            self._frame[:] = self.background or (0, 0, 0, 0)
            self._covered = size
        left, top = (self.width - size[0]) // 2, (self.height - size[1]) // 2
        self._frame[top : top + size[1], left : left + size[0]] = picture


class _First:
    """The size of the first picture, or that shape with `side` pixels on the longer side."""

    def __init__(self, side: int | None) -> None:
        self._side = side
        self._size: Size | None = None

    def size(self, rgba: Pixels) -> Size:
        if self._size is None:
            height, width = rgba.shape[:2]
            scale = (self._side or max(height, width)) / max(height, width)
            self._size = max(round(width * scale), 1), max(round(height * scale), 1)
        return self._size


class _Resize:
    """Resizes pictures that mostly have the size of the one before."""

    def __init__(self) -> None:
        self._sizes: tuple[Size, Size] | None = None
        self._enlarge: Enlarger | None = None  # None where a side shrinks

    def __call__(self, pixels: Pixels, size: Size) -> Pixels:
        """[h,w,4] in that size; each channel on its own."""
        if _size(pixels) == size:
            return pixels
        if self._sizes != (_size(pixels), size):
            self._sizes = (_size(pixels), size)
            self._enlarge = Enlarger(*self._sizes) if can_enlarge(*self._sizes) else None
        if self._enlarge is not None:
            return self._enlarge(pixels)
        return np.asarray(_image("RGBX", pixels).resize(size, Image.Resampling.BILINEAR))

    def straight(self, rgba: Pixels, size: Size) -> Pixels:
        """Multiplied by alpha meanwhile: colours that nobody sees must not shine through at the edge of the hair."""
        if _size(rgba) == size:
            return rgba
        return np.asarray(_image("RGBa", self(premultiplied(rgba), size)).convert("RGBA"))


def _blended(rgba: Pixels, background: tuple[int, int, int]) -> Pixels:
    """[h,w,4] over that colour; what becomes of alpha means nothing."""
    if background == (0, 0, 0):
        return premultiplied(rgba)  # the same, and sooner
    under = Image.new("RGBA", _size(rgba), background)
    picture = _image("RGBA", rgba)
    under.paste(picture, mask=picture)
    return np.asarray(under)


def _without_alpha(pixels: Pixels) -> Pixels:
    """[h,w,3]. NumPy's own way takes several times as long."""
    rgb = _image("RGBX", pixels).tobytes("raw", "RGB")
    return np.frombuffer(rgb, np.uint8).reshape(*pixels.shape[:2], 3)


def _size(pixels: Pixels) -> Size:
    return pixels.shape[1], pixels.shape[0]


def _image(mode: str, pixels: Pixels) -> Image.Image:
    return Image.frombuffer(mode, _size(pixels), np.ascontiguousarray(pixels), "raw", mode, 0, 1)
