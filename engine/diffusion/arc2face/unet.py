"""The UNet of Stable Diffusion 1.5, which Arc2Face is: its parameters are called as in the published file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import Reading, Transformer, TransformerBlock
from .bank import Bank, Share
from .resnet import Downsample, Resnet, Upsample
from .unet_shape import Block, UNetShape

__all__ = ["Block", "UNet", "UNetShape"]


class UNet(nn.Module):
    """The noise in a latent picture. `load_state_dict` takes the published file as it is, before adapters are in."""

    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        self.shape = shape
        first, last = shape.channels[0], shape.channels[-1]
        self.conv_in = nn.Conv2d(shape.latent, first, 3, padding=1)
        self.time_embedding = TimeEmbedding(first)
        # Down, up, middle: the order in which blocks are numbered.
        number = count()
        self.down_blocks = nn.ModuleList([Down(shape, level, number) for level in range(len(shape.channels))])
        self.up_blocks = nn.ModuleList([Up(shape, level, number) for level in reversed(range(len(shape.channels)))])
        self.mid_block = Middle(shape, last, number)
        self.conv_norm_out = nn.GroupNorm(shape.groups, first, eps=1e-5)
        self.conv_out = nn.Conv2d(first, shape.latent, 3, padding=1)

    @property
    def transformers(self) -> tuple[TransformerBlock, ...]:
        """The transformer blocks in block order."""
        found = (module for module in self.modules() if isinstance(module, TransformerBlock))
        return tuple(sorted(found, key=lambda block: block.number))

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        tokens: Tensor,
        expression: Tensor | None = None,
        scale: Tensor | None = None,
        bank: Bank | None = None,
        share: Share | None = None,
    ) -> Tensor:
        """The noise [B,4,h,w] in x [B,4,h,w] at timesteps t [B], for identity tokens [B,77,D].

        expression [B,n,D] takes the installed adapter, and is read with the strength scale [N] of each block (None: 1).
        ValueError where sides are no multiple of `shape.multiple`, or the bank is of another network.
        """
        self._check(x, bank)
        strengths = () if share is None else tuple(share.strength(block.name) for block in self.shape.blocks)
        groups = 1 if share is None else share.groups
        return self._noise(x, t, Reading(tokens, expression, scale, bank, strengths, groups))

    def written(
        self, x: Tensor, t: Tensor, tokens: Tensor, expression: Tensor | None = None, bank: Bank | None = None
    ) -> tuple[Tensor, ...]:
        """[B,T,C] what the self-attention of each block reads of x, in block order: what `bank_of` makes a bank of."""
        self._check(x, bank)
        written: dict[int, Tensor] = {}
        self._noise(x, t, Reading(tokens, expression, bank=bank, written=written))
        return tuple(written[number] for number in sorted(written))

    def _check(self, x: Tensor, bank: Bank | None) -> None:
        if x.shape[2] % self.shape.multiple or x.shape[3] % self.shape.multiple:
            sides = f"{x.shape[2]} x {x.shape[3]}"
            raise ValueError(f"the sides of a latent must be multiples of {self.shape.multiple}, got {sides}")
        if bank is not None and len(bank.keys) != len(self.shape.blocks):
            raise ValueError(f"the bank is of a UNet with {len(bank.keys)} blocks, this has {len(self.shape.blocks)}")

    def _noise(self, x: Tensor, t: Tensor, reading: Reading) -> Tensor:
        embedding = self.time_embedding(t, x.dtype)
        h = self.conv_in(x)
        trail = [h]
        for down in self.down_blocks:
            h, passed = down(h, embedding, reading)
            trail += passed
        h = self.mid_block(h, embedding, reading)
        for up in self.up_blocks:
            h, trail = up(h, trail, embedding, reading)
        out: Tensor = self.conv_out(F.silu(self.conv_norm_out(h)))
        return out


class TimeEmbedding(nn.Module):
    """[B,4C] of timesteps [B]: cosines and sines of falling frequencies (Vaswani et al. 2017) through two layers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.linear_1 = nn.Linear(channels, 4 * channels)
        self.linear_2 = nn.Linear(4 * channels, 4 * channels)

    def forward(self, t: Tensor, dtype: torch.dtype) -> Tensor:
        half = self.channels // 2
        frequency = torch.exp(torch.arange(half, dtype=torch.float32, device=t.device) * (-math.log(10000.0) / half))
        angle = t[:, None].float() * frequency
        waves = torch.cat([angle.cos(), angle.sin()], 1).to(dtype)
        out: Tensor = self.linear_2(F.silu(self.linear_1(waves)))
        return out


