"""Arc2Face as one thing: an embedding becomes tokens, a photo a bank, and both with an expression a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ...photoreal import published_file as files
from ..schedule import FewStep, Predict, dpm_solver, few_step_plan, few_steps, noises_between
from .adapters import ExpressionAdapter, install, read_expression_adapter
from .bank import Bank, Share, bank_of
from .clip import TextEncoder, identity_tokens, unconditional_tokens
from .loading import load_text_encoder, load_tiny_decoder, load_unet, load_vae
from .lora import fuse, read_lora
from .taesd import TinyDecoder
from .unet import UNet
from .vae import Vae

Numbers = Tensor | NDArray[np.float32]
Picture = NDArray[np.uint8]
Sampler = Literal["dpm"] | FewStep
Files = Callable[[str], Path]  # where a published file is, by its name in the folder of them all

STEPS, GUIDANCE = 25, 3.0  # as the authors draw
REFERENCE_SCALE = 0.8


@dataclass(frozen=True, eq=False)
class Arc2Face:
    """The published models, loaded. Latents are [B,4,S/8,S/8] for pictures of S pixels on a side."""

    unet: UNet  # draws and reads banks: the expression adapter is in it, its LoRAs are fused
    adapter: ExpressionAdapter
    encoder: TextEncoder
    vae: Vae
    tiny: TinyDecoder
    writer: Callable[[], UNet]  # loads the published UNet as it is, whom only banks are asked of

    @property
    def device(self) -> torch.device:
        return self.unet.conv_in.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.unet.conv_in.weight.dtype

    @torch.no_grad()
    def tokens(self, embedding: Numbers) -> Tensor:
        """[B,77,D] the identity of face embeddings [B,E] of any length; ValueError for one that has no direction."""
        rows = torch.as_tensor(embedding, dtype=torch.float32)
        if rows.ndim != 2 or not torch.isfinite(rows).all() or not (rows.norm(dim=1) > 0.0).all():
            raise ValueError(f"face embeddings must be [B,E], finite and not all zero, got {list(rows.shape)}")
        return identity_tokens(self.encoder, self._here(F.normalize(rows, dim=1)))

    @torch.no_grad()
    def nobody(self) -> Tensor:
        """[1,77,D] what guidance leads away from."""
        return unconditional_tokens(self.encoder)

    @torch.no_grad()
    def bank(self, reference: Picture, tokens: Numbers) -> Bank:
        """What drawing reads of pictures [N,S,S,3] (or one [S,S,3]) of the person with tokens [1,77,D].

        Their most likely latents are taken and no sample, so that the same photo gives the same bank.
        """
        pictures = torch.from_numpy(np.array(reference)).to(self.device).reshape(-1, *reference.shape[-3:])
        latents = self.vae.encode(pictures.permute(0, 3, 1, 2).to(self.dtype) / 127.5 - 1.0)
        still = torch.zeros(len(latents), device=self.device)
        rows = self.writer().written(latents, still, self._here(tokens).expand(len(latents), -1, -1))
        return bank_of(self.unet, [row.reshape(1, -1, row.shape[-1]) for row in rows])

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
        share: Share | None = None,
        scale: float = 1.0,
        between: Sequence[Numbers] | None = None,
    ) -> Tensor:
        """[B,4,h,w] float32 clean latents of these expressions [B,55], each from noise [1|B,4,h,w].

        `tokens` is [1|B,77,D]; `scale` is the strength of the expression; `between` are the noises between few steps,
        and the same ones always where they are not given. A guidance of 1 or less is none, which few-step LoRAs want.
        """
        wanted = self._here(vectors)
        count = len(wanted)
        identity = self._here(tokens).expand(count, -1, -1)
        strength = torch.full((len(self.unet.shape.blocks),), scale, device=self.device, dtype=self.dtype)
        predict = self._predict(identity, self.adapter(wanted), strength, bank, share)
        if guidance > 1.0:
            nobody = self.nobody().expand(count, -1, -1)
            nothing = self.adapter(torch.zeros_like(wanted))  # zeros are the adapter's "unspecified"
            predict = _guided(predict, self._predict(nobody, nothing, strength), guidance)
        start = torch.as_tensor(noise, dtype=torch.float32, device=self.device).expand(count, -1, -1, -1)
        return _sampled(predict, start, steps, sampler, between)

    def _predict(
        self, tokens: Tensor, expression: Tensor, strength: Tensor, bank: Bank | None = None, share: Share | None = None
    ) -> Predict:
        """Samplers step in float32, whatever the network computes in: the first step of few multiplies by 15."""

        def predict(x: Tensor, timestep: int) -> Tensor:
            t = torch.full((len(x),), float(timestep), device=self.device)
            eps: Tensor = self.unet(x.to(self.dtype), t, tokens, expression, strength, bank, share)
            return eps.float()

        return predict

    @torch.no_grad()
    def picture(self, latents: Tensor, *, tiny: bool = False) -> Picture:
        """[B,S,S,3] sRGB of latents [B,4,h,w]; by the small decoder where asked."""
        decode = self.tiny if tiny else self.vae.decode
        # One at a time: the full decoder takes gigabytes for each.
        pixels = torch.cat([decode(latent[None].to(self.dtype)).float() for latent in latents])
        levels = ((pixels + 1.0) * 127.5).round().clamp(0.0, 255.0).to(torch.uint8)
        found: Picture = levels.permute(0, 2, 3, 1).cpu().numpy()
        return found

    def _here(self, numbers: Numbers) -> Tensor:
        return torch.as_tensor(numbers).to(device=self.device, dtype=self.dtype)


def _guided(towards: Predict, away: Predict, guidance: float) -> Predict:
    """Classifier-free guidance (arXiv 2207.12598). What it leads away from reads no bank and no other picture."""

    def predict(x: Tensor, timestep: int) -> Tensor:
        nothing = away(x, timestep)
        guided: Tensor = nothing + guidance * (towards(x, timestep) - nothing)
        return guided

    return predict


def _sampled(
    predict: Predict, start: Tensor, steps: int, sampler: Sampler, between: Sequence[Numbers] | None
) -> Tensor:
    if sampler == "dpm":
        drawn: Tensor = dpm_solver(predict, start, steps)
        return drawn
    given = noises_between(start.shape[1:], steps) if between is None else between
    noises = [torch.as_tensor(noise, dtype=torch.float32, device=start.device) for noise in given]
    drawn = few_steps(predict, start, few_step_plan(sampler, steps), noises)
    return drawn


def fastest_place() -> tuple[torch.device, torch.dtype]:
    """Where this machine draws fastest, and in which precision: a GPU in half, else the processor in full."""
    if torch.cuda.is_available():
        return torch.device("cuda"), torch.float16
    return torch.device("cpu"), torch.float32


def place_of(precision: str) -> tuple[torch.device, torch.dtype]:
    """A GPU for "f16", the processor for "f32"; ValueError where it is not here."""
    if precision != "f16":
        return torch.device("cpu"), torch.float32
    if not torch.cuda.is_available():
        raise ValueError("half precision wants a GPU that PyTorch can use, and there is none: --runtime pytorch-f32")
    return torch.device("cuda"), torch.float16


def use_threads(count: int) -> None:
    """So many of the processor's, in all that PyTorch does in this process."""
    torch.set_num_threads(count)


