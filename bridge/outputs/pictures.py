"""Sends the newest picture to another program from a thread, resized and composited as that program needs it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..latest import Latest
from ..picture import Pixels, premultiplied

RETRY_S = 3.0
_POLL_S = 0.25
_SHUTDOWN_S = 2.0

_log = logging.getLogger(__name__)


class Channel(Protocol):
    """What another program looks at, opened. It is used, and closed, by the thread that opened it."""

    def send(self, pixels: Pixels, /) -> object:
        """Shows this picture. May take its time, and raises whatever its library raises."""
        ...

    def close(self) -> object: ...


class PictureSender:
    """Sends the newest picture, and drops those that came while it was busy.

    `with` opens the channel and raises SenderError, with the cure, where that is
    impossible. What fails afterwards is said in one line and tried again every
    few seconds, while pictures come.
    """

    def __init__(
        self,
        name: str,
        open_channel: Callable[[], Channel],
        convert: Callable[[Pixels], Pixels],
        *,
        warning: str = "",
        retry_s: float = RETRY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.sent = self.failed = 0  # pictures that were shown, and that could not be
        self.trouble = ""  # why nothing is shown now, in one line; empty while all is well
        self._warning = warning  # what a person has to know of whom this shows the picture to
        self._open, self._convert = open_channel, convert
        self._retry_s, self._clock = retry_s, clock
        self._may_open_s = 0.0
        self._slot: Latest[Pixels] = Latest()
        self._channel: Channel | None = None
        self._is_open: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._is_open.result()
        if self._warning:
            _log.warning("%s: %s", self.name, self._warning)
        return self

    def __exit__(self, *error: object) -> None:
        self._slot.close()
        self._thread.join(_SHUTDOWN_S)
        if self._thread.is_alive():
            _log.warning("%s does not end; it is left behind", self.name)

    def offer(self, rgba: Pixels) -> None:
        """Makes this the next picture to be shown: [H,W,4], straight alpha, never written to again. Never blocks."""
        self._slot.put(rgba)

    def _run(self) -> None:
        try:
            self._channel = self._open()
        except BaseException as error:  # whoever waits in `with` must hear of all that can happen
            self._is_open.set_exception(error)
            return
        self._is_open.set_result(None)
        while True:
            pixels = self._slot.take(_POLL_S)
            if pixels is not None:
                self._show(pixels)
            elif self._slot.is_closed:
                break
        self._drop()

    def _show(self, pixels: Pixels) -> None:
        try:
            channel = self._channel or self._opened_again()
            if channel is None:
                self.failed += 1
                return
            channel.send(self._convert(pixels))
        except Exception as error:  # a library of somebody else's may raise anything, and the stream has to go on
            self._fail(error)
        else:
            if self.trouble:
                _log.warning("%s is back", self.name)
                self.trouble = ""
            self.sent += 1

    def _opened_again(self) -> Channel | None:
        """None until it is time to try."""
        if self._clock() >= self._may_open_s:
            self._channel = self._open()
        return self._channel

    def _fail(self, error: Exception) -> None:
        said = " ".join(f"{error}".split()) or type(error).__name__
        if not self.trouble:
            _log.warning("%s: %s; the stream goes on, and it is tried again every %g s", self.name, said, self._retry_s)
        self.trouble = said
        self._may_open_s = self._clock() + self._retry_s
        self._drop()
        self.failed += 1

    def _drop(self) -> None:
        channel, self._channel = self._channel, None
        if channel is None:
            return
        try:
            channel.close()
        except Exception as error:  # as above; there is nothing left that could be mended
            _log.info("%s could not be closed: %s", self.name, error)


Size = tuple[int, int]  # width, height


class FixedSize:
    """Gives every picture the size of the first, or `side` pixels on the longer side.

    The size of a portrait follows the machine's load; a program that shows it
    would move everything in its scene each time.
    """

    def __init__(self, side: int | None = None) -> None:
        self._first, self._resize = _FirstSize(side), _Resize()

    def __call__(self, rgba: Pixels) -> Pixels:
        """[h,w,4] in that size, straight alpha; done with before the next picture."""
        return self._resize.straight(rgba, self._first.size(rgba))


class Premultiplied:
    """Of one size, as `Steady` has it, and with colours multiplied by alpha, as programs share textures."""

    def __init__(self, side: int | None = None) -> None:
        self._first, self._resize = _FirstSize(side), _Resize()

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
            self._put(_without_alpha(self._resize(_composited(rgba, self.background), size)), size)
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


class _FirstSize:
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
        self._enlarge: Upscaler | None = None  # None where a side shrinks

    def __call__(self, pixels: Pixels, size: Size) -> Pixels:
        """[h,w,4] in that size; each channel on its own."""
        if _size_of(pixels) == size:
            return pixels
        if self._sizes != (_size_of(pixels), size):
            self._sizes = (_size_of(pixels), size)
            self._enlarge = Upscaler(*self._sizes) if can_upscale(*self._sizes) else None
        if self._enlarge is not None:
            return self._enlarge(pixels)
        return np.asarray(_image("RGBX", pixels).resize(size, Image.Resampling.BILINEAR))

    def straight(self, rgba: Pixels, size: Size) -> Pixels:
        """Multiplied by alpha meanwhile: colours that nobody sees must not shine through at the edge of the hair."""
        if _size_of(rgba) == size:
            return rgba
        return np.asarray(_image("RGBa", self(premultiplied(rgba), size)).convert("RGBA"))


def _composited(rgba: Pixels, background: tuple[int, int, int]) -> Pixels:
    """[h,w,4] over that colour; what becomes of alpha means nothing."""
    if background == (0, 0, 0):
        return premultiplied(rgba)  # the same, and sooner
    under = Image.new("RGBA", _size_of(rgba), background)
    picture = _image("RGBA", rgba)
    under.paste(picture, mask=picture)
    return np.asarray(under)


def _without_alpha(pixels: Pixels) -> Pixels:
    """[h,w,3]. NumPy's own way takes several times as long."""
    rgb = _image("RGBX", pixels).tobytes("raw", "RGB")
    return np.frombuffer(rgb, np.uint8).reshape(*pixels.shape[:2], 3)


