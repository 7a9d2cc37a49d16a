"""A contact sheet: up to 24 pictures from all over a rendering on one, each over its time."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from omote.engine.offline.picture_file import Pictures
from omote.engine.offline.script import Script
from omote.engine.picture_grid import LABEL, grid

from . import digital_source
from .preview import fitted, spread
from .unfinished import unfinished
from .writer import Tell

MOST = 24
SIDE = 256  # pixels of each, at most


@dataclass(frozen=True)
class ContactSheet:
    """A PNG without alpha: what is see-through shows a checkerboard."""

    path: Path

    def check(self, script: Script, size: int) -> None:
        pass  # any script can be written

    def bytes_of(self, script: Script, size: int) -> int:
        side = min(size, SIDE)
        return 2 * min(len(script), MOST) * side * (side + LABEL) + 2000

    def write(self, script: Script, pictures: Pictures, tell: Tell) -> None:
        chosen = spread(len(pictures), MOST)
        times = [f"{script.time_s(index):.2f} s" for index in chosen]
        shown = [fitted(pictures.read(index), SIDE) for index in chosen]
        sheet = grid(shown, times, _columns(len(shown)), is_checkered=True)
        with unfinished(self.path) as path:
            path.write_bytes(_png(sheet))
        tell(len(pictures))


def strip(pictures: Pictures, count: int, side: int = SIDE) -> Image.Image:
    """So many of the pictures, evenly chosen from the first to the last, in one row; RGBA, [side, count * side]."""
    row = [fitted(pictures.read(index), side) for index in spread(len(pictures), count)]
    return Image.fromarray(np.concatenate(row, axis=1))


def _columns(count: int) -> int:
    """About as many as rows, with as few places left empty as can be: 6 of 24."""
    square = math.ceil(math.sqrt(count))
    return min(range(square, square + 3), key=lambda columns: -count % columns)


def _png(sheet: Image.Image) -> bytes:
    said, file = PngInfo(), io.BytesIO()
    said.add_itxt(digital_source.PNG_KEYWORD, digital_source.xmp().decode())
    sheet.save(file, "PNG", compress_level=6, pnginfo=said)
    return file.getvalue()
