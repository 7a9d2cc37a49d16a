"""The motion extractor: ConvNeXt V2 tiny (Woo et al. 2023, arXiv 2301.00808) from a 256x256 picture to a row."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KEYPOINTS = 21
_BINS = 66  # of pitch, yaw and roll each
# Keypoints and their displacement, scale, three angles in bins, translation.
_TOLD = 2 * 3 * KEYPOINTS + 1 + 3 * _BINS + 3
_WIDTHS, _BLOCKS = (96, 192, 384, 768), (3, 3, 9, 3)
_EPS = 1e-6


class Norm(nn.LayerNorm):
    """Over the channels of each pixel of [B,C,H,W]."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=_EPS)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """A wide convolution in depth, then two layers a pixel with global response normalisation between."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depth = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=_EPS)
        self.rise, self.fall = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gain = nn.Parameter(torch.zeros(1, 1, 1, 4 * width))
        self.offset = nn.Parameter(torch.zeros(1, 1, 1, 4 * width))

    def forward(self, x: Tensor) -> Tensor:
        h = F.gelu(self.rise(self.norm(self.depth(x).permute(0, 2, 3, 1))))
        strength = torch.linalg.vector_norm(h, dim=(1, 2), keepdim=True)
        response = h * (strength / (strength.mean(-1, keepdim=True) + _EPS))
        told: Tensor = self.fall(self.gain * response + self.offset + h)
        return x + told.permute(0, 3, 1, 2)


class Motion(nn.Module):
    """[B,3,256,256] → [B,328]; the heads, of one layer each, are one matrix here."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, _WIDTHS[0], 4, stride=4), Norm(_WIDTHS[0])]
        for level, (width, blocks) in enumerate(zip(_WIDTHS, _BLOCKS, strict=True)):
            if level:
                layers += [Norm(_WIDTHS[level - 1]), nn.Conv2d(_WIDTHS[level - 1], width, 2, stride=2)]
            layers += [Block(width) for _ in range(blocks)]
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(_WIDTHS[-1], eps=_EPS)
        self.heads = nn.Linear(_WIDTHS[-1], _TOLD)

    def forward(self, picture: Tensor) -> Tensor:
        told: Tensor = self.heads(self.norm(self.layers(picture).mean((2, 3))))
        return told
