"""Photoreal networks without weights, whose pictures are known, and characters for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omote.engine.arc2face.networks import Networks
from omote.engine.arc2face.sampling import Plans, Step
from omote.engine.data import FLAME_BASIS, Array, BankRows, FlameParams, PhotorealCharacter
from omote.engine.face.fitting import Fitter
from omote.engine.face.flame_vectors import VECTOR_SIZE
from omote.engine.runtime.session import Feeds, Outputs

TOKENS, WIDTH = 2, 32
MODEL = "flat"


@dataclass
class FlatExpression:
    """Tokens that hold the face's vector as it is, then zeros."""

    name: str = "flat"

    def run(self, feeds: Feeds) -> Outputs:
        vector = feeds["vectors"]
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
    return Networks(FlatExpression(), FlatUNet(), FlatDecoder(), shapes, model, PLANS)


def to_flame(params: FlameParams) -> FlameParams:
    """The same numbers, labelled as FLAME's basis. A real map needs a FLAME file."""
    return replace(params, basis=FLAME_BASIS)


def _noise_in(x: Array, t: float, expression: Array) -> Array:
    clean = 0.5 * np.tanh(x) + np.float32(0.1) * expression.sum()
    signal, noise = _levels(int(t))
    return np.asarray((x - signal * clean) / noise, np.float32)


def _levels(timestep: int) -> tuple[float, float]:
    """a and b of x = a * clean + b * noise."""
    return 1.0 - timestep / 1000.0, timestep / 1000.0


def _plan(count: int) -> tuple[Step, ...]:
    """Clean at once, then noise again, as LCM steps; and the picture after the last."""
    times = [999 - 250 * number for number in range(count)]
    steps = []
    for now, then in zip(times, [*times[1:], None], strict=True):
        (a, b), (next_a, next_b) = _levels(now), (1.0, 0.0) if then is None else _levels(then)
        steps.append(Step(now, next_a / a, -next_a * b / a, next_b))
    return tuple(steps)


PLANS: Plans = {count: _plan(count) for count in (1, 2, 3, 4)}


_CORNERS = (362, 263), (133, 33)  # MediaPipe's numbers: the left eye's, then the right one's
_IRISES = slice(473, 478), slice(468, 473)
_IRIS = 0.2  # of an eye's width


def flat_character(name: str, size: int, seed: int = 0, sampler: str = "lcm") -> PhotorealCharacter:
    """Noise of this seed around the open head's points, without a bank."""
    source = np.random.default_rng(seed)
    return PhotorealCharacter(
        name=name,
        tokens=source.standard_normal((77, WIDTH), np.float32),
        empty=np.zeros((77, WIDTH), np.float32),
        noise=source.standard_normal((4, size // 8, size // 8), np.float32),
        neutral=np.full(55, 0.01, np.float32),
        is_neutral_measured=False,
        reference=np.zeros((size, size, 3), np.uint8),
        points=flat_points(size),
        bank=BankRows(),
        sampler=sampler,
        model=MODEL,
        parts=(),
        licence="none is needed",
        made_from=f"the seed {seed}",
        reference_scale=0.0,
    )


def flat_points(size: int, params: FlameParams | None = None) -> Array:
    """[478,2] MediaPipe's points on the open head's average face, by default at rest; irises in the eyes' middle."""
    points = np.zeros((478, 2), np.float32)
    points[:468] = Fitter().landmarks(np.zeros(100, np.float32), params or FlameParams.neutral(), size)
    around = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0], [0.0, 1.0]], np.float32)
    for (inner, outer), iris in zip(_CORNERS, _IRISES, strict=True):
        width = np.linalg.norm(points[inner] - points[outer])
        points[iris] = (points[inner] + points[outer]) / 2.0 + around * (_IRIS * width)
    return points
