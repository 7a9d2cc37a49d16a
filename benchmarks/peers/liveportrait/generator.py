"""The generator: residual blocks with SPADE (Park et al. 2019, arXiv 1903.07291), features 256x64x64 to 512x512 RGB.

The published one recomputes a spectral norm of its weights at each call, this one does not: that is in its favour.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEATURES = 256
_HIDDEN = 128
_SLOPE = 0.2


class Spade(nn.Module):
    """An instance norm scaled and shifted by what the features say at each pixel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.read = nn.Conv2d(FEATURES, _HIDDEN, 3, padding=1)
        self.scale = nn.Conv2d(_HIDDEN, width, 3, padding=1)
        self.shift = nn.Conv2d(_HIDDEN, width, 3, padding=1)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        told = F.relu(self.read(F.interpolate(features, size=x.shape[2:], mode="nearest")))
        scaled: Tensor = F.instance_norm(x) * (1.0 + self.scale(told)) + self.shift(told)
        return scaled


class Residual(nn.Module):
    """Two convolutions, each after a SPADE; where the width changes, the shortcut has both as well."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        least = min(width_in, width)
        self.norm_in, self.norm = Spade(width_in), Spade(least)
        self.conv_in = nn.Conv2d(width_in, least, 3, padding=1)
        self.conv = nn.Conv2d(least, width, 3, padding=1)
        self.changes = width_in != width
        if self.changes:
            self.norm_short, self.short = Spade(width_in), nn.Conv2d(width_in, width, 1, bias=False)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        h: Tensor = self.conv_in(F.leaky_relu(self.norm_in(x, features), _SLOPE))
        h = self.conv(F.leaky_relu(self.norm(h, features), _SLOPE))
        kept: Tensor = self.short(self.norm_short(x, features)) if self.changes else x
        return kept + h


class Generator(nn.Module):
    """[1,256,64,64] → [1,3,512,512] in 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(FEATURES, 2 * FEATURES, 3, padding=1)
        self.middle = nn.ModuleList([Residual(2 * FEATURES, 2 * FEATURES) for _ in range(6)])
        self.up = nn.ModuleList([Residual(2 * FEATURES, FEATURES), Residual(FEATURES, 64)])
        self.paint = nn.Conv2d(64, 3 * 4, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        x = self.stem(features)
        for block in self.middle:
            x = block(x, features)
        for block in self.up:
            x = block(F.interpolate(x, scale_factor=2.0, mode="nearest"), features)
        return torch.sigmoid(F.pixel_shuffle(self.paint(F.leaky_relu(x, _SLOPE)), 2))
