"""Image files as upright sRGB pixels, and grids of many pictures with labels."""

from __future__ import annotations

import io
import logging
import math
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageDraw, ImageOps, UnidentifiedImageError

from omote.bridge.errors import OmoteError

log = logging.getLogger(__name__)

Rgb = NDArray[np.uint8]  # [H,W,3] red, green, blue; first row on top
Rgba = NDArray[np.uint8]  # [H,W,4] the same with straight alpha

UPLOAD_NAME = "the photo"  # in messages about an upload
_LONGEST_SIDE_PX = 2400  # a portrait shows no more detail
# Only these are opened, whatever a file's name: Pillow would run Ghostscript on PostScript named .jpg.
_FORMATS = ("PNG", "JPEG", "WEBP")
_WANTED = "wanted a JPEG, PNG or WebP file"


class PhotoError(OmoteError, ValueError):
    """A picture that cannot be read; the message says what was found, what was wanted and the cure."""


def read_picture(path: Path) -> Rgb:
    """[H,W,3] the picture in a file, upright as its EXIF says, on white."""
    return _on_white(_from_path(path))


def read_drawing(path: Path) -> Rgba:
    """[H,W,4] the picture in a file with its transparency, upright as its EXIF says."""
    return np.asarray(_from_path(path))


def _from_path(path: Path) -> Image.Image:
    if not path.is_file():
        raise PhotoError(f"there is no file {path}")
    return _decoded(path, str(path))


def uploaded_picture(data: bytes) -> Rgb:
    """[H,W,3] the picture in untrusted bytes, on white; PhotoError if they are not a PNG, JPEG or WebP file."""
    return _on_white(_uploaded(data))


def uploaded_drawing(data: bytes) -> Rgba:
    """[H,W,4] as `uploaded_picture`, with its transparency."""
    return np.asarray(_uploaded(data))


def _uploaded(data: bytes) -> Image.Image:
    if not is_photo(data):
        raise PhotoError(f"{UPLOAD_NAME} has another format; {_WANTED}")
    return _decoded(io.BytesIO(data), UPLOAD_NAME)


def is_photo(data: bytes) -> bool:
    """Whether the bytes start like a PNG, JPEG or WebP file."""
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (data[:4], data[8:12]) == (b"RIFF", b"WEBP")


def _decoded(file: Path | io.BytesIO, name: str) -> Image.Image:
    """The picture in a file, RGBA; `name` is for messages."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=_FORMATS) as opened:
                opened.draft(
                    "RGB", (_LONGEST_SIDE_PX, _LONGEST_SIDE_PX)
                )  # decodes a large JPEG at a fraction of its size
                image = ImageOps.exif_transpose(opened)
                image.thumbnail((_LONGEST_SIDE_PX, _LONGEST_SIDE_PX), Image.Resampling.LANCZOS)
                return _in_srgb(_in_bytes(image)).convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoError(f"{name} is too large to be opened ({error}): scale it down") from error
    except UnidentifiedImageError as error:
        raise PhotoError(f"{name} is no picture that can be read (its format is not supported); {_WANTED}") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, OverflowError, struct.error) as error:
        raise PhotoError(f"{name} is no picture that can be read ({error}); {_WANTED}") from error


def _in_bytes(image: Image.Image) -> Image.Image:
    """The picture with 8 bits a channel; Pillow would clip 16 bits at 255."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray(np.asarray(np.asarray(image, np.float64) / 257.0 + 0.5, np.uint8))


def _in_srgb(image: Image.Image) -> Image.Image:
    """The picture in sRGB, converted if its file names another space, as those of phones do, that can be read."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        log.info("a colour profile cannot be read (%s): the colours are taken as sRGB", error)
        return image


def _on_white(image: Image.Image) -> Rgb:
    ground = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(ground, image).convert("RGB"))


Picture = NDArray[np.uint8]  # [S,S,3], or [S,S,4] with straight alpha

LABEL_HEIGHT_PX = 24  # pixels under each picture
_SQUARE = 16  # pixels on a side of a square


def picture_grid(
    pictures: Sequence[Picture], labels: Sequence[str], columns: int | None = None, *, is_checkered: bool = False
) -> Image.Image:
    """Pictures of one size in a grid with labels, on white or with a checkerboard behind them.

    By default there are about as many rows as columns. A label that is too long is cut.
    """
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    side = pictures[0].shape[0]
    size = columns * side, math.ceil(len(pictures) / columns) * (side + LABEL_HEIGHT_PX)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for number, (label, picture) in enumerate(zip(labels, pictures, strict=True)):
        left, top = number % columns * side, number // columns * (side + LABEL_HEIGHT_PX)
        image = Image.fromarray(picture)
        if is_checkered:
            sheet.paste(checkerboard(side), (left, top))
        sheet.paste(image, (left, top), image if image.mode == "RGBA" else None)
        pen.text(
            (left + side // 2, top + side + LABEL_HEIGHT_PX // 2), _shortened(label, side, pen), "black", anchor="mm"
        )
    return sheet


def checkerboard(side: int) -> Image.Image:
    """The usual background of transparent pictures."""
    rows, columns = np.indices((side, side)) // _SQUARE
    return Image.fromarray(np.where((rows + columns) % 2, 204, 238).astype(np.uint8)).convert("RGB")


def _shortened(name: str, width: int, pen: ImageDraw.ImageDraw) -> str:
    while name and pen.textlength(name) > width:
        name = name[:-1]
    return name
