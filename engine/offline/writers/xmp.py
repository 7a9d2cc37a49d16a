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


def creator() -> str:
    """The program that made it, as files name it."""
    return f"Omote {version()}"


def xmp_packet() -> bytes:
    """The packet, UTF-8; always the same of one version of Omote, for it holds no time."""
    return _PACKET.format(source=GENERATED, tool=escape(creator())).encode()


# XMP Specification Part 3, 1.2.4 "MPEG-4" and 1.2.5 "QuickTime".
_XMP_UUID = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
_HEAD = 8  # bytes: length and kind


@dataclass(frozen=True)
class Box:
    """One box of a file: where it lies, its head included."""

    kind: bytes
    at: int
    length: int

    @property
    def end(self) -> int:
        return self.at + self.length


def add_to_mp4(path: Path, packet: bytes) -> None:
    """As a `uuid` box behind all others; RenderError where the file is none of boxes."""
    with path.open("r+b") as file:
        _last(file, path)
        file.seek(0, 2)
        file.write(_box(b"uuid", _XMP_UUID + packet))


def add_to_mov(path: Path, packet: bytes) -> None:
    """As `XMP_` in the movie's user data, which is last in the file: nothing that it counts moves."""
    with path.open("r+b") as file:
        movie = _last(file, path)
        if movie.kind != b"moov":
            raise RenderError(f"{path}: its movie box is not the last one, but {movie.kind!r}: nothing can be added")
        file.seek(movie.at + _HEAD)
        inside = file.read(movie.length - _HEAD)
        kept, user = inside, b""
        for part in _boxes(inside):
            if part.kind == b"udta":
                # Its parts may be followed by 32 bits of zeros, which end it: none before ours.
                user = inside[part.at + _HEAD : part.end]
                user = user[:-4] if user.endswith(bytes(4)) and _is_ended(user) else user
                kept = inside[: part.at] + inside[part.end :]
        movie_box = _box(b"moov", kept + _box(b"udta", user + _box(b"XMP_", packet)))
        file.seek(movie.at)
        file.write(movie_box)


def _is_ended(user: bytes) -> bool:
    return sum(part.length for part in _boxes(user[:-4])) == len(user) - 4


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", _HEAD + len(content), kind) + content


def _boxes(data: bytes) -> Iterator[Box]:
    """Those of `data`, which are all small."""
    at = 0
    while at + _HEAD <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if not _HEAD <= length <= len(data) - at:
            return
        yield Box(kind, at, length)
        at += length


def _last(file: IO[bytes], path: Path) -> Box:
    """The last box of the file, which consists of boxes and nothing else."""
    size, at = file.seek(0, 2), 0
    box = None
    while at < size:
        file.seek(at)
        head = file.read(16)
        if len(head) < _HEAD:
            break
        length, kind = struct.unpack_from(">I4s", head)
        if length == 1 and len(head) == 16:
            length = struct.unpack_from(">Q", head, _HEAD)[0]
        if not _HEAD <= length <= size - at:
            break
        box = Box(kind, at, length)
        at += length
    if box is None or at != size:
        raise RenderError(f"{path} is damaged at byte {at}: write it again")
    return box
