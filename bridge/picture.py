"""Picture formats on the wire: raw pixels, a JPEG, or a JPEG with separate lossless alpha."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import lz4.block
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .fields import Fields, Part, WireError, text, uint
from .payload import ALPHAS, MAX_PAYLOAD_BYTES, MAX_SIDE, Video, check_placed

Pixels = NDArray[np.uint8]

QUALITY = 90  # the edges of a 512x512 portrait show no blocks at this quality (70 KB)

_RAW = ("rgba8", "bgra8")
_JPEG, _JPEG_AND_ALPHA = "jpeg", "jpeg+lz4a"
_ALPHAS = {
    "rgba8": ("straight", "premultiplied"),
    "bgra8": ("straight", "premultiplied"),
    _JPEG: ("opaque",),
    _JPEG_AND_ALPHA: ("straight", "premultiplied"),
}
_ORIGINS = ("top", "bottom")
_COLOUR = "srgb"
# The frame header of a baseline JPEG with 8 bits and three channels; an arithmetic-coded JPEG has another.
_BASELINE = b"\xff\xc0\x00\x11\x08"
_SCAN = b"\xff\xda"  # in a JPEG's own data 0xff is always followed by another byte


@dataclass(frozen=True)
class Format:
    """One format of a picture."""

    fmt: str = "rgba8"
    alpha: str = "straight"
    origin: str = "top"

    def __post_init__(self) -> None:
        _check_word("fmt", self.fmt, tuple(_ALPHAS))
        _check_word("alpha", self.alpha, ALPHAS)
        _check_word("origin", self.origin, _ORIGINS)
        if self.alpha not in _ALPHAS[self.fmt]:
            wanted = " or ".join(_ALPHAS[self.fmt])
            raise WireError(f"the alpha of {self.fmt} is {wanted}, got {self.alpha}")

    @property
    def name(self) -> str:
        """The name in a topic: `rgba8`, `bgra8.premultiplied.bottom`."""
        premultiplied = ".premultiplied" if self.alpha == "premultiplied" else ""
        return self.fmt + premultiplied + (".bottom" if self.origin == "bottom" else "")

    @classmethod
    def parse(cls, name: str) -> Format:
        """The inverse of `name`; WireError lists the known names."""
        if name not in _BY_NAME:
            raise WireError(f"{name!r} is no format of a picture; there are {', '.join(FORMATS)}")
        return _BY_NAME[name]

    @property
    def is_compressed(self) -> bool:
        """Whether the payload has to be decompressed."""
        return self.fmt not in _RAW


def _check_word(key: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise WireError(f"{key} {word!r} is not known here, only {', '.join(known)}")


_BY_NAME = {
    format.name: format
    for format in (
        Format(fmt, alpha, origin) for fmt, alphas in _ALPHAS.items() for alpha in alphas for origin in _ORIGINS
    )
}
FORMATS = tuple(_BY_NAME)
RGBA8 = Format()


def encode(video: Video, format: Format = RGBA8, quality: int = QUALITY) -> tuple[dict[str, object], list[Part]]:
    """The header's fields and the payload's parts. `RGBA8` is not copied if its rows are contiguous."""
    rows = _arrange(video, format)
    height, width, _ = rows.shape
    stride = 0 if format.is_compressed else 4 * width
    words = {"fmt": format.fmt, "colour": _COLOUR, "origin": format.origin, "alpha": format.alpha}
    gear = {"gear": video.gear} if video.gear else {}
    placed = {"placed": list(video.placed)} if video.placed else {}
    return {"w": width, "h": height, "stride": stride, **words, **gear, **placed}, _encode_rows(rows, format, quality)


def _arrange(video: Video, format: Format) -> Pixels:
    """The pixels with the format's alpha and origin."""
    pixels = video.pixels
    if format.alpha != "straight":
        pixels = premultiplied(video.pixels) if video.alpha == "straight" else video.pixels
    elif video.alpha == "premultiplied":
        raise WireError(f"a premultiplied picture cannot be sent as {format.name}, only as a premultiplied format")
    return pixels[::-1] if format.origin == "bottom" else pixels


def premultiplied(rgba: Pixels) -> Pixels:
    """[H,W,4]; each colour is (colour * alpha + 127) // 255."""
    return np.asarray(_image("RGBA", rgba).convert("RGBa"))


def _encode_rows(rows: Pixels, format: Format, quality: int) -> list[Part]:
    if format.fmt == "bgra8":
        rows = _swap_red_and_blue(rows)
    if not format.is_compressed:
        return [np.ascontiguousarray(rows).data.cast("B")]
    file = io.BytesIO()
    _image("RGBX", rows).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    if format.fmt == _JPEG:
        return [file.getvalue()]
    alpha = np.ascontiguousarray(rows[..., 3])
    return [file.getvalue(), lz4.block.compress(alpha, store_size=False)]


