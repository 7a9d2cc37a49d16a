"""One rendered picture as a file: an RGBA PNG that says that nobody photographed it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .script import RenderError
from .writing import digital_source, png_chunks

Picture = NDArray[np.uint8]  # [S,S,4] sRGB, straight alpha
PATTERN = "[0-9]" * 6 + ".png"
MOST = 10**6  # pictures of a rendering, whose names say their number so
_HEAD = 1024  # bytes, in which `encoded` says it


def encoded(picture: Picture) -> bytes:
    """As a PNG; the same picture gives the same bytes."""
    file = io.BytesIO()
    said = PngInfo()
    said.add_itxt(digital_source.PNG_KEYWORD, digital_source.xmp().decode())
    # A twentieth larger than at level 6, in a third of the time, which there is as long as drawing takes.
    Image.fromarray(picture).save(file, "PNG", compress_level=4, pnginfo=said)
    return file.getvalue()


def is_foreign(path: Path) -> bool:
    """Whether this is a PNG that somebody else made; one that a power cut has emptied is not."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return head.startswith(png_chunks.SIGNATURE) and digital_source.GENERATED.encode() not in head


@dataclass(frozen=True)
class Pictures:
    """The pictures of a rendering, read one by one from the folder that they are in."""

    folder: Path
    count: int

    def __len__(self) -> int:
        return self.count

    def path(self, index: int) -> Path:
        return self.folder / f"{index:06d}.png"

    def read(self, index: int) -> Picture:
        """[S,S,4]; RenderError where it is not there, or damaged."""
        try:
            with Image.open(self.path(index), formats=["PNG"]) as image:
                return np.asarray(image.convert("RGBA"))
        except (OSError, SyntaxError) as error:
            raise RenderError(f"{self.path(index)} cannot be read ({error}): go on with --resume") from error

    def __iter__(self) -> Iterator[Picture]:
        return (self.read(index) for index in range(self.count))
