"""References for our Arc2Face: the same by diffusers' and transformers' own code, and by the authors' arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import diffusers
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import CLIPTextModel

BEGINNING, PADDING = 49406, 49407  # of CLIP's prompts
LORA = "pytorch_lora_weights.safetensors"
PHOTO_OF_A, ID, PERSON = (1125, 539, 320), 1014, 2533
SCHEDULE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def pipeline(
    folder: Path,
    scheduler: Any = diffusers.DPMSolverMultistepScheduler,
    lora: str | None = None,
    kind: Any = diffusers.StableDiffusionPipeline,
    **parts: Any,
) -> Any:
    """Stable Diffusion's pipeline with the expression adapter, and a LoRA as diffusers loads and fuses it."""
    found = kind(
        **{"vae": None, **parts},
        text_encoder=None,
        tokenizer=None,
        unet=diffusers.UNet2DConditionModel.from_pretrained(folder / "arc2face"),
        scheduler=scheduler_of(scheduler),
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


def scheduler_of(kind: Any) -> Any:
    """A scheduler of this kind, as diffusers makes it of Stable Diffusion 1.5's own."""
    return kind.from_config(diffusers.PNDMScheduler(**SCHEDULE).config)


@torch.no_grad()
def identity(folder: Path, embedding: Tensor) -> Tensor:
    """[1,77,D] "photo of a id person" by transformers, whose vocabulary has this unit embedding [E] for "id"."""
    encoder = CLIPTextModel.from_pretrained(folder / "encoder")
    words = encoder.get_input_embeddings().weight
    words[ID] = F.pad(embedding, (0, words.shape[1] - len(embedding)))
    return _prompt(encoder, (*PHOTO_OF_A, ID, PERSON))


@torch.no_grad()
def empty(folder: Path) -> Tensor:
    """[1,77,D] the empty prompt, by transformers."""
    return _prompt(CLIPTextModel.from_pretrained(folder / "encoder"), ())


def _prompt(encoder: Any, words: tuple[int, ...]) -> Tensor:
    ids = torch.tensor([[BEGINNING, *words, *[PADDING] * (76 - len(words))]])
    found: Tensor = encoder(ids).last_hidden_state
    return found


def latents(of: Any, noise: Tensor | None, vector: Tensor, tokens: Tensor, **given: Any) -> Tensor:
    """[1,4,h,w] the latents that a pipeline draws of this expression [1,55]; guided if the empty prompt is given."""
    embeds = [torch.cat([torch.zeros(1, 1, 55), vector[None]]) if "negative_prompt_embeds" in given else vector[None]]
    inputs: dict[str, Any] = {"prompt_embeds": tokens, "ip_adapter_image_embeds": embeds}
    if noise is not None:
        height, width = (8 * side for side in noise.shape[2:])
        inputs |= {"latents": noise, "height": height, "width": width}
    found: Tensor = of(output_type="latent", **inputs, **given).images
    return found


def blocks_of(unet: Any) -> list[Any]:
    """diffusers' transformer blocks in the order of its attention processors."""
    names = [name.removesuffix(".attn1.processor") for name in unet.attn_processors if ".attn1." in name]
    return [unet.get_submodule(name) for name in names]


@torch.no_grad()
def recorded(folder: Path, photo: Tensor, tokens: Tensor) -> list[Tensor]:
    """[1,T,C] the inputs of the self-attentions of diffusers' UNet, for a photo [1,3,S,S] in -1..1 at timestep 0."""
    vae = diffusers.AutoencoderKL.from_pretrained(folder / "vae")
    latent = vae.encode(photo).latent_dist.mode() * vae.config.scaling_factor
    unet = diffusers.UNet2DConditionModel.from_pretrained(folder / "arc2face")
    seen: dict[int, Tensor] = {}
    for number, block in enumerate(blocks_of(unet)):
        block.norm1.register_forward_hook(lambda _module, _given, output, number=number: seen.update({number: output}))
    unet(latent, 0, tokens)
    return [seen[number] for number in sorted(seen)]


@torch.no_grad()
def reference_guided(
    folder: Path, noise: Tensor, vector: Tensor, tokens: Tensor, rows: Sequence[Tensor], scale: float, steps: int
) -> Tensor:
    """[1,4,h,w] with guidance 3, as in the authors' demo: only the half with the identity attends to these rows.

    Their reference adapter concatenates the reference's rows before projection, and attaches its LoRA with a scale.
    """
    of = pipeline(folder)
    of.load_lora_weights(str(folder / "ref_adapter"), weight_name=LORA, adapter_name="reference")
    of.set_adapters("reference", scale)
    negative, scheduler, x = empty(folder), of.scheduler, noise
    scheduler.set_timesteps(steps)
    for timestep in scheduler.timesteps:
        with_rows = _eps(of.unet, x, timestep, tokens, vector, rows)
        alone = _eps(of.unet, x, timestep, negative, torch.zeros_like(vector), None)
        x = scheduler.step(alone + 3.0 * (with_rows - alone), timestep, x).prev_sample
    return x


def _eps(
    unet: Any, x: Tensor, timestep: Tensor, tokens: Tensor, vector: Tensor, rows: Sequence[Tensor] | None
) -> Tensor:
    for number, block in enumerate(blocks_of(unet)):
        block.attn1.processor = Concatenating(None if rows is None else rows[number])
    eps: Tensor = unet(x, timestep, tokens, added_cond_kwargs={"image_embeds": [vector[None]]}).sample
    return eps


class Concatenating:
    """Replaces diffusers' self-attention: a softmax, written out, over a picture's own rows and further ones."""

    def __init__(self, more: Tensor | None, bias: float = 0.0) -> None:
        self.more, self.bias = more, bias  # [1|B,R,C] before projection, and what is added to their logits

    def __call__(self, attn: Any, hidden_states: Tensor, **_: object) -> Tensor:
        count, length = hidden_states.shape[:2]
        read = hidden_states
        if self.more is not None:
            read = torch.cat([hidden_states, self.more.expand(count, -1, -1)], 1)
        query, key, value = (
            part.unflatten(2, (attn.heads, -1)).transpose(1, 2)
            for part in (attn.to_q(hidden_states), attn.to_k(read), attn.to_v(read))
        )
        logits = query @ key.transpose(2, 3) * query.shape[3] ** -0.5
        logits[..., length:] += self.bias
        found: Tensor = attn.to_out[0]((logits.softmax(-1) @ value).transpose(1, 2).flatten(2))
        return found
