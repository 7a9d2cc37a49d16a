"""Writes animated PNGs, GIFs and contact sheets."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from ...images import LABEL_HEIGHT_PX, picture_grid
from ..animation import Animation, RenderError
from ..output import OnProgress, atomic_output
from ..pictures import (
    PNG_SIGNATURE,
    Picture,
    PictureFolder,
    evenly_spaced,
    png_chunk,
    png_with_xmp,
    read_png_chunks,
    shrink_to_fit,
)
from . import xmp

GIF_SIDE = 480  # most pixels on a side
SHEET_PICTURES = 24  # most pictures
SHEET_SIDE = 256  # most pixels on a side of each

_PROGRESS_EVERY = 10  # pictures

_APNG_MAX_FIELD = 65535
_APNG_BYTES_PER_PIXEL = 2.5  # of a rendered picture's PNG; a picture of noise has 4

_GIF_COLOURS = 255
_GIF_CLEAR = 255  # the index of transparent pixels
_GIF_MIN_DELAY = 2  # hundredths of a second: browsers show a picture of less for 10
_GIF_MAX_FPS = 100 // _GIF_MIN_DELAY
_GIF_MIN_FPS = Fraction(100, 65535)
_GIF_BYTES_PER_PIXEL = 0.9
_PALETTE_PICTURES = 16  # pictures from which the palette is made
_PALETTE_ROUNDS = 5  # of k-means
_MIN_ALPHA = 128  # from which on a pixel is shown
# Ordered dithering is still where the picture is still; error diffusion would crawl from pixel to pixel.
_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16 - 15 / 32
_DITHER = 6.0  # of 255: about the distance between two neighbours in the palette
_GIF_XMP_END = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"  # leads readers that do not know XMP out of it
_GIF_LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"  # for ever

_Indices = NDArray[np.uint8]


@dataclass(frozen=True)
class ApngWriter:
    """Copies the compressed bytes of each picture's file: no loss, and one picture in memory."""

    path: Path

    def check(self, animation: Animation, size: int) -> None:
        apng_delay(animation.fps)

    def max_bytes(self, animation: Animation, size: int) -> int:
        return round(len(animation) * (size * size * _APNG_BYTES_PER_PIXEL + 100) + 2000)

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: OnProgress) -> None:
        header, _ = _png_parts(pictures, 0)
        # An iTXt chunk: keyword, no compression, no language.
        text = png_chunk(b"iTXt", xmp.PNG_KEYWORD.encode("latin-1") + bytes(5) + xmp.xmp_packet())
        with atomic_output(self.path) as path, path.open("wb") as file:
            file.write(PNG_SIGNATURE + png_chunk(b"IHDR", header) + text)
            file.write(png_chunk(b"acTL", struct.pack(">II", len(pictures), 0)))  # 0 loops for ever
            for part in _apng_chunks(pictures, header, apng_delay(animation.fps), on_progress):
                file.write(part)
            file.write(png_chunk(b"IEND", b""))


def apng_delay(fps: Fraction) -> tuple[int, int]:
    """The duration of a picture in seconds as a fraction of two 16-bit numbers; RenderError if there is none.

    Exact for every usual rate, also 24000/1001 to 60000/1001; otherwise the nearest fraction.
    """
    delay = (1 / fps).limit_denominator(_APNG_MAX_FIELD)
    if not 0 < delay.numerator <= _APNG_MAX_FIELD:
        raise RenderError(f"an APNG has from 1 picture in 65535 s to 65535 in one, got {fps} a second: choose another")
    return delay.numerator, delay.denominator


def _apng_chunks(
    pictures: PictureFolder, header: bytes, delay: tuple[int, int], on_progress: OnProgress
) -> Iterator[bytes]:
    """The chunks of all pictures. Those of the first are a plain PNG, which programs that do not know APNG show."""
    width, height = struct.unpack_from(">II", header)
    sequence = 0
    for index in range(len(pictures)):
        found, compressed = _png_parts(pictures, index)
        if found != header:
            raise RenderError(f"{pictures.path(index)} is not like the first picture: render again with --overwrite")
        # No disposal and no blending: each picture replaces the one before.
        yield png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, width, height, 0, 0, *delay, 0, 0))
        sequence += 1
        if index:
            yield png_chunk(b"fdAT", struct.pack(">I", sequence) + compressed)
            sequence += 1
        else:
            yield png_chunk(b"IDAT", compressed)
        if (index + 1) % _PROGRESS_EVERY == 0 or index + 1 == len(pictures):
            on_progress(index + 1)


def _png_parts(pictures: PictureFolder, index: int) -> tuple[bytes, bytes]:
    """The header and the compressed pixels of a picture; RenderError if it is missing or damaged."""
    path, header, compressed = pictures.path(index), b"", []
    try:
        for name, content in read_png_chunks(path.read_bytes()):
            if name == b"IHDR":
                header = content
            elif name == b"IDAT":
                compressed.append(content)
        if len(header) != 13 or not compressed:
            raise ValueError("it has no pixels")
    except (OSError, ValueError) as error:
        raise RenderError(f"{path} cannot be read ({error}): go on with --resume") from error
    return header, b"".join(compressed)


