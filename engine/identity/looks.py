"""How people look, texel by texel: for each hairstyle a base, and what skin, hair, iris, cloth and brows add to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.engine.face import atlas
from omote.engine.nouns import Array

from .wishes import COLOURS

Wide = NDArray[np.float64]

COARSE = 2  # texels of the atlas on a side of one texel here
_CERTAIN = 0.3  # how far a colour is from what it is in the mean, as a standard deviation
_NOISE = 0.15  # of a texel, -1 to 1, around what the colours explain


@dataclass(frozen=True)
class Look:
    """A hairstyle, by its number, and the colours [5,3] sRGB 0 to 1 in the order of `COLOURS`."""

    style: int
    colours: Wide


@dataclass(frozen=True)
class Looks:
    """Everybody's colours seen from the front, -1 to 1, on grey: linear in the five colours for each hairstyle."""

    styles: tuple[str, ...]  # [K] names; a style and its mirror image have the same
    is_mirrored: NDArray[np.bool_]  # [K]
    texel: NDArray[np.int64]  # [T] places in the coarse atlas that are seen from the front
    base: Wide  # [K,T,3]
    dye: Wide  # [K,5,T,3] what a colour adds
    usual: Wide  # [5,3] the mean of everybody's colours

    def painted(self, look: Look) -> Wide:
        """[T,3] how such a person looks."""
        dye = self.dye[look.style]
        return np.asarray(self.base[look.style] + np.einsum("mtc,mc->tc", dye, look.colours))

    def read(self, seen: Wide, weight: Wide) -> Look:
        """The hairstyle and the colours that explain best how someone looks [T,3]; `weight` [T] tells how well seen."""
        found = [self._explained(k, seen, weight) for k in range(len(self.styles))]
        best = int(np.argmin([cost for cost, _ in found]))
        return Look(best, found[best][1])

    def _explained(self, style: int, seen: Wide, weight: Wide) -> tuple[float, Wide]:
        """What is left unexplained, and the colours; Bayesian least squares around the usual ones."""
        cost, colours = 0.0, np.empty_like(self.usual)
        for c in range(3):
            dye = self.dye[style, :, :, c]
            rest = seen[:, c] - self.base[style, :, c] - self.usual[:, c] @ dye
            normal = (dye * weight) @ dye.T / _NOISE**2 + np.eye(len(COLOURS)) / _CERTAIN**2
            step = np.linalg.solve(normal, dye @ (weight * rest) / _NOISE**2)
            left = rest - step @ dye
            cost += float(weight @ left**2 / _NOISE**2 + step @ step / _CERTAIN**2)
            colours[:, c] = self.usual[:, c] + step
        return cost, np.clip(colours, 0.0, 1.0)

    def styled(self, look: Look, style: str) -> Look:
        """The same colours with this hairstyle, parted on the same side where it can be."""
        named = [k for k, name in enumerate(self.styles) if name == style]
        alike = [k for k in named if self.is_mirrored[k] == self.is_mirrored[look.style]]
        return Look((alike or named)[0], look.colours)

    def texels(self, picture: Array) -> Wide:
        """[T,C] the mean in each coarse texel of an atlas [C,256,128]."""
        channels = picture.shape[0]
        blocks = picture.reshape(channels, atlas.HEIGHT // COARSE, COARSE, atlas.WIDTH // COARSE, COARSE)
        return np.asarray(blocks.mean((2, 4), dtype=np.float64).reshape(channels, -1)[:, self.texel].T)

    def atlas(self, texels: Wide) -> Array:
        """[C,256,128] these [T,C] spread over the atlas, 0 elsewhere."""
        coarse = np.zeros((texels.shape[1], atlas.HEIGHT // COARSE * (atlas.WIDTH // COARSE)), np.float32)
        coarse[:, self.texel] = texels.T
        square = coarse.reshape(-1, atlas.HEIGHT // COARSE, atlas.WIDTH // COARSE)
        return square.repeat(COARSE, 1).repeat(COARSE, 2)
