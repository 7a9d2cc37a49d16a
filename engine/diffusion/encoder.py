"""The identity encoder: pictures of a person → identity and rows for the bank; and what completes their texture."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from omote.engine.face import atlas
from omote.engine.face.maps import CHANNELS as GEOMETRY

from .denoiser import Block, Shape
from .norm import GroupNorm


def _norm(channels: int) -> GroupNorm:
    return GroupNorm(channels // 16, channels)


class Residual(nn.Module):
    """Two convolutions with a residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_in, self.norm = _norm(width), _norm(width)
        self.conv_in = nn.Conv2d(width, width, 3, padding=1)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.conv_in(F.silu(self.norm_in(x)))
        h = self.conv(F.silu(self.norm(h)))
        return x + h


class Encoder(nn.Module):
    """Who is in a picture: identity [B,64], rows of the bank [B,256,128] and attributes [B,A]."""

    def __init__(self, shape: Shape, attributes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3 * 16 + GEOMETRY * 4, 48, 3, padding=1)  # 64 squares on a side
        self.fine = Residual(48)
        self.middle = nn.Sequential(nn.Conv2d(48, 96, 3, stride=2, padding=1), Residual(96))
        self.coarse = nn.Sequential(nn.Conv2d(96, 144, 3, stride=2, padding=1), Residual(144), Residual(144))
        self.rows = nn.Sequential(nn.LayerNorm(144), nn.Linear(144, shape.bank))
        self.whole = nn.Sequential(nn.Conv2d(144, 192, 3, stride=2, padding=1), Residual(192))
        self.gather = nn.Conv2d(192, 4, 1)  # where to look, four ways
        self.identity = nn.Sequential(
            nn.LayerNorm(4 * 192), nn.Linear(4 * 192, 256), nn.SiLU(), nn.Linear(256, shape.identity)
        )
        self.attributes = nn.Linear(shape.identity, attributes)

    def forward(self, picture: Tensor, geometry: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`picture` [B,3,256,256] sRGB -1 to 1 on any ground; `geometry` [B,10,128,128] the maps of its face."""
        h = self.stem(torch.cat([F.pixel_unshuffle(picture, 4), F.pixel_unshuffle(geometry, 2)], 1))
        h = self.coarse(self.middle(self.fine(h)))
        rows = self.rows(h.flatten(2).transpose(1, 2))
        h = self.whole(h)
        share = self.gather(h).flatten(2).softmax(-1)  # [B,4,64]
        identity = self.identity((share @ h.flatten(2).transpose(1, 2)).flatten(1))
        return identity, rows, self.attributes(identity)


class Completion(nn.Module):
    """A whole texture [B,16,256,128] from the texels that pictures showed [B,4,256,128] and the identity [B,64].

    Lifted texels are colours -1 to 1 times weight, then weight; all zero where nothing was seen.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        rows, columns = atlas.HEIGHT // 4, atlas.WIDTH // 4
        self.texture = shape.texture
        self.common = nn.Parameter(0.02 * torch.randn(shape.texture, atlas.HEIGHT, atlas.WIDTH))
        self.place = nn.Parameter(0.1 * torch.randn(48, rows, columns))
        self.cond = nn.Sequential(nn.Linear(shape.identity, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU())
        self.stem = nn.Conv2d(4 * 16, 48, 3, padding=1)
        self.down = nn.ModuleList([Block(48, 128), _halved(48, 80), Block(80, 128), _halved(80, 112)])
        self.deep = nn.ModuleList([Block(112, 128), Block(112, 128)])
        self.up = nn.ModuleList([nn.Conv2d(112, 80, 1), Block(80, 128), nn.Conv2d(80, 48, 1), Block(48, 128)])
        self.out = nn.Conv2d(48, shape.texture * 16, 3, padding=1)
        self.near = nn.Sequential(nn.Conv2d(4, 16, 3, padding=1), nn.SiLU(), nn.Conv2d(16, shape.texture, 3, padding=1))
        for last in (self.out, cast(nn.Conv2d, self.near[2])):
            nn.init.normal_(last.weight, std=1e-3)
            nn.init.zeros_(cast(Tensor, last.bias))

    def forward(self, lifted: Tensor, identity: Tensor) -> Tensor:
        cond = self.cond(identity)
        h = self.stem(F.pixel_unshuffle(lifted, 4)) + self.place
        fine = self.down[0](h, cond)
        middle = self.down[2](self.down[1](fine), cond)
        h = self.down[3](middle)
        for block in self.deep:
            h = block(h, cond)
        h = self.up[1](_doubled(self.up[0](h)) + middle, cond)
        h = self.up[3](_doubled(self.up[2](h)) + fine, cond)
        texture: Tensor = self.common + F.pixel_shuffle(self.out(F.silu(h)), 4) + self.near(lifted)
        return texture


def _halved(width_in: int, width: int) -> nn.Conv2d:
    return nn.Conv2d(width_in, width, 3, stride=2, padding=1)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
