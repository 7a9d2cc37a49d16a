"""Trains the model on one machine with a GPU in one call: renders, packs, trains and exports. Never run on a GPU yet.

Run it again to go on: what is rendered, packed and trained is kept in the work folder. `--device cpu` takes the same
way with the same code, and is how it was tried.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from omote.engine.model.denoiser import STATE, Layers, compose, painted
from omote.engine.offline.processes import Processes

from . import examples, onnx_export
from .anime import dataset as anime
from .examples import Example, Subject
from .faces import dataset as faces
from .trainer import Plan, Trainer, loss_of, psnr, state_of

_REFERENCES = ((1, 0.55), (2, 0.3), (3, 0.15))  # of an example, and how often
_PAINT_SHARE = 0.25
_AVERAGE = 0.999
_SAVE_EVERY_S = 120.0
_AHEAD = 3  # batches that wait for each worker
SEED = 41


@dataclass(frozen=True)
class Work:
    """What is rendered and packed, and where it is kept between calls."""

    kit: Path
    folder: Path
    people: int
    drawn: int  # anime characters
    size: int
    workers: int

    def packs(self) -> list[Path]:
        """Renders and packs what is missing; the folder of each kind's packed shards."""
        people = faces.Plan(self.kit, self.folder / "people", self.people, 8, self.size, 2, SEED)
        drawn = anime.AnimePlan(self.kit / "anime", self.folder / "anime", self.drawn, 12, self.size, 2, SEED)
        out = []
        with Processes(self.workers) as crew:
            for _ in faces.write(people, crew):
                pass
            for _ in faces.write(drawn, crew, anime.drawn):
                pass
        for plan in (people, drawn):
            target = self.folder / "packs" / plan.out.name
            for _ in examples.pack(plan.out, self.kit, target):
                pass
            out.append(target)
        return out


class DeviceTrainer(Trainer):
    """A trainer whose networks are on a device, with examples that other threads make ahead."""

    def __init__(self, plan: Plan, device: str) -> None:
        super().__init__(plan)
        self.device = torch.device(device)
        self.net.to(self.device)
        self.ema.to(self.device)

    def learn(self, example: Example) -> float:
        """One step; its loss."""
        plan = self.plan
        done = min(self.spent_s / (60.0 * plan.minutes), 1.0)
        share = min(1.0, plan.final_share + (1.0 - plan.final_share) * (1.0 - done) / plan.falling)
        for group in self.optimiser.param_groups:
            group["lr"] = plan.rate * share * min(1.0, (self.step + 1) / plan.warmup)
        example = moved(example, self.device)
        state = state_of(example.truth)
        t = torch.rand(len(state), device=self.device)
        t = torch.where(torch.rand_like(t) < plan.pure_share, torch.ones_like(t), t)
        mix = t[:, None, None, None]
        with torch.autocast(self.device.type, torch.bfloat16):
            fine, coarse, identity = self.net.encode(example.references.picture, example.geometry)
            references = example.references._replace(features=(fine, coarse), identity=identity)
            out = self.net((1.0 - mix) * state + mix * torch.randn_like(state), t, example.wanted, references)
        layers = Layers(*(part.float() for part in out))
        loss = loss_of(compose(layers, example.pictures), example.truth, example.wanted.geometry)
        loss = loss + _PAINT_SHARE * (painted(layers) * 2.0 - 1.0 - state).abs().mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        decay = min(_AVERAGE, (self.step + 1) / (self.step + 20))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.ema.parameters()), list(self.net.parameters()), 1.0 - decay)
        return float(loss.detach())


def moved(value: Any, device: torch.device) -> Any:
    """The same tensors, tuples and examples on a device."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, Example):
        return Example(**{one.name: moved(getattr(value, one.name), device) for one in fields(value)})
    parts = (moved(part, device) for part in value)
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


def prepared(subjects: list[Subject], plan: Plan, first: int, threads: int) -> Iterator[Example]:
    """The batches of steps `first`, `first` + 1 and so on without end, made ahead."""

    def batch(step: int) -> Example:
        rng = np.random.default_rng([plan.seed, step])
        counts, shares = zip(*_REFERENCES, strict=True)
        who = rng.choice(len(subjects), min(plan.batch, len(subjects)), replace=False)
        return examples.example(subjects, who, int(rng.choice(counts, p=shares)), rng, size=STATE)

    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Example]] = deque()
        step = first
        try:
            while True:
                while len(waiting) < _AHEAD * threads:
                    waiting.append(pool.submit(batch, step))
                    step += 1
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


def train(
    plan: Plan, packs: list[Path], device: str, threads: int, clock_s: Callable[[], float] = time.monotonic
) -> DeviceTrainer:
    """Goes on from the run's checkpoint until its minutes are over; the first shard of each pack is held out."""
    shards = [sorted(folder.iterdir()) for folder in packs]
    # Where there is one shard alone, as in a trial, it is both.
    subjects = examples.read([shard for part in shards for shard in part[1:] or part])
    trainer = DeviceTrainer(plan, device)
    trainer.resume()
    batches = prepared(subjects, plan, trainer.step, threads)
    saved_s, losses = clock_s(), deque[float](maxlen=100)
    while trainer.spent_s < 60.0 * plan.minutes:
        began_s = clock_s()
        losses.append(trainer.learn(next(batches)))
        trainer.spent_s += clock_s() - began_s
        if clock_s() - saved_s > _SAVE_EVERY_S:
            saved_s = clock_s()
            trainer.save()
            print(f"step {trainer.step} {trainer.spent_s / 60:.1f} min loss {np.mean(losses):.4f}", flush=True)
    trainer.save()
    trainer.ema.to("cpu")
    for folder, part in zip(packs, shards, strict=True):
        found = psnr(trainer.ema, examples.read(part[:1]))
        print(f"held out, {folder.name}: " + " ".join(f"{k} {v:.3f}" for k, v in found.items() if math.isfinite(v)))
    return trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="the face kit's folder")
    parser.add_argument("--work", type=Path, default=Path("data/gpu"), help="what is kept between calls")
    parser.add_argument("--people", type=int, default=1600)
    parser.add_argument("--drawn", type=int, default=1600, help="anime characters")
    parser.add_argument("--size", type=int, default=512, help="of the rendered pictures")
    parser.add_argument("--minutes", type=float, default=60.0, help="of training, all calls together")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no CUDA device; --device cpu trains on the processor, slowly")
    work = Work(args.kit, args.work, args.people, args.drawn, args.size, args.workers)
    packs = work.packs()
    trainer = train(Plan(args.work / "run", args.minutes, args.batch, workers=1), packs, args.device, args.workers)
    onnx_export.export(trainer.ema, args.work / "networks")
    print(f"networks in {args.work / 'networks'}")


if __name__ == "__main__":
    main()
