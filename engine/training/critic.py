"""The critic: tells rendered details from drawn ones, so that what is painted gets texture and not the mean of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from omote.engine.face.correspondence import GEOMETRY, GRID

SIDE = 128  # pixels on a side of what it judges, of a picture of 512
_CELLS = SIDE * GRID // 512
_MOUTH, _EYES, _HIDDEN = 0.4, 0.2, 0.25  # of what it judges; the rest lies anywhere on the figure
_PENALTY = 0.03


class Critic(nn.Module):
    """How real each part of a picture looks, given the geometry that it shows."""

    def __init__(self, widths: Sequence[int] = (32, 64, 128, 128)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.fine = nn.Sequential(
            nn.Conv2d(4, first, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(first, second, 4, 2, 1), nn.LeakyReLU(0.2)
        )
        self.coarse = nn.Sequential(
            nn.Conv2d(second + GEOMETRY, third, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(third, fourth, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(fourth, 1, 3, 1, 1),
        )

    def forward(self, picture: Tensor, geometry: Tensor) -> Tensor:
        """[B,1,8,8] logits of premultiplied RGBA [B,4,128,128] on its geometry [B,12,32,32]."""
        scored: Tensor = self.coarse(torch.cat([self.fine(picture * 2.0 - 1.0), geometry], 1))
        return scored


class Patches(NamedTuple):
    """Where the critic looks in each picture."""

    top: list[int]  # cells
    left: list[int]

    def of(self, picture: Tensor, within: tuple[int, int, int] = (0, 0, GRID)) -> Tensor:
        """The parts of pictures or maps [B,C,S,S] that show these cells: first row, first column, and how many."""
        first_row, first_column, cells = within
        scale = picture.shape[-1] // cells
        side = _CELLS * scale
        at = [((t - first_row) * scale, (k - first_column) * scale) for t, k in zip(self.top, self.left, strict=True)]
        return torch.stack([one[:, t : t + side, k : k + side] for one, (t, k) in zip(picture, at, strict=True)])


def patches_of(geometry: Tensor, seen: Tensor, rng: np.random.Generator, within: tuple[int, int, int]) -> Patches:
    """Where to look, mostly at what has to be painted: the open mouth, the eyes, and what no reference has `seen`.

    `geometry` [B,12,G,G] is that of the pictures, `seen` [B,G,G] is 0 to 1; `within` is the first row, the first column
    and the number of cells on a side of what is drawn at all.
    """
    first_row, first_column, cells = within
    inner = (slice(None), slice(first_row, first_row + cells), slice(first_column, first_column + cells))
    covered, eyes, mouth = (geometry[:, k][inner].cpu().numpy() > 0.5 for k in (6, 7, 8))
    hidden = covered & (seen[inner].cpu().numpy() < 0.2)
    tops, lefts = [], []
    for n in range(len(geometry)):
        kind = rng.random()
        masks = (mouth, eyes, hidden)
        limits = np.cumsum([_MOUTH, _EYES, _HIDDEN])
        chosen = next((mask[n] for mask, limit in zip(masks, limits, strict=True) if kind < limit), covered[n])
        row, column = _one_of(chosen if chosen.any() else covered[n], rng)
        tops.append(first_row + _held(row, cells))
        lefts.append(first_column + _held(column, cells))
    return Patches(tops, lefts)


def _one_of(mask: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int]:
    at = np.flatnonzero(mask)
    number = int(at[rng.integers(len(at))]) if len(at) else mask.size // 2
    return number // mask.shape[1], number % mask.shape[1]


def _held(middle: int, cells: int) -> int:
    return int(np.clip(middle - _CELLS // 2, 0, cells - _CELLS))


def preference(better: Tensor, worse: Tensor) -> Tensor:
    """How far the critic is from finding one better than the other (relativistic pairing, arXiv 2501.05441)."""
    return F.softplus(worse - better).mean()


def steepness(critic: Critic, picture: Tensor, geometry: Tensor) -> Tensor:
    """The penalty on how fast its logits change with a picture: R1 on the truth, R2 on what is drawn."""
    picture = picture.detach().requires_grad_()
    scored = critic(picture, geometry)
    (slope,) = torch.autograd.grad(scored.sum(), picture, create_graph=True)
    penalty: Tensor = 0.5 * _PENALTY * slope.square().sum() / scored.numel()
    return penalty
