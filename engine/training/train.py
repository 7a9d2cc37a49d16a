"""Trains the denoiser with each person's texture and token, resumably, with a sheet and a checkpoint now and then."""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from omote.engine.diffusion.denoiser import Condition, Denoiser, Shape, premultiplied
from omote.engine.diffusion.sampler import fixed_noise
from omote.engine.face import atlas

from . import pack as packs
from . import parts
from .loss import picture_loss
from .pack import Pack

_EMA_EVERY = 4
_EMA_DECAY = 0.9985
_ONE_STEP_SHARE = 0.75  # of the samples that are pure noise: what one step at run time starts from


@dataclass(frozen=True)
class Plan:
    """One training run; the same plan on the same machine gives the same weights."""

    pack: Path
    run: Path
    steps: int
    batch: int = 16
    rate: float = 1e-3
    texture_rate: float = 6e-3
    warmup: int = 100
    seed: int = 0
    device: str = "cpu"
    sheet_every_s: float = 600.0
    limit_s: float = math.inf  # stops in time, with a checkpoint, to be run again


class People(nn.Module):
    """What is learned of each person: a texture on top of everyone's, and a token."""

    def __init__(self, people: int, shape: Shape) -> None:
        super().__init__()
        self.common = nn.Parameter(0.02 * torch.randn(shape.texture, atlas.HEIGHT, atlas.WIDTH))
        self.texture = nn.Parameter(0.02 * torch.randn(people, shape.texture, atlas.HEIGHT, atlas.WIDTH))
        self.identity = nn.Parameter(0.5 * torch.randn(people, shape.identity))

    def forward(self, person: Tensor) -> tuple[Tensor, Tensor]:
        """[B,16,256,128] textures and [B,64] tokens."""
        return self.common + self.texture[person], self.identity[person]


class Model(nn.Module):
    """The denoiser and the people that it was trained on."""

    def __init__(self, shape: Shape, people: int) -> None:
        super().__init__()
        self.denoiser = Denoiser(shape)
        self.people = People(people, shape)

    def forward(self, x: Tensor, t: Tensor, batch: Batch) -> Tensor:
        texture, identity = self.people(batch.person)
        condition = Condition(batch.geometry, batch.uv, texture, batch.face, batch.light, identity)
        denoised: Tensor = self.denoiser(x, t, condition)
        return denoised


@dataclass(frozen=True)
class Batch:
    picture: Tensor  # [B,4,S,S] straight RGBA, -1 to 1
    geometry: Tensor
    uv: Tensor
    person: Tensor  # [B]
    face: Tensor
    light: Tensor


def batch_of(pack: Pack, rows: NDArray[np.intp], device: str) -> Batch:
    """These pictures of a pack as tensors."""
    picture = torch.from_numpy(pack.picture[rows]).permute(0, 3, 1, 2).to(device, torch.float32)
    return Batch(
        picture=picture / 127.5 - 1.0,
        geometry=torch.from_numpy(pack.geometry[rows]).to(device, torch.float32),
        uv=torch.from_numpy(pack.uv[rows]).to(device, torch.float32),
        person=torch.from_numpy(pack.person[rows]).long().to(device),
        face=torch.from_numpy(pack.face[rows]).to(device),
        light=torch.from_numpy(pack.light[rows]).to(device),
    )


def _rate_share(plan: Plan, step: int) -> float:
    """Linear warm-up, then a cosine down to a fiftieth."""
    if step < plan.warmup:
        return (step + 1) / plan.warmup
    done = min((step - plan.warmup) / max(plan.steps - plan.warmup, 1), 1.0)
    return 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * done))


