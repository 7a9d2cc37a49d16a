"""XMP metadata that names a trained model as the source of a file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape

from ...version import version
from ..animation import RenderError

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PNG_KEYWORD = "XML:com.adobe.xmp"  # of the iTXt chunk that holds a packet

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/">
   <Iptc4xmpExt:DigitalSourceType>{source}</Iptc4xmpExt:DigitalSourceType>
   <xmp:CreatorTool>{tool}</xmp:CreatorTool>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""
# XMP Specification Part 3, 1.2.4 "MPEG-4" and 1.2.5 "QuickTime".
_XMP_UUID = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
_BOX_HEADER = 8  # bytes: length and kind


def creator() -> str:
    """The name and version of this program, as files state it."""
    return f"Omote {version()}"


def xmp_packet() -> bytes:
    """The packet in UTF-8. It holds no time, so each version of Omote writes the same."""
    return _PACKET.format(source=GENERATED, tool=escape(creator())).encode()


# Boxes of MP4 and QuickTime files.


@dataclass(frozen=True)
class Box:
    """One box of a file, with the place and the length of the whole box."""

    kind: bytes
    at: int
    length: int

    @property
    def end(self) -> int:
        return self.at + self.length


def add_to_mp4(path: Path, packet: bytes) -> None:
    """Appends the packet as a `uuid` box; RenderError if the file does not consist of boxes."""
    with path.open("r+b") as file:
        _last_box(file, path)
        file.seek(0, 2)
        file.write(_box(b"uuid", _XMP_UUID + packet))


def add_to_mov(path: Path, packet: bytes) -> None:
    """Adds the packet as `XMP_` to the user data of the movie box.

    The movie box must be the last one, because its offsets count from the beginning of the file.
    """
    with path.open("r+b") as file:
        movie = _last_box(file, path)
        if movie.kind != b"moov":
            raise RenderError(f"{path}: its movie box is not the last one, but {movie.kind!r}: nothing can be added")
        file.seek(movie.at + _BOX_HEADER)
        inside = file.read(movie.length - _BOX_HEADER)
        kept, user = inside, b""
        for part in _boxes(inside):
            if part.kind == b"udta":
                user = inside[part.at + _BOX_HEADER : part.end]
                # Four bytes of zeros may end it; they must not stand before our box.
                if user.endswith(bytes(4)) and sum(one.length for one in _boxes(user[:-4])) == len(user) - 4:
                    user = user[:-4]
                kept = inside[: part.at] + inside[part.end :]
        movie_box = _box(b"moov", kept + _box(b"udta", user + _box(b"XMP_", packet)))
        file.seek(movie.at)
        file.write(movie_box)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", _BOX_HEADER + len(content), kind) + content


def _boxes(data: bytes) -> Iterator[Box]:
    """The boxes of `data`, which all have 32-bit lengths."""
    at = 0
    while at + _BOX_HEADER <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if not _BOX_HEADER <= length <= len(data) - at:
            return
        yield Box(kind, at, length)
        at += length


def _last_box(file: IO[bytes], path: Path) -> Box:
    """The last box of the file; RenderError if it does not consist of boxes."""
    size, at = file.seek(0, 2), 0
    box = None
    while at < size:
        file.seek(at)
        head = file.read(16)
        if len(head) < _BOX_HEADER:
            break
        length, kind = struct.unpack_from(">I4s", head)
        if length == 1 and len(head) == 16:
            length = struct.unpack_from(">Q", head, _BOX_HEADER)[0]
        if not _BOX_HEADER <= length <= size - at:
            break
        box = Box(kind, at, length)
        at += length
    if box is None or at != size:
        raise RenderError(f"{path} is damaged at byte {at}: write it again")
    return box
