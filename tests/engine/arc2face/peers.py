"""What Omote's Arc2Face is held against: the same drawings by diffusers' and transformers' own means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import diffusers
import torch
import torch.nn.functional as F
from diffusers import PNDMScheduler
from torch import Tensor
from transformers import CLIPTextModel

from tests.engine.arc2face.twins import blocks_of

BEGINNING, PADDING = 49406, 49407  # of CLIP's prompts
PHOTO_OF_A, ID, PERSON = (1125, 539, 320), 1014, 2533


def pipeline(folder: Path, scheduler: Any, lora: str | None = None) -> Any:
    """Stable Diffusion's pipeline with the expression adapter, and a LoRA as diffusers loads and fuses it."""
    found = diffusers.StableDiffusionPipeline(
        vae=None,
        text_encoder=None,
        tokenizer=None,
        unet=diffusers.UNet2DConditionModel.from_pretrained(folder / "arc2face"),
        scheduler=scheduler.from_config(_published_schedule().config),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    adapter = {"subfolder": "exp_adapter", "weight_name": "exp_adapter.bin", "image_encoder_folder": None}
    found.load_ip_adapter(str(folder), **adapter)
    if lora is not None:
        found.load_lora_weights(str((folder / lora).parent), weight_name=Path(lora).name)
        found.fuse_lora()
    found.set_progress_bar_config(disable=True)
    return found


def _published_schedule() -> Any:
    """Stable Diffusion 1.5's, as its scheduler_config.json says."""
    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    return PNDMScheduler(**betas, set_alpha_to_one=False, steps_offset=1)


@torch.no_grad()
def identity(folder: Path, embedding: Tensor) -> Tensor:
    """[1,77,D] "photo of a id person" by transformers, whose vocabulary has this unit embedding [E] for "id"."""
    encoder = CLIPTextModel.from_pretrained(folder / "encoder")
    words = encoder.get_input_embeddings().weight
    words[ID] = F.pad(embedding, (0, words.shape[1] - len(embedding)))
    return _prompt(encoder, (*PHOTO_OF_A, ID, PERSON))


@torch.no_grad()
def nobody(folder: Path) -> Tensor:
    """[1,77,D] the empty prompt, by transformers."""
    return _prompt(CLIPTextModel.from_pretrained(folder / "encoder"), ())


def _prompt(encoder: Any, words: tuple[int, ...]) -> Tensor:
    ids = torch.tensor([[BEGINNING, *words, *[PADDING] * (76 - len(words))]])
    found: Tensor = encoder(ids).last_hidden_state
    return found


def latents(of: Any, noise: Tensor, vector: Tensor, tokens: Tensor, **asked: Any) -> Tensor:
    """[1,4,h,w] what a pipeline draws of this expression [1,55]; guided where the tokens of nobody are given."""
    height, width = (8 * side for side in noise.shape[2:])
    nothing = "negative_prompt_embeds" in asked
    embeds = [torch.cat([torch.zeros(1, 1, 55), vector[None]]) if nothing else vector[None]]
    said = {"prompt_embeds": tokens, "ip_adapter_image_embeds": embeds, "latents": noise}
    found: Tensor = of(height=height, width=width, output_type="latent", **said, **asked).images
    return found


@torch.no_grad()
def written(folder: Path, photo: Tensor, tokens: Tensor) -> list[Tensor]:
    """[1,T,C] what the self-attentions of diffusers' UNet read of a photo [1,3,S,S] in -1..1 at timestep 0."""
    vae = diffusers.AutoencoderKL.from_pretrained(folder / "vae")
    latent = vae.encode(photo).latent_dist.mode() * vae.config.scaling_factor
    unet = diffusers.UNet2DConditionModel.from_pretrained(folder / "arc2face")
    seen: dict[int, Tensor] = {}
    for number, block in enumerate(blocks_of(unet)):
        block.norm1.register_forward_hook(lambda _module, _given, said, number=number: seen.update({number: said}))
    unet(latent, 0, tokens)
    return [seen[number] for number in sorted(seen)]


def reading(of: Any, folder: Path, rows: Sequence[Tensor], scale: float) -> Any:
    """The pipeline's UNet with the reference LoRA, whose self-attentions read these rows after their own."""
    of.load_lora_weights(str(folder / "ref_adapter"), adapter_name="reference")
    of.set_adapters("reference", scale)
    for block, more in zip(blocks_of(of.unet), rows, strict=True):
        block.attn1.processor = _Concatenating(more)
    return of.unet


class _Concatenating:
    """In place of diffusers' self-attention: keys and values of its own rows and of others, one after the other."""

    def __init__(self, more: Tensor) -> None:
        self.more = more  # [1,R,C] before projection

    def __call__(self, attn: Any, hidden_states: Tensor, **_: object) -> Tensor:
        read = torch.cat([hidden_states, self.more.expand(len(hidden_states), -1, -1)], 1)
        heads = (
            part.unflatten(2, (attn.heads, -1)).transpose(1, 2)
            for part in (attn.to_q(hidden_states), attn.to_k(read), attn.to_v(read))
        )
        found: Tensor = attn.to_out[0](F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))
        return found
