"""The whole of Arc2Face that draws, so small that it is exported in seconds."""

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

torch.set_num_threads(1)

SHAPE = UNetShape(channels=(16, 32), layers=1, heads=2, cross=16, groups=8, attends=(True, False))
TOKENS, SIZE = 2, 64
SIDE = SIZE // 8
ROWS = tuple((SIDE // block.scale) ** 2 for block in SHAPE.blocks)
RECIPE = Recipe("m" * 64, "lcm", SIZE, ROWS, True)


def arc(seed: int = 0) -> Arc2Face:
    """With random weights; what makes characters is not in it."""
    torch.manual_seed(seed)
    unet = UNet(SHAPE)
    for block in unet.transformers:
        wide = block.attn2.to_k.out_features
        block.attn2.to_k_ip, block.attn2.to_v_ip = (nn.Linear(SHAPE.cross, wide, bias=False) for _ in range(2))
    adapter = ExpressionAdapter(nn.Linear(55, TOKENS * SHAPE.cross), nn.LayerNorm(SHAPE.cross), TOKENS, SHAPE.cross)
    tiny = TinyDecoder(8)
    for module in (unet, adapter, tiny):
        module.eval().requires_grad_(False)
    nobody = cast(Any, None)
    return Arc2Face(unet, adapter, nobody, nobody, tiny, nobody)
