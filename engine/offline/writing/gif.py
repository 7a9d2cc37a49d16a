"""A GIF for previews: at most 480 pixels wide, in one palette of 255 colours, see-through or not at all."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from omote.engine.offline.picture_file import Picture, Pictures
from omote.engine.offline.script import RenderError, Script

from . import digital_source
from .preview import fitted, spread
from .unfinished import unfinished
from .writer import Tell

SIDE = 480  # pixels at most
COLOURS = 255
CLEAR = 255  # the index of what is see-through
_LEAST = 2  # hundredths of a second: browsers show for 10 what is said to last less
MOST_FPS = 100 // _LEAST
LEAST_FPS = Fraction(100, 65535)
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
class Gif:
    """Lasts as long as the performance: where its hundredths of a second are too coarse, pictures last by turns more
    and less, and of more than 50 a second every second one is left out, or more.

    What is half see-through is shown over `background`, so that the edge has no fringe there.
    """

    path: Path
    background: tuple[int, int, int] = (0, 0, 0)

    def check(self, script: Script, size: int) -> None:
        if script.fps < LEAST_FPS:
            raise RenderError(f"{self.path.name}: a GIF's picture lasts up to 655 s, not {float(1 / script.fps):.0f} s")

    def bytes_of(self, script: Script, size: int) -> int:
        return round(len(timing(len(script), script.fps)) * min(size, SIDE) ** 2 * _PIXEL_BYTES) + 3000

    def write(self, script: Script, pictures: Pictures, tell: Tell) -> None:
        palette = self._palette(pictures)
        with unfinished(self.path) as path, path.open("wb") as file:
            file.write(_head(fitted(pictures.read(0), SIDE).shape[0], palette))
            for number, (index, hundredths) in enumerate(timing(len(pictures), script.fps), 1):
                file.write(_frame(self._indices(pictures.read(index), palette), hundredths))
                if number % _TELL_EVERY == 0:
                    tell(index + 1)
            file.write(b";")
        tell(len(pictures))

    def _over(self, small: Picture) -> NDArray[np.float32]:
        """[s,s,3] over the background."""
        alpha = small[..., 3:].astype(np.float32) / np.float32(255.0)
        over: NDArray[np.float32] = small[..., :3] * alpha + np.array(self.background, np.float32) * (1 - alpha)
        return over

    def _palette(self, pictures: Pictures) -> Image.Image:
        """Of the pixels that are shown, in pictures from all of it."""
        seen = []
        for index in spread(len(pictures), _SAMPLES):
            small = fitted(pictures.read(index), SIDE)
            seen.append(self._over(small)[small[..., 3] >= _SOLID])
        palette = Image.fromarray(_weighed(np.concatenate(seen))[None]).quantize(
            COLOURS, Image.Quantize.MEDIANCUT, kmeans=_MEANS
        )
        table = (palette.getpalette() or [])[: 3 * COLOURS]
        whole = Image.new("P", (1, 1))
        whole.putpalette(table + table[:3] * (COLOURS - len(table) // 3))
        return whole

    def _indices(self, picture: Picture, palette: Image.Image) -> Indices:
        small = fitted(picture, SIDE)
        tiles = math.ceil(small.shape[0] / 4)
        pattern = np.tile(_BAYER, (tiles, tiles))[: small.shape[0], : small.shape[1], None]
        dithered = np.clip(self._over(small) + _DITHER * pattern, 0, 255).round().astype(np.uint8)
        indices = np.array(Image.fromarray(dithered).quantize(palette=palette, dither=Image.Dither.NONE))
        indices[small[..., 3] < _SOLID] = CLEAR
        return indices


def _weighed(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Each colour, to 6 bits, as often as the root of how often it is there: skin and hair leave some for the eyes."""
    steps, counts = np.unique((colours / 4.0).astype(np.uint8), axis=0, return_counts=True)
    if not len(steps):
        return np.zeros((1, 3), np.uint8)
    return np.repeat(4 * steps + 2, np.ceil(np.sqrt(counts)).astype(int), axis=0).astype(np.uint8)


def timing(count: int, fps: Fraction) -> tuple[tuple[int, int], ...]:
    """Which pictures are shown, and for how many hundredths of a second; together as long as all of them, to 1/100 s.

    The last one is shown for the time that is left, at least as long as browsers do not draw out.
    """
    shown = range(0, count, math.ceil(fps / MOST_FPS))
    starts = [round(100 * index / fps) for index in (*shown, count)]
    return tuple(
        (index, max(after - start, _LEAST)) for index, start, after in zip(shown, starts, starts[1:], strict=False)
    )


def _head(side: int, palette: Image.Image) -> bytes:
    screen = struct.pack("<HHBBB", side, side, 0xF7, CLEAR, 0)  # 0xF7: a palette of 256 colours of 8 bits
    colours = bytes((palette.getpalette() or [])[: 3 * COLOURS]) + b"\0\0\0"
    told = b"\x21\xff\x0bXMP DataXMP" + digital_source.xmp() + _XMP_END
    return b"GIF89a" + screen + colours + _LOOP + told


def _frame(indices: Indices, hundredths: int) -> bytes:
    # 0x09: one colour is clear, and the picture is taken away before the next.
    control = b"\x21\xf9\x04\x09" + struct.pack("<HBB", hundredths, CLEAR, 0)
    return control + b"".join(GifImagePlugin.getdata(Image.fromarray(indices)))
