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

Picture = NDArray[np.uint8]  # [S,S,4] sRGB, straight alpha
PATTERN = "[0-9]" * 6 + ".png"
MAX_PICTURES = 10**6  # pictures of a rendering, whose names say their number so
_HEAD = 1024  # bytes, in which `encoded` says it


def encode_png(picture: Picture) -> bytes:
    """As a PNG; the same picture gives the same bytes."""
    file = io.BytesIO()
    said = PngInfo()
    said.add_itxt(xmp.PNG_KEYWORD, xmp.xmp_packet().decode())
    # A twentieth larger than at level 6, in a third of the time, which there is as long as drawing takes.
    Image.fromarray(picture).save(file, "PNG", compress_level=4, pnginfo=said)
    return file.getvalue()


def is_foreign_png(path: Path) -> bool:
    """Whether this is a PNG that somebody else made; one that a power cut has emptied is not."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return head.startswith(PNG_SIGNATURE) and xmp.GENERATED.encode() not in head


@dataclass(frozen=True)
class PictureFolder:
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


_FAINT = np.float32(1.0 / 1024.0)  # so little alpha does not tell the colour: what was drawn around it does


def render_size_for(size: int, sizes: Sequence[int]) -> int:
    """The least of these that is not smaller, else the largest."""
    return min((one for one in sizes if one >= size), default=max(sizes))


def resize_picture(picture: Picture, size: int) -> Picture:
    """[size,size,4] the same picture, itself where it is of this size; the same bytes each time.

    Colours are mixed by how much of them is seen, so that nothing behind the head darkens its outline.
    """
    if picture.shape[0] == size:
        return picture
    # Lanczos rings twice, which in an enlarged matte would be a faint line within the outline.
    filter_ = Image.Resampling.LANCZOS if size < picture.shape[0] else Image.Resampling.BICUBIC
    rgb, alpha = picture[..., :3].astype(np.float32), picture[..., 3].astype(np.float32) / np.float32(255.0)
    # Not cut off at 1 before it divides: it rings exactly as the colours do that it was multiplied with.
    matte = np.maximum(_scaled(alpha, size, filter_), 0.0)
    found = np.empty((size, size, 4), np.uint8)
    for channel in range(3):
        seen = np.maximum(_scaled(rgb[..., channel] * alpha, size, filter_), 0.0)
        drawn = _scaled(rgb[..., channel], size, filter_)
        found[..., channel] = _to_levels((seen + _FAINT * drawn) / (matte + _FAINT))
    found[..., 3] = _to_levels(matte * np.float32(255.0))
    return found


def _scaled(plane: NDArray[np.float32], size: int, filter_: Image.Resampling) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(plane).resize((size, size), filter_), np.float32)


def _to_levels(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.clip(plane + np.float32(0.5), 0.0, 255.0).astype(np.uint8)
    return rounded


def evenly_spaced(count: int, most: int) -> Sequence[int]:
    """Up to `most` of so many indices, as evenly as can be, the first and the last among them."""
    if count <= most:
        return range(count)
    return [round(k) for k in np.linspace(0, count - 1, most)] if most > 1 else [0]


def shrink_to_fit(picture: Picture, side: int) -> Picture:
    """The picture, made smaller where it has more than so many pixels on a side."""
    return resize_picture(picture, min(side, picture.shape[0]))


PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_chunk(name: bytes, content: bytes) -> bytes:
    """One chunk, with its length and checksum."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def read_png_chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each chunk's name and content; ValueError where these bytes are no PNG, or a damaged one."""
    if not png.startswith(PNG_SIGNATURE):
        raise ValueError("it is no PNG")
    place = len(PNG_SIGNATURE)
    while place < len(png):
        if place + 12 > len(png):
            raise ValueError("it ends too early")
        (length,) = struct.unpack_from(">I", png, place)
        whole = png[place + 4 : place + 8 + length]
        if place + 12 + length > len(png) or zlib.crc32(whole) != struct.unpack_from(">I", png, place + 8 + length)[0]:
            raise ValueError("it ends too early, or a chunk's checksum is wrong")
        yield whole[:4], whole[4:]
        place += 12 + length


def international_text(keyword: str, text: bytes) -> bytes:
    """An iTXt chunk, not compressed, of UTF-8 in no language."""
    return png_chunk(b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text)


_PNG_START = b"\x89PNG\r\n\x1a\n"
_CHUNK_OVERHEAD = 12  # bytes of a chunk besides its content: length, name, check sum


def is_complete_png(path: Path) -> bool:
    """Whether this is a PNG from its first byte to its last, every chunk with the sum that it says."""
    try:
        file = path.read_bytes()
    except OSError:
        return False
    if file[: len(_PNG_START)] != _PNG_START:
        return False
    at = len(_PNG_START)
    while at + _CHUNK_OVERHEAD <= len(file):
        length: int = struct.unpack_from(">I", file, at)[0]
        end = at + _CHUNK_OVERHEAD + length
        if end > len(file) or zlib.crc32(file[at + 4 : end - 4]) != struct.unpack_from(">I", file, end - 4)[0]:
            return False
        if file[at + 4 : at + 8] == b"IEND":
            return end == len(file)
        at = end
    return False
