"""Arc2Face as one thing: an embedding becomes tokens, a photo a bank, and both with an expression a picture."""

from __future__ import annotations

import math
from collections.abc import Callable
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
    load_text_encoder,
    load_tiny_vae,
    load_unet,
    load_vae,
    placed,
    read_adapter,
    read_lora,
)
from .processors import Bank, Reading, bank_of, block_names, denoise
from .sampling import FewStep, Predict, few_steps, noises_between
from .schedulers import dpm_solver, few_step_plan

Numbers = Tensor | NDArray[np.float32]
Picture = NDArray[np.uint8]
Sampler = Literal["dpm"] | FewStep
Find = Callable[[str], Path]  # where a published file is, by its name in the folder of them all

STEPS, GUIDANCE = 25, 3.0  # as the authors draw
REFERENCE_SCALE = 0.8
TOKENS = 77
_BEGIN, _END = 49406, 49407  # of CLIP's prompts
_PHOTO_OF_A_ID_PERSON = (1125, 539, 320, 1014, 2533)
_SLOT = 4  # where "id" stands, after the beginning
ANCHOR_STRIDE = 2  # of rows and of columns: four anchors take as much time as one picture


@dataclass(frozen=True, eq=False)
class Arc2Face:
    """The published models, loaded. Latents are [B,4,S/8,S/8] for pictures of S pixels on a side."""

    unet: Any  # draws and reads banks: the expression adapter is in it, its LoRAs are fused
    adapter: Any  # vectors [B,55] -> tokens [B,n,D]
    encoder: Any  # CLIP's text encoder
    vae: Any
    tiny: Any  # TAESD
    writer: Callable[[], Any]  # loads the published UNet without LoRAs, of which only banks are made

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
        """[B,77,D] "photo of a id person" with face embeddings [B,E] of any length in the place of "id".

        Arc2Face learned on unit vectors, padded with zeros; ValueError for one that has no direction or is too long.
        """
        rows = torch.as_tensor(embedding, dtype=torch.float32)
        if rows.ndim != 2 or not torch.isfinite(rows).all() or not (rows.norm(dim=1) > 0.0).all():
            raise ValueError(f"face embeddings must be [B,E], finite and not all zero, got {list(rows.shape)}")
        width = self.encoder.config.hidden_size
        if rows.shape[1] > width:
            raise ValueError(f"face embeddings must have at most {width} numbers, got {rows.shape[1]}")
        return self._encoded(_PHOTO_OF_A_ID_PERSON, F.pad(F.normalize(rows, dim=1), (0, width - rows.shape[1])))

    @torch.no_grad()
    def nobody(self) -> Tensor:
        """[1,77,D] the empty prompt, from which guidance leads away."""
        return self._encoded(())

    def _encoded(self, words: tuple[int, ...], faces: Tensor | None = None) -> Tensor:
        """[B,77,D] words, filled up with ends as Stable Diffusion 1.5 does; `faces` [B,D] replace the word "id"."""
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
    def bank(self, reference: Picture, tokens: Numbers) -> Bank:
        """What drawing reads of pictures [N,S,S,3] (or one [S,S,3]) of the person with tokens [1,77,D].

        Their most likely latents are taken, not a sample, so the same photo gives the same bank.
        """
        pictures = torch.from_numpy(np.array(reference)).to(self.device).reshape(-1, *reference.shape[-3:])
        pixels = pictures.permute(0, 3, 1, 2).to(self.dtype) / 127.5 - 1.0
        latents = self.vae.encode(pixels).latent_dist.mode() * self.vae.config.scaling_factor
        still = torch.zeros(len(latents), device=self.device)
        rows = self._written(self.writer(), latents, still, self._here(tokens).expand(len(latents), -1, -1), Reading())
        return bank_of(self.unet, [row.reshape(1, -1, row.shape[-1]) for row in rows])

    @torch.no_grad()
    def anchor_bank(
        self, tokens: Numbers, vectors: Numbers, noise: Numbers, timestep: int, bank: Bank | None = None
    ) -> Bank:
        """Every second row and column of expressions [N,55] at the first step, as pictures that read `bank` hold them.

        noise [4,h,h] is what the character's pictures begin from. These rows beside the reference's keep live pictures
        alike, of which there is only one at a time.
        """
        wanted = self._here(vectors)
        x, identity = (
            self._here(one).expand(len(wanted), -1, -1, *[-1] * (one.ndim - 3))
            for one in (torch.as_tensor(noise)[None], torch.as_tensor(tokens))
        )
        t = torch.full((len(wanted),), float(timestep), device=self.device)
        rows = self._written(self.unet, x, t, identity, Reading(expression=self.adapter(wanted), bank=bank))
        return bank_of(self.unet, [_thinned(row) for row in rows])

    def _written(self, unet: Any, x: Tensor, t: Tensor, tokens: Tensor, reading: Reading) -> list[Tensor]:
        """[B,T,C] what the self-attention of each block reads of x, in block order."""
        written: dict[int, Tensor] = {}
        denoise(unet, x, t, tokens, Reading(reading.expression, bank=reading.bank, written=written))
        return [written[number] for number in sorted(written)]

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
    ) -> Tensor:
        """[B,4,h,w] float32 clean latents of these expressions [B,55], each from noise [1|B,4,h,w].

        `tokens` is [1|B,77,D] and `scale` the strength of the expression. With a `share` each picture reads the first
        one, which is drawn as if alone. A guidance of 1 or less is none, as few-step LoRAs were distilled for.
        """
        wanted = self._here(vectors)
        count = len(wanted)
        identity = self._here(tokens).expand(count, -1, -1)
        strength = torch.full((self.blocks,), scale, device=self.device, dtype=self.dtype)
        predict = self._predict(identity, Reading(self.adapter(wanted), strength, bank, share))
        if guidance > 1.0:
            # Zeros are the adapter's "unspecified"; what guidance leads away from reads no bank and no other picture.
            nothing = Reading(self.adapter(torch.zeros_like(wanted)), strength)
            predict = _guided(predict, self._predict(self.nobody().expand(count, -1, -1), nothing), guidance)
        x = torch.as_tensor(noise, dtype=torch.float32, device=self.device).expand(count, -1, -1, -1)
        if sampler == "dpm":
            return dpm_solver(predict, x, steps)
        between = [torch.from_numpy(one).to(x) for one in noises_between(x.shape[1:], steps)]
        drawn: Tensor = few_steps(predict, x, few_step_plan(sampler, steps), between)
        return drawn

    def _predict(self, tokens: Tensor, reading: Reading) -> Predict:
        """Samplers step in float32, whatever the network computes in: the first step of few multiplies by 15."""

        def predict(x: Tensor, timestep: int) -> Tensor:
            t = torch.full((len(x),), float(timestep), device=self.device)
            return denoise(self.unet, x.to(self.dtype), t, tokens, reading).float()

        return predict

    @torch.no_grad()
    def picture(self, latents: Tensor, *, tiny: bool = False) -> Picture:
        """[B,S,S,3] sRGB of latents [B,4,h,w]; by the small decoder where asked."""
        decoder = self.tiny if tiny else self.vae
        factor = 1.0 if tiny else 1.0 / self.vae.config.scaling_factor
        # One at a time: the full decoder takes gigabytes for each.
        parts = [decoder.decode(factor * latent[None].to(self.dtype)).sample.float() for latent in latents]
        levels = ((torch.cat(parts) + 1.0) * 127.5).round().clamp(0.0, 255.0).to(torch.uint8)
        found: Picture = levels.permute(0, 2, 3, 1).cpu().numpy()
        return found

    def _here(self, numbers: Numbers) -> Tensor:
        return torch.as_tensor(numbers).to(device=self.device, dtype=self.dtype)


