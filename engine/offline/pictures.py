"""Rendered pictures as RGBA PNG files: encoded, checked, read one by one, and resized."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .animation import RenderError
from .writers import xmp

PATTERN = "[0-9]" * 6 + ".png"
MAX_PICTURES = 10**6  # as many as six digits can number
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_MARK_WITHIN = 1 << 16  # first bytes of a file that hold the XMP packet of `encode_png`, or Content Credentials
_CHUNK_OVERHEAD = 12  # bytes of a PNG chunk besides its content: length, name, checksum
# With less alpha than this, the colour comes from what was drawn around the pixel.
_FAINT = np.float32(1.0 / 1024.0)

Picture = NDArray[np.uint8]  # [S,S,4] sRGB, straight alpha


def encode_png(picture: Picture) -> bytes:
    """The picture as a PNG with XMP; the same picture gives the same bytes."""
    # Level 4 is a twentieth larger than level 6 and takes a third of the time, which is about that of drawing.
    return png_with_xmp(Image.fromarray(picture), compress_level=4)


def png_with_xmp(image: Image.Image, compress_level: int) -> bytes:
    """The image as a PNG that names a trained model as its source."""
    file, info = io.BytesIO(), PngInfo()
    info.add_itxt(xmp.PNG_KEYWORD, xmp.xmp_packet().decode())
    image.save(file, "PNG", compress_level=compress_level, pnginfo=info)
    return file.getvalue()


def is_foreign_png(path: Path) -> bool:
    """Whether another program made this PNG; a file that a power cut has emptied is not foreign."""
    with path.open("rb") as file:
        head = file.read(_MARK_WITHIN)
    return head.startswith(PNG_SIGNATURE) and xmp.GENERATED.encode() not in head


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of a rendering, read one by one."""

    folder: Path
    count: int

    def __len__(self) -> int:
        return self.count

    def path(self, index: int) -> Path:
        return self.folder / f"{index:06d}.png"

    def read(self, index: int) -> Picture:
        """[S,S,4]; RenderError if the file is missing or damaged."""
        try:
            with Image.open(self.path(index), formats=["PNG"]) as image:
                return np.asarray(image.convert("RGBA"))
        except (OSError, SyntaxError) as error:
            raise RenderError(f"{self.path(index)} cannot be read ({error}): go on with --resume") from error

    def __iter__(self) -> Iterator[Picture]:
        return (self.read(index) for index in range(self.count))


def evenly_spaced(count: int, most: int) -> Sequence[int]:
    """Up to `most` of `count` indices at even distances, the first and the last among them."""
    if count <= most:
        return range(count)
    return [round(k) for k in np.linspace(0, count - 1, most)] if most > 1 else [0]


# Sizes.


def render_size_for(size: int, sizes: Sequence[int]) -> int:
    """The smallest of `sizes` that is at least `size`, else the largest."""
    return min((one for one in sizes if one >= size), default=max(sizes))


def resize_picture(picture: Picture, size: int) -> Picture:
    """[size,size,4] the same picture in another size; returns the picture itself if it has this size.

    Colours are weighted by alpha, so the outline is not darkened by what lies behind the head.
    """
    if picture.shape[0] == size:
        return picture
    # Lanczos rings twice, and in an enlarged matte that shows as a faint line within the outline.
    filter_ = Image.Resampling.LANCZOS if size < picture.shape[0] else Image.Resampling.BICUBIC
    rgb, alpha = picture[..., :3].astype(np.float32), picture[..., 3].astype(np.float32) / np.float32(255.0)
    # The matte is not clipped at 1 before the division: it rings exactly as the colours that were multiplied by it.
    matte = np.maximum(_resize_plane(alpha, size, filter_), 0.0)
    found = np.empty((size, size, 4), np.uint8)
    for channel in range(3):
        seen = np.maximum(_resize_plane(rgb[..., channel] * alpha, size, filter_), 0.0)
        drawn = _resize_plane(rgb[..., channel], size, filter_)
        found[..., channel] = _to_uint8((seen + _FAINT * drawn) / (matte + _FAINT))
    found[..., 3] = _to_uint8(matte * np.float32(255.0))
    return found


def shrink_to_fit(picture: Picture, side: int) -> Picture:
    """The picture, reduced if it has more than `side` pixels on a side."""
    return resize_picture(picture, min(side, picture.shape[0]))


def _resize_plane(plane: NDArray[np.float32], size: int, filter_: Image.Resampling) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(plane).resize((size, size), filter_), np.float32)


def _to_uint8(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.clip(plane + np.float32(0.5), 0.0, 255.0).astype(np.uint8)
    return rounded


# PNG chunks.


def png_chunk(name: bytes, content: bytes) -> bytes:
    """One chunk, with its length and checksum."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def read_png_chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The name and the content of each chunk; ValueError if these bytes are not a whole PNG."""
    if not png.startswith(PNG_SIGNATURE):
        raise ValueError("it is no PNG")
    at, view = len(PNG_SIGNATURE), memoryview(png)  # slices of a view are not copied
    while at < len(png):
        if at + _CHUNK_OVERHEAD > len(png):
            raise ValueError("it ends too early")
        (length,) = struct.unpack_from(">I", png, at)
        end = at + _CHUNK_OVERHEAD + length
        if end > len(png) or zlib.crc32(view[at + 4 : end - 4]) != struct.unpack_from(">I", png, end - 4)[0]:
            raise ValueError("it ends too early, or a chunk's checksum is wrong")
        yield png[at + 4 : at + 8], png[at + 8 : end - 4]
        at = end


def is_complete_png(path: Path) -> bool:
    """Whether this is a PNG from its first byte to its last, with right checksums."""
    try:
        names = [name for name, _ in read_png_chunks(path.read_bytes())]
    except (OSError, ValueError):
        return False
    return b"IEND" in names and names.index(b"IEND") == len(names) - 1
