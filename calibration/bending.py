"""A bend of space that brings some points to others and is smooth elsewhere: a thin-plate spline in space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]


@dataclass(frozen=True)
class Bend:
    """x → x + what a spline with the kernel |x - centre| says (Duchon 1977: the least bent in three dimensions)."""

    centre: Wide  # [K,3]
    weight: Wide  # [K,3]
    affine: Wide  # [4,3]

    def bent(self, point: Wide) -> Wide:
        """[N,3] where points go."""
        return point + _distance(point, self.centre) @ self.weight + _with_one(point) @ self.affine

    @classmethod
    def between(cls, these: Wide, those: Wide, smoothness: float) -> Bend:
        """The bend that brings these [K,3] near to those: the nearer, the smaller `smoothness` is."""
        count = len(these)
        system = np.zeros((count + 4, count + 4))
        system[:count, :count] = _distance(these, these) - smoothness * np.eye(count)
        system[:count, count:] = _with_one(these)
        system[count:, :count] = _with_one(these).T
        solved = np.linalg.solve(system, np.concatenate([those - these, np.zeros((4, 3))]))
        return cls(these, solved[:count], solved[count:])


def _distance(these: Wide, those: Wide) -> Wide:
    squared = (these**2).sum(1)[:, None] + (those**2).sum(1) - 2.0 * these @ those.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def _with_one(point: Wide) -> Wide:
    return np.concatenate([point, np.ones((len(point), 1))], 1)


def spread(point: Wide, count: int) -> NDArray[np.int64]:
    """[count] rows of points that lie as far from each other as can be, beginning with the first."""
    chosen = np.zeros(min(count, len(point)), np.int64)
    away = ((point - point[0]) ** 2).sum(1)
    for row in range(1, len(chosen)):
        chosen[row] = away.argmax()
        away = np.minimum(away, ((point - point[chosen[row]]) ** 2).sum(1))
    return chosen
