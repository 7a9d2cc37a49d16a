"""Anchor expressions of one character, which all its live pictures read: the consistent attention of GEN-AFFECT, live.

In GEN-AFFECT (arXiv 2508.09461) pictures of a set read each other while they are drawn. Live there is one picture at a
time; so what a few expressions hold at the first step, where all pictures of a character begin from the same noise, is
kept with it as further rows of its bank.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .bank import Bank, bank_of
from .pipeline import Arc2Face, Numbers

EVERY = 2  # of rows and of columns: four anchors take as much time as one picture


@torch.no_grad()
def anchor_bank(
    arc: Arc2Face, tokens: Numbers, vectors: Numbers, noise: Numbers, timestep: int, bank: Bank | None = None
) -> Bank:
    """The rows of expressions [N,55], one after the other, as pictures that themselves read `bank` hold them.

    tokens [1,77,D]; noise [4,h,h] is what pictures of this character begin from, at the first step's timestep.
    """
    wanted = torch.as_tensor(vectors).to(arc.device, arc.dtype)
    count = len(wanted)
    x = torch.as_tensor(noise).to(arc.device, arc.dtype).expand(count, -1, -1, -1)
    identity = torch.as_tensor(tokens).to(arc.device, arc.dtype).expand(count, -1, -1)
    t = torch.full((count,), float(timestep), device=arc.device)
    written = arc.unet.written(x, t, identity, arc.adapter(wanted), bank)
    return bank_of(arc.unet, [_thinned(rows) for rows in written])


def _thinned(rows: Tensor) -> Tensor:
    """[1,T,C] every second row and column of square pictures [N,h*h,C], all in a row."""
    side = math.isqrt(rows.shape[1])
    grid = rows.reshape(len(rows), side, side, -1)[:, ::EVERY, ::EVERY]
    return grid.reshape(1, -1, rows.shape[2])
