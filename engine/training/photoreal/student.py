"""The student: the published UNet with low-rank changes, which draws in one step what the teacher draws in many."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ...storage import atomic_write
from .losses import Losses, Terms, Weights
from .low_rank import LowRank
from .pairs import Pairs

CHECKPOINT = "checkpoint.safetensors"
_WARM_UP = 20
_FINAL_SHARE = 0.1  # of the rate, at the end
_HELD_OUT = 8  # of the pairs, at most: never learned from, to be judged by
LEAST_PAIRS = 4  # of which one is held out

OneStep = Callable[[Tensor], Tensor]  # vectors [B,55] to latents [B,4,h,w], as the student draws them, with gradients


@dataclass(frozen=True)
class Plan:
    """One run; the same plan on the same machine gives the same student."""

    run: Path
    steps: int = 4000
    batch: int = 2
    rate: float = 1e-4
    rank: int = 64
    seed: int = 0
    weights: Weights = field(default_factory=Weights)
    save_every_s: float = 180.0
    limit_s: float = math.inf  # stops in time, with a checkpoint, to be run again


class Student:
    """One run: what is learned, its optimiser and its step count."""

    def __init__(self, plan: Plan, unet: nn.Module, draw: OneStep, pairs: Pairs, losses: Losses) -> None:
        """`draw` runs this `unet`, to which the changes are attached from now on."""
        torch.manual_seed(plan.seed)
        self.plan, self.draw, self.losses = plan, draw, losses
        unet.requires_grad_(False)
        device = next(unet.parameters()).device
        self.changes = LowRank(unet, plan.rank).to(device)
        self.handles = self.changes.attached(unet)
        self.optimiser = torch.optim.AdamW(self.changes.parameters(), lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.0)
        held = min(_HELD_OUT, len(pairs) // LEAST_PAIRS)
        self.held_out = Pairs(pairs.vectors[:held], pairs.latents[:held])
        self.pairs = Pairs(pairs.vectors[held:], pairs.latents[held:])
        self.device, self.step = device, 0

    def advance(self) -> Terms:
        """One step; what it missed."""
        chosen = self._chosen()
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate * self._rate_share()
        terms = self._terms(self.pairs.vectors[chosen], self.pairs.latents[chosen])
        self.optimiser.zero_grad(set_to_none=True)
        terms.total(self.plan.weights).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.changes.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        return terms

    @torch.no_grad()
    def judged(self) -> Terms:
        """What it misses of faces that it never learned from, on average."""
        held, size = self.held_out, self.plan.batch
        batches = zip(torch.split(held.vectors, size), torch.split(held.latents, size), strict=True)
        found = [(len(vectors), self._terms(vectors, latents)) for vectors, latents in batches]
        count = sum(number for number, _ in found)
        means = (sum(n * getattr(terms, name) for n, terms in found) / count for name in Terms.__dataclass_fields__)
        return Terms(*(torch.as_tensor(mean) for mean in means))

    def _terms(self, vectors: Tensor, latents: Tensor) -> Terms:
        terms: Terms = self.losses(self.draw(vectors.to(self.device)).float(), latents.to(self.device))
        return terms

    def _chosen(self) -> Tensor:
        """Which pairs this step learns from: a function of the step, so that a run goes on as if never cut off."""
        source = torch.Generator().manual_seed(self.plan.seed * 1_000_003 + self.step)
        return torch.randint(len(self.pairs), (self.plan.batch,), generator=source)

    def _rate_share(self) -> float:
        if self.step < _WARM_UP:
            return (self.step + 1) / _WARM_UP
        done = min((self.step - _WARM_UP) / max(self.plan.steps - _WARM_UP, 1), 1.0)
        return _FINAL_SHARE + (1.0 - _FINAL_SHARE) * 0.5 * (1.0 + math.cos(math.pi * done))

    def save(self) -> None:
        """Writes all that the run needs to go on; an unfinished file never replaces a whole one."""
        state = {f"changes.{name}": value.detach().cpu() for name, value in self.changes.state_dict().items()}
        for number, slot in self.optimiser.state_dict()["state"].items():
            state |= {f"adam.{number}.{name}": value.cpu() for name, value in slot.items()}
        self.plan.run.mkdir(parents=True, exist_ok=True)
        words = {"step": str(self.step), "rank": str(self.plan.rank)}
        with atomic_write(self.plan.run / CHECKPOINT) as partial:
            save_file({name: value.contiguous() for name, value in state.items()}, partial, words)

    def resume(self) -> bool:
        """Goes on from the run's checkpoint, if it has one; ValueError where that is of another rank."""
        path = self.plan.run / CHECKPOINT
        if not path.is_file():
            return False
        with safe_open(path, framework="pt") as file:
            words = file.metadata() or {}
        if words.get("rank") != str(self.plan.rank):
            raise ValueError(f"{path} is of rank {words.get('rank')}, --rank is {self.plan.rank}: choose another --run")
        state = load_file(path)
        changes = {name.removeprefix("changes."): value for name, value in state.items() if name.startswith("changes.")}
        self.changes.load_state_dict(changes)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in state.items():
            if name.startswith("adam."):
                _, number, slot = name.split(".")
                moments.setdefault(int(number), {})[slot] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.step = int(words["step"])
        return True


def train(student: Student, on_step: Callable[[int, Terms], None] = lambda step, terms: None) -> None:
    """To the end of the plan or of its time, with a checkpoint every few minutes and at the end."""
    began_s = saved_s = time.monotonic()
    while student.step < student.plan.steps and time.monotonic() - began_s < student.plan.limit_s:
        terms = student.advance()
        on_step(student.step, terms)
        if time.monotonic() - saved_s > student.plan.save_every_s:
            student.save()
            saved_s = time.monotonic()
    student.save()
