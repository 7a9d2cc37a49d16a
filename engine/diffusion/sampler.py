"""Few-step sampling: from fixed noise to a picture in one, two or four calls of the denoiser. NumPy only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
STEPS = (1, 2, 4)
_NOISE_SEED = 20261121


def fixed_noise(size: int) -> Array:
    """[1,4,S,S] the same normal noise for everybody, always: a still face gives a still picture."""
    return np.random.default_rng(_NOISE_SEED).standard_normal((1, 4, size, size), np.float32)


def premultiplied(straight: Array) -> Array:
    """RGBA in -1..1 with the colour faded to black where it is transparent: what noise is added to."""
    clipped = np.clip(straight, -1.0, 1.0)
    alpha = clipped[:, 3:] * 0.5 + 0.5
    return np.concatenate([(clipped[:, :3] * 0.5 + 0.5) * alpha * 2.0 - 1.0, clipped[:, 3:]], 1)


def sample(denoise: Callable[[Array, Array], Array], noise: Array, steps: int) -> Array:
    """[B,4,S,S] straight RGBA in -1..1. `denoise(x, t)` is D; t [B] falls evenly from 1 (pure noise).

    Each further step goes back to t along the straight path between noise and clean picture, with the
    same noise, so the picture stays a function of what it is conditioned on.
    """
    drawn = denoise(noise, np.ones(len(noise), np.float32))
    for step in range(1, steps):
        t = np.float32(1.0 - step / steps)
        drawn = denoise((1.0 - t) * premultiplied(drawn) + t * noise, np.full(len(noise), t, np.float32))
    return drawn
