"""Decodes the UDP datagrams of OpenSeeFace's tracker: one record of 1785 bytes for each tracked face.

The layout is that of its sender (facetracker.py) and its receiver for Unity (OpenSee.cs): little-endian, no padding.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import ProtocolError

PORT = 11573
POINTS = 68
FEATURES = (
    *("eye_l", "eye_r"),
    *("eyebrow_steepness_l", "eyebrow_updown_l", "eyebrow_quirk_l"),
    *("eyebrow_steepness_r", "eyebrow_updown_r", "eyebrow_quirk_r"),
    *("mouth_corner_updown_l", "mouth_corner_inout_l", "mouth_corner_updown_r", "mouth_corner_inout_r"),
    *("mouth_open", "mouth_wide"),
)
MAX_VALUE = 1e9  # of all numbers but the time

# Time, id, width and height, right and left eye, whether the face is fitted.
_HEAD = struct.Struct("<di4fB")
# Then the error of the fit, and in order:
_PARTS = {"quaternion": 4, "euler": 3, "translation": 3, "confidence": POINTS, "points": 2 * POINTS}
_PARTS |= {"points_3d": 3 * (POINTS + 2), "features": len(FEATURES)}
_FLOATS = 1 + sum(_PARTS.values())
BYTES = _HEAD.size + 4 * _FLOATS  # 1785

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """One face in one camera picture, in the tracker's own coordinates."""

    face_id: int  # constant until the tracker loses the face
    width_px: float
    height_px: float
    right_open: float  # 0 closed, 1 open
    left_open: float
    is_fitted: bool  # whether quaternion, translation and points_3d are valid
    quaternion: Array  # [4] x, y, z, w
    translation: Array  # [3] rows down, columns right, into the picture; in the head model's units
    confidence: Array  # [68]
    points_3d: Array  # [70,3] in the head's coordinates; 66 to 69: pupils and eyeballs, the right one first
    features: dict[str, float]  # of FEATURES: -1 to 1, where 0 is usual for this person


def decode(data: bytes) -> tuple[TrackedFace, ...]:
    """The faces in these bytes, at least one; raises only ProtocolError."""
    if not data or len(data) % BYTES:
        raise ProtocolError(f"faces come in {BYTES} bytes each, got {len(data)}")
    return tuple(_face(data[at : at + BYTES]) for at in range(0, len(data), BYTES))


def _face(record: bytes) -> TrackedFace:
    time_s, face_id, width_px, height_px, right_open, left_open, is_fitted = _HEAD.unpack_from(record)
    floats = np.frombuffer(record, "<f4", _FLOATS, _HEAD.size).astype(np.float32)
    if not math.isfinite(time_s):
        raise ProtocolError(f"a face's numbers must be finite, got {time_s} for its time")
    for number in (width_px, height_px, right_open, left_open):
        if not abs(number) <= MAX_VALUE:  # also catches NaN
            raise ProtocolError(f"a face's numbers must be finite and at most {MAX_VALUE:g}, got {number}")
    if not np.isfinite(floats).all() or float(np.abs(floats).max()) > MAX_VALUE:
        raise ProtocolError(f"a face's numbers must be finite and at most {MAX_VALUE:g}")
    parts = _split_record(floats[1:])
    return TrackedFace(
        face_id=face_id,
        width_px=width_px,
        height_px=height_px,
        right_open=right_open,
        left_open=left_open,
        is_fitted=bool(is_fitted),
        quaternion=parts["quaternion"],
        translation=parts["translation"],
        confidence=parts["confidence"],
        points_3d=parts["points_3d"].reshape(-1, 3),
        features=dict(zip(FEATURES, parts["features"].tolist(), strict=True)),
    )


def _split_record(floats: Array) -> dict[str, Array]:
    parts, at = {}, 0
    for name, count in _PARTS.items():
        parts[name] = floats[at : at + count]
        at += count
    return parts
