"""What OpenSeeFace's tracker sends over UDP: one record of 1785 bytes for each face that it sees.

Read off its sender (facetracker.py) and its receiver for Unity (OpenSee.cs): little-endian, without padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .datagram import ProtocolError

PORT = 11573
POINTS = 68
FEATURES = (
    *("eye_l", "eye_r"),
    *("eyebrow_steepness_l", "eyebrow_updown_l", "eyebrow_quirk_l"),
    *("eyebrow_steepness_r", "eyebrow_updown_r", "eyebrow_quirk_r"),
    *("mouth_corner_updown_l", "mouth_corner_inout_l", "mouth_corner_updown_r", "mouth_corner_inout_r"),
    *("mouth_open", "mouth_wide"),
)
MOST = 1e9  # no number in it is larger, but the time

RECORD = np.dtype(
    [
        ("time_s", "<f8"),
        ("face_id", "<i4"),
        ("size", "<f4", 2),
        ("open", "<f4", 2),
        ("is_fitted", "u1"),
        ("error", "<f4"),
        ("quaternion", "<f4", 4),
        ("euler", "<f4", 3),
        ("translation", "<f4", 3),
        ("confidence", "<f4", POINTS),
        ("points", "<f4", (POINTS, 2)),
        ("points_3d", "<f4", (POINTS + 2, 3)),
        ("features", "<f4", len(FEATURES)),
    ]
)
BYTES = RECORD.itemsize  # 1785

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Face:
    """One face in one camera picture, in the tracker's own frames."""

    face_id: int  # stays while the tracker does not lose the face
    width_px: float
    height_px: float
    right_open: float  # 0 closed, 1 open
    left_open: float
    is_fitted: bool  # whether turn, place and points in space are to be relied on
    quaternion: Array  # [4] x, y, z, w
    translation: Array  # [3] rows down, columns right, into the picture; in the head model's units
    confidence: Array  # [68]
    points_3d: Array  # [70,3] in the head's frame; 66 to 69: pupils and eyeballs, the right one first
    features: dict[str, float]  # of FEATURES: -1 to 1, 0 being this person's usual


def decode(data: bytes) -> tuple[Face, ...]:
    """The faces in these bytes, at least one; ProtocolError, and nothing else, where they are none."""
    if not data or len(data) % BYTES:
        raise ProtocolError(f"faces come in {BYTES} bytes each, got {len(data)}")
    return tuple(_face(record) for record in np.frombuffer(data, RECORD))


def _face(record: np.void) -> Face:
    for name in RECORD.names or ():
        if not (np.abs(np.asarray(record[name], np.float64)) <= MOST * MOST).all():  # NaN is not either
            raise ProtocolError(f"{name} must be finite, got {record[name]}")
    for name in ("quaternion", "translation", "confidence", "points_3d", "features"):
        if not (np.abs(record[name]) <= MOST).all():
            raise ProtocolError(f"{name} must be at most {MOST:g}")
    right_open, left_open = (float(one) for one in record["open"])
    return Face(
        face_id=int(record["face_id"]),
        width_px=float(record["size"][0]),
        height_px=float(record["size"][1]),
        right_open=right_open,
        left_open=left_open,
        is_fitted=bool(record["is_fitted"]),
        quaternion=record["quaternion"].astype(np.float32),
        translation=record["translation"].astype(np.float32),
        confidence=record["confidence"].astype(np.float32),
        points_3d=record["points_3d"].astype(np.float32),
        features=dict(zip(FEATURES, (float(one) for one in record["features"]), strict=True)),
    )
