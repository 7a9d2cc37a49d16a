"""What a cel shader makes of a light: two tones, the direction of the key and a rim, all from its 27 harmonics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.engine.face.light import basis
from omote.engine.training.faces.light import Light, studio

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

_COSINE = np.repeat([1.0, 2.0 / 3.0, 0.25], [1, 3, 5])  # a clamped cosine in harmonics (Ramamoorthi and Hanrahan 2001)
_GAMMA = 1.0 / 2.2
_RIM, _RIM_GAIN = 0.10, 0.22


@dataclass(frozen=True)
class Cel:
    """The two tones that a light gives."""

    toward: Array  # [3] unit vector to the key
    lit: Array  # [3] sRGB factor on a colour in the light
    shade: Array  # [3] sRGB factor in the shade, before the material's own tint
    rim: Array  # [3] sRGB colour added at the border that faces away from the key


def _arriving(harmonics: Array, direction: Wide) -> Wide:
    """[3] light on a surface that faces this way, not below a tenth of what arrives on average."""
    by_color = harmonics.reshape(3, 9).astype(np.float64)
    weight = basis(direction[None].astype(np.float32))[0].astype(np.float64) * _COSINE
    return np.asarray(np.maximum(by_color @ weight, 0.1 * by_color[:, 0] * weight[0]))


def _toward(harmonics: Array) -> Wide:
    """[3] where most light comes from: the gradient of the first band, by brightness; never from behind."""
    y, z, x = harmonics.reshape(3, 9)[:, 1:4].sum(0)
    z = max(float(z), 0.15 * float(np.hypot(x, y)))
    return np.asarray(np.array([x, y, z]) / (np.linalg.norm([x, y, z]) + 1e-9))


def _measured(light: Light) -> tuple[Wide, Wide, Wide, Wide]:
    """Direction of the key; light towards it, away from it, and from behind on the other side."""
    harmonics = light.harmonics()
    toward = _toward(harmonics)
    behind = np.array([-0.75 if toward[0] >= 0.0 else 0.75, 0.45, -0.48])
    average = harmonics.reshape(3, 9)[:, 0] * basis(toward[None].astype(np.float32))[0, 0]
    shade = 0.5 * (average + _arriving(harmonics, -toward))
    return toward, _arriving(harmonics, toward), shade, _arriving(harmonics, behind)


_, _STUDIO_LIT, _STUDIO_SHADE, _STUDIO_BEHIND = _measured(studio())


def cel(light: Light) -> Cel:
    """Reduces a light to two tones; the studio light leaves colours as they were painted."""
    toward, lit, shade, behind = _measured(light)
    rim = _RIM + _RIM_GAIN * np.maximum(behind / _STUDIO_BEHIND - 1.0, 0.0)
    return Cel(
        toward.astype(np.float32),
        np.clip((lit / _STUDIO_LIT) ** _GAMMA, 0.42, 1.06).astype(np.float32),
        np.clip((shade / _STUDIO_SHADE) ** _GAMMA, 0.34, 1.05).astype(np.float32),
        np.clip(rim, 0.0, 0.6).astype(np.float32),
    )
