"""Trains the model, resumably, with a sheet and a checkpoint now and then: first the teacher, then the student."""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from omote.engine.diffusion.denoiser import ANCHOR, PREVIOUS, Bank, Shape, premultiplied

from . import checkpoint
from . import pack as packs
from .batches import Batch, Choice, Chooser, batch_of, references_of
from .loss import Losses, motion_loss
from .model import Look, Model, bank_of, pooled
from .sheet import Sheet

_EMA_EVERY = 4
_EMA_DECAY = 0.998
# Of the steps, those that draw people of the cast with their own textures: the characters that are shipped.
_CAST_SHARE = {"teacher": 0.12, "student": 0.35}
# How often a part is withheld, so that each can be absent.
_NO_REFERENCE, _NO_TEXELS, _NO_OTHER = 0.1, 0.15, 0.25
_IDENTITY_NOISE = 0.05
_CUT_SHARE = 0.3
_ROW_NOISE = 0.4  # the most that rows of other pictures are blurred by, so that errors do not feed themselves
STAGES = ("teacher", "student")
# Of the samples, pure noise: what one step starts from. The teacher learns all of the path, the student its beginning.
_ONE_STEP_SHARE = {"teacher": 0.5, "student": 0.85}


@dataclass(frozen=True)
class Plan:
    """One training run; the same plan on the same machine gives the same weights."""

    pack: Path  # many people, known by a reference
    run: Path
    steps: int
    cast: Path | None = None  # a few people, known by heart
    stage: str = "teacher"
    people: int = 8  # in a step; two pictures of each
    rate: float = 5e-4  # of the denoiser; encoder and completion learn five times, the cast eight times as fast
    warmup: int = 60
    final_share: float = 0.1  # of the rate, at the end
    seed: int = 0
    device: str = "cpu"
    landmarks: Path | None = None  # the tracker's model file, for the feature loss
    sheet_every_s: float = 600.0
    limit_s: float = math.inf  # stops in time, with a checkpoint, to be run again


def _rate_share(plan: Plan, step: int) -> float:
    """Linear warm-up, then a cosine down to the final share."""
    if step < plan.warmup:
        return (step + 1) / plan.warmup
    done = min((step - plan.warmup) / max(plan.steps - plan.warmup, 1), 1.0)
    return plan.final_share + (1.0 - plan.final_share) * 0.5 * (1.0 + math.cos(math.pi * done))


