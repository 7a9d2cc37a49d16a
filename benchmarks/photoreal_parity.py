"""`make parity-photoreal`: the whole of Arc2Face at full size against diffusers and transformers, on equal weights.

The weights are random, in the published layout tensor for tensor: what is shown is that both compute the same, not
that the published weights draw well. They are straightened (see `straighten`) and the result says so; `--plain` leaves
them as they fell, and its result stands beside the other one. One model stands in memory at a time. It takes about an
hour of two cores, reckoned from the seconds of LCM's four steps.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, LCMScheduler
from diffusers.utils import logging
from record import RESULTS, ROOT, keep, kept, origin
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

sys.path.insert(0, str(ROOT))
from omote.engine.diffusion.arc2face.pipeline import open_arc2face
from omote.engine.diffusion.schedule import FewStep
from omote.engine.photoreal.published_file import DISTILLED, UNET
from tests.engine.arc2face import peers
from tests.engine.arc2face.published import DIMENSIONS, Size, write_published

CLOSE = 1e-4  # at the latent, in float32
REFERENCE_SCALE = 0.8
SIDES: dict[Size, int] = {"small": 16, "full": 64}  # of the latent; full is 512 x 512 pixels
RESULT = RESULTS / "photoreal_parity.json"
PARAMETERS: dict[Size, int | None] = {"small": None, "full": 859_520_964}


class Parity:
    """The comparisons, each of which loads what it wants and lets go of it."""

    def __init__(self, folder: Path, size: Size) -> None:
        self.folder = folder
        embedding = _normal(1, DIMENSIONS[size].embedding, seed=1)
        self.embedding = embedding / embedding.norm()
        self.vector = _normal(1, 55, seed=3) * 0.5
        self.noise = _normal(1, 4, SIDES[size], SIDES[size], seed=4)
        self.photo = np.random.default_rng(2).integers(0, 256, (8 * SIDES[size], 8 * SIDES[size], 3), np.uint8)
        self.tokens, self.nobody = peers.identity(folder, self.embedding[0]), peers.nobody(folder)

    def identity(self) -> dict[str, Any]:
        """Tokens of an embedding, and of nobody."""
        arc = open_arc2face(self.folder)
        ours = torch.cat([arc.tokens(self.embedding), arc.nobody()])
        return _compared(ours, torch.cat([self.tokens, self.nobody]))

    def guided(self) -> dict[str, Any]:
        """25 steps of DPM-Solver++ 2M with an expression, guidance 3."""
        asked = {"num_inference_steps": 25, "guidance_scale": 3.0, "negative_prompt_embeds": self.nobody}
        wanted, theirs_s = self._theirs(DPMSolverMultistepScheduler, None, asked)
        found, ours_s = self._ours(None, {"steps": 25, "guidance": 3.0})
        return {**_compared(found, wanted), "ours_s": ours_s, "theirs_s": theirs_s}

    def lcm(self) -> dict[str, Any]:
        """4 steps of LCM with its LoRA and an expression, no guidance."""
        asked = {"num_inference_steps": 4, "guidance_scale": 1.0, "generator": torch.Generator().manual_seed(6)}
        wanted, theirs_s = self._theirs(LCMScheduler, DISTILLED["lcm"], asked)
        generator = torch.Generator().manual_seed(6)
        between = [torch.randn(self.noise.shape, generator=generator) for _ in range(3)]
        found, ours_s = self._ours("lcm", {"steps": 4, "guidance": 1.0, "sampler": "lcm", "between": between})
        return {**_compared(found, wanted), "ours_s": ours_s, "theirs_s": theirs_s}

    def _theirs(self, scheduler: Any, lora: str | None, asked: dict[str, Any]) -> tuple[Tensor, float]:
        pipeline = peers.pipeline(self.folder, scheduler, lora)
        return _timed(lambda: peers.latents(pipeline, self.noise, self.vector, self.tokens, **asked))

    def _ours(self, few_step: FewStep | None, asked: dict[str, Any]) -> tuple[Tensor, float]:
        arc = open_arc2face(self.folder, few_step=few_step, reference_scale=0.0)
        return _timed(lambda: arc.generate(self.tokens, self.vector, self.noise, **asked))

    @torch.no_grad()
    def bank(self) -> dict[str, Any]:
        """The noise that one step sees with the reference adapter and an expression: bank against concatenated rows."""
        wanted = self._concatenated()
        gc.collect()
        arc = open_arc2face(self.folder, reference_scale=REFERENCE_SCALE)
        bank = arc.bank(self.photo, self.tokens)
        found = arc.unet(self.noise, torch.tensor([999.0]), self.tokens, arc.adapter(self.vector), bank=bank)
        read = {"rows": sum(key.shape[1] for key in bank.keys), "megabytes_f16": _megabytes(bank.keys + bank.values)}
        return {**_compared(found, wanted), **read}

    def _concatenated(self) -> Tensor:
        pixels = torch.from_numpy(self.photo).permute(2, 0, 1)[None] / 127.5 - 1.0
        rows = peers.written(self.folder, pixels, self.tokens)
        unet = peers.reading(
            peers.pipeline(self.folder, DPMSolverMultistepScheduler), self.folder, rows, REFERENCE_SCALE
        )
        expression = {"image_embeds": [self.vector[None]]}
        found: Tensor = unet(self.noise, 999, self.tokens, added_cond_kwargs=expression).sample
        return found


def _normal(*shape: int, seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, np.float32))


def _timed(work: Callable[[], Tensor]) -> tuple[Tensor, float]:
    began_s = time.monotonic()
    found = work()
    return found, round(time.monotonic() - began_s, 1)


def _compared(ours: Tensor, theirs: Tensor) -> dict[str, Any]:
    apart = (ours - theirs).abs().max().item()
    spread = theirs.std().item()
    return {
        "max_abs_difference": float(f"{apart:.3g}"),
        "spread": float(f"{spread:.3g}"),
        "relative_to_spread": float(f"{apart / spread:.3g}"),
        "is_close": apart <= CLOSE,
    }


def _megabytes(parts: tuple[Tensor, ...]) -> float:
    return round(sum(part.numel() for part in parts) * 2 / 1e6, 1)


def straighten(path: Path) -> None:
    """Leads what comes into a random UNet to where its noise comes out, past all else.

    Only then is what comes out mostly the noise that went in, which a denoiser's is. Of plain random weights the
    sampler takes no noise away: it divides the noise that it begins with by 0.068, and with it all that float32 has
    rounded, to latents of a spread of 20, where real ones have 1. Nothing is claimed of how trained weights do it. Each
    latent channel is led twice, once negated, for silu(z) - silu(-z) is z.
    """
    state = load_file(path)
    into, past, out = (state[f"{name}.weight"] for name in _STRAIGHT)
    past[: 2 * _LATENT] = 0.0
    out *= _RANDOM_SHARE
    for channel in range(2 * _LATENT):
        latent, sign = channel // 2, 1.0 - 2.0 * (channel % 2)
        into[channel] = 0.0
        into[channel, latent, 1, 1] = sign * _LOUD
        past[channel, past.shape[1] // 2 + channel] = 1.0
        out[latent, channel, 1, 1] = sign
    save_file(state, path, {"format": "pt"})


def is_straight(path: Path) -> bool:
    """Whether the weights in this file were straightened, told by the rows that lead past all else."""
    with safe_open(path, "pt") as file:
        past = file.get_tensor(f"{_STRAIGHT[1]}.weight")[: 2 * _LATENT]
    return bool((past.count_nonzero(dim=tuple(range(1, past.ndim))) == 1).all())


_STRAIGHT = ("conv_in", "up_blocks.3.resnets.2.conv_shortcut", "conv_out")
_LATENT = 4
_LOUD = 30.0  # so that what the blocks between add is little beside it
_RANDOM_SHARE = 0.1  # of the noise that the blocks between tell


def layout(folder: Path, size: Size) -> dict[str, Any]:
    """How many tensors and numbers the UNet's file holds, counted in its header."""
    with safe_open(folder / UNET, "pt") as file:
        shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
    count = sum(int(np.prod(shape)) for shape in shapes)
    return {"tensors": len(shapes), "parameters": count, "is_published": PARAMETERS[size] in (None, count)}


