"""Turning, sizing and moving one set of points onto another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]


@dataclass(frozen=True)
class Similarity3:
    """x → scale · turn x + shift."""

    scale: float
    turn: Wide  # [3,3]
    shift: Wide  # [3]

    def moved(self, point: Wide) -> Wide:
        """[N,3] where points go."""
        return np.asarray(self.scale * point @ self.turn.T + self.shift)

    def turned(self, step: Wide) -> Wide:
        """[N,3] what becomes of ways from one point to another."""
        return np.asarray(self.scale * step @ self.turn.T)

    def after(self, first: Similarity3) -> Similarity3:
        """`first`, and then this one."""
        return Similarity3(self.scale * first.scale, self.turn @ first.turn, self.moved(first.shift[None])[0])

    def inverse(self) -> Similarity3:
        return Similarity3(1.0 / self.scale, self.turn.T, -(self.shift @ self.turn) / self.scale)

    @classmethod
    def between(cls, these: Wide, those: Wide, weight: Wide) -> Similarity3:
        """The one that brings these [N,3] nearest to those, each pair counting so much (Umeyama 1991)."""
        share = weight / weight.sum()
        middle, goal = share @ these, share @ those
        away, there = these - middle, those - goal
        u, spread, vt = np.linalg.svd((there * share[:, None]).T @ away)
        sign = np.array([1.0, 1.0, np.linalg.det(u) * np.linalg.det(vt)])
        turn = (u * sign) @ vt
        scale = float((spread * sign).sum() / (share @ (away**2).sum(1)))
        return cls(scale, turn, goal - scale * turn @ middle)

    @classmethod
    def to_eyes(cls, eyes: Wide) -> Similarity3:
        """Into the frame of these eyes [2,3] (left, right): from their middle, as wide apart as 1, x to the left.

        What is up stays as near to y as that leaves it.
        """
        across = eyes[0] - eyes[1]
        apart = float(np.linalg.norm(across))
        x = across / apart
        z = np.cross(x, (0.0, 1.0, 0.0))
        z /= np.linalg.norm(z)
        turn = np.stack([x, np.cross(z, x), z])
        return cls(1.0 / apart, turn, -(turn @ eyes.mean(0)) / apart)
