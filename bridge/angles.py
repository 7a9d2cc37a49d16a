"""A head's yaw, pitch and roll in ARKit's face frame, to and from the rotation vector of a Signal.

That frame is ours: x to the subject's left, y up, z out of the face. The angles are
turns about y, x and z in it, roll applied first: R = Ry(yaw) Rx(pitch) Rz(roll). So
+yaw turns to the subject's left and +pitch looks down, as in `Signal`. The Live Link
Face app has other signs: see livelink.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def rotation_from_angles(yaw_pitch_roll: NDArray[np.floating]) -> Array:
    """[...,3] rotation vectors from [...,3] yaw, pitch, roll in radians."""
    half = np.asarray(yaw_pitch_roll, np.float64) / 2
    (sy, sx, sz), (cy, cx, cz) = np.moveaxis(np.sin(half), -1, 0), np.moveaxis(np.cos(half), -1, 0)
    w = cy * cx * cz + sy * sx * sz
    axis = np.stack([cy * sx * cz + sy * cx * sz, sy * cx * cz - cy * sx * sz, cy * cx * sz - sy * sx * cz], -1)
    axis, w = np.where(w[..., None] < 0, -axis, axis), np.abs(w)  # the shorter way round
    length = np.linalg.norm(axis, axis=-1)
    angle = 2 * np.arctan2(length, w)
    scale = np.where(length > 1e-12, angle / np.maximum(length, 1e-12), 2.0)
    return (axis * scale[..., None]).astype(np.float32)


def angles_from_rotation(rotation: NDArray[np.floating]) -> NDArray[np.float64]:
    """[...,3] yaw, pitch, roll in radians from [...,3] rotation vectors."""
    turn = np.asarray(rotation, np.float64)
    angle = np.linalg.norm(turn, axis=-1)
    scale = np.where(angle > 1e-12, np.sin(angle / 2) / np.maximum(angle, 1e-12), 0.5)
    x, y, z = np.moveaxis(turn * scale[..., None], -1, 0)
    w = np.cos(angle / 2)
    yaw = np.arctan2(2 * (x * z + w * y), 1 - 2 * (x * x + y * y))
    pitch = np.arcsin(np.clip(2 * (w * x - y * z), -1.0, 1.0))
    roll = np.arctan2(2 * (x * y + w * z), 1 - 2 * (x * x + z * z))
    return np.stack([yaw, pitch, roll], -1)