def _swap_red_and_blue(rows: Pixels) -> Pixels:
    """RGBA to BGRA, and back. Pillow is ten times as fast as NumPy's indexing."""
    return np.frombuffer(_image("RGBA", rows).tobytes("raw", "BGRA"), np.uint8).reshape(rows.shape)


def _image(mode: str, pixels: Pixels) -> Image.Image:
    height, width, _ = pixels.shape
    return Image.frombuffer(mode, (width, height), np.ascontiguousarray(pixels), "raw", mode, 0, 1)


@dataclass(frozen=True)
class Layout:
    """The layout of a picture in the parts of its payload."""

    format: Format
    width: int
    height: int
    stride: int
    gear: str = ""
    placed: tuple[float, ...] | None = None

    @classmethod
    def read(cls, header: Fields, parts: Sequence[Part]) -> Layout:
        """The layout in the header, checked against the lengths of the parts; reads no pixels."""
        _check_word("colour", text(header, "colour"), (_COLOUR,))
        format = Format(text(header, "fmt"), text(header, "alpha"), text(header, "origin"))
        width, height = uint(header, "w", MAX_SIDE), uint(header, "h", MAX_SIDE)
        if not 0 < 4 * width * height <= MAX_PAYLOAD_BYTES:
            most = MAX_PAYLOAD_BYTES // 4
            raise WireError(f"a picture has sides from 1 and at most {most} pixels, got {width}x{height}")
        gear = text(header, "gear") if "gear" in header else ""
        placed = check_placed(header["placed"]) if "placed" in header else None
        layout = cls(format, width, height, uint(header, "stride", MAX_PAYLOAD_BYTES), gear, placed)
        layout._check_parts(parts)
        return layout

    def _check_parts(self, parts: Sequence[Part]) -> None:
        if self.format.is_compressed:
            if self.stride != 0:
                raise WireError(f"the stride of {self.format.fmt} is 0, got {self.stride}")
            if self.format.fmt == _JPEG_AND_ALPHA and len(parts) < 2:
                raise WireError(f"{_JPEG_AND_ALPHA} has its alpha in a fourth part, got {len(parts) + 2} parts")
        elif self.stride < 4 * self.width:
            raise WireError(f"rows have at least 4 bytes a pixel, got stride {self.stride} for {self.width} pixels")
        elif len(parts[0]) != self.stride * self.height:
            wanted = self.stride * self.height
            raise WireError(f"{self.height} rows of {self.stride} bytes are {wanted}, got {len(parts[0])}")

    def decode(self, parts: Sequence[Part]) -> Video:
        """The picture in the parts; raises only WireError. `rgba8` pixels are a view of them."""
        if self.format.is_compressed:
            has_alpha = self.format.fmt == _JPEG_AND_ALPHA
            rows = _decode_jpeg(parts[0], self.width, self.height)
            rows[..., 3] = _decode_alpha(parts[1], self.width, self.height) if has_alpha else 255
        else:
            rows = np.ndarray((self.height, self.width, 4), np.uint8, parts[0], strides=(self.stride, 4, 1))
        if self.format.fmt == "bgra8":
            rows = _swap_red_and_blue(rows)
        rows = rows[::-1] if self.format.origin == "bottom" else rows
        return Video(rows, self.format.alpha, self.gear, self.placed)


def decode(header: Fields, parts: Sequence[Part]) -> Video:
    """The picture in this header and these parts; raises only WireError."""
    return Layout.read(header, parts).decode(parts)


def _decode_jpeg(part: Part, width: int, height: int) -> Pixels:
    """[H,W,4] whose alpha is still to be written."""
    data = bytes(part)
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            _check_jpeg(image, data, width, height)
            pixels = bytearray(image.tobytes("raw", "RGBX"))
    except WireError:
        raise
    except Exception as error:  # Pillow documents no error type for bytes that are not a JPEG
        raise WireError(f"the jpeg of {len(data)} bytes cannot be read: {error or type(error).__name__}") from error
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 4)


def _check_jpeg(image: Image.Image, data: bytes, width: int, height: int) -> None:
    """Checks the size and the scans before decoding: a few bytes may claim 65535x65535, or ten thousand scans."""
    if image.size != (width, height):
        raise WireError(f"the jpeg is {image.width}x{image.height}, but its header says {width}x{height}")
    if image.mode != "RGB":
        raise WireError(f"the jpeg must have three channels, got {image.mode}")
    if _BASELINE not in data or data.count(_SCAN) != 1:
        raise WireError("the jpeg must be baseline, with one scan")


def _decode_alpha(part: Part, width: int, height: int) -> Pixels:
    wanted = width * height
    try:
        alpha = lz4.block.decompress(part, uncompressed_size=wanted)
    except lz4.block.LZ4BlockError as error:
        raise WireError(f"the alpha is not an LZ4 block of {wanted} bytes: {error}") from error
    if len(alpha) != wanted:
        raise WireError(f"the alpha must be {wanted} bytes, one a pixel, got {len(alpha)}")
    return np.frombuffer(alpha, np.uint8).reshape(height, width)
