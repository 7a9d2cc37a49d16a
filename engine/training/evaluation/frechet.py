"""The Fréchet distance of two sets of embeddings, each taken for a Gaussian cloud.

FID is this distance of Inception's 2048 features. Ours is of a face recogniser's: it says how alike two sets of faces
are, and no number of it may be held against a published FID.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]


@dataclass(frozen=True)
class Cloud:
    """A Gaussian."""

    mean: Wide  # [D]
    covariance: Wide  # [D,D]

    @classmethod
    def of(cls, embeddings: Wide) -> Self:
        """The one with the mean and covariance of the rows [n,D], two or more."""
        return cls(embeddings.mean(0), np.atleast_2d(np.cov(embeddings, rowvar=False)))


def frechet(a: Cloud, b: Cloud) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a^1/2 C_b C_a^1/2)^1/2); 0 for the same (Dowson and Landau, 1982)."""
    root = _root(a.covariance)
    shared = np.linalg.eigvalsh(root @ b.covariance @ root)
    apart = float(np.square(a.mean - b.mean).sum() + np.trace(a.covariance) + np.trace(b.covariance))
    return max(apart - 2.0 * float(np.sqrt(np.maximum(shared, 0.0)).sum()), 0.0)


def set_distance(ours: Wide, real: Wide) -> float:
    """Between the sets [n,D] and [m,D]; NaN where either has no more rows than columns, and so no full covariance."""
    if min(len(ours), len(real)) <= max(ours.shape[1], 1):
        return float("nan")
    return frechet(Cloud.of(ours), Cloud.of(real))


def _root(covariance: Wide) -> Wide:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
