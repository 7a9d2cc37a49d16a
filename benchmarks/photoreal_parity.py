"""`make parity-photoreal`: the whole of Arc2Face against diffusers', transformers' and the authors' arithmetic.

The weights are plain random ones in the published layout, tensor for tensor: the table shows that both compute the
same, not that the published weights draw well. `--size small` takes minutes and runs in CI; full size takes about an
hour of two cores and 5 GB of disk.
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
from diffusers import DPMSolverMultistepScheduler, LCMScheduler, TCDScheduler
from record import RESULTS, ROOT, keep, origin
from torch import Tensor

sys.path.insert(0, str(ROOT))
from omote.engine.arc2face.files import DISTILLED
from omote.engine.arc2face.pipeline import Arc2Face, open_arc2face
from omote.engine.arc2face.processors import Reading, denoise
from omote.engine.arc2face.sampling import FewStep, few_steps
from omote.engine.arc2face.schedulers import few_step_plan
from tests.arc2face import peers
from tests.arc2face.published import DIMENSIONS, Size, write_published

CLOSE = 1e-5  # of the largest number, in float32
REFERENCE_SCALE = 0.8
SIDES: dict[Size, int] = {"small": 16, "full": 64}  # of the latent; full is 512 x 512 pixels
RESULT = RESULTS / "photoreal_parity.json"
SETS = (2, 4, 8, 16)


class Parity:
    """The comparisons, each of which loads what it needs and lets go of it."""

    def __init__(self, folder: Path, size: Size) -> None:
        self.folder, side = folder, SIDES[size]
        embedding = _normal(1, DIMENSIONS[size].embedding, seed=1)
        self.embedding = embedding / embedding.norm()
        self.vectors = _normal(max(SETS), 55, seed=3) * 0.5
        self.noise = _normal(1, 4, side, side, seed=4)
        self.photo = np.random.default_rng(2).integers(0, 256, (8 * side, 8 * side, 3), np.uint8)
        self.tokens, self.nobody = peers.identity(folder, self.embedding[0]), peers.nobody(folder)

    def identity(self) -> dict[str, float]:
        arc = open_arc2face(self.folder)
        ours = torch.cat([arc.tokens(self.embedding), arc.nobody()])
        return {"tokens of an identity and of nobody": apart(ours, torch.cat([self.tokens, self.nobody]))}

    def unconditional(self) -> dict[str, float]:
        """Identity and expression, no reference: 25 steps of DPM-Solver++ 2M, guidance 3."""
        asked = {"num_inference_steps": 25, "guidance_scale": 3.0, "negative_prompt_embeds": self.nobody}
        pipeline = peers.pipeline(self.folder, DPMSolverMultistepScheduler)
        wanted = peers.latents(pipeline, self.noise, self.vectors[:1], self.tokens, **asked)
        arc = self._freed(reference_scale=0.0)
        return {"25 steps, guidance 3": apart(arc.generate(self.tokens, self.vectors[:1], self.noise), wanted)}

    def reference(self) -> dict[str, float]:
        """With the photo's rows and the reference LoRA at 0.8, as the authors' demo."""
        pixels = torch.from_numpy(self.photo).permute(2, 0, 1)[None] / 127.5 - 1.0
        rows = peers.written(self.folder, pixels, self.tokens)
        vector = self.vectors[:1]
        wanted = peers.reference_guided(self.folder, self.noise, vector, self.tokens, rows, REFERENCE_SCALE, 25)
        arc = self._freed(reference_scale=REFERENCE_SCALE)
        bank = arc.bank(self.photo, self.tokens)
        found = arc.generate(self.tokens, vector, self.noise, bank=bank)
        return {"25 steps, guidance 3, reference 0.8": apart(found, wanted)}

    def few_steps(self) -> dict[str, float]:
        """LCM in 1, 2 and 4 steps and TCD in 1 and 4, with their LoRAs and without."""
        found: dict[str, float] = {}
        samplers: dict[FewStep, tuple[Any, tuple[int, ...]]] = {
            "lcm": (LCMScheduler, (1, 2, 4)),
            "tcd": (TCDScheduler, (1, 4)),
        }
        for sampler, (scheduler, counts) in samplers.items():
            for lora in (DISTILLED[sampler], None):
                arc = self._freed(few_step=sampler if lora else None, reference_scale=0.0)
                pipeline = peers.pipeline(self.folder, scheduler, lora)
                for steps in counts:
                    name = f"{sampler}, {steps} step{'s' if steps > 1 else ''}, {'LoRA' if lora else 'no LoRA'}"
                    found[name] = self._few(arc, pipeline, sampler, steps)
        return found

    @torch.no_grad()
    def _few(self, arc: Arc2Face, pipeline: Any, sampler: FewStep, steps: int) -> float:
        vector, seeded = self.vectors[:1], torch.Generator().manual_seed(6)
        asked = {"num_inference_steps": steps, "guidance_scale": 1.0, "eta": 0.3, "generator": seeded}
        wanted = peers.latents(pipeline, self.noise, vector, self.tokens, **asked)
        generator = torch.Generator().manual_seed(6)
        between = [torch.randn(self.noise.shape, generator=generator) for _ in range(steps - 1)]
        reading = Reading(arc.adapter(vector))

        def predict(x: Tensor, timestep: int) -> Tensor:
            return denoise(arc.unet, x, torch.full((1,), float(timestep)), self.tokens, reading)

        return apart(few_steps(predict, self.noise, few_step_plan(sampler, steps), between), wanted)

    def sets(self) -> dict[str, float]:
        """How far a picture of a set is from the same one of the smallest set, by the strength of the sharing."""
        arc = self._freed(reference_scale=0.0)
        found: dict[str, float] = {}
        for share in (0.0, 0.6):
            drawn = {count: self._set(arc, count, share) for count in SETS}
            found |= {f"set of {count}, share {share:g}": apart(drawn[count][:2], drawn[SETS[0]]) for count in SETS[1:]}
        return found

    def _set(self, arc: Arc2Face, count: int, share: float) -> Tensor:
        return arc.generate(self.tokens, self.vectors[:count], self.noise, steps=3, share=share)

    def _freed(self, **how: Any) -> Arc2Face:
        gc.collect()
        return open_arc2face(self.folder, **how)


def _normal(*shape: int, seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, np.float32))


def apart(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, relative to the largest number."""
    return float(f"{((ours - theirs).abs().max() / theirs.abs().max()).item():.3g}")