class Down(nn.Module):
    """One size on the way down; gives its picture, and all that the way up shall see of it."""

    def __init__(self, shape: UNetShape, level: int, number: Iterator[int]) -> None:
        super().__init__()
        width, width_in = shape.channels[level], shape.channels[max(level - 1, 0)]
        widths = [width_in] + [width] * (shape.layers - 1)
        self.resnets = nn.ModuleList([_resnet(shape, inward, width) for inward in widths])
        self.attentions = _attentions(shape, level, shape.layers, number)
        is_last = level == len(shape.channels) - 1
        self.downsamplers = None if is_last else nn.ModuleList([Downsample(width)])

    def forward(self, h: Tensor, embedding: Tensor, reading: Reading) -> tuple[Tensor, list[Tensor]]:
        passed = []
        for place, resnet in enumerate(self.resnets):
            h = resnet(h, embedding)
            if self.attentions is not None:
                h = self.attentions[place](h, reading)
            passed.append(h)
        if self.downsamplers is not None:
            h = self.downsamplers[0](h)
            passed.append(h)
        return h, passed


class Up(nn.Module):
    """One size on the way up, which takes back what the way down has passed."""

    def __init__(self, shape: UNetShape, level: int, number: Iterator[int]) -> None:
        super().__init__()
        width, below = shape.channels[level], shape.channels[max(level - 1, 0)]
        above = shape.channels[min(level + 1, len(shape.channels) - 1)]
        widths = [above + width] + [2 * width] * (shape.layers - 1) + [width + below]
        self.resnets = nn.ModuleList([_resnet(shape, inward, width) for inward in widths])
        self.attentions = _attentions(shape, level, shape.layers + 1, number)
        self.upsamplers = nn.ModuleList([Upsample(width)]) if level else None

    def forward(
        self, h: Tensor, trail: list[Tensor], embedding: Tensor, reading: Reading
    ) -> tuple[Tensor, list[Tensor]]:
        for place, resnet in enumerate(self.resnets):
            h = resnet(torch.cat([h, trail[-1 - place]], 1), embedding)
            if self.attentions is not None:
                h = self.attentions[place](h, reading)
        if self.upsamplers is not None:
            h = self.upsamplers[0](h)
        return h, trail[: -len(self.resnets)]


class Middle(nn.Module):
    """The smallest size."""

    def __init__(self, shape: UNetShape, width: int, number: Iterator[int]) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([_transformer(shape, width, number)])
        self.resnets = nn.ModuleList([_resnet(shape, width, width) for _ in range(2)])

    def forward(self, h: Tensor, embedding: Tensor, reading: Reading) -> Tensor:
        h = self.attentions[0](self.resnets[0](h, embedding), reading)
        out: Tensor = self.resnets[1](h, embedding)
        return out


def _resnet(shape: UNetShape, width_in: int, width: int) -> Resnet:
    return Resnet(width_in, width, 4 * shape.channels[0], shape.groups)


def _transformer(shape: UNetShape, width: int, number: Iterator[int]) -> Transformer:
    return Transformer(width, shape.cross, shape.heads, shape.groups, next(number))


def _attentions(shape: UNetShape, level: int, layers: int, number: Iterator[int]) -> nn.ModuleList | None:
    if not shape.attends[level]:
        return None
    return nn.ModuleList([_transformer(shape, shape.channels[level], number) for _ in range(layers)])
