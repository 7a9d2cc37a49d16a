"""What the denoiser is told besides the maps: FLAME parameters as one row of numbers of like size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omote.engine.nouns import EXPRESSION_SIZE, OPEN_BASIS, FlameParams

FACE_SIZE = 64
# Radians of jaw, neck and eyes are small beside expression coefficients; these bring them to about 1.
_SCALE = np.concatenate([np.ones(EXPRESSION_SIZE), np.full(3, 4.0), np.full(3, 3.0), np.full(6, 3.0), np.full(2, 2.0)])


def face_row(params: FlameParams) -> NDArray[np.float32]:
    """[64] expression, jaw, neck, eyes and eyelids, scaled; ValueError where they speak another basis."""
    if params.basis != OPEN_BASIS:
        raise ValueError(f'this model speaks the basis "{OPEN_BASIS}", these parameters "{params.basis}"')
    return np.asarray(params.vector()[:FACE_SIZE] * _SCALE, np.float32)
