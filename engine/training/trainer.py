"""Trains the denoiser on rendered people, resumably, with a figure and a checkpoint every few minutes."""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from omote.engine.model.denoiser import STATE, Denoiser, Layers, compose

from . import examples
from .examples import Example, Subject


@dataclass(frozen=True)
class Plan:
    """One run."""

    run: Path
    minutes: float
    batch: int = 8
    rate: float = 8e-4
    warmup: int = 100
    final_share: float = 0.03
    seed: int = 0
    pure_share: float = 0.6  # of the samples that begin from pure noise


def draw(net: Denoiser, example: Example, x: Tensor, t: Tensor) -> Layers:
    """The layers of the clean pictures, in float32."""
    with torch.autocast("cpu", torch.bfloat16):
        fine, coarse, identity = net.encode(example.references.picture, example.geometry)
        layers = net(x, t, example.wanted, example.references._replace(features=(fine, coarse), identity=identity))
    return Layers(*(part.float() for part in layers))


def state_of(truth: Tensor) -> Tensor:
    """[B,4,256,256] premultiplied RGBA in -1 to 1: what noise is added to."""
    if truth.shape[-1] != STATE:
        truth = F.interpolate(truth, size=(STATE, STATE), mode="area")
    return truth * 2.0 - 1.0


def pyramid(x: Tensor, levels: int) -> list[Tensor]:
    """Bands of detail, finest first (Laplacian pyramid)."""
    bands = []
    for _ in range(levels):
        low = F.avg_pool2d(x, 2)
        bands.append(x - F.interpolate(low, scale_factor=2.0, mode="bilinear", align_corners=False))
        x = low
    return bands


def loss_of(drawn: Tensor, truth: Tensor, geometry: Tensor) -> Tensor:
    """L1 with eyes and mouth weighted, and L1 over a Laplacian pyramid."""
    special = F.interpolate(geometry[:, 7:9].amax(1, keepdim=True), size=truth.shape[-2:], mode="bilinear", align_corners=False)
    near = F.max_pool2d(special, 9, 1, 4)
    weight = 0.3 + truth[:, 3:] * (1.0 + 4.0 * near)
    error = (drawn - truth).abs()
    total = (error[:, :3] * weight).mean() * 3.0 + error[:, 3:].mean() * 2.0
    for ours, theirs in zip(pyramid(drawn, 3), pyramid(truth, 3), strict=True):
        band = (ours - theirs).abs()
        total = total + 4.0 * (band * F.interpolate(weight, size=band.shape[-2:], mode="area")).mean()
    return total


def psnr(net: Denoiser, subjects: list[Subject], count: int = 24, seed: int = 5) -> dict[str, float]:
    """PSNR in dB on held-out people from one reference at rest: head, eyes, mouth, the copy alone; and alpha error."""
    rng = np.random.default_rng(seed)
    squared: dict[str, list[float]] = {k: [0.0, 0.0] for k in ("head", "eye", "mouth")}
    alpha = []
    for n in range(min(count, len(subjects))):
        wanted = int(rng.integers(1, len(subjects[n].shots)))
        example = examples.example(subjects, np.array([n]), 1, None, wanted)
        torch.manual_seed(0)
        x = torch.randn(1, 4, STATE, STATE)
        with torch.no_grad():
            out = compose(draw(net, example, x, torch.ones(1)), example.pictures)
        size = out.shape[-2:]
        masks = {"head": example.wanted.geometry[:, 6:7], "eye": example.wanted.geometry[:, 7:8], "mouth": example.wanted.geometry[:, 8:9]}
        error = (out - example.truth)[:, :3].square().mean(1, keepdim=True)
        for key, mask in masks.items():
            full = F.interpolate(mask, size=size)
            if key == "eye":
                full = F.max_pool2d(full, 5, 1, 2)
            squared[key][0] += float((error * full).sum())
            squared[key][1] += float(full.sum())
        alpha.append(float((out - example.truth)[:, 3].abs().mean()))
    found = {key: -10.0 * math.log10(a / max(b, 1.0) + 1e-9) for key, (a, b) in squared.items()}
    return {**found, "alpha": float(np.mean(alpha))}


