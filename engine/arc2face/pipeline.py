"""Arc2Face as one object: an embedding becomes tokens, a photo becomes a bank, and an expression becomes a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from . import files
from .loading import (
    fuse,
    install_adapter,
    load,
    load_unet,
    placed,
    read_adapter,
    read_lora,
)
from .processors import Bank, Reading, bank_of, block_names, denoise
from .sampling import GUIDANCE, STEPS, FewStep, Predict, few_steps, noises_between
from .schedulers import dpm_solver, few_step_plan

Numbers = Tensor | NDArray[np.float32]
Picture = NDArray[np.uint8]
Sampler = Literal["dpm"] | FewStep
Find = Callable[[str], Path]  # the path of a published file, by its name in the folder

REFERENCE_SCALE = 0.8
TOKENS = 77
_BEGIN, _END = 49406, 49407  # CLIP's markers of a prompt
_PHOTO_OF_A_ID_PERSON = (1125, 539, 320, 1014, 2533)
_SLOT = 4  # position of "id", counted with the begin marker
ANCHOR_STRIDE = 2  # every second row and column: four anchors cost as much attention as one picture


@dataclass(frozen=True, eq=False)
class Arc2Face:
    """The published models, loaded. Latents are [B,4,S/8,S/8] for pictures of S pixels on a side."""

    unet: Any  # with the expression adapter installed and LoRAs fused
    adapter: Any  # vectors [B,55] -> tokens [B,n,D]
    encoder: Any  # CLIP's text encoder
    vae: Any
    tiny: Any  # TAESD
    reader: Callable[[], Any]  # loads the published UNet without LoRAs, which reads photos for banks
    controlnet: Any = None  # head pose; None if it was not loaded

    @property
    def device(self) -> torch.device:
        device: torch.device = self.unet.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.unet.dtype
        return dtype

    @property
    def blocks(self) -> int:
        return len(block_names(self.unet))

    @torch.no_grad()
    def tokens(self, embedding: Numbers) -> Tensor:
        """[B,77,D] "photo of a id person" with face embeddings [B,E] in the place of "id".

        Embeddings are normalised and padded with zeros, as in training. ValueError if one is zero, not finite or
        longer than the encoder is wide.
        """
        rows = torch.as_tensor(embedding, dtype=torch.float32)
        if rows.ndim != 2 or not torch.isfinite(rows).all() or not (rows.norm(dim=1) > 0.0).all():
            raise ValueError(f"face embeddings must be [B,E], finite and not all zero, got {list(rows.shape)}")
        width = self.encoder.config.hidden_size
        if rows.shape[1] > width:
            raise ValueError(f"face embeddings must have at most {width} numbers, got {rows.shape[1]}")
        return self._encoded(_PHOTO_OF_A_ID_PERSON, F.pad(F.normalize(rows, dim=1), (0, width - rows.shape[1])))

    @torch.no_grad()
    def empty(self) -> Tensor:
        """[1,77,D] the empty prompt, which is the negative prompt of guidance."""
        return self._encoded(())

    def _encoded(self, words: tuple[int, ...], faces: Tensor | None = None) -> Tensor:
        """[B,77,D] words, padded with end markers as in Stable Diffusion 1.5; `faces` [B,D] replace the word "id"."""
        ids = torch.tensor([(_BEGIN, *words, *[_END] * (TOKENS - 1 - len(words)))], device=self.device)

        def replace(module: Any, given: object, embedded: Tensor) -> Tensor:
            if faces is not None:
                embedded[:, _SLOT] = faces.to(embedded)
            return embedded

        hook = self.encoder.get_input_embeddings().register_forward_hook(replace)
        try:
            out: Tensor = self.encoder(ids.expand(1 if faces is None else len(faces), -1)).last_hidden_state
        finally:
            hook.remove()
        return out

    @torch.no_grad()
    def latents(self, pictures: Picture) -> Tensor:
        """[N,4,S/8,S/8] the most likely latents of pictures [N,S,S,3]: no sample, so each gives the same ones."""
        pixels = self._pixels(pictures) * 2.0 - 1.0
        found: Tensor = self.vae.encode(pixels).latent_dist.mode() * self.vae.config.scaling_factor
        return found

    def _pixels(self, pictures: Picture) -> Tensor:
        """[N,3,S,S] from 0 to 1."""
        levels = torch.from_numpy(np.array(pictures)).to(self.device)
        return levels.permute(0, 3, 1, 2).to(self.dtype) / 255.0

    @torch.no_grad()
    def bank(self, reference: Picture, tokens: Numbers) -> Bank:
        """The bank of pictures [N,S,S,3] (or one [S,S,3]) of the person with tokens [1,77,D]."""
        latents = self.latents(reference.reshape(-1, *reference.shape[-3:]))
        t = torch.zeros(len(latents), device=self.device)
        rows = self._self_attention(
            self.reader(), latents, t, self._here(tokens).expand(len(latents), -1, -1), Reading()
        )
        return bank_of(self.unet, [row.reshape(1, -1, row.shape[-1]) for row in rows])

    @torch.no_grad()
    def anchor_bank(
        self, tokens: Numbers, vectors: Numbers, noise: Numbers, timestep: int, bank: Bank | None = None
    ) -> Bank:
        """The bank of expressions [N,55] at the first step, every second row and column, for pictures that read `bank`.

        noise [4,h,h] is the noise of the character's pictures. These rows, beside those of the photo, keep live
        pictures consistent, which are drawn one at a time.
        """
        faces = self._here(vectors)
        x, identity = (
            self._here(one).expand(len(faces), -1, -1, *[-1] * (one.ndim - 3))
            for one in (torch.as_tensor(noise)[None], torch.as_tensor(tokens))
        )
        t = torch.full((len(faces),), float(timestep), device=self.device)
        rows = self._self_attention(self.unet, x, t, identity, Reading(expression=self.adapter(faces), bank=bank))
        return bank_of(self.unet, [_thinned(row) for row in rows])

    def _self_attention(self, unet: Any, x: Tensor, t: Tensor, tokens: Tensor, reading: Reading) -> list[Tensor]:
        """[B,T,C] the input of each block's self-attention, in block order."""
        rows: dict[int, Tensor] = {}
        denoise(unet, x, t, tokens, Reading(reading.expression, bank=reading.bank, recorded=rows))
        return [rows[number] for number in sorted(rows)]

    @torch.no_grad()
    def generate(
        self,
        tokens: Numbers,
        vectors: Numbers,
        noise: Numbers,
        *,
        steps: int = STEPS,
        guidance: float = GUIDANCE,
        sampler: Sampler = "dpm",
        bank: Bank | None = None,
        share: float = 0.0,
        scale: float = 1.0,
        control: Picture | None = None,
        start: Picture | None = None,
        strength: float = 1.0,
    ) -> Tensor:
        """[B,4,h,w] float32 clean latents of these expressions [B,55], each from noise [1|B,4,h,w].

        `tokens` is [1|B,77,D] and `scale` the strength of the expression. With a `share`, each picture attends to the
        first one, which attends only to itself. A guidance of 1 or less is none, for which few-step LoRAs were
        distilled. `control` [S,S,3] is a picture for the ControlNet (see `pose`). `start` [S,S,3] is a picture from
        which the DPM solver begins, at this `strength`.
        """
        faces = self._here(vectors)
        count = len(faces)
        identity = self._here(tokens).expand(count, -1, -1)
        strengths = torch.full((self.blocks,), scale, device=self.device, dtype=self.dtype)
        hint = None if control is None else self._pixels(control[None]).expand(count, -1, -1, -1)
        predict = self._predict(identity, Reading(self.adapter(faces), strengths, bank, share), hint)
        if guidance > 1.0:
            # Zeros mean "unspecified" to the adapter. The negative half attends to no bank and no other picture.
            nothing = Reading(self.adapter(torch.zeros_like(faces)), strengths)
            negative = self._predict(self.empty().expand(count, -1, -1), nothing, hint)
            predict = _guided(predict, negative, guidance)
        x = torch.as_tensor(noise, dtype=torch.float32, device=self.device).expand(count, -1, -1, -1)
        if sampler == "dpm":
            begin = None if start is None else self.latents(start[None]).float().expand(count, -1, -1, -1)
            return dpm_solver(predict, x, steps, begin, strength)
        between = [torch.from_numpy(one).to(x) for one in noises_between(x.shape[1:], steps)]
        drawn: Tensor = few_steps(predict, x, few_step_plan(sampler, steps), between)
        return drawn

    def _predict(self, tokens: Tensor, reading: Reading, hint: Tensor | None) -> Predict:
        """Samplers compute in float32, whatever the network does: the first of few steps multiplies by 15."""

        def predict(x: Tensor, timestep: int) -> Tensor:
            latents, t = x.to(self.dtype), torch.full((len(x),), float(timestep), device=self.device)
            residuals = None if hint is None else self._residuals(latents, t, tokens, hint)
            return denoise(self.unet, latents, t, tokens, reading, residuals).float()

        return predict

    def _residuals(self, x: Tensor, t: Tensor, tokens: Tensor, hint: Tensor) -> Mapping[str, Any]:
        if self.controlnet is None:
            raise ValueError("a picture for the ControlNet was given, but the ControlNet is not loaded")
        down, middle = self.controlnet(x, t, tokens, controlnet_cond=hint, return_dict=False)
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}

    @torch.no_grad()
    def picture(self, latents: Tensor, *, tiny: bool = False) -> Picture:
        """[B,S,S,3] sRGB of latents [B,4,h,w]; `tiny` uses TAESD."""
        decoder = self.tiny if tiny else self.vae
        factor = 1.0 if tiny else 1.0 / self.vae.config.scaling_factor
        # One at a time: the full decoder takes gigabytes for each.
        parts = [decoder.decode(factor * latent[None].to(self.dtype)).sample.float() for latent in latents]
        levels = ((torch.cat(parts) + 1.0) * 127.5).round().clamp(0.0, 255.0).to(torch.uint8)
        found: Picture = levels.permute(0, 2, 3, 1).cpu().numpy()
        return found

    def _here(self, numbers: Numbers) -> Tensor:
        return torch.as_tensor(numbers).to(device=self.device, dtype=self.dtype)


