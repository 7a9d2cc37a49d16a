"""`make parity-photoreal`: Arc2Face here against diffusers, transformers and the authors' arithmetic.

The weights are random, with the published names and layouts. At `--size full` all networks have the published sizes
too: Stable Diffusion 1.5's UNet, VAE and ControlNet, CLIP ViT-L/14's text encoder, TAESD. The table shows that both
compute the same numbers, not that the published weights draw well. `--size small` takes minutes; full size takes
hours of two cores and 12 GB of disk. Each row is kept as soon as it is measured.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DPMSolverMultistepScheduler,
    LCMScheduler,
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionControlNetPipeline,
    TCDScheduler,
)
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
PIXELS: dict[Size, int] = {"small": 128, "full": 512}  # of a picture's side
SETS: dict[Size, tuple[int, ...]] = {"small": (2, 4, 8, 16), "full": (2, 4)}
Rows = Iterator[tuple[str, float]]  # a name and a difference, see `apart`


class Parity:
    """The comparisons of pictures of so many pixels on a side. Each loads what it needs and releases it."""

    def __init__(self, folder: Path, size: Size, pixels: int, steps: int = 25) -> None:
        """`steps` are those of guided pictures, 25 in the authors' demo."""
        self.folder, self.sizes, self.steps, side = folder, SETS[size], steps, pixels // 8
        embedding = _normal(1, DIMENSIONS[size].embedding, seed=1)
        self.embedding = embedding / embedding.norm()
        self.vectors = _normal(max(self.sizes), 55, seed=3) * 0.5
        self.noise = _normal(1, 4, side, side, seed=4)
        self.photo = np.random.default_rng(2).integers(0, 256, (8 * side, 8 * side, 3), np.uint8)
        self.tokens, self.empty = peers.identity(folder, self.embedding[0]), peers.empty(folder)

    def identity(self) -> Rows:
        arc = open_arc2face(self.folder)
        ours = torch.cat([arc.tokens(self.embedding), arc.empty()])
        yield "tokens of an identity and of the empty prompt", apart(ours, torch.cat([self.tokens, self.empty]))

    def unconditional(self) -> Rows:
        """Identity and expression, no reference, by DPM-Solver++ 2M."""
        given = {"num_inference_steps": self.steps, "guidance_scale": 3.0, "negative_prompt_embeds": self.empty}
        pipeline = peers.pipeline(self.folder, DPMSolverMultistepScheduler)
        expected = peers.latents(pipeline, self.noise, self.vectors[:1], self.tokens, **given)
        arc = self._freed(reference_scale=0.0)
        found = arc.generate(self.tokens, self.vectors[:1], self.noise, steps=self.steps)
        yield f"{self.steps} steps, guidance 3", apart(found, expected)

    def reference(self) -> Rows:
        """With the photo's rows, and with the reference LoRA at 0.8, as in the authors' demo, or without it."""
        pixels = torch.from_numpy(self.photo).permute(2, 0, 1)[None] / 127.5 - 1.0
        rows = peers.recorded(self.folder, pixels, self.tokens)
        vector = self.vectors[:1]
        for scale, name in ((REFERENCE_SCALE, "LoRA 0.8"), (0.0, "no LoRA")):
            expected = peers.reference_guided(self.folder, self.noise, vector, self.tokens, rows, scale, self.steps)
            arc = self._freed(reference_scale=scale)
            bank = arc.bank(self.photo, self.tokens)
            found = arc.generate(self.tokens, vector, self.noise, steps=self.steps, bank=bank)
            yield f"{self.steps} steps, guidance 3, {name}", apart(found, expected)

    def pose(self) -> Rows:
        """With the ControlNet, and over a draft at strength 0.5."""
        arc = self._freed(reference_scale=0.0, has_pose=True)
        hint = torch.from_numpy(self.photo[:, ::-1].copy()).permute(2, 0, 1)[None] / 255.0
        parts = {
            "controlnet": ControlNetModel.from_pretrained(self.folder / "controlnet"),
            "vae": AutoencoderKL.from_pretrained(self.folder / "vae"),
        }
        given = {"guidance_scale": 3.0, "negative_prompt_embeds": self.empty, "num_inference_steps": self.steps}
        of = peers.pipeline(self.folder, kind=StableDiffusionControlNetPipeline, **parts)
        expected = peers.latents(of, self.noise, self.vectors[:1], self.tokens, image=hint, **given)
        control = np.ascontiguousarray(self.photo[:, ::-1])
        found = arc.generate(self.tokens, self.vectors[:1], self.noise, steps=self.steps, control=control)
        yield f"ControlNet, {self.steps} steps, guidance 3", apart(found, expected)
        of = peers.pipeline(self.folder, kind=StableDiffusionControlNetImg2ImgPipeline, **parts)
        draft = {"image": arc.latents(self.photo[None]), "control_image": hint, "controlnet_conditioning_scale": 1.0}
        seeded = {"strength": 0.5, "generator": torch.Generator().manual_seed(6)}
        expected = peers.latents(of, None, self.vectors[:1], self.tokens, **given, **draft, **seeded)
        noise = torch.randn(self.noise.shape, generator=torch.Generator().manual_seed(6))
        how = {"control": control, "start": self.photo, "strength": 0.5, "steps": self.steps}
        found = arc.generate(self.tokens, self.vectors[:1], noise, **how)  # type: ignore[arg-type]
        yield "ControlNet over a draft, strength 0.5", apart(found, expected)

    def few_steps(self) -> Rows:
        """LCM and TCD in 1, 2 and 4 steps, with their LoRAs and without."""
        schedulers: dict[FewStep, Any] = {"lcm": LCMScheduler, "tcd": TCDScheduler}
        for fused in (*schedulers, None):
            lora = DISTILLED[fused] if fused else None
            arc = self._freed(few_step=fused, reference_scale=0.0)
            pipeline = peers.pipeline(self.folder, lora=lora)
            for sampler in (fused,) if fused else tuple(schedulers):
                pipeline.scheduler = peers.scheduler_of(schedulers[sampler])
                for steps in (1, 2, 4):
                    name = f"{sampler}, {steps} step{'s' if steps > 1 else ''}, {'LoRA' if lora else 'no LoRA'}"
                    yield name, self._few(arc, pipeline, sampler, steps)

    @torch.no_grad()
    def _few(self, arc: Arc2Face, pipeline: Any, sampler: FewStep, steps: int) -> float:
        vector, seeded = self.vectors[:1], torch.Generator().manual_seed(6)
        given = {"num_inference_steps": steps, "guidance_scale": 1.0, "eta": 0.3, "generator": seeded}
        expected = peers.latents(pipeline, self.noise, vector, self.tokens, **given)
        generator = torch.Generator().manual_seed(6)
        between = [torch.randn(self.noise.shape, generator=generator) for _ in range(steps - 1)]
        reading = Reading(arc.adapter(vector))

        def predict(x: Tensor, timestep: int) -> Tensor:
            return denoise(arc.unet, x, torch.full((1,), float(timestep)), self.tokens, reading)

        return apart(few_steps(predict, self.noise, few_step_plan(sampler, steps), between), expected)

    def sets(self) -> Rows:
        """How far a picture in a set is from the same picture alone, or with a share from that in a set of 2."""
        arc = self._freed(reference_scale=0.0)
        for share in (0.0, 0.6):
            sizes = self.sizes if share == 0.0 else self.sizes[1:]
            expected = self._set(arc, 1 if share == 0.0 else 2, share)
            for count in sizes:
                drawn = self._set(arc, count, share)[: len(expected)]
                yield f"set of {count}, share {share:g}", apart(drawn, expected)

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