class Trainer:
    """A network, its average, its optimiser and how far it is."""

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.net = Denoiser().to(memory_format=torch.channels_last)
        self.ema = Denoiser().to(memory_format=torch.channels_last).requires_grad_(False)
        self.ema.load_state_dict(self.net.state_dict())
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=plan.rate, betas=(0.9, 0.99), weight_decay=0.01)
        self.step, self.spent_s = 0, 0.0

    def advance(self, subjects: list[Subject]) -> float:
        """One step; its loss."""
        plan = self.plan
        rng = np.random.default_rng([plan.seed, self.step])
        torch.manual_seed(plan.seed * 1_000_003 + self.step)
        done = min(self.spent_s / (60.0 * plan.minutes), 1.0)
        share = plan.final_share + (1.0 - plan.final_share) * 0.5 * (1.0 + math.cos(math.pi * done))
        for group in self.optimiser.param_groups:
            group["lr"] = plan.rate * share * min(1.0, (self.step + 1) / plan.warmup)
        count = int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15]))
        example = examples.example(subjects, rng.choice(len(subjects), plan.batch, replace=False), count, rng)
        t = torch.from_numpy(np.where(rng.random(plan.batch) < plan.pure_share, 1.0, rng.random(plan.batch))).float()
        mix = t[:, None, None, None]
        state = state_of(example.truth)
        x = (1.0 - mix) * state + mix * torch.randn(state.shape)
        drawn = compose(draw(self.net, example, x, t), example.pictures)
        loss = loss_of(drawn, example.truth, example.wanted.geometry)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        with torch.no_grad():
            decay = min(0.998, (self.step + 1) / (self.step + 20))
            torch._foreach_lerp_(list(self.ema.parameters()), list(self.net.parameters()), 1.0 - decay)
        return float(loss.detach())

    def save(self) -> None:
        """Writes all that the run needs to go on; an unfinished file never replaces a whole one."""
        self.plan.run.mkdir(parents=True, exist_ok=True)
        state = {"net": self.net.state_dict(), "ema": self.ema.state_dict(), "adam": self.optimiser.state_dict(), "step": self.step, "spent_s": self.spent_s}
        torch.save(state, self.plan.run / "checkpoint.part")
        (self.plan.run / "checkpoint.part").replace(self.plan.run / "checkpoint.pt")

    def resume(self) -> bool:
        """Goes on from the run's checkpoint, if it has one."""
        path = self.plan.run / "checkpoint.pt"
        if not path.exists():
            return False
        state = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["adam"])
        self.step, self.spent_s = state["step"], state["spent_s"]
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kit", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="of training, all calls together")
    parser.add_argument("--held-out-shards", type=int, default=1)
    parser.add_argument("--batch", type=int, default=Plan.batch)
    args = parser.parse_args()
    trainer = Trainer(Plan(args.run, args.minutes, args.batch))
    trainer.resume()
    subjects = examples.read(args.data, args.kit, slice(None, -args.held_out_shards))
    held = examples.read(args.data, args.kit, slice(-args.held_out_shards, None))
    print(f"{len(subjects)} people, {len(held)} held out, from step {trainer.step}", flush=True)
    losses: list[float] = []
    looked_s = time.monotonic()
    while trainer.spent_s < 60.0 * args.minutes:
        began_s = time.monotonic()
        losses.append(trainer.advance(subjects))
        trainer.spent_s += time.monotonic() - began_s
        if trainer.step % 50 == 0:
            print(f"step {trainer.step} {trainer.spent_s / 60:.1f} min loss {np.mean(losses[-50:]):.4f}", flush=True)
        if time.monotonic() - looked_s > 240.0:
            looked_s = time.monotonic()
            trainer.save()
            print(f"step {trainer.step} " + " ".join(f"{k} {v:.3f}" for k, v in psnr(trainer.ema, held).items()), flush=True)
    trainer.save()
    print(f"step {trainer.step} " + " ".join(f"{k} {v:.3f}" for k, v in psnr(trainer.ema, held).items()), flush=True)


if __name__ == "__main__":
    main()
