"""Converts portraits to what other programs need: one size, a background, or premultiplied alpha."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..picture import Pixels, premultiplied

Size = tuple[int, int]  # width, height
Steps = NDArray[np.int16]

_WEIGHT_BITS = 7  # a difference of 255 times a weight of 128 still fits an int16
_BAND = 48  # rows that are enlarged together, so that all intermediate values stay in the processor's cache


class FixedSize:
    """Gives every picture the size of the first one, or of its shape with `side` pixels on the longer side.

    The size of a portrait follows the machine's load, and a program that shows it
    would move everything in its scene with each change.
    """

    def __init__(self, side: int | None = None, *, is_premultiplied: bool = False) -> None:
        self._side = side
        self._is_premultiplied = is_premultiplied
        self._size: Size | None = None
        self._resize = _Resize()

    def __call__(self, rgba: Pixels) -> Pixels:
        """[h,w,4] from a picture with straight alpha; valid until the next call.

        With `is_premultiplied`, each colour is (colour * alpha + 127) // 255, as on our wire.
        """
        if self._size is None:
            width, height = _size_of(rgba)
            scale = (self._side or max(width, height)) / max(width, height)
            self._size = max(round(width * scale), 1), max(round(height * scale), 1)
        if self._is_premultiplied:
            return self._resize(premultiplied(rgba), self._size)
        return self._resize.straight(rgba, self._size)


class Canvas:
    """Puts a picture of any size into the middle of a frame, as large as fits, and never stretched."""

    def __init__(self, width: int, height: int, background: tuple[int, int, int] | None) -> None:
        """Without a `background`, the frame around and behind the portrait is transparent."""
        self.width, self.height = width, height
        self.background = background
        self._frame = np.empty((height, width, 3 if background else 4), np.uint8)
        self._covered: Size | None = None  # by the previous picture; the rest of the frame is background
        self._resize = _Resize()

    def __call__(self, rgba: Pixels) -> Pixels:
        """[height,width,3] over the background, or [height,width,4] with straight alpha; valid until the next call."""
        width, height = _size_of(rgba)
        scale = min(self.width / width, self.height / height)
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        if self.background is None:
            self._put(self._resize.straight(rgba, size), size)
        else:  # blending before enlarging takes less time and, over one colour, gives the same
            self._put(_without_alpha(self._resize(_composited(rgba, self.background), size)), size)
        return self._frame

    def _put(self, picture: Pixels, size: Size) -> None:
        if size != self._covered:
            self._frame[:] = self.background or (0, 0, 0, 0)
            self._covered = size
        left, top = (self.width - size[0]) // 2, (self.height - size[1]) // 2
        self._frame[top : top + size[1], left : left + size[0]] = picture


def _composited(rgba: Pixels, background: tuple[int, int, int]) -> Pixels:
    """[h,w,4] over this colour; the fourth channel has no meaning."""
    if background == (0, 0, 0):
        return premultiplied(rgba)  # the same, and faster
    under = Image.new("RGBA", _size_of(rgba), background)
    picture = _image("RGBA", rgba)
    under.paste(picture, mask=picture)
    return np.asarray(under)


def _without_alpha(pixels: Pixels) -> Pixels:
    """[h,w,3]. Pillow is several times as fast as NumPy's indexing."""
    rgb = _image("RGBX", pixels).tobytes("raw", "RGB")
    return np.frombuffer(rgb, np.uint8).reshape(*pixels.shape[:2], 3)


def _size_of(pixels: Pixels) -> Size:
    return pixels.shape[1], pixels.shape[0]


def _image(mode: str, pixels: Pixels) -> Image.Image:
    return Image.frombuffer(mode, _size_of(pixels), np.ascontiguousarray(pixels), "raw", mode, 0, 1)


