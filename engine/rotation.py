"""Rotation vectors: applied to points, compared, and blended the short way round."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Wide = NDArray[np.float64]
Quaternion = NDArray[np.float64]  # [4] w, x, y, z

_TINY = 1e-9


def blend_rotations(first: Array, second: Array, share: float) -> Array:
    """[3] the rotation vector `share` of the way from `first` (0) to `second` (1), by slerp."""
    if share <= 0.0 or share >= 1.0:
        return second if share >= 1.0 else first
    start, end = _quaternion(first), _quaternion(second)
    cosine = float(start @ end)
    if cosine < 0.0:  # a quaternion and its negative are the same rotation: take the nearer one
        end, cosine = -end, -cosine
    angle = float(np.arccos(min(cosine, 1.0)))
    if angle < _TINY:
        return first
    blended = np.sin((1.0 - share) * angle) * start + np.sin(share * angle) * end
    return _rotation_vector(blended / np.sin(angle))


def turn_between(first: Array, second: Array) -> Array:
    """[3] the rotation vector from `first` to `second`, in the frame of `first`."""
    w, x, y, z = _quaternion(first)
    a, b, c, d = _quaternion(second)
    product = np.array(
        [
            w * a + x * b + y * c + z * d,
            w * b - x * a - y * d + z * c,
            w * c + x * d - y * a - z * b,
            w * d - x * c + y * b - z * a,
        ]
    )
    return _rotation_vector(product)


def turned(point: Array, turn: Array) -> Array:
    """[3] the point, rotated about the origin by this rotation vector (Rodrigues)."""
    angle = float(np.linalg.norm(turn.astype(np.float64)))
    if angle < _TINY:
        return point
    axis = turn.astype(np.float64) / angle
    along, across = axis * float(axis @ point), np.cross(axis, point)
    return np.asarray(along + np.cos(angle) * (point - along) + np.sin(angle) * across, np.float32)


def _quaternion(vector: Array) -> Quaternion:
    turn = vector.astype(np.float64)
    angle = float(np.linalg.norm(turn))
    if angle < _TINY:
        return np.array([1.0, 0.0, 0.0, 0.0])
    return np.concatenate([[np.cos(angle / 2.0)], turn * (np.sin(angle / 2.0) / angle)])


def _rotation_vector(quaternion: Quaternion) -> Array:
    axis = quaternion[1:] if quaternion[0] >= 0.0 else -quaternion[1:]
    length = float(np.linalg.norm(axis))
    if length < _TINY:
        return np.zeros(3, np.float32)
    angle = 2.0 * np.arctan2(length, abs(quaternion[0]))
    return np.asarray(axis * (angle / length), np.float32)


def rotation(rotvec: NDArray[np.floating]) -> NDArray[np.float64]:
    """[3,3] the matrix of a rotation vector (Rodrigues)."""
    angle = float(np.linalg.norm(rotvec))
    if angle < _TINY:
        return np.eye(3)
    x, y, z = np.asarray(rotvec, np.float64) / angle
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * k + (1.0 - np.cos(angle)) * (k @ k))


def turn_vector(turn: Wide) -> Wide:
    """[3] the rotation vector of a matrix that rotates by less than pi."""
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2.0
    sine = float(np.linalg.norm(axis))
    angle = np.arctan2(sine, (np.trace(turn) - 1.0) / 2.0)
    return np.asarray(axis * (angle / sine if sine > _TINY else 1.0))
