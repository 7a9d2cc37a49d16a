"""Arc2Face in the published sizes with random weights, made in memory: for how long it takes, not for what it draws."""

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

PUBLISHED: dict[str, Any] = {"cross_attention_dim": 768, "attention_head_dim": 8}
SMALL: dict[str, Any] = {
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "attention_head_dim": 2,
    "cross_attention_dim": 32,
    "norm_num_groups": 8,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}
TOKENS = 4  # of an expression, as the simplest of the published layouts has them


def random_arc(config: dict[str, Any] = PUBLISHED, width: int = 64, seed: int = 0) -> Arc2Face:
    """What draws, with plain random weights; what makes characters is not in it."""
    source = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        arc = assembled(unet_of(config), TOKENS, {}, width)
    for module in (arc.unet, arc.tiny, arc.adapter):
        fill(module, source)
    return arc


def unet_of(config: dict[str, Any]) -> Any:
    """diffusers' UNet with our processors and an expression adapter."""
    unet, pairs = UNet2DConditionModel(**config), {}
    for number, name in enumerate(block_names(unet)):
        wide = unet.get_submodule(name).attn2.to_k.out_features
        key, value = (nn.Linear(config["cross_attention_dim"], wide, bias=False) for _ in range(2))
        pairs[number] = (key, value)
    install(unet, pairs)
    return unet


def assembled(unet: Any, tokens: int, decoder: dict[str, Any], width: int) -> Arc2Face:
    """The UNet with an adapter of so many tokens, and a TAESD of so many channels."""
    cross, channels = unet.config.cross_attention_dim, (width,) * 4
    adapter = ExpressionTokens(ImageProjection(VECTOR_SIZE, cross, tokens), tokens, cross)
    tiny = AutoencoderTiny(encoder_block_out_channels=channels, decoder_block_out_channels=channels, **decoder)
    missing = cast(Any, None)
    return Arc2Face(unet, adapter, missing, missing, tiny, missing)


def fill(module: nn.Module, source: torch.Generator) -> None:
    """Weights that keep the spread of what they are given; ready to draw."""
    module.to_empty(device="cpu")
    for name, weight in module.named_parameters():
        weight.requires_grad_(False)
        if weight.ndim == 1:
            weight.fill_(1.0 if name.endswith("weight") else 0.0)
        else:
            weight.normal_(0.0, float(weight[0].numel()) ** -0.5, generator=source)
    module.eval()


def recipe_of(arc: Arc2Face, size: int, *, has_bank: bool) -> Recipe:
    """For one reference picture, or none."""
    levels = len(arc.unet.config.block_out_channels)
    rows = tuple((size // 8 // _scale(name, levels)) ** 2 for name in block_names(arc.unet))
    return Recipe("random weights", "lcm", size, rows if has_bank else ())


def _scale(name: str, levels: int) -> int:
    """How many times smaller than the latent the places of this block are."""
    side, _, rest = name.partition("_blocks.")
    if side == "down":
        return 1 << int(rest[0])
    return 1 << (levels - 1 - int(rest[0]) if side == "up" else levels - 1)
