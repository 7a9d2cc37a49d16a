"""An animated PNG: the rendered pictures as they are, alpha and all, at their exact rate."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from omote.engine.offline.picture_file import Pictures
from omote.engine.offline.script import RenderError, Script

from . import digital_source, png_chunks
from .png_chunks import chunk
from .unfinished import unfinished
from .writer import Tell

_MOST = 65535  # in a field of 16 bits
_PIXEL_BYTES = 2.5  # of a rendered picture's PNG; a picture of noise has 4
_TELL_EVERY = 10  # pictures


@dataclass(frozen=True)
class Apng:
    """Every picture whole, its compressed bytes taken over from its own file: nothing is lost, and nothing held."""

    path: Path

    def check(self, script: Script, size: int) -> None:
        delay(script.fps)

    def bytes_of(self, script: Script, size: int) -> int:
        return round(len(script) * (size * size * _PIXEL_BYTES + 100) + 2000)

    def write(self, script: Script, pictures: Pictures, tell: Tell) -> None:
        header, _ = _parts(pictures, 0)
        told = png_chunks.international_text(digital_source.PNG_KEYWORD, digital_source.xmp())
        with unfinished(self.path) as path, path.open("wb") as file:
            file.write(png_chunks.SIGNATURE + chunk(b"IHDR", header) + told)
            file.write(chunk(b"acTL", struct.pack(">II", len(pictures), 0)))  # 0: for ever
            for part in _frames(pictures, header, delay(script.fps), tell):
                file.write(part)
            file.write(chunk(b"IEND", b""))


def delay(fps: Fraction) -> tuple[int, int]:
    """How long a picture is shown, in seconds, as two numbers of 16 bits; RenderError where that is none.

    Exact for every usual rate, 24000/1001 to 60000/1001 among them; else the nearest there is.
    """
    shown = (1 / fps).limit_denominator(_MOST)
    if not 0 < shown.numerator <= _MOST:
        raise RenderError(f"an APNG has from 1 picture in 65535 s to 65535 in one, got {fps} a second: choose another")
    return shown.numerator, shown.denominator


def _frames(pictures: Pictures, header: bytes, shown: tuple[int, int], tell: Tell) -> Iterator[bytes]:
    """The chunks of all pictures; the first one's are those of a PNG, which programs that know no APNG show."""
    width, height = struct.unpack_from(">II", header)
    sequence = 0
    for index in range(len(pictures)):
        found, compressed = _parts(pictures, index)
        if found != header:
            raise RenderError(f"{pictures.path(index)} is not like the first picture: render again with --overwrite")
        # Disposed of by nothing and blended with nothing: each picture takes the place of the one before.
        yield chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, width, height, 0, 0, *shown, 0, 0))
        sequence += 1
        if index:
            yield chunk(b"fdAT", struct.pack(">I", sequence) + compressed)
            sequence += 1
        else:
            yield chunk(b"IDAT", compressed)
        if (index + 1) % _TELL_EVERY == 0 or index + 1 == len(pictures):
            tell(index + 1)


def _parts(pictures: Pictures, index: int) -> tuple[bytes, bytes]:
    """The header and the compressed pixels of a picture; RenderError where it is not there, or damaged."""
    path, header, compressed = pictures.path(index), b"", []
    try:
        for name, content in png_chunks.chunks_of(path.read_bytes()):
            if name == b"IHDR":
                header = content
            elif name == b"IDAT":
                compressed.append(content)
        if len(header) != 13 or not compressed:
            raise ValueError("it has no pixels")
    except (OSError, ValueError) as error:
        raise RenderError(f"{path} cannot be read ({error}): go on with --resume") from error
    return header, b"".join(compressed)
