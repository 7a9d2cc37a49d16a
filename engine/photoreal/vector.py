"""The 55 numbers by which the expression adapter is told what a face does."""

from __future__ import annotations

import numpy as np

from ..data import EXPRESSION_SIZE, FLAME_BASIS, Array, FlameParams

VECTOR_SIZE = 55
EYELIDS = slice(EXPRESSION_SIZE, EXPRESSION_SIZE + 2)  # left, right, 0 to 1
JAW_OPEN = EXPRESSION_SIZE + 2  # radians, never below 0
JAW_ASIDE = slice(JAW_OPEN + 1, VECTOR_SIZE)  # radians
JAW_ASIDE_MOST = 0.2  # as the adapter was trained
_NUDGE = 1e-3  # radians by which the jaw of a face opens that would be all zero; nobody sees it


def _stand_in() -> Array:
    neutral = np.zeros(VECTOR_SIZE, np.float32)
    neutral[EYELIDS], neutral[JAW_OPEN] = 0.05, 0.01
    neutral.flags.writeable = False
    return neutral


# A face at rest until the user measures one: lids that are not quite up, a jaw that is not quite shut. Chosen only so
# as not to be zero, and small; not measured on any face, and not verified with the published weights.
STAND_IN_NEUTRAL: Array = _stand_in()


def vector_of(params: FlameParams, neutral: Array) -> Array:
    """[55] what the adapter is told for this face: `neutral` and what the face does besides, within its bounds.

    The jaw opens and never closes further than shut, and goes 0.2 radians aside at most; lids stay within 0 and 1.
    The adapter takes all zeros for "say nothing about the expression", so these never come out. ValueError where
    `params` are in another basis than FLAME 2020's, or `neutral` is not [55].
    """
    if params.basis != FLAME_BASIS:
        raise ValueError(f'the expression adapter speaks the basis "{FLAME_BASIS}", these parameters "{params.basis}"')
    if neutral.shape != (VECTOR_SIZE,):
        raise ValueError(f"a neutral must be [{VECTOR_SIZE}], got {list(neutral.shape)}")
    vector = bounded(neutral + np.concatenate([params.expression, params.eyelids, params.jaw_pose]))
    if not vector.any():
        vector[JAW_OPEN] = _NUDGE
    return vector


def bounded(vector: Array) -> Array:
    """[55] the same within the bounds in which the adapter was trained."""
    within = vector.astype(np.float32)
    within[EYELIDS] = np.clip(within[EYELIDS], 0.0, 1.0)
    within[JAW_OPEN] = max(float(within[JAW_OPEN]), 0.0)
    within[JAW_ASIDE] = np.clip(within[JAW_ASIDE], -JAW_ASIDE_MOST, JAW_ASIDE_MOST)
    return within