PARTS = ("identity", "unconditional", "reference", "few_steps", "sets")


def measured(folder: Path, size: Size, only: list[str], on_row: Callable[[dict[str, Any]], None]) -> bool:
    """Every part in turn, a line a row; `on_row` gets all so far. Whether all are close."""
    rows: dict[str, Any] = {}
    parity = Parity(folder, size)
    for part in only:
        began_s = time.monotonic()
        rows |= {f"{part}: {name}": value for name, value in getattr(parity, part)().items()}
        for name, value in rows.items():
            if name.startswith(part):
                print(f"{name:60}{value:9.2g}{'' if value <= CLOSE else f'  more than {CLOSE:g}'}", flush=True)
        print(f"{part} took {time.monotonic() - began_s:.0f} s", flush=True)
        on_row(rows)
    return all(value <= CLOSE for value in rows.values())


def main() -> int:
    """0 where all are close, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--size", choices=tuple(SIDES), default="full", help="small: minutes, as in CI")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="some of the comparisons")
    parser.add_argument("--folder", type=Path, help="where the random weights are, or are kept for the next time")
    parser.add_argument("--save", type=Path, help=f"where to keep the result; else {RESULT.name}, of all parts only")
    chosen = parser.parse_args()
    told = {**origin(), "size": chosen.size, "torch": torch.__version__, "allowed": CLOSE, "weights": "plain random"}
    save = chosen.save or (RESULT if chosen.only == list(PARTS) else None)
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        if not (folder / "arcface.onnx").is_file():
            write_published(folder, size=chosen.size)
        is_close = measured(
            folder, chosen.size, chosen.only, lambda rows: keep({**told, "rows": rows}, save) if save else None
        )
    return 0 if is_close else 1


if __name__ == "__main__":
    raise SystemExit(main())