class Trainer:
    """One run: its model, its moving average, its optimiser and its step count."""

    def __init__(self, plan: Plan, shape: Shape | None = None) -> None:
        if plan.stage not in STAGES:
            raise ValueError(f"stage must be one of {', '.join(STAGES)}, got {plan.stage}")
        torch.manual_seed(plan.seed)
        self.plan, self.pack = plan, packs.read(plan.pack)
        self.cast_pack = packs.read(plan.cast) if plan.cast else None
        self.shape = shape or Shape(size=self.pack.picture.shape[1])
        self.model, self.ema = self._new_model(), self._new_model().requires_grad_(False)
        self.ema.load_state_dict(self.model.state_dict())
        self.optimiser = torch.optim.AdamW(self._groups(), lr=plan.rate, betas=(0.9, 0.98), fused=True)
        self.step = 0
        self.losses = Losses(plan.landmarks, plan.device)
        self._chooser = Chooser(self.pack)
        self._cast_chooser = Chooser(self.cast_pack) if self.cast_pack else None

    def _new_model(self) -> Model:
        cast = self.cast_pack.people if self.cast_pack else 0
        model = Model(self.shape, self.pack.attributes.shape[1], cast)
        for part in (model.denoiser, model.encoder, model.completion):
            part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return model.to(self.plan.device)

    def _groups(self) -> list[dict[str, object]]:
        plan, model = self.plan, self.model
        fresh = [*model.encoder.parameters(), *model.completion.parameters()]
        return [
            {"params": list(model.denoiser.parameters()), "rate": plan.rate, "weight_decay": 0.01},
            {"params": fresh, "rate": 5.0 * plan.rate, "weight_decay": 0.01},
            {"params": list(model.cast.parameters()), "rate": 8.0 * plan.rate, "weight_decay": 0.0},
        ]

    def advance(self) -> float:
        """One step; its loss."""
        plan = self.plan
        rng = np.random.default_rng([plan.seed, self.step])
        torch.manual_seed(plan.seed * 1_000_003 + self.step)
        is_cast = self._cast_chooser is not None and rng.random() < _CAST_SHARE[plan.stage]
        pack = self.cast_pack if is_cast and self.cast_pack else self.pack
        chooser = self._cast_chooser if is_cast and self._cast_chooser else self._chooser
        choice = chooser.choose(min(plan.people, pack.people), rng)
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * _rate_share(plan, self.step)
        loss = self._loss(pack, choice, is_cast, rng)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([p for p in self.model.parameters() if p.grad is not None], 1.0)
        self.optimiser.step()
        self.step += 1
        if self.step % _EMA_EVERY == 0:
            self._average()
        return float(loss.detach())

    def _loss(self, pack: packs.Pack, choice: Choice, is_cast: bool, rng: np.random.Generator) -> Tensor:
        """Two pictures of each person, one after the other: the second also reads what the first remembers."""
        device, people = self.plan.device, len(choice.first)
        reference = references_of(pack, choice.reference, device, rng)
        first, second = batch_of(pack, choice.first, device), batch_of(pack, choice.second, device)

        def some(absent: float) -> Tensor:
            return torch.from_numpy((rng.random(people) >= absent).astype(np.float32)).to(device)

        with torch.autocast(device, torch.bfloat16):
            look, named = self.model.look(
                reference, some(_NO_TEXELS), first.person if is_cast else None, _IDENTITY_NOISE
            )
            has_reference = some(_NO_REFERENCE)
            drawn, rows = self._drawn(first, look, bank_of(look, has_reference), rng)
            rows = rows + _ROW_NOISE * float(rng.random()) * rows.detach().std() * torch.randn_like(rows)
            # Now and then the picture before is far from this one: a cut, or a stream that stalled.
            kind = PREVIOUS if choice.is_clip or rng.random() < _CUT_SHARE else ANCHOR
            other = rows if kind == PREVIOUS else pooled(rows)
            bank = bank_of(look, has_reference, other, kind, some(_NO_OTHER))
            after, _ = self._drawn(second, look, bank, rng)
        loss = self.losses.picture(drawn.float(), first) + self.losses.whole(after.float(), second)
        if choice.is_clip:
            loss = loss + motion_loss(after.float() - drawn.detach().float(), second.picture - first.picture)
        truth = torch.from_numpy(pack.attributes[pack.person[choice.first]]).to(device)
        return loss + 0.1 * (named.float() - truth).abs().mean()

    def _drawn(self, batch: Batch, look: Look, bank: Bank, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        share, count = _ONE_STEP_SHARE[self.plan.stage], len(batch.person)
        t = torch.from_numpy(np.where(rng.random(count) < share, 1.0, rng.random(count))).float()
        t = t.to(self.plan.device)
        noise = torch.randn(batch.picture.shape).to(self.plan.device)
        mix = t[:, None, None, None]
        x = (1.0 - mix) * premultiplied(batch.picture) + mix * noise
        drawn: tuple[Tensor, Tensor] = self.model(x.contiguous(memory_format=torch.channels_last), t, batch, look, bank)
        return drawn

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(_EMA_DECAY**_EMA_EVERY, (self.step + 1) / (self.step + 40))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.model.parameters()), 1.0 - decay)

    def save(self) -> None:
        """Writes everything that the run needs to go on."""
        checkpoint.save(self.plan.run, self.model, self.ema, self.optimiser, self.step)

    def resume(self) -> bool:
        """Goes on from the run's checkpoint, if it has one; whether it has."""
        step = checkpoint.resume(self.plan.run, self.model, self.ema, self.optimiser)
        self.step = step or 0
        return step is not None

    def begin_from(self, state: dict[str, Tensor]) -> None:
        """Takes over averaged weights, with a new optimiser; what they lack keeps its beginning."""
        for model in (self.model, self.ema):
            checkpoint.take_over(model, state)


def train(plan: Plan, start: Path | None = None) -> Trainer:
    """Trains to the end of the plan, with a line of status, a sheet and a checkpoint every few minutes.

    Goes on from the run's checkpoint; where there is none, from what lies at `start` (a run, the parts of a GPU run, or
    the shipped weights), with a new optimiser.
    """
    plan.run.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(plan)
    if not trainer.resume() and start is not None:
        trainer.begin_from(checkpoint.averaged(start))
    sheet = Sheet(trainer.pack, trainer.cast_pack, plan.device)
    looked_s, began_s, losses = time.monotonic(), time.monotonic(), []
    first = trainer.step
    while trainer.step < plan.steps and time.monotonic() - began_s < plan.limit_s:
        losses.append(trainer.advance())
        now_s = time.monotonic()
        if trainer.step % 20 == 0:
            pace = (trainer.step - first) * plan.people * 2 / (now_s - began_s)
            print(f"step {trainer.step} loss {np.mean(losses[-60:]):.4f} {pace:.1f} pictures/s", flush=True)
        if now_s - looked_s > plan.sheet_every_s:
            _look(trainer, sheet)
            looked_s = time.monotonic()
    _look(trainer, sheet)
    return trainer


def _look(trainer: Trainer, sheet: Sheet) -> None:
    """A checkpoint, a sheet of samples and a figure."""
    trainer.save()
    figures = sheet.draw(trainer.ema, trainer.plan.run / "sheet.png")
    print(f"step {trainer.step} " + " ".join(f"{name} {value:.2f} dB" for name, value in figures.items()), flush=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--cast", type=Path, help="a pack of the people whose characters are shipped")
    parser.add_argument(
        "--run", type=Path, required=True, help="a folder for checkpoints and sheets; run again to go on"
    )
    parser.add_argument("--stage", choices=STAGES, default="teacher")
    parser.add_argument("--start", type=Path, help="a run, parts or shipped weights to begin from")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--rate", type=float, default=Plan.rate)
    parser.add_argument("--landmarks", type=Path, help="face_landmarker.task, for the feature loss")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args(arguments)
    plan = Plan(
        args.pack,
        args.run,
        args.steps,
        args.cast,
        args.stage,
        rate=args.rate,
        landmarks=args.landmarks,
        seed=args.seed,
        device=args.device,
    )
    train(plan, args.start)


if __name__ == "__main__":
    main()