PARTS = ("identity", "few_steps", "unconditional", "reference", "sets", "pose")


def measured(parity: Parity, only: Sequence[str]) -> Rows:
    """Runs each part and prints its rows as they come, by the names `part: case`."""
    for part in only:
        began_s = time.monotonic()
        for case, value in getattr(parity, part)():
            name = f"{part}: {case}"
            print(f"{name:60}{value:9.2g}{'' if value <= CLOSE else f'  more than {CLOSE:g}'}", flush=True)
            yield name, value
        print(f"{part} took {time.monotonic() - began_s:.0f} s", flush=True)


def main() -> int:
    """0 where all are close, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--size", choices=tuple(PIXELS), default="full", help="small takes minutes")
    parser.add_argument("--pixels", type=int, help="of a picture's side, a multiple of 64; by default 128 or 512")
    parser.add_argument("--steps", type=int, default=25, help="of guided pictures, 25 by default as the authors draw")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        default=list(PARTS),
        help="some of the comparisons; kept rows of others stay",
    )
    parser.add_argument("--folder", type=Path, help="folder of the random weights, which is filled if it is empty")
    parser.add_argument("--save", type=Path, help="default: benchmarks/results/photoreal_parity_SIZE.json")
    chosen = parser.parse_args()
    size, pixels = chosen.size, chosen.pixels or PIXELS[chosen.size]
    header = {**origin(), "size": size, "pixels": pixels, "torch": torch.__version__, "allowed": CLOSE}
    save = chosen.save or RESULTS / f"photoreal_parity_{size}.json"
    earlier, rows = _kept(save, header, chosen.only), dict[str, float]()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        if not (folder / "arcface.onnx").is_file():
            write_published(folder, size=size)
        for name, value in measured(Parity(folder, size, pixels, chosen.steps), chosen.only):
            rows[name] = value
            keep({**header, "weights": "plain random", "rows": {**earlier, **rows}}, save)
    return 0 if all(value <= CLOSE for value in rows.values()) else 1


def _kept(path: Path, header: Mapping[str, Any], parts: Sequence[str]) -> dict[str, float]:
    """The rows of all other parts in an earlier result of the same size, pixels and version of torch."""
    if not path.is_file():
        return {}
    result = json.loads(path.read_text(encoding="utf-8"))
    if any(result.get(name) != header[name] for name in ("size", "pixels", "torch")):
        return {}
    return {name: value for name, value in result["rows"].items() if name.partition(":")[0] not in parts}


if __name__ == "__main__":
    raise SystemExit(main())
