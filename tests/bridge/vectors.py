"""The golden vectors as they are stored, for all tests that read them."""

from __future__ import annotations

import struct
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data"


def stored(name: str) -> list[bytes]:
    """The parts of a vector."""
    data, parts = (DATA / f"{name}.bin").read_bytes(), []
    while data:
        (length,) = struct.unpack_from("<I", data)
        parts.append(data[4 : 4 + length])
        data = data[4 + length :]
    return parts
