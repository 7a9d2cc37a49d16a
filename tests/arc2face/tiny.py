"""The whole of Arc2Face that draws, so small that it is exported in seconds."""

from __future__ import annotations

from typing import Any

import torch
from peers.arc2face import assembled, unet_of

from omote.engine.arc2face.networks import Recipe
from omote.engine.arc2face.pipeline import Arc2Face
from omote.engine.arc2face.processors import block_names

torch.set_num_threads(1)

CROSS, TOKENS, SIZE = 16, 2, 64
SIDE = SIZE // 8
RECIPE_MODEL = "m" * 64
_UNET = {
    "block_out_channels": (16, 32),
    "layers_per_block": 1,
    "attention_head_dim": 2,
    "cross_attention_dim": CROSS,
    "norm_num_groups": 8,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "mid_block_type": None,  # exported in fewer seconds
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}
_DECODER = {"num_encoder_blocks": (1,) * 4, "num_decoder_blocks": (1,) * 4}


def unet(seed: int = 0, **more: Any) -> Any:
    """diffusers' UNet of two levels, of which the first attends, with our processors and an expression adapter."""
    torch.manual_seed(seed)
    return unet_of({**_UNET, **more}).eval().requires_grad_(False)


def arc(seed: int = 0) -> Arc2Face:
    """With random weights; what makes characters is not in it."""
    found = assembled(unet(seed), TOKENS, _DECODER, 8)
    for module in (found.adapter, found.tiny):
        module.eval().requires_grad_(False)
    return found


def widths() -> tuple[int, ...]:
    """Channels of each block."""
    drawing = unet()
    return tuple(drawing.get_submodule(name).attn1.to_k.out_features for name in block_names(drawing))


ROWS = (SIDE**2,) * 3  # of each block's bank: as many as the places of a picture
RECIPE = Recipe(RECIPE_MODEL, "lcm", SIZE, ROWS)