def _guided(towards: Predict, away: Predict, guidance: float) -> Predict:
    """Classifier-free guidance (arXiv 2207.12598)."""

    def predict(x: Tensor, timestep: int) -> Tensor:
        nothing = away(x, timestep)
        guided: Tensor = nothing + guidance * (towards(x, timestep) - nothing)
        return guided

    return predict


def _thinned(rows: Tensor) -> Tensor:
    """[1,T,C] of square pictures [N,h*h,C], all in a row."""
    side = math.isqrt(rows.shape[1])
    grid = rows.reshape(len(rows), side, side, -1)[:, ::ANCHOR_STRIDE, ::ANCHOR_STRIDE]
    return grid.reshape(1, -1, rows.shape[2])


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
        raise ValueError("half precision needs a GPU that PyTorch can use, and there is none: --runtime pytorch-f32")
    return torch.device("cuda"), torch.float16


def use_threads(count: int) -> None:
    """So many of the processor's, in all that PyTorch does in this process."""
    torch.set_num_threads(count)


def open_arc2face(
    where: Path | Find,
    *,
    few_step: FewStep | None = None,
    reference_scale: float = REFERENCE_SCALE,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Arc2Face:
    """Arc2Face from published files, in their folder or wherever else they are found.

    `few_step` fuses the LoRA of a few-step sampler; None is for many steps, as the authors draw. A reference scale of
    0 leaves the reference adapter out. A bank fits only the weights that made it.
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
        there(load_text_encoder(find("encoder/config.json").parent)),
        there(load_vae(find("vae/config.json").parent)),
        there(load_tiny_vae(find(files.TINY_DECODER).parent)),
        lambda: there(load_unet(find(files.UNET).parent)),
    )
