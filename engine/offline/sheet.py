"""A sheet: stills of one character with several expressions, each a file and all on one picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.bridge.errors import OmoteError

from ..data import FlameParams
from ..images import picture_grid
from ..storage import prepare_folder
from .animation import RenderError
from .credentials import Credentials, sign
from .face_parser import parse_face
from .pictures import png_with_xmp

Picture = NDArray[np.uint8]  # [S,S,3], or [S,S,4] with straight alpha

SHEET = "sheet.png"
_PICTURES = "[0-9][0-9]_*.png"
_MOST = 99


class SheetError(OmoteError, ValueError):
    """No sheet can be made of what was asked for; the message says what was found and what was wanted."""


@dataclass(frozen=True)
class Expression:
    """One picture of the sheet."""

    name: str  # as it was asked for
    params: FlameParams

    def file(self, number: int) -> str:
        """The name of its picture."""
        return f"{number:02d}_{re.sub('[^A-Za-z0-9.]+', '_', self.name)[:60]}.png"


def expressions(words: Sequence[str]) -> tuple[Expression, ...]:
    """The faces that these words name, as `parse_face` reads them; SheetError says which there are."""
    if len(words) > _MOST:
        raise SheetError(f"a sheet has 1 to {_MOST} expressions, got {len(words)}")
    try:
        return tuple(Expression(word, parse_face(word)) for word in words)
    except RenderError as error:
        raise SheetError(str(error)) from error


def prepare(folder: Path, *, overwrite: bool = False) -> None:
    """Makes `folder` ready for a sheet; SheetError where it holds something or cannot be written to.

    With `overwrite`, an earlier sheet in it is removed, and nothing else.
    """
    prepare_folder(folder, (_PICTURES, SHEET), SheetError, overwrite=overwrite)


def save(
    folder: Path, asked: Sequence[Expression], pictures: Sequence[Picture], credentials: Credentials | None = None
) -> None:
    """Writes each picture, and all of them on one, marked as generated; SheetError where that fails.

    With `credentials`, each file is signed by them.
    """
    images = {
        one.file(number): Image.fromarray(picture)
        for number, (one, picture) in enumerate(zip(asked, pictures, strict=True), 1)
    }
    images[SHEET] = picture_grid(pictures, [one.name for one in asked])
    try:
        for name, image in images.items():
            (folder / name).write_bytes(png_with_xmp(image, compress_level=6))
            if credentials:
                sign(folder / name, credentials)
    except OSError as error:
        raise SheetError(f"cannot write to {folder}: {error.strerror or error}; is the disk full?") from error