def _size_of(pixels: Pixels) -> Size:
    return pixels.shape[1], pixels.shape[0]


def _image(mode: str, pixels: Pixels) -> Image.Image:
    return Image.frombuffer(mode, _size_of(pixels), np.ascontiguousarray(pixels), "raw", mode, 0, 1)


_Pixels = NDArray[np.uint8]
Steps = NDArray[np.int16]

_BITS = 7  # of a weight: a difference of 255 times 128 is the most that an int16 holds
_BAND = 48  # rows that are made at a time, so that all in between stays in the processor's cache


class Upscaler:
    """Enlarges from one size to another, bilinear, at most 2 of 255 off; each channel on its own.

    Its memory is its own and stays: to ask the system for as much with each
    picture costs several times the arithmetic.
    """

    def __init__(self, before: tuple[int, int], after: tuple[int, int]) -> None:
        """Both as width and height, of which `can_enlarge` holds."""
        (width, height), (wide, tall) = before, after
        self._left, self._to_right = _taps(width, wide, 4)
        self._above, to_below = _taps(height, tall, 1)
        self._to_below = to_below[:, None]
        self._picked = np.empty((_BAND + 2, wide), np.uint32)  # whole pixels
        self._columns = np.empty((2, _BAND + 2, 4 * wide), np.int16)
        self._rows = np.empty((2, _BAND, 4 * wide), np.int16)
        self._enlarged = np.empty((tall, wide, 4), np.uint8)

    def __call__(self, rgba: _Pixels) -> _Pixels:
        """[H,W,4] from [h,w,4]. It is the same memory each time: done with before the next picture."""
        pixels = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
        for start in range(0, len(self._above), _BAND):
            self._enlarge_band(pixels, slice(start, start + _BAND))
        return self._enlarged

    def _enlarge_band(self, pixels: NDArray[np.uint32], band: slice) -> None:
        above = self._above[band]
        first, last = above[0], above[-1] + 1
        columns = self._widened(pixels[first : last + 1])
        rows = self._rows[:, : len(above)]
        np.take(columns, above - first, axis=0, out=rows[0], mode="clip")  # "raise" would copy
        np.take(columns, above - first + 1, axis=0, out=rows[1], mode="clip")
        into = self._enlarged[band]
        np.copyto(into, _interpolate(rows[0], rows[1], self._to_below[band]).reshape(into.shape), casting="unsafe")

    def _widened(self, pixels: NDArray[np.uint32]) -> Steps:
        picked, columns = self._picked[: len(pixels)], self._columns[:, : len(pixels)]
        for shift, into in enumerate(columns):
            np.take(pixels, self._left + shift, axis=1, out=picked, mode="clip")
            np.copyto(into, picked.view(np.uint8))
        return _interpolate(columns[0], columns[1], self._to_right)


def can_upscale(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Whether no side shrinks, for which two neighbours are too few."""
    return 1 < before[0] <= after[0] and 1 < before[1] <= after[1]


def _taps(count: int, wanted: int, channels: int) -> tuple[NDArray[np.intp], Steps]:
    """Of each of `wanted` places the neighbour before it, and how far on it is, for each channel, to the next."""
    place = np.clip((np.arange(wanted) + 0.5) * count / wanted - 0.5, 0, count - 1)
    before = np.minimum(place.astype(np.intp), count - 2)
    return before, np.repeat(np.rint((place - before) * (1 << _BITS)).astype(np.int16), channels)


def _interpolate(before: Steps, after: Steps, way: Steps) -> Steps:
    """Written over `after`."""
    after -= before
    after *= way
    after += 1 << _BITS - 1
    after >>= _BITS
    after += before
    return after
