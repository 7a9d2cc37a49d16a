"""The chunks of a PNG file: read, and written."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, content: bytes) -> bytes:
    """One chunk, with its length and checksum."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def chunks_of(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each chunk's name and content; ValueError where these bytes are no PNG, or a damaged one."""
    if not png.startswith(SIGNATURE):
        raise ValueError("it is no PNG")
    place = len(SIGNATURE)
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
    return chunk(b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text)
