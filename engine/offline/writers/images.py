"""Writes animated PNGs, GIFs and contact sheets."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image
from PIL.PngImagePlugin import PngInfo

from ...images import LABEL_HEIGHT_PX, picture_grid
from .. import pictures as png_chunks
from ..animation import Animation, RenderError
from ..output import OnProgress, atomic_output
from ..pictures import Picture, PictureFolder, evenly_spaced, png_chunk, shrink_to_fit
from . import xmp

_APNG_MAX = 65535  # in a field of 16 bits
_APNG_PIXEL_BYTES = 2.5  # of a rendered picture's PNG; a picture of noise has 4
_APNG_PROGRESS_EVERY = 10  # pictures


@dataclass(frozen=True)
class ApngWriter:
    """Every picture whole, its compressed bytes taken over from its own file: nothing is lost, and nothing held."""

    path: Path

    def check(self, script: Animation, size: int) -> None:
        apng_delay(script.fps)

    def bytes_of(self, script: Animation, size: int) -> int:
        return round(len(script) * (size * size * _APNG_PIXEL_BYTES + 100) + 2000)

    def write(self, script: Animation, pictures: PictureFolder, tell: OnProgress) -> None:
        header, _ = _png_parts(pictures, 0)
        told = png_chunks.international_text(xmp.PNG_KEYWORD, xmp.xmp_packet())
        with atomic_output(self.path) as path, path.open("wb") as file:
            file.write(png_chunks.PNG_SIGNATURE + png_chunk(b"IHDR", header) + told)
            file.write(png_chunk(b"acTL", struct.pack(">II", len(pictures), 0)))  # 0: for ever
            for part in _apng_chunks(pictures, header, apng_delay(script.fps), tell):
                file.write(part)
            file.write(png_chunk(b"IEND", b""))


def apng_delay(fps: Fraction) -> tuple[int, int]:
    """How long a picture is shown, in seconds, as two numbers of 16 bits; RenderError where that is none.

    Exact for every usual rate, 24000/1001 to 60000/1001 among them; else the nearest there is.
    """
    shown = (1 / fps).limit_denominator(_APNG_MAX)
    if not 0 < shown.numerator <= _APNG_MAX:
        raise RenderError(f"an APNG has from 1 picture in 65535 s to 65535 in one, got {fps} a second: choose another")
    return shown.numerator, shown.denominator


def _apng_chunks(pictures: PictureFolder, header: bytes, shown: tuple[int, int], tell: OnProgress) -> Iterator[bytes]:
    """The chunks of all pictures; the first one's are those of a PNG, which programs that know no APNG show."""
    width, height = struct.unpack_from(">II", header)
    sequence = 0
    for index in range(len(pictures)):
        found, compressed = _png_parts(pictures, index)
        if found != header:
            raise RenderError(f"{pictures.path(index)} is not like the first picture: render again with --overwrite")
        # Disposed of by nothing and blended with nothing: each picture takes the place of the one before.
        yield png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, width, height, 0, 0, *shown, 0, 0))
        sequence += 1
        if index:
            yield png_chunk(b"fdAT", struct.pack(">I", sequence) + compressed)
            sequence += 1
        else:
            yield png_chunk(b"IDAT", compressed)
        if (index + 1) % _APNG_PROGRESS_EVERY == 0 or index + 1 == len(pictures):
            tell(index + 1)


def _png_parts(pictures: PictureFolder, index: int) -> tuple[bytes, bytes]:
    """The header and the compressed pixels of a picture; RenderError where it is not there, or damaged."""
    path, header, compressed = pictures.path(index), b"", []
    try:
        for name, content in png_chunks.read_png_chunks(path.read_bytes()):
            if name == b"IHDR":
                header = content
            elif name == b"IDAT":
                compressed.append(content)
        if len(header) != 13 or not compressed:
            raise ValueError("it has no pixels")
    except (OSError, ValueError) as error:
        raise RenderError(f"{path} cannot be read ({error}): go on with --resume") from error
    return header, b"".join(compressed)