class _Resize:
    """Resizes pictures, and keeps the upscaler while their size stays the same."""

    def __init__(self) -> None:
        self._sizes: tuple[Size, Size] | None = None
        self._upscaler: Upscaler | None = None  # None where a side shrinks

    def __call__(self, pixels: Pixels, size: Size) -> Pixels:
        """[h,w,4] in this size; each channel on its own."""
        before = _size_of(pixels)
        if before == size:
            return pixels
        if self._sizes != (before, size):
            self._sizes = (before, size)
            can_upscale = 1 < before[0] <= size[0] and 1 < before[1] <= size[1]
            self._upscaler = Upscaler(before, size) if can_upscale else None
        if self._upscaler is not None:
            return self._upscaler(pixels)
        return np.asarray(_image("RGBX", pixels).resize(size, Image.Resampling.BILINEAR))

    def straight(self, rgba: Pixels, size: Size) -> Pixels:
        """[h,w,4] in this size, resized with premultiplied alpha, so that invisible colours do not fringe the hair."""
        if _size_of(rgba) == size:
            return rgba
        return np.asarray(_image("RGBa", self(premultiplied(rgba), size)).convert("RGBA"))


class Upscaler:
    """Enlarges pictures bilinearly from one size to another, at most 2 of 255 off; each channel on its own.

    It keeps its memory: allocating that much for each picture takes several times
    as long as the arithmetic.
    """

    def __init__(self, before: Size, after: Size) -> None:
        """No side may shrink: two neighbours would be too few."""
        (width, height), (wide, tall) = before, after
        self._left, self._right_weight = _taps(width, wide, 4)
        self._above, below_weight = _taps(height, tall, 1)
        self._below_weight = below_weight[:, None]
        self._picked = np.empty((_BAND + 2, wide), np.uint32)  # whole pixels
        self._columns = np.empty((2, _BAND + 2, 4 * wide), np.int16)
        self._rows = np.empty((2, _BAND, 4 * wide), np.int16)
        self._enlarged = np.empty((tall, wide, 4), np.uint8)

    def __call__(self, rgba: Pixels) -> Pixels:
        """[H,W,4] from [h,w,4]; valid until the next call."""
        pixels = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
        for start in range(0, len(self._above), _BAND):
            self._enlarge_band(pixels, slice(start, start + _BAND))
        return self._enlarged

    def _enlarge_band(self, pixels: NDArray[np.uint32], band: slice) -> None:
        above = self._above[band]
        first, last = above[0], above[-1] + 1
        columns = self._widen(pixels[first : last + 1])
        rows = self._rows[:, : len(above)]
        np.take(columns, above - first, axis=0, out=rows[0], mode="clip")  # mode "raise" would copy
        np.take(columns, above - first + 1, axis=0, out=rows[1], mode="clip")
        into = self._enlarged[band]
        np.copyto(into, _interpolate(rows[0], rows[1], self._below_weight[band]).reshape(into.shape), casting="unsafe")

    def _widen(self, pixels: NDArray[np.uint32]) -> Steps:
        picked, columns = self._picked[: len(pixels)], self._columns[:, : len(pixels)]
        for shift, into in enumerate(columns):
            np.take(pixels, self._left + shift, axis=1, out=picked, mode="clip")
            np.copyto(into, picked.view(np.uint8))
        return _interpolate(columns[0], columns[1], self._right_weight)


def _taps(count: int, wanted: int, channels: int) -> tuple[NDArray[np.intp], Steps]:
    """[wanted] the neighbour before each new place, and [wanted * channels] the weight of the neighbour after it."""
    place = np.clip((np.arange(wanted) + 0.5) * count / wanted - 0.5, 0, count - 1)
    before = np.minimum(place.astype(np.intp), count - 2)
    return before, np.repeat(np.rint((place - before) * (1 << _WEIGHT_BITS)).astype(np.int16), channels)


def _interpolate(before: Steps, after: Steps, weight: Steps) -> Steps:
    """`before` at weight 0 to `after` at 128, computed in the memory of `after`."""
    after -= before
    after *= weight
    after += 1 << _WEIGHT_BITS - 1
    after >>= _WEIGHT_BITS
    after += before
    return after
