"""Sheets of pictures to be looked at: each subject's scenes with the truth above, and all subjects at rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .drawing import Drawn, Pictures
from .measures import Scores
from .quality import Rgb, Rgba

FILES = "[0-9]*-*.png"  # as `file_name` calls them
COLUMNS = 12
_LABEL_PX = 26
_SQUARE_PX = 16
_SHADES = (205, 225)
_WORST = 8  # of the varied pictures


@dataclass(frozen=True)
class Strip:
    """One row of a sheet."""

    label: str
    pictures: Pictures  # [n,S,S,4] straight alpha


def chequered(rgba: Rgba) -> Rgb:
    """[H,W,3] the picture on grey squares, so that its alpha can be seen."""
    rows, columns = np.indices(rgba.shape[:2]) // _SQUARE_PX
    ground = np.where((rows + columns) % 2, *_SHADES)[..., None]
    alpha = rgba[..., 3:] / 255.0
    return np.asarray(rgba[..., :3] * alpha + ground * (1.0 - alpha), np.uint8)


def strips_of(drawn: Drawn, scores: Scores | None = None) -> tuple[Strip, ...]:
    """Truth and ours of a scene; of a long one evenly spread pictures, or the worst where scores tell them."""
    rows, what = np.arange(len(drawn.scene)), drawn.scene.name
    if scores is not None and drawn.truth is not None:
        rows, what = np.argsort(scores.head_psnr_db)[:_WORST], f"{what}, the worst"
    elif len(rows) > COLUMNS:
        rows = np.linspace(0, len(rows) - 1, COLUMNS).astype(int)
    ours = Strip(f"{what}: drawn", drawn.ours[rows])
    return (ours,) if drawn.truth is None else (Strip(f"{what}: truth", drawn.truth[rows]), ours)


def sheet(strips: Sequence[Strip], path: Path) -> None:
    """Saves the strips below each other, each under its label."""
    width = max(len(strip.pictures) for strip in strips) * strips[0].pictures.shape[2]
    bands = [band for strip in strips for band in (_label(strip.label, width), _row(strip.pictures, width))]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(bands)).save(path, optimize=True)


def gallery(drawn: Sequence[Drawn], names: Sequence[str], path: Path, columns: int = 8) -> None:
    """Saves the first picture of each of these scenes, the truth above it where it is known."""
    strips = []
    for first in range(0, len(drawn), columns):
        part, label = drawn[first : first + columns], ", ".join(names[first : first + columns])
        true = [one.truth[0] for one in part if one.truth is not None]
        if len(true) == len(part):
            strips.append(Strip(f"truth: {label}", np.stack(true)))
        strips.append(Strip(f"drawn: {label}", np.stack([one.ours[0] for one in part])))
    sheet(strips, path)


def file_name(number: int, name: str) -> str:
    """A file's name for this subject, whatever the subject is called."""
    return f"{number:02d}-{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')[:40]}.png"


def _row(pictures: Pictures, width: int) -> NDArray[np.uint8]:
    row = np.concatenate([chequered(picture) for picture in pictures], 1)
    return np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255)


def _label(text: str, width: int) -> NDArray[np.uint8]:
    image = Image.new("RGB", (width, _LABEL_PX), "white")
    ImageDraw.Draw(image).text((6, 4), text, "black", ImageFont.load_default(16))
    return np.asarray(image)
