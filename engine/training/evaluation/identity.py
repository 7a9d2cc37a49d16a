"""Whether a face stays the same person: distances of a recogniser's embeddings within and between characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float64]  # [n,D]


def distances(a: Embeddings, b: Embeddings) -> NDArray[np.float64]:
    """[n,m] Euclidean distances of the rows of [n,D] and [m,D]."""
    return np.asarray(np.linalg.norm(a[:, None] - b[None], axis=2))


def within(embeddings: Embeddings) -> NDArray[np.float64]:
    """[n(n-1)/2] distances of all pairs of rows."""
    return distances(embeddings, embeddings)[np.triu_indices(len(embeddings), 1)]


def cosines(a: Embeddings, b: Embeddings) -> NDArray[np.float64]:
    """[n,m] cosines of the angles between the rows of [n,D] and [m,D], none of which is zero."""
    one, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (a, b))
    return np.asarray(one @ other.T)


def spread(embeddings: Embeddings) -> float:
    """One less the mean cosine of all pairs of rows: 0 where all point one way; NaN of fewer than two."""
    if len(embeddings) < 2:
        return float("nan")
    return 1.0 - float(cosines(embeddings, embeddings)[np.triu_indices(len(embeddings), 1)].mean())


def auc(same: NDArray[np.float64], different: NDArray[np.float64]) -> float:
    """How often a pair of the same person is nearer than one of different people; a tie counts half.

    The area under the ROC curve: 1 separates, 0.5 guesses; NaN where either kind of pair is missing.
    """
    if not len(same) or not len(different):
        return float("nan")
    ordered = np.sort(different)
    farther = len(ordered) - np.searchsorted(ordered, same, "right")
    ties = np.searchsorted(ordered, same, "right") - np.searchsorted(ordered, same, "left")
    return float((farther + 0.5 * ties).mean() / len(ordered))


@dataclass(frozen=True)
class Separation:
    """How people are told apart, over all pairs of pictures."""

    same: float  # mean distance of two pictures of one person
    different: float  # mean distance of pictures of two people
    auc: float


def separation(people: Sequence[Embeddings], others: Sequence[Embeddings] = ()) -> Separation:
    """Pairs within each of `people` against pairs between them, and between them and the `others`."""
    same = [within(rows) for rows in people]
    different = [distances(a, b).ravel() for k, a in enumerate(people) for b in (*people[k + 1 :], *others)]
    near, far = (np.concatenate(parts) if parts else np.zeros(0) for parts in (same, different))
    return Separation(_mean(near), _mean(far), auc(near, far))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
