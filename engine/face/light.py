"""Light on the face as 27 numbers: nine spherical harmonics of the incoming light for red, green and blue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omote.engine.nouns import LIGHT_SIZE

Array = NDArray[np.float32]

# Harmonics of the renderer's portrait set-up (a soft warm key at the upper right of the picture, a room around it),
# in the order 00, 1-1, 10, 11, 2-2, 2-1, 20, 21, 22; `tests/engine/test_light.py` holds them against the renderer.
_STUDIO = (
    (0.8883, 0.4971, 0.6300, 0.3518, 0.3085, 0.6781, 0.4362, 0.5678, 0.0886),
    (0.8771, 0.4845, 0.5995, 0.3354, 0.2928, 0.6525, 0.4157, 0.5394, 0.0912),
    (0.8716, 0.4717, 0.5612, 0.3149, 0.2728, 0.6222, 0.3901, 0.5035, 0.0964),
)


def studio_light() -> Array:
    """[27] portrait light: red's nine harmonics, then green's, then blue's, in the camera's frame (y up, z to it)."""
    return np.array(_STUDIO, np.float32).ravel()


def basis(direction: Array) -> Array:
    """[L,9] real spherical harmonics up to degree 2, in the order 00, 1-1, 10, 11, 2-2, 2-1, 20, 21, 22."""
    x, y, z = direction.T
    return np.stack(
        [
            np.full_like(x, 0.282095),
            0.488603 * y,
            0.488603 * z,
            0.488603 * x,
            1.092548 * x * y,
            1.092548 * y * z,
            0.315392 * (3.0 * z * z - 1.0),
            1.092548 * x * z,
            0.546274 * (x * x - y * y),
        ],
        axis=1,
    )


# How much of a harmonic of the incoming light reaches a matt surface: the clamped cosine's own harmonics.
_REACHING = np.array([np.pi] + [2.0 * np.pi / 3.0] * 3 + [np.pi / 4.0] * 5, np.float32)


def irradiance(light: Array, normal: Array) -> Array:
    """[...,3] linear red, green, blue that light [27] sends onto surfaces with these unit normals [...,3]."""
    seen = (basis(normal.reshape(-1, 3)) * _REACHING) @ light.reshape(3, 9).T
    return np.asarray(seen.reshape(*normal.shape[:-1], 3), np.float32)


def mirrored_light(light: Array) -> Array:
    """[27] the light in the mirrored picture."""
    harmonics = light.reshape(3, 9).copy()
    harmonics[:, [3, 4, 7]] *= -1.0  # those that are odd in x
    return harmonics.ravel()


def softened(light: Array, share: float) -> Array:
    """[27] the light with so much (0 to 1) of its direction, at the same strength."""
    harmonics = light.reshape(3, 9).copy()
    harmonics[:, 1:4] *= share
    harmonics[:, 4:] *= share * share
    return harmonics.ravel()


def checked_light(light: Array) -> Array:
    """The same light; ValueError unless it is [27] finite harmonics."""
    if light.shape != (LIGHT_SIZE,) or not np.isfinite(light).all():
        raise ValueError(f"light must be [{LIGHT_SIZE}] finite harmonics, got {list(light.shape)}")
    return light


_STRENGTHS = 0.05, 3.0  # of a channel's first harmonic: about what the training pictures have, and some more
# How much of a harmonic light can have for 1 of its first: all from one side. A game's probe may say more, or less than
# nothing; the network has seen no such light.
_MOST = np.sqrt(np.array([1, 3, 3, 3, 5, 5, 5, 5, 5], np.float32))


def possible(light: Array) -> Array:
    """Light [27] held to what light can be, and to strengths that the network has seen; ordinary light is unchanged."""
    harmonics = light.reshape(3, 9)
    base = np.clip(harmonics[:, :1], *_STRENGTHS)
    held = np.clip(harmonics, -_MOST * base, _MOST * base)
    held[:, :1] = base
    return np.asarray(held.ravel(), np.float32)


class Dimmer:
    """One light that goes over to another without a jump: told from any thread, asked by the one that draws."""

    def __init__(self, light: Array) -> None:
        self._change = (light, light, 0, 0)  # from, to, beginning and end in ns: replaced as a whole

    @property
    def light(self) -> Array:
        """[27] the one that is shown, or gone over to."""
        return self._change[1]

    def turn_to(self, light: Array, now_ns: int, within_s: float = 0.0) -> None:
        """Goes over to this light [27], from what is shown now."""
        self._change = (self.at(now_ns), light, now_ns, now_ns + round(within_s * 1e9))

    def at(self, now_ns: int) -> Array:
        """[27] what is shown at this moment."""
        before, after, begin_ns, end_ns = self._change
        # A thread may have read the clock before another turned to this light.
        if now_ns >= end_ns or begin_ns == end_ns:
            return after
        share = np.float32(max(now_ns - begin_ns, 0) / (end_ns - begin_ns))
        return np.asarray((1 - share) * before + share * after, np.float32)
