"""The golden vectors in `tests/data`, for all tests that read them. A committed vector never changes.

`golden.py` writes those of the wire. The `vmc_*` and `phone_*` vectors and `livelink_omote` were assembled byte by byte
from the protocols' descriptions; `golden_vmc.json` and `golden_phones.json` say what they decode to. OpenSeeFace's face
is what its own arithmetic (OpenCV's solvePnP with its head model) gives for a head at 70 cm, rotated by
(0.2, -0.3, 0.25), 8 cm to the subject's left of the middle and 5 cm below.
"""

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
