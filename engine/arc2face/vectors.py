"""The 55 numbers of the expression adapter: FLAME 2020's expression [50], eyelids [2] and jaw [3]."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import EXPRESSION_SIZE, FLAME_BASIS, OPEN_BASIS, Array, FlameParams
from ..face.flame_vectors import EYELIDS, JAW_OPEN, VECTOR_SIZE, VectorError, read_vectors

JAW_ASIDE = slice(JAW_OPEN + 1, VECTOR_SIZE)  # radians
JAW_ASIDE_MOST = 0.2  # as the adapter was trained
ToFlame = Callable[[FlameParams], FlameParams]

_NUDGE = 1e-3  # radians by which the jaw opens in a vector that would be all zero; invisible
_JAW_OPEN_MOST, _EXPRESSION_MOST = 0.5, 20.0  # at rest: radians, and standard deviations


def _stand_in() -> Array:
    neutral = np.zeros(VECTOR_SIZE, np.float32)
    neutral[EYELIDS], neutral[JAW_OPEN] = 0.05, 0.01
    neutral.flags.writeable = False
    return neutral


# A face at rest until the user measures one: lids and jaw not quite at zero. It was not measured on any face, and not
# verified with the published weights.
STAND_IN_NEUTRAL: Array = _stand_in()


def vector_of(params: FlameParams, neutral: Array, to_flame: ToFlame | None = None) -> Array:
    """[55] this face for the adapter, within the bounds of its training.

    A face in the open basis is mapped by `to_flame` and added to `neutral`; one in FLAME 2020's basis stays unchanged.
    The result is never all zeros, which mean "unspecified" to the adapter. ValueError for another basis.
    """
    if params.basis == OPEN_BASIS and to_flame is not None:
        vector = bounded(neutral + _row(to_flame(params)))
    elif params.basis == FLAME_BASIS:
        vector = bounded(_row(params))
    else:
        raise ValueError(f'the adapter reads the bases "{FLAME_BASIS}" and "{OPEN_BASIS}", not "{params.basis}"')
    if not vector.any():
        vector[JAW_OPEN] = _NUDGE
    return vector


def _row(params: FlameParams) -> Array:
    return np.concatenate([params.expression, params.eyelids, params.jaw_pose])


def bounded(vector: Array) -> Array:
    """[55] the vector, clipped to the bounds of the adapter's training."""
    within = vector.astype(np.float32)
    within[EYELIDS] = np.clip(within[EYELIDS], 0.0, 1.0)
    within[JAW_OPEN] = max(float(within[JAW_OPEN]), 0.0)
    within[JAW_ASIDE] = np.clip(within[JAW_ASIDE], -JAW_ASIDE_MOST, JAW_ASIDE_MOST)
    return within


def read_neutral(path: Path) -> Array:
    """[55] the mean of the rows in a file; VectorError if that cannot be a face at rest."""
    neutral: Array = read_vectors(path).astype(np.float64).mean(0).astype(np.float32)
    _within(path, "eyelids", neutral[EYELIDS], 0.0, 1.0)
    _within(path, "the jaw's opening", neutral[JAW_OPEN], 0.0, _JAW_OPEN_MOST)
    _within(path, "the jaw's sideways turn", neutral[JAW_ASIDE], -JAW_ASIDE_MOST, JAW_ASIDE_MOST)
    _within(path, "expression", neutral[:EXPRESSION_SIZE], -_EXPRESSION_MOST, _EXPRESSION_MOST)
    if not neutral.any():
        raise VectorError(f'{path} is all zeros, which mean "unspecified" to the adapter: measure a face at rest')
    return neutral


def _within(path: Path, what: str, values: NDArray[np.float32], least: float, most: float) -> None:
    outside = np.atleast_1d(values)[(np.atleast_1d(values) < least) | (np.atleast_1d(values) > most)]
    if len(outside):
        raise VectorError(f"{path}: {what} at rest must be from {least:g} to {most:g}, got {outside[0]:.3g}")
