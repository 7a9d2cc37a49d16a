"""A picture in a terminal: two of its pixels in each character, one above the other."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from rich.color import Color
from rich.style import Style
from rich.text import Text

GROUND = (24, 24, 27, 255)  # behind what is transparent


@cache
def half_blocks(path: Path, columns: int) -> Text:
    """The square picture in this file, so many characters wide and half as many lines high."""
    with Image.open(path) as opened:
        picture = opened.convert("RGBA")
    small = Image.alpha_composite(Image.new("RGBA", picture.size, GROUND), picture).resize((columns, columns // 2 * 2))
    pixels = np.asarray(small)[..., :3].tolist()
    lines = [zip(above, below, strict=True) for above, below in zip(pixels[::2], pixels[1::2], strict=True)]
    return Text("\n").join(Text.assemble(*(("▀", _style(*pair)) for pair in line)) for line in lines)


def _style(above: list[int], below: list[int]) -> Style:
    return Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))