class Trainer:
    """One run: its model, its moving average, its optimiser and its step count."""

    def __init__(self, plan: Plan, shape: Shape | None = None) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.pack = plan, packs.read(plan.pack)
        self.shape = shape or Shape(size=self.pack.picture.shape[1])
        self.model = self._new_model()
        self.ema = self._new_model().requires_grad_(False)
        self.ema.load_state_dict(self.model.state_dict())
        groups = [
            {"params": list(self.model.denoiser.parameters()), "rate": plan.rate, "weight_decay": 0.01},
            {"params": list(self.model.people.parameters()), "rate": plan.texture_rate, "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98), fused=True)
        self.step = 0
        self.rows = np.flatnonzero(~self.pack.is_held_out)
        self.held_out = np.flatnonzero(self.pack.is_held_out)

    def _new_model(self) -> Model:
        model = Model(self.shape, self.pack.people)
        model.denoiser.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return model.to(self.plan.device)

    def advance(self) -> float:
        """One step; its loss."""
        plan = self.plan
        rng = np.random.default_rng([plan.seed, self.step])
        torch.manual_seed(plan.seed * 1_000_003 + self.step)
        batch = batch_of(self.pack, np.sort(rng.choice(self.rows, plan.batch, replace=False)), plan.device)
        t = torch.from_numpy(np.where(rng.random(plan.batch) < _ONE_STEP_SHARE, 1.0, rng.random(plan.batch))).float()
        t = t.to(plan.device)
        noise = torch.randn(batch.picture.shape).to(plan.device)
        mix = t[:, None, None, None]
        x = (1.0 - mix) * premultiplied(batch.picture) + mix * noise
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * _rate_share(plan, self.step)
        with torch.autocast(plan.device, torch.bfloat16):
            drawn = self.model(x.contiguous(memory_format=torch.channels_last), t, batch)
        loss = picture_loss(drawn.float(), batch.picture, batch.geometry)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.denoiser.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        if self.step % _EMA_EVERY == 0:
            self._average()
        return float(loss.detach())

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(_EMA_DECAY**_EMA_EVERY, (self.step + 1) / (self.step + 40))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.model.parameters()), 1.0 - decay)

    @torch.no_grad()
    def drawn(self, rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        """One-step pictures of the averaged model beside the truth, both [B,4,S,S] straight RGBA in 0..1."""
        batch = batch_of(self.pack, rows, self.plan.device)
        noise = torch.from_numpy(fixed_noise(self.shape.size)).to(self.plan.device).expand(len(rows), -1, -1, -1)
        with torch.autocast(self.plan.device, torch.bfloat16):
            picture = self.ema(noise, torch.ones(len(rows), device=self.plan.device), batch)
        return picture.float().clamp(-1, 1) * 0.5 + 0.5, batch.picture * 0.5 + 0.5

    def evaluate(self, count: int = 48) -> float:
        """Mean PSNR in dB over pictures never trained on, on a mid-grey ground."""
        rows = self.held_out[np.linspace(0, len(self.held_out) - 1, count).astype(int)]
        psnr = []
        for part in np.array_split(rows, max(count // 8, 1)):
            drawn, truth = (over_grey(p) for p in self.drawn(part))
            psnr += [-10.0 * math.log10(float(F.mse_loss(d, t)) + 1e-12) for d, t in zip(drawn, truth, strict=True)]
        return float(np.mean(psnr))

    def sheet(self, path: Path, columns: int = 10) -> None:
        """Truth above, one step below, of held-out pictures."""
        rows = self.held_out[np.linspace(0, len(self.held_out) - 1, 2 * columns).astype(int)]
        drawn, truth = (over_grey(p) for p in self.drawn(rows))
        bands = [band for k in (0, columns) for band in (truth[k : k + columns], drawn[k : k + columns])]
        grid = torch.cat([torch.cat(list(band), 2) for band in bands], 1)
        Image.fromarray((grid.permute(1, 2, 0).numpy(force=True) * 255).round().astype(np.uint8)).save(path)

    def save(self) -> None:
        """Writes everything that the run needs to go on; an unfinished file never replaces a whole one."""
        state = {f"model.{k}": v.contiguous() for k, v in self.model.state_dict().items()}
        state |= {f"ema.{k}": v.contiguous() for k, v in self.ema.state_dict().items()}
        for k, slot in self.optimiser.state_dict()["state"].items():
            state |= {f"adam.{k}.{name}": value.contiguous() for name, value in slot.items()}
        unfinished = self.plan.run / "checkpoint.part"
        save_file(state, unfinished, {"step": str(self.step)})
        unfinished.replace(self.plan.run / "checkpoint.safetensors")

    def begin_from(self, state: dict[str, Tensor]) -> None:
        """Takes over averaged weights, with a new optimiser."""
        for model in (self.model, self.ema):
            model.load_state_dict(state)

    def resume(self) -> bool:
        """Goes on from the run's checkpoint, if it has one; whether it has."""
        path = self.plan.run / "checkpoint.safetensors"
        if not path.exists():
            return False
        state = load_file(path)
        for prefix, model in (("model.", self.model), ("ema.", self.ema)):
            model.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in state.items():
            if key.startswith("adam."):
                _, k, name = key.split(".")
                # The fused optimiser walks memory: its moments must lie as the parameter does, channels last.
                laid = torch.empty_like(parameters[int(k)]).copy_(value) if value.ndim else value
                moments.setdefault(int(k), {})[name] = laid
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        with safe_open(path, framework="pt") as file:
            self.step = int(file.metadata()["step"])
        return True


def over_grey(straight: Tensor) -> Tensor:
    """[...,3,S,S] a straight RGBA picture in 0..1 on a mid-grey ground."""
    alpha = straight[..., 3:, :, :]
    return straight[..., :3, :, :] * alpha + 0.5 * (1.0 - alpha)


def train(plan: Plan, start: Path | None = None) -> Trainer:
    """Trains to the end of the plan, with a line of status, a sheet and a checkpoint every few minutes.

    Goes on from the run's checkpoint; where there is none, from the parts in `start`, with a new optimiser.
    """
    plan.run.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(plan)
    if not trainer.resume() and start is not None:
        trainer.begin_from(parts.read(start))
    looked_s, began_s, losses = time.monotonic(), time.monotonic(), []
    first = trainer.step
    while trainer.step < plan.steps and time.monotonic() - began_s < plan.limit_s:
        losses.append(trainer.advance())
        now_s = time.monotonic()
        if trainer.step % 20 == 0:
            pace = (trainer.step - first) * plan.batch / (now_s - began_s)
            print(f"step {trainer.step} loss {np.mean(losses[-60:]):.4f} {pace:.1f} pictures/s", flush=True)
        if now_s - looked_s > plan.sheet_every_s:
            _look(trainer)
            looked_s = time.monotonic()
    _look(trainer)
    return trainer


def _look(trainer: Trainer) -> None:
    """A checkpoint, a sheet of samples and a figure."""
    trainer.save()
    trainer.sheet(trainer.plan.run / "sheet.png")
    print(f"step {trainer.step} held-out PSNR {trainer.evaluate():.2f} dB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument(
        "--run", type=Path, required=True, help="a folder for checkpoints and sheets; run again to go on"
    )
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    train(Plan(args.pack, args.run, args.steps, args.batch, seed=args.seed, device=args.device))


if __name__ == "__main__":
    main()
