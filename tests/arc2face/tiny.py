"""The whole of Arc2Face that draws, so small that it is exported in seconds."""

from __future__ import annotations

from typing import Any, cast

import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from diffusers.models.embeddings import ImageProjection
from torch import nn

from omote.engine.arc2face.loading import ExpressionTokens
from omote.engine.arc2face.networks import Recipe
from omote.engine.arc2face.pipeline import Arc2Face
from omote.engine.arc2face.processors import block_names, install
from omote.engine.face.flame_vectors import VECTOR_SIZE

torch.set_num_threads(1)

CROSS, TOKENS, SIZE = 16, 2, 64
SIDE = SIZE // 8
RECIPE_MODEL = "m" * 64


def unet(seed: int = 0, **more: Any) -> Any:
    """diffusers' UNet of two levels, of which the first attends, with our processors and an expression adapter."""
    torch.manual_seed(seed)
    found = UNet2DConditionModel(
        block_out_channels=(16, 32),
        layers_per_block=1,
        attention_head_dim=2,
        cross_attention_dim=CROSS,
        norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        mid_block_type=None,  # exported in fewer seconds
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        **more,
    )
    pairs = {}
    for number, name in enumerate(block_names(found)):
        wide = found.get_submodule(name).attn2.to_k.out_features
        key, value = (nn.Linear(CROSS, wide, bias=False) for _ in range(2))
        pairs[number] = (key, value)
    install(found, pairs)
    return found.eval().requires_grad_(False)


def arc(seed: int = 0) -> Arc2Face:
    """With random weights; what makes characters is not in it."""
    drawing = unet(seed)
    adapter = ExpressionTokens(ImageProjection(VECTOR_SIZE, CROSS, TOKENS), TOKENS, CROSS)
    channels, blocks = (8,) * 4, (1,) * 4
    tiny = AutoencoderTiny(
        encoder_block_out_channels=channels,
        decoder_block_out_channels=channels,
        num_encoder_blocks=blocks,
        num_decoder_blocks=blocks,
    )
    for module in (adapter, tiny):
        module.eval().requires_grad_(False)
    missing = cast(Any, None)
    return Arc2Face(drawing, adapter, missing, missing, tiny, missing)


def widths() -> tuple[int, ...]:
    """Channels of each block."""
    drawing = unet()
    return tuple(drawing.get_submodule(name).attn1.to_k.out_features for name in block_names(drawing))


ROWS = (SIDE**2,) * 3  # of each block's bank: as many as the places of a picture
RECIPE = Recipe(RECIPE_MODEL, "lcm", SIZE, ROWS)