GIF_SIDE = 480  # pixels at most
GIF_COLOURS = 255
GIF_CLEAR = 255  # the index of what is see-through
_LEAST_SAMPLES = 2  # hundredths of a second: browsers show for 10 what is said to last less
GIF_MAX_FPS = 100 // _LEAST_SAMPLES
GIF_MIN_FPS = Fraction(100, 65535)
_SAMPLES = 16  # pictures, for the palette
_MEANS = 5  # how fine the palette's colours are placed
_SOLID = 128  # alpha from which on a pixel is shown
_PIXEL_BYTES = 0.9
_TELL_EVERY = 10  # pictures
# Ordered dithering stands still where the picture does; an error that is passed on from pixel to pixel would crawl.
_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16 - 15 / 32
_DITHER = 6.0  # of 255, about a step between two neighbours of the palette
_XMP_END = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"  # leads readers that know no XMP out of it
_LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"  # for ever

Indices = NDArray[np.uint8]


@dataclass(frozen=True)
class GifWriter:
    """Lasts as long as the performance: where its hundredths of a second are too coarse, pictures last by turns more
    and less, and of more than 50 a second every second one is left out, or more.

    What is half see-through is shown over `background`, so that the edge has no fringe there.
    """

    path: Path
    background: tuple[int, int, int] = (0, 0, 0)

    def check(self, script: Animation, size: int) -> None:
        if script.fps < GIF_MIN_FPS:
            raise RenderError(f"{self.path.name}: a GIF's picture lasts up to 655 s, not {float(1 / script.fps):.0f} s")

    def bytes_of(self, script: Animation, size: int) -> int:
        return round(len(gif_timing(len(script), script.fps)) * min(size, GIF_SIDE) ** 2 * _PIXEL_BYTES) + 3000

    def write(self, script: Animation, pictures: PictureFolder, tell: OnProgress) -> None:
        palette = self._palette(pictures)
        with atomic_output(self.path) as path, path.open("wb") as file:
            file.write(_gif_header(shrink_to_fit(pictures.read(0), GIF_SIDE).shape[0], palette))
            for number, (index, hundredths) in enumerate(gif_timing(len(pictures), script.fps), 1):
                file.write(_gif_frame(self._indices(pictures.read(index), palette), hundredths))
                if number % _TELL_EVERY == 0:
                    tell(index + 1)
            file.write(b";")
        tell(len(pictures))

    def _over(self, small: Picture) -> NDArray[np.float32]:
        """[s,s,3] over the background."""
        alpha = small[..., 3:].astype(np.float32) / np.float32(255.0)
        over: NDArray[np.float32] = small[..., :3] * alpha + np.array(self.background, np.float32) * (1 - alpha)
        return over

    def _palette(self, pictures: PictureFolder) -> Image.Image:
        """Of the pixels that are shown, in pictures from all of it."""
        seen = []
        for index in evenly_spaced(len(pictures), _SAMPLES):
            small = shrink_to_fit(pictures.read(index), GIF_SIDE)
            seen.append(self._over(small)[small[..., 3] >= _SOLID])
        palette = Image.fromarray(_weighed(np.concatenate(seen))[None]).quantize(
            GIF_COLOURS, Image.Quantize.MEDIANCUT, kmeans=_MEANS
        )
        table = (palette.getpalette() or [])[: 3 * GIF_COLOURS]
        whole = Image.new("P", (1, 1))
        whole.putpalette(table + table[:3] * (GIF_COLOURS - len(table) // 3))
        return whole

    def _indices(self, picture: Picture, palette: Image.Image) -> Indices:
        small = shrink_to_fit(picture, GIF_SIDE)
        tiles = math.ceil(small.shape[0] / 4)
        pattern = np.tile(_BAYER, (tiles, tiles))[: small.shape[0], : small.shape[1], None]
        dithered = np.clip(self._over(small) + _DITHER * pattern, 0, 255).round().astype(np.uint8)
        indices = np.array(Image.fromarray(dithered).quantize(palette=palette, dither=Image.Dither.NONE))
        indices[small[..., 3] < _SOLID] = GIF_CLEAR
        return indices


def _weighed(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Each colour, to 6 bits, as often as the root of how often it is there: skin and hair leave some for the eyes."""
    steps, counts = np.unique((colours / 4.0).astype(np.uint8), axis=0, return_counts=True)
    if not len(steps):
        return np.zeros((1, 3), np.uint8)
    return np.repeat(4 * steps + 2, np.ceil(np.sqrt(counts)).astype(int), axis=0).astype(np.uint8)


def gif_timing(count: int, fps: Fraction) -> tuple[tuple[int, int], ...]:
    """Which pictures are shown, and for how many hundredths of a second; together as long as all of them, to 1/100 s.

    The last one is shown for the time that is left, at least as long as browsers do not draw out.
    """
    shown = range(0, count, math.ceil(fps / GIF_MAX_FPS))
    starts = [round(100 * index / fps) for index in (*shown, count)]
    return tuple(
        (index, max(after - start, _LEAST_SAMPLES))
        for index, start, after in zip(shown, starts, starts[1:], strict=False)
    )


def _gif_header(side: int, palette: Image.Image) -> bytes:
    screen = struct.pack("<HHBBB", side, side, 0xF7, GIF_CLEAR, 0)  # 0xF7: a palette of 256 colours of 8 bits
    colours = bytes((palette.getpalette() or [])[: 3 * GIF_COLOURS]) + b"\0\0\0"
    told = b"\x21\xff\x0bXMP DataXMP" + xmp.xmp_packet() + _XMP_END
    return b"GIF89a" + screen + colours + _LOOP + told


def _gif_frame(indices: Indices, hundredths: int) -> bytes:
    # 0x09: one colour is clear, and the picture is taken away before the next.
    control = b"\x21\xf9\x04\x09" + struct.pack("<HBB", hundredths, GIF_CLEAR, 0)
    return control + b"".join(GifImagePlugin.getdata(Image.fromarray(indices)))


SHEET_PICTURES = 24
SHEET_SIDE = 256  # pixels of each, at most


@dataclass(frozen=True)
class ContactSheetWriter:
    """A PNG without alpha: what is see-through shows a checkerboard."""

    path: Path

    def check(self, script: Animation, size: int) -> None:
        pass  # any script can be written

    def bytes_of(self, script: Animation, size: int) -> int:
        side = min(size, SHEET_SIDE)
        return 2 * min(len(script), SHEET_PICTURES) * side * (side + LABEL_HEIGHT_PX) + 2000

    def write(self, script: Animation, pictures: PictureFolder, tell: OnProgress) -> None:
        chosen = evenly_spaced(len(pictures), SHEET_PICTURES)
        times = [f"{script.time_s(index):.2f} s" for index in chosen]
        shown = [shrink_to_fit(pictures.read(index), SHEET_SIDE) for index in chosen]
        sheet = picture_grid(shown, times, _columns(len(shown)), is_checkered=True)
        with atomic_output(self.path) as path:
            path.write_bytes(_sheet_png(sheet))
        tell(len(pictures))


def strip(pictures: PictureFolder, count: int, side: int = SHEET_SIDE) -> Image.Image:
    """So many of the pictures, evenly chosen from the first to the last, in one row; RGBA, [side, count * side]."""
    row = [shrink_to_fit(pictures.read(index), side) for index in evenly_spaced(len(pictures), count)]
    return Image.fromarray(np.concatenate(row, axis=1))


def _columns(count: int) -> int:
    """About as many as rows, with as few places left empty as can be: 6 of 24."""
    square = math.ceil(math.sqrt(count))
    return min(range(square, square + 3), key=lambda columns: -count % columns)


def _sheet_png(sheet: Image.Image) -> bytes:
    said, file = PngInfo(), io.BytesIO()
    said.add_itxt(xmp.PNG_KEYWORD, xmp.xmp_packet().decode())
    sheet.save(file, "PNG", compress_level=6, pnginfo=said)
    return file.getvalue()
