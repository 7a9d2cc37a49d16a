"""What a cel shader makes of a light: two tones, the direction of the key and a rim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.engine.training.faces.light import KEY_SAMPLES, Light, studio

Array = NDArray[np.float32]

_BEHIND_Z = -0.2  # lights further back than this only make a rim


@dataclass(frozen=True)
class Cel:
    """The two tones that a light gives."""

    toward: Array  # [3] unit vector to the key
    lit: Array  # [3] sRGB factor on a colour in the light
    shade: Array  # [3] sRGB factor in the shade, before the material's own tint
    rim: Array  # [3] sRGB colour added at the border that faces away from the key


def _split(light: Light) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sums [3] of the key, of the room, and the brightest light from behind."""
    color = light.color.astype(np.float64)
    key, rest = color[:KEY_SAMPLES].sum(0), color[KEY_SAMPLES:]
    is_behind = light.direction[KEY_SAMPLES:, 2] < _BEHIND_Z
    strongest = rest[is_behind].max(0) if is_behind.any() else np.zeros(3)
    return key, rest[~is_behind].sum(0), strongest


_STUDIO_KEY, _STUDIO_ROOM, _STUDIO_BEHIND = _split(studio())


def cel(light: Light) -> Cel:
    """Reduces a light to two tones; the studio light leaves colours as they were painted."""
    key, room, behind = _split(light)
    weight = light.color[:KEY_SAMPLES].sum(1, keepdims=True)
    toward = (light.direction[:KEY_SAMPLES] * weight).sum(0)
    toward = toward / (np.linalg.norm(toward) + 1e-9)
    lit = ((key + room) / (_STUDIO_KEY + _STUDIO_ROOM)) ** 0.4545
    shade = ((0.35 * key + room) / (0.35 * _STUDIO_KEY + _STUDIO_ROOM)) ** 0.4545
    rim = 0.10 + 0.22 * np.maximum(behind - _STUDIO_BEHIND, 0.0)
    return Cel(
        np.asarray(toward, np.float32),
        np.clip(lit, 0.42, 1.12).astype(np.float32),
        np.clip(shade, 0.34, 1.08).astype(np.float32),
        np.clip(rim, 0.0, 0.6).astype(np.float32),
    )