def _guided(positive: Predict, negative: Predict, guidance: float) -> Predict:
    """Classifier-free guidance (arXiv 2207.12598)."""

    def predict(x: Tensor, timestep: int) -> Tensor:
        nothing = negative(x, timestep)
        guided: Tensor = nothing + guidance * (positive(x, timestep) - nothing)
        return guided

    return predict


def _thinned(rows: Tensor) -> Tensor:
    """[1,T,C] every second row and column of square pictures [N,h*h,C], concatenated."""
    side = math.isqrt(rows.shape[1])
    grid = rows.reshape(len(rows), side, side, -1)[:, ::ANCHOR_STRIDE, ::ANCHOR_STRIDE]
    return grid.reshape(1, -1, rows.shape[2])


def fastest_place() -> tuple[torch.device, torch.dtype]:
    """The fastest device and its precision: a GPU in half precision, otherwise the CPU in f32."""
    if torch.cuda.is_available():
        return torch.device("cuda"), torch.float16
    return torch.device("cpu"), torch.float32


def place_of(precision: str) -> tuple[torch.device, torch.dtype]:
    """A GPU for "f16", the CPU for "f32"; ValueError if there is no GPU."""
    if precision != "f16":
        return torch.device("cpu"), torch.float32
    if not torch.cuda.is_available():
        raise ValueError("half precision needs a GPU that PyTorch can use, and there is none: --runtime pytorch-f32")
    return torch.device("cuda"), torch.float16


