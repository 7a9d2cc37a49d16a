"""Arc2Face in the published sizes with random weights, made in memory: for how long it takes, not for what it draws."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from omote.engine.diffusion.arc2face.adapters import ExpressionAdapter
from omote.engine.diffusion.arc2face.pipeline import Arc2Face
from omote.engine.diffusion.arc2face.taesd import TinyDecoder
from omote.engine.diffusion.arc2face.unet import UNet
from omote.engine.diffusion.arc2face.unet_shape import UNetShape
from omote.engine.photoreal.recipe import Recipe

PUBLISHED = UNetShape()
SMALL = UNetShape(channels=(32, 64), layers=1, heads=2, cross=32, groups=8, attends=(True, False))
TOKENS = 4  # of an expression, as the simplest of the published layouts has them


def random_arc(shape: UNetShape = PUBLISHED, width: int = 64, seed: int = 0) -> Arc2Face:
    """What draws; what makes characters is not in it."""
    source = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        unet, tiny = UNet(shape), TinyDecoder(width)
        adapter = ExpressionAdapter(nn.Linear(55, TOKENS * shape.cross), nn.LayerNorm(shape.cross), TOKENS, shape.cross)
        for block in unet.transformers:
            wide = block.attn2.to_k.out_features
            block.attn2.to_k_ip, block.attn2.to_v_ip = (nn.Linear(shape.cross, wide, bias=False) for _ in range(2))
    for module in (unet, tiny, adapter):
        filled(module, source)
    nobody = cast(Any, None)
    return Arc2Face(unet, adapter, nobody, nobody, tiny, nobody)


def filled(module: nn.Module, source: torch.Generator) -> nn.Module:
    """With weights that keep the spread of what they are given; ready to draw."""
    module.to_empty(device="cpu")
    for name, weight in module.named_parameters():
        weight.requires_grad_(False)
        if weight.ndim == 1:
            weight.fill_(1.0 if name.endswith("weight") else 0.0)
        else:
            weight.normal_(0.0, float(weight[0].numel()) ** -0.5, generator=source)
    return module.eval()


def recipe_of(arc: Arc2Face, size: int, *, has_bank: bool) -> Recipe:
    """For one reference picture, or none."""
    rows = tuple((size // 8 // block.scale) ** 2 for block in arc.unet.shape.blocks)
    return Recipe("random weights", "lcm", size, rows if has_bank else ())
