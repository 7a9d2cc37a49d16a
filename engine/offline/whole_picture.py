"""Whether a PNG is on the disk whole: a power cut leaves files that are empty, short, or full of nothing."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FRAME = 12  # bytes of a chunk besides its content: length, name, check sum


def is_whole(path: Path) -> bool:
    """Whether this is a PNG from its first byte to its last, every chunk with the sum that it says."""
    try:
        file = path.read_bytes()
    except OSError:
        return False
    if file[: len(_SIGNATURE)] != _SIGNATURE:
        return False
    at = len(_SIGNATURE)
    while at + _FRAME <= len(file):
        length: int = struct.unpack_from(">I", file, at)[0]
        end = at + _FRAME + length
        if end > len(file) or zlib.crc32(file[at + 4 : end - 4]) != struct.unpack_from(">I", file, end - 4)[0]:
            return False
        if file[at + 4 : at + 8] == b"IEND":
            return end == len(file)
        at = end
    return False