def use_threads(count: int) -> None:
    """Sets the number of PyTorch's threads in this process."""
    torch.set_num_threads(count)


def open_arc2face(
    where: Path | Find,
    *,
    few_step: FewStep | None = None,
    reference_scale: float = REFERENCE_SCALE,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    has_pose: bool = False,
) -> Arc2Face:
    """Arc2Face from the published files in a folder, or from wherever `where` finds them.

    `few_step` fuses the LoRA of a few-step sampler; None is for many steps. A reference scale of 0 leaves the reference
    adapter out. `has_pose` loads the ControlNet. A bank fits only the weights that made it.
    """
    find: Find = where if callable(where) else where.joinpath
    unet = load_unet(find(files.UNET).parent)
    adapter = install_adapter(unet, read_adapter(find(files.EXPRESSION_ADAPTER)))
    if reference_scale > 0.0:
        fuse(unet, read_lora(find(files.REFERENCE_ADAPTER)), reference_scale)
    if few_step is not None:
        fuse(unet, read_lora(find(files.DISTILLED[few_step])), 1.0)

    def there(model: Any) -> Any:
        return placed(model, device, dtype)

    return Arc2Face(
        there(unet),
        there(adapter),
        there(load("encoder", find("encoder/config.json").parent)),
        there(load("vae", find("vae/config.json").parent)),
        there(load("taesd", find(files.TINY_DECODER).parent)),
        lambda: there(load_unet(find(files.UNET).parent)),
        there(load("controlnet", find(files.CONTROLNET).parent)) if has_pose else None,
    )