def measured(folder: Path, size: Size, only: list[str], on_part: Callable[[dict[str, Any]], None]) -> bool:
    """Every part in turn, each told in a line as it ends; `on_part` gets all so far. Whether all are close."""
    found: dict[str, Any] = {"unet": layout(folder, size)}
    parity = Parity(folder, size)
    for name in only:
        gc.collect()
        began_s = time.monotonic()
        found[name] = getattr(parity, name)()
        apart, close = found[name]["max_abs_difference"], found[name]["is_close"]
        took = f"{time.monotonic() - began_s:.0f} s"
        print(f"{name:10}{apart:.3g} apart{'' if close else f', more than {CLOSE:g}'}, {took}", flush=True)
        on_part(found)
    return bool(found["unet"]["is_published"]) and all(found[name]["is_close"] for name in only)


def beside(path: Path, told: dict[str, Any], is_plain: bool) -> Callable[[dict[str, Any]], None]:
    """What keeps the parts of a run: those of plain weights under "plain", and neither kind loses the other's."""
    before = kept(path.stem, path.parent) or {}

    def keep_parts(found: dict[str, Any]) -> None:
        if is_plain:
            keep({**before, "plain": {**told, "parts": found}}, path)
        else:
            others = {"plain": before["plain"]} if "plain" in before else {}
            keep({**told, "parts": found, **others}, path)

    return keep_parts


PARTS = ("identity", "bank", "lcm", "guided")
WEIGHTS = {True: "random", False: "random, straightened: what comes into the UNet is led past it to its noise"}


def main() -> int:
    """0 where all are close, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--size", choices=tuple(SIDES), default="full", help="small: a trial of this program")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="some of the comparisons")
    parser.add_argument("--plain", action="store_true", help="random weights as they fell, not straightened")
    parser.add_argument("--folder", type=Path, help="where the random weights are, or are kept for the next time")
    parser.add_argument("--save", type=Path, help=f"where to keep the result; else {RESULT.name}, of full size only")
    chosen = parser.parse_args()
    logging.set_verbosity_error()
    told = {**origin(), "size": chosen.size, "torch": torch.__version__, "allowed": CLOSE}
    told |= {"weights": WEIGHTS[chosen.plain]}
    save = chosen.save or (RESULT if chosen.size == "full" else None)
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        _written(folder, chosen.size, is_plain=chosen.plain)
        on_part = beside(save, told, chosen.plain) if save else _not_kept
        is_close = measured(folder, chosen.size, chosen.only, on_part)
    return 0 if is_close else 1


def _written(folder: Path, size: Size, *, is_plain: bool) -> None:
    """Writes the weights where there are none; SystemExit where those that are there are of the other kind."""
    if not (folder / UNET).is_file():
        write_published(folder, size=size)
        if not is_plain:
            straighten(folder / UNET)
    elif is_straight(folder / UNET) is is_plain:
        raise SystemExit(f"{folder} holds weights that are {'' if is_plain else 'not '}straightened: choose another")


def _not_kept(found: dict[str, Any]) -> None:
    """Of a trial nothing is kept unless --save is given."""


if __name__ == "__main__":
    raise SystemExit(main())