@dataclass(frozen=True)
class GifWriter:
    """A GIF of the same duration. Delays are whole hundredths of a second, so their lengths may alternate, and above 50
    pictures a second some are left out.

    Partly transparent pixels are composited over `background` (sRGB), so the edge has no fringe there.
    """

    path: Path
    background: tuple[int, int, int] = (0, 0, 0)

    def check(self, animation: Animation, size: int) -> None:
        if animation.fps < _GIF_MIN_FPS:
            raise RenderError(
                f"{self.path.name}: a GIF's picture lasts up to 655 s, not {float(1 / animation.fps):.0f} s"
            )

    def max_bytes(self, animation: Animation, size: int) -> int:
        count = len(gif_timing(len(animation), animation.fps))
        return round(count * min(size, GIF_SIDE) ** 2 * _GIF_BYTES_PER_PIXEL) + 3000

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: OnProgress) -> None:
        palette = self._palette(pictures)
        with atomic_output(self.path) as path, path.open("wb") as file:
            file.write(_gif_header(shrink_to_fit(pictures.read(0), GIF_SIDE).shape[0], palette))
            for number, (index, hundredths) in enumerate(gif_timing(len(pictures), animation.fps), 1):
                file.write(_gif_frame(self._indices(pictures.read(index), palette), hundredths))
                if number % _PROGRESS_EVERY == 0:
                    on_progress(index + 1)
            file.write(b";")
        on_progress(len(pictures))

    def _over(self, small: Picture) -> NDArray[np.float32]:
        """[s,s,3] over the background."""
        alpha = small[..., 3:].astype(np.float32) / np.float32(255.0)
        over: NDArray[np.float32] = small[..., :3] * alpha + np.array(self.background, np.float32) * (1 - alpha)
        return over

    def _palette(self, pictures: PictureFolder) -> Image.Image:
        """The palette of the shown pixels in pictures from the whole animation."""
        shown = []
        for index in evenly_spaced(len(pictures), _PALETTE_PICTURES):
            small = shrink_to_fit(pictures.read(index), GIF_SIDE)
            shown.append(self._over(small)[small[..., 3] >= _MIN_ALPHA])
        palette = Image.fromarray(_weighted(np.concatenate(shown))[None]).quantize(
            _GIF_COLOURS, Image.Quantize.MEDIANCUT, kmeans=_PALETTE_ROUNDS
        )
        table = (palette.getpalette() or [])[: 3 * _GIF_COLOURS]
        whole = Image.new("P", (1, 1))
        whole.putpalette(table + table[:3] * (_GIF_COLOURS - len(table) // 3))
        return whole

    def _indices(self, picture: Picture, palette: Image.Image) -> _Indices:
        small = shrink_to_fit(picture, GIF_SIDE)
        tiles = math.ceil(small.shape[0] / 4)
        pattern = np.tile(_BAYER, (tiles, tiles))[: small.shape[0], : small.shape[1], None]
        dithered = np.clip(self._over(small) + _DITHER * pattern, 0, 255).round().astype(np.uint8)
        indices = np.array(Image.fromarray(dithered).quantize(palette=palette, dither=Image.Dither.NONE))
        indices[small[..., 3] < _MIN_ALPHA] = _GIF_CLEAR
        return indices


def _weighted(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    """[k,3] each colour in 6 bits, repeated by the root of its count: skin and hair leave room for the eyes."""
    steps, counts = np.unique((colours / 4.0).astype(np.uint8), axis=0, return_counts=True)
    if not len(steps):
        return np.zeros((1, 3), np.uint8)
    return np.repeat(4 * steps + 2, np.ceil(np.sqrt(counts)).astype(int), axis=0).astype(np.uint8)


def gif_timing(count: int, fps: Fraction) -> tuple[tuple[int, int], ...]:
    """The indices of the shown pictures and their delays in hundredths of a second, which sum to the duration.

    The last picture has the remaining time, but at least the shortest delay that browsers respect.
    """
    indices = range(0, count, math.ceil(fps / _GIF_MAX_FPS))
    starts = [round(100 * index / fps) for index in (*indices, count)]
    return tuple(
        (index, max(after - start, _GIF_MIN_DELAY))
        for index, start, after in zip(indices, starts, starts[1:], strict=False)
    )


def _gif_header(side: int, palette: Image.Image) -> bytes:
    screen = struct.pack("<HHBBB", side, side, 0xF7, _GIF_CLEAR, 0)  # 0xF7: a palette of 256 colours in 8 bits
    colours = bytes((palette.getpalette() or [])[: 3 * _GIF_COLOURS]) + b"\0\0\0"
    metadata = b"\x21\xff\x0bXMP DataXMP" + xmp.xmp_packet() + _GIF_XMP_END
    return b"GIF89a" + screen + colours + _GIF_LOOP + metadata


def _gif_frame(indices: _Indices, hundredths: int) -> bytes:
    # 0x09: one colour is transparent, and the picture is removed before the next.
    control = b"\x21\xf9\x04\x09" + struct.pack("<HBB", hundredths, _GIF_CLEAR, 0)
    return control + b"".join(GifImagePlugin.getdata(Image.fromarray(indices)))


@dataclass(frozen=True)
class ContactSheetWriter:
    """A PNG without alpha, with a checkerboard behind transparent pixels."""

    path: Path

    def check(self, animation: Animation, size: int) -> None:
        pass  # any animation can be written

    def max_bytes(self, animation: Animation, size: int) -> int:
        side = min(size, SHEET_SIDE)
        return 2 * min(len(animation), SHEET_PICTURES) * side * (side + LABEL_HEIGHT_PX) + 2000

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: OnProgress) -> None:
        chosen = evenly_spaced(len(pictures), SHEET_PICTURES)
        times = [f"{animation.time_s(index):.2f} s" for index in chosen]
        shown = [shrink_to_fit(pictures.read(index), SHEET_SIDE) for index in chosen]
        sheet = picture_grid(shown, times, _columns(len(shown)), is_checkered=True)
        with atomic_output(self.path) as path:
            path.write_bytes(png_with_xmp(sheet, compress_level=6))
        on_progress(len(pictures))


def _columns(count: int) -> int:
    """About as many columns as rows, with as few empty places as possible: 6 for 24."""
    square = math.ceil(math.sqrt(count))
    return min(range(square, square + 3), key=lambda columns: -count % columns)
