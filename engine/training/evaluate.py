"""How near the shipped step comes to pictures it never saw: PSNR, matte error, steps and steadiness, as one JSON."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from omote.engine.diffusion.denoiser import Shape
from omote.engine.diffusion.sampler import STEPS, fixed_noise, sample

from . import pack as packs
from .provenance import provenance
from .train import Batch, Model, batch_of, over_grey


@dataclass(frozen=True)
class Score:
    """Means over held-out pictures, drawn in so many steps."""

    steps: int
    psnr_db: float  # on mid-grey, the whole picture
    head_psnr_db: float  # where the open head is
    alpha_error: float  # mean absolute, 0 to 1


def psnr_db(drawn: Tensor, truth: Tensor, mask: Tensor | None = None) -> float:
    """Peak signal to noise of [3,H,W] pictures in 0..1, where `mask` [1,H,W] is 1."""
    error = (drawn - truth).square()
    mean = error.mean() if mask is None else (error * mask).sum() / (3.0 * mask.sum())
    return float(-10.0 * torch.log10(mean + 1e-12))


@torch.no_grad()
def drawn(model: Model, batch: Batch, steps: int, size: int) -> Tensor:
    """[B,4,S,S] straight RGBA in 0..1, as the sampler gives it."""
    pictures = []
    for k in range(len(batch.person)):
        one = Batch(*(part[k : k + 1] for part in vars(batch).values()))

        def denoise(x: NDArray[np.float32], t: NDArray[np.float32], one: Batch = one) -> NDArray[np.float32]:
            with torch.autocast("cpu", torch.bfloat16):
                picture = model(torch.from_numpy(x), torch.from_numpy(t), one)
            return np.asarray(picture.float().numpy())

        pictures.append(torch.from_numpy(sample(denoise, fixed_noise(size), steps)))
    return torch.cat(pictures).clamp(-1, 1) * 0.5 + 0.5


def score(model: Model, pack: packs.Pack, rows: NDArray[np.intp], steps: int) -> Score:
    """Means over these rows of a pack."""
    whole, head, matte = [], [], []
    for part in np.array_split(rows, max(len(rows) // 8, 1)):
        batch = batch_of(pack, part, "cpu")
        ours, truth = drawn(model, batch, steps, pack.picture.shape[1]), batch.picture * 0.5 + 0.5
        for k in range(len(part)):
            mask = torch.nn.functional.interpolate(batch.geometry[k : k + 1, 6:7], scale_factor=2.0)[0]
            pair = over_grey(ours[k]), over_grey(truth[k])
            whole.append(psnr_db(*pair))
            head.append(psnr_db(*pair, mask))
            matte.append(float((ours[k, 3] - truth[k, 3]).abs().mean()))
    return Score(steps, float(np.mean(whole)), float(np.mean(head)), float(np.mean(matte)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument(
        "--count", type=int, default=192, help="held-out pictures, evenly spread (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, help="where to keep the figures as JSON")
    args = parser.parse_args()
    pack = packs.read(args.pack)
    model = Model(Shape(size=pack.picture.shape[1]), pack.people)
    state = load_file(args.run / "checkpoint.safetensors")
    model.load_state_dict({k.removeprefix("ema."): v for k, v in state.items() if k.startswith("ema.")})
    held_out = np.flatnonzero(pack.is_held_out)
    rows = held_out[np.linspace(0, len(held_out) - 1, args.count).astype(int)]
    scores = [score(model.eval(), pack, rows, steps) for steps in STEPS]
    record = {
        **provenance(),
        "runtime": "pytorch cpu bf16",
        "pictures": len(rows),
        "scores": [asdict(one) for one in scores],
    }
    print(json.dumps(record, indent=1))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
