"""The texture layout of the open head: skin, eyes, teeth and tongue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

HEIGHT, WIDTH = 256, 128  # texels
# x, y, width, height in texels. Skin fills the upper square, chest and shoulders the strip at the foot.
_SKIN = (0, 0, 128, 128)
_TORSO = (0, 192, 128, 64)
_PLACE = {"eyes": (64, 128, 40, 40), "teeth": (64, 168, 40, 24), "tongue": (104, 128, 24, 24)}
# The face is a small part of the skin's own layout: these knots give it three fifths of each axis.
_U_KNOTS = ((0.0, 0.12, 0.34, 0.68, 0.73, 1.0), (0.0, 0.06, 0.27, 0.84, 0.90, 1.0))
_V_KNOTS = ((0.0, 0.37, 0.63, 1.0), (0.0, 0.20, 0.80, 1.0))
# Chest and shoulders are a small patch in a corner of that layout: here is where, and it gets a strip of its own.
_TORSO_U, _TORSO_V = (0.74, 0.98), (0.025, 0.105)


def _placed(unit: NDArray[np.floating], place: tuple[int, int, int, int]) -> Array:
    """[n,2] atlas coordinates 0 to 1 of points 0 to 1 in a patch, half a texel inside its border."""
    x, y, width, height = place
    scale = np.array([(width - 1) / WIDTH, (height - 1) / HEIGHT], np.float32)
    origin = np.array([(x + 0.5) / WIDTH, (y + 0.5) / HEIGHT], np.float32)
    return np.asarray(np.clip(unit, 0.0, 1.0), np.float32) * scale + origin


def skin_uv(uv: Array) -> Array:
    """[n,2] from MakeHuman's skin layout (v up) to the atlas."""
    u, v = uv[:, 0], 1.0 - uv[:, 1]
    skin = _placed(np.stack([np.interp(u, *_U_KNOTS), np.interp(v, *_V_KNOTS)], 1), _SKIN)
    torso = np.stack([(u - _TORSO_U[0]) / np.ptp(_TORSO_U), (v - _TORSO_V[0]) / np.ptp(_TORSO_V)], 1)
    is_torso = (u > _TORSO_U[0]) & (v < _TORSO_V[1] + 0.01)
    return np.where(is_torso[:, None], _placed(torso, _TORSO), skin)


def worn_uv(part: str, position: Array) -> Array:
    """[n,2] atlas coordinates of eyes, teeth or tongue, seen from the front (the tongue from above), at rest."""
    if part == "eyes":
        return _placed(_eyes(position), _PLACE["eyes"])
    axes = position[:, [0, 2]] if part == "tongue" else position[:, [0, 1]]
    low, high = axes.min(0), axes.max(0)
    return _placed((axes - low) / (high - low), _PLACE[part])


def _eyes(position: Array) -> NDArray[np.float64]:
    """[n,2] each eyeball's front in one half of the patch; the angle from the pupil is the radius."""
    unit = np.empty((len(position), 2))
    for is_side, x in ((position[:, 0] >= 0, 0.25), (position[:, 0] < 0, 0.75)):
        ball = position[is_side]
        away = ball - (ball.min(0) + ball.max(0)) / 2.0
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        angle = np.arccos(np.clip(away[:, 2], -1.0, 1.0)) / (0.6 * np.pi)
        flat = away[:, :2] / (np.linalg.norm(away[:, :2], axis=1, keepdims=True) + 1e-9)
        unit[is_side] = np.array([x, 0.5]) + flat * angle[:, None] * (0.24, 0.48)
    return unit