def open_arc2face(
    where: Path | Files,
    *,
    few_step: FewStep | None = None,
    reference_scale: float = REFERENCE_SCALE,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Arc2Face:
    """Arc2Face from published files, in their folder or wherever else they are found.

    For few steps of a sampler, whose LoRA is then fused as well; or (None) for many of the DPM solver, as the authors
    draw. A bank fits the weights that it was made with: the one of a live character is not that of a still.
    """
    found: Files = where if callable(where) else where.joinpath
    unet = load_unet(found(files.UNET).parent, dtype=torch.float32)  # in which LoRAs are added
    adapter = install(unet, read_expression_adapter(found(files.EXPRESSION_ADAPTER)))
    fuse(unet, read_lora(found(files.REFERENCE_ADAPTER)), reference_scale)
    if few_step is not None:
        fuse(unet, read_lora(found(files.DISTILLED[few_step])), 1.0)
    return Arc2Face(
        unet.to(device=device, dtype=dtype),
        adapter.to(device=device, dtype=dtype),
        load_text_encoder(found("encoder/config.json").parent, device=device, dtype=dtype),
        load_vae(found("vae/config.json").parent, device=device, dtype=dtype),
        load_tiny_decoder(found(files.TINY_DECODER).parent, device=device, dtype=dtype),
        lambda: load_unet(found(files.UNET).parent, device=device, dtype=dtype),
    )
