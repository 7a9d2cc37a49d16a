"""Small UNets in two implementations with equal random weights: diffusers' and ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from omote.engine.diffusion.arc2face.unet import UNet
from omote.engine.diffusion.arc2face.unet_shape import UNetShape

torch.set_num_threads(1)

# Sums of float32 in another order: a few hundred steps of 6e-8 relative to the largest number.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Sizes:
    """Of a UNet small enough for a test."""

    channels: tuple[int, ...] = (16, 24, 24)
    attends: tuple[bool, ...] = (True, True, False)
    layers: int = 2
    heads: int = 4
    cross: int = 12
    groups: int = 8


def theirs(sizes: Sizes, seed: int = 0) -> Any:
    """diffusers' UNet with no weight left at zero or one."""
    torch.manual_seed(seed)
    down = ["CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in sizes.attends]
    unet = UNet2DConditionModel(
        block_out_channels=sizes.channels,
        layers_per_block=sizes.layers,
        attention_head_dim=sizes.heads,
        cross_attention_dim=sizes.cross,
        norm_num_groups=sizes.groups,
        down_block_types=down,
        up_block_types=[kind.replace("Down", "Up") for kind in reversed(down)],
    )
    with torch.no_grad():
        for weight in unet.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return unet.eval().requires_grad_(False)


def ours(unet: Any) -> UNet:
    """Our UNet with the weights of diffusers'."""
    twin = UNet(UNetShape.of_config(unet.config))
    twin.load_state_dict(unet.state_dict())
    return twin.eval().requires_grad_(False)


@dataclass(frozen=True)
class Question:
    """What both are asked."""

    x: Tensor  # [B,4,16,8]
    t: Tensor  # [B]
    tokens: Tensor  # [B,77,D]


def question(batch: int, cross: int = 12, seed: int = 1) -> Question:
    """A random one; every picture at a timestep of its own."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, 4, 16, 8, generator=random)
    return Question(x, torch.tensor([981, 7, 421, 63])[:batch], torch.randn(batch, 77, cross, generator=random))


def apart(one: Tensor, other: Tensor) -> float:
    """The largest difference, relative to the largest number."""
    return float(((one - other).abs().max() / other.abs().max()).detach())


def blocks_of(unet: Any) -> list[Any]:
    """diffusers' transformer blocks in the order of the published adapters' keys, that of its attention processors."""
    names = [name.removesuffix(".attn1.processor") for name in unet.attn_processors if ".attn1." in name]
    return [unet.get_submodule(name) for name in names]
