"""Networks without weights, for trying and testing whatever stands around them: what they draw is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.engine.diffusion.schedule import signal_and_noise
from omote.engine.runtime.session import Feeds, Outputs

from .networks import Networks
from .vector import VECTOR_SIZE

Array = NDArray[np.float32]
TOKENS, WIDTH = 2, 32
MODEL = "flat"


@dataclass
class FlatExpression:
    """Tokens that hold the face's vector as it is, then zeros."""

    name: str = "flat"

    def run(self, feeds: Feeds) -> Outputs:
        vector = feeds["vector"]
        tokens = np.zeros((len(vector), TOKENS * WIDTH), np.float32)
        tokens[:, :VECTOR_SIZE] = vector
        return {"tokens": tokens.reshape(len(vector), TOKENS, WIDTH)}


@dataclass
class FlatUNet:
    """Each latent is seen as half of what it is, softly held below 1, and the sum of its own face a tenth brighter."""

    name: str = "flat"
    calls: int = 0

    def run(self, feeds: Feeds) -> Outputs:
        self.calls += 1
        rows = zip(feeds["x"], feeds["t"], feeds["expression"], strict=True)
        return {"eps": np.stack([_noise_in(x, float(t), expression) for x, t, expression in rows])}


@dataclass
class FlatDecoder:
    """The first three latents are red, green and blue, each eight pixels wide and high."""

    name: str = "flat"

    def run(self, feeds: Feeds) -> Outputs:
        pixels = feeds["latents"][:, :3].repeat(8, 2).repeat(8, 3) * np.float32(127.5) + np.float32(128.0)
        levels: NDArray[np.uint8] = np.clip(pixels, 0.0, 255.0).astype(np.uint8)
        return {"pixels": levels.transpose(0, 2, 3, 1)}


def flat_networks(size: int, batch: int = 1, model: str = MODEL) -> Networks:
    """For pictures of so many pixels on a side, so many at once, of characters without a bank."""
    side = size // 8
    shapes = {
        "x": (batch, 4, side, side),
        "t": (batch,),
        "tokens": (batch, 77, WIDTH),
        "expression": (batch, TOKENS, WIDTH),
        "scale": (1,),
    }
    return Networks(FlatExpression(), FlatUNet(), FlatDecoder(), shapes, model)


def _noise_in(x: Array, t: float, expression: Array) -> Array:
    clean = 0.5 * np.tanh(x) + np.float32(0.1) * expression.sum()
    signal, noise = signal_and_noise(int(t))
    return np.asarray((x - signal * clean) / noise, np.float32)
