"""A photoreal character of nobody, for the networks without weights."""

from __future__ import annotations

import numpy as np

from omote.engine.diffusion.schedule import FewStep
from omote.engine.face.fitting import Fitter
from omote.engine.nouns import Array, BankRows, FlameParams, PhotorealCharacter

from .flat_networks import MODEL, WIDTH

_CORNERS = (362, 263), (133, 33)  # MediaPipe's numbers: the left eye's, then the right one's
_IRISES = slice(473, 478), slice(468, 473)
_IRIS = 0.2  # of an eye's width


def flat_character(name: str, size: int, seed: int = 0, sampler: FewStep = "lcm") -> PhotorealCharacter:
    """Noise of this seed around the open head's points, without a bank."""
    source = np.random.default_rng(seed)
    return PhotorealCharacter(
        name=name,
        tokens=source.standard_normal((77, WIDTH), np.float32),
        noise=source.standard_normal((4, size // 8, size // 8), np.float32),
        neutral=np.full(55, 0.01, np.float32),
        is_neutral_measured=False,
        reference=np.zeros((size, size, 3), np.uint8),
        points=_points(size),
        bank=BankRows(),
        sampler=sampler,
        model=MODEL,
        parts=(),
        licence="none is needed",
        made_from=f"the seed {seed}",
    )


def _points(size: int) -> Array:
    """[478,2] MediaPipe's points on the open head's average face."""
    fitter = Fitter()
    points = np.zeros((478, 2), np.float32)
    points[:468] = fitter.landmarks(np.zeros(100, np.float32), FlameParams.neutral(), size)
    for (inner, outer), iris in zip(_CORNERS, _IRISES, strict=True):
        around = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0], [0.0, 1.0]], np.float32)
        width = np.linalg.norm(points[inner] - points[outer])
        points[iris] = (points[inner] + points[outer]) / 2.0 + around * (_IRIS * width)
    return points
