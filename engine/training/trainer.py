"""Trains the denoiser on rendered characters; resumable, with a checkpoint and PSNR every few minutes."""

from __future__ import annotations

import argparse
import math
import socket
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.multiprocessing import get_context

from ..face.correspondence import GRID
from ..model.denoiser import STATE, Denoiser, Layers, compose, cropped, painted
from ..storage import atomic_write, remove_leftovers
from . import examples
from .examples import Example, Subject
from .losses import Discriminator, FeatureDistance, gradient_penalty, relativistic_loss, sample_patches

_AVERAGE_EVERY = 8  # steps
_PAINT_SHARE = 0.25
# Weights of errors at eyes and mouth, relative to the rest of the head. The inside of the mouth covers less than 1 % of
# a picture: with a weight of 4 it was still painted as skin after 15,000 samples.
_EYE, _MOUTH = 5.0, 20.0
# The lids, closed or open: |x|, y and least z of the canonical position. Nothing else marks a closed eye, and lids that
# count as skin stay half open.
_LIDS = (0.04, 0.18, 0.47, 0.585, 0.5)
_FEATURE_SHARE = 0.1
_FEATURE_SIDE = 128  # pixels on a side of the part of a picture whose features are compared
# Cells on a side of the crop that is learned at full resolution, and of its border, which is left out.
_CROP, _BORDER = 68, 2
_SHOW_EVERY_S = 240.0
_ADVERSARIAL_SHARE = 0.25  # the adversarial gradient as a share of the gradient of the truth
_PENALTY_EVERY = 4  # steps of the discriminator


@dataclass(frozen=True)
class TrainingSettings:
    """One run."""

    run: Path
    minutes: float
    batch: int = 8  # of all workers together
    workers: int = 2  # processes of one thread each, which average their gradients
    rate: float = 8e-4
    warmup: int = 100
    falling: float = 0.25  # share of the run in which the rate falls (arXiv 2405.18392)
    final_share: float = 0.03
    start: Path | None = None  # folder of the weights that the run begins with
    seed: int = 0
    pure_share: float = 0.6  # of samples that begin from pure noise
    fading_share: float = 0.2  # of further references that fade in or out
    fine_share: float = 0.5  # of steps that learn a crop at 512
    fine_from: float = 0.35  # of the run
    adversarial_from: float = 0.66  # of the run
    adversarial_easing: float = 0.05  # share of the run in which the adversarial gradient grows from 0
    discriminator_rate: float = 3e-4


def draw(net: Denoiser, example: Example, x: Tensor, t: Tensor) -> Layers:
    """The layers of the clean pictures, in float32."""
    with torch.autocast(x.device.type, torch.bfloat16):
        fine, coarse, identity = net.encode(example.references.picture, example.geometry)
        layers = net(x, t, example.wanted, example.references._replace(features=(fine, coarse), identity=identity))
    return Layers(*(part.float() for part in layers))


def state_of(truth: Tensor) -> Tensor:
    """[B,4,256,256] premultiplied RGBA in -1 to 1, to which noise is added."""
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


def weights_of(truth: Tensor, geometry: Tensor) -> Tensor:
    """[B,1,S,S] weights of errors: high at eyes and lids, highest in the mouth, low in the background."""
    x, y, z = geometry[:, 0:1].abs(), geometry[:, 1:2], geometry[:, 2:3]
    lid = (x > _LIDS[0]) & (x < _LIDS[1]) & (y > _LIDS[2]) & (y < _LIDS[3]) & (z > _LIDS[4])
    eye = torch.maximum(geometry[:, 7:8], lid.to(geometry.dtype))
    small = F.max_pool2d(torch.cat([eye, geometry[:, 8:9]], 1), 5, 1, 2)
    eye, mouth = F.interpolate(small, size=truth.shape[-2:], mode="bilinear", align_corners=False).chunk(2, 1)
    return 0.3 + truth[:, 3:] * (1.0 + _EYE * eye + _MOUTH * mouth)


def loss_of(drawn: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """L1 of colour and alpha, and L1 over a Laplacian pyramid."""
    error = (drawn - truth).abs()
    total = (error[:, :3] * weight).mean() * 3.0 + error[:, 3:].mean() * 2.0
    for ours, theirs in zip(pyramid(drawn, 3), pyramid(truth, 3), strict=True):
        band = (ours - theirs).abs()
        total = total + 4.0 * (band * F.interpolate(weight, size=band.shape[-2:], mode="area")).mean()
    return total


def _draw_crop(layers: Layers, example: Example, top: int, left: int) -> Tensor:
    """A crop drawn at full resolution, without its border."""
    pixels = example.truth.shape[-1] // GRID  # a cell
    drawn = compose(cropped(layers, top, left, _CROP), example.pictures, _CROP * pixels)
    border = _BORDER * pixels
    return drawn[..., border:-border, border:-border]


def _crop(x: Tensor, top: int, left: int) -> Tensor:
    """The same crop of a map or picture [B,C,S,S]."""
    pixels = x.shape[-1] // GRID
    rows, columns = (slice((a + _BORDER) * pixels, (a + _CROP - _BORDER) * pixels) for a in (top, left))
    return x[..., rows, columns]


def _random_crops(drawn: Tensor, truth: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """[B,3,128,128] a random crop of both pictures, on a plain background."""
    spare = drawn.shape[-1] - _FEATURE_SIDE
    top, left = (int(rng.integers(spare // 8, spare - spare // 8 + 1)) for _ in range(2))
    ground = torch.from_numpy(rng.random((len(drawn), 3, 1, 1)).astype(np.float32)).to(drawn.device)

    def part(picture: Tensor) -> Tensor:
        cut = picture[..., top : top + _FEATURE_SIDE, left : left + _FEATURE_SIDE]
        return cut[:, :3] + (1.0 - cut[:, 3:]) * ground

    return part(drawn), part(truth)


def psnr(net: Denoiser, subjects: list[Subject], count: int = 24, seed: int = 5) -> dict[str, float]:
    """PSNR in dB of head, eyes and mouth of held-out people from one resting reference, and alpha error."""
    rng = np.random.default_rng(seed)
    squared: dict[str, list[float]] = {k: [0.0, 0.0] for k in ("head", "eye", "mouth")}
    alpha = []
    for n in range(min(count, len(subjects))):
        wanted = int(rng.integers(1, len(subjects[n])))
        example = examples.example(subjects, np.array([n]), 1, None, wanted, STATE)
        torch.manual_seed(0)
        x = torch.randn(1, 4, STATE, STATE)
        with torch.no_grad():
            out = compose(draw(net, example, x, torch.ones(1)), example.pictures)
        size = out.shape[-2:]
        masks = {
            "head": example.wanted.geometry[:, 6:7],
            "eye": example.wanted.geometry[:, 7:8],
            "mouth": example.wanted.geometry[:, 8:9],
        }
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


@dataclass(frozen=True)
class Batch:
    """The examples of one step."""

    example: Example
    is_fine: bool  # whether a crop is learned at 512


def batch_of(settings: TrainingSettings, subjects: list[Subject], step: int, rank: int, done: float) -> Batch:
    """The batch of a step at a share `done` of the run. It depends only on the arguments."""
    rng = np.random.default_rng([settings.seed, step, rank])
    common = np.random.default_rng([settings.seed, step])  # equal in all workers
    count = int(common.choice([1, 2, 3], p=[0.55, 0.3, 0.15]))
    is_fine = bool(done > settings.fine_from and common.random() < settings.fine_share)
    if is_fine:
        subjects = [one for one in subjects if one.pack.picture.shape[1] >= 2 * STATE]
    chosen = rng.choice(len(subjects), min(settings.batch // settings.workers, len(subjects)), replace=False)
    size = 2 * STATE if is_fine else STATE
    example = examples.example(subjects, chosen, count, rng, size=size)
    shape = (len(chosen), count)
    fading = np.where(rng.random(shape) < settings.fading_share, rng.random(shape), 1.0)
    fading[:, 0] = 1.0
    present = torch.from_numpy(fading.astype(np.float32))
    return Batch(replace(example, references=example.references._replace(present=present)), is_fine)


def to_device(value: Any, device: torch.device) -> Any:
    """Tensors, tuples or examples, moved to a device."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, Example):
        return Example(**{one.name: to_device(getattr(value, one.name), device) for one in fields(value)})
    parts = (to_device(part, device) for part in value)
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


class Trainer:
    """The network in training, its average, its optimizers and its progress."""

    def __init__(self, settings: TrainingSettings, rank: int = 0, device: str = "cpu", **sizes: Any) -> None:
        """`sizes` are the sizes of the denoiser."""
        torch.manual_seed(settings.seed)
        self.settings, self.rank, self.device = settings, rank, torch.device(device)
        self.net = Denoiser.from_pretrained(settings.start).float().train() if settings.start else Denoiser(**sizes)
        self.ema = Denoiser.from_config(self.net.config).requires_grad_(False)
        for net in (self.net, self.ema):
            net.to(self.device, memory_format=torch.channels_last)
        self.ema.load_state_dict(self.net.state_dict())
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=settings.rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.features = FeatureDistance().to(self.device)
        self.discriminator = Discriminator().to(self.device)
        self.discriminator_optimizer = torch.optim.AdamW(
            self.discriminator.parameters(), lr=settings.discriminator_rate, betas=(0.0, 0.99), fused=True
        )
        self.discriminator_losses: list[float] = []
        self.step, self.spent_s = 0, 0.0

    @property
    def done(self) -> float:
        """The share of the run that is over, 0 to 1."""
        return min(self.spent_s / (60.0 * self.settings.minutes), 1.0)

    def advance(self, subjects: list[Subject]) -> float:
        """Makes one step; returns its loss."""
        return self.learn(batch_of(self.settings, subjects, self.step, self.rank, self.done))

    def learn(self, batch: Batch) -> float:
        """Makes the step of this batch; returns its loss."""
        settings, done, is_fine = self.settings, self.done, batch.is_fine
        rng = np.random.default_rng([settings.seed, self.step, self.rank, 1])
        torch.manual_seed((settings.seed * 1_000_003 + self.step) * 64 + self.rank)
        share = min(1.0, settings.final_share + (1.0 - settings.final_share) * (1.0 - done) / settings.falling)
        for group in self.optimizer.param_groups:
            group["lr"] = settings.rate * share * min(1.0, (self.step + 1) / settings.warmup)
        example = to_device(batch.example, self.device)
        count = len(example.truth)
        times = np.where(rng.random(count) < settings.pure_share, 1.0, rng.random(count))
        t = torch.from_numpy(times.astype(np.float32)).to(self.device)
        mix = t[:, None, None, None]
        state = state_of(example.truth)
        x = (1.0 - mix) * state + mix * torch.randn(state.shape, device=self.device)
        layers = draw(self.net, example, x, t)
        weight = weights_of(example.truth, example.wanted.geometry)
        if is_fine:
            top, left = (int(rng.integers(0, (GRID - _CROP) // 2 + 1)) * 2 for _ in range(2))
            drawn = _draw_crop(layers, example, top, left)
            truth, weight = _crop(example.truth, top, left), _crop(weight, top, left)
        else:
            drawn, truth = compose(layers, example.pictures), example.truth
        shown = drawn.detach().requires_grad_()
        loss = loss_of(shown, truth, weight) + _FEATURE_SHARE * self.features(*_random_crops(shown, truth, rng))
        (gradient,) = torch.autograd.grad(loss, shown)
        if is_fine and done > settings.adversarial_from:
            ease = min(1.0, (done - settings.adversarial_from) / settings.adversarial_easing)
            gradient = gradient + ease * self._adversarial_gradient(
                shown, truth, example, (top + _BORDER, left + _BORDER, _CROP - 2 * _BORDER), gradient, rng
            )
        # Paint is learned everywhere: where it does not show, it would get no gradient and never be worth showing.
        error = (painted(layers) * 2.0 - 1.0 - state).abs() + (layers.paint * 2.0 - 1.0 - state).abs()
        near = weights_of(F.interpolate(example.truth, size=error.shape[-2:], mode="area"), example.wanted.geometry)
        paint_loss = _PAINT_SHARE * (error * near).mean()
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward([drawn, paint_loss], [gradient, None])
        self._average_gradients(self.net)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        if self.step % _AVERAGE_EVERY == 0:
            decay = min(0.999, (self.step + 1) / (self.step + 20)) ** _AVERAGE_EVERY
            with torch.no_grad():
                torch._foreach_lerp_(list(self.ema.parameters()), list(self.net.parameters()), 1.0 - decay)
        return float((loss + paint_loss).detach())

    def _adversarial_gradient(
        self,
        shown: Tensor,
        truth: Tensor,
        example: Example,
        within: tuple[int, int, int],
        gradient: Tensor,
        rng: np.random.Generator,
    ) -> Tensor:
        """The adversarial gradient of the drawn pixels, after which the discriminator makes a step.

        `within` are the drawn cells: first row, first column and count.
        """
        geometry, given = example.wanted.geometry, example.references
        seen = (given.trust[:, :, 0] * given.trust[:, :, 1] * given.present[:, :, None, None]).amax(1)
        at = sample_patches(geometry, seen, rng, within)
        around, ours, theirs = at.of(geometry), at.of(shown, within), at.of(truth, within)
        (adversarial,) = torch.autograd.grad(
            relativistic_loss(self.discriminator(ours, around), self.discriminator(theirs, around)), shown
        )
        is_judged = adversarial != 0.0
        strength = (gradient * is_judged).norm() / adversarial.norm().clamp_min(1e-12)

        loss = relativistic_loss(self.discriminator(theirs, around), self.discriminator(ours.detach(), around))
        if self.step % _PENALTY_EVERY == 0:
            penalty = gradient_penalty(self.discriminator, theirs, around) + gradient_penalty(
                self.discriminator, ours, around
            )
            loss = loss + _PENALTY_EVERY * penalty
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._average_gradients(self.discriminator)
        torch.nn.utils.clip_grad_norm_(self.discriminator.parameters(), 1.0)
        self.discriminator_optimizer.step()
        self.discriminator_losses.append(float(loss.detach()))
        scaled: Tensor = _ADVERSARIAL_SHARE * strength * adversarial
        return scaled

    def _average_gradients(self, net: torch.nn.Module) -> None:
        if self.settings.workers == 1:
            return
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat)
        flat /= self.settings.workers
        first = 0
        for gradient in gradients:
            gradient.copy_(flat[first : first + gradient.numel()].view_as(gradient))
            first += gradient.numel()

    def save(self) -> None:
        """Writes the checkpoint, whole or not at all."""
        self.settings.run.mkdir(parents=True, exist_ok=True)
        state = {
            "net": self.net.state_dict(),
            "ema": self.ema.state_dict(),
            "adam": self.optimizer.state_dict(),
            "critic": self.discriminator.state_dict(),
            "judge": self.discriminator_optimizer.state_dict(),
            "step": self.step,
            "spent_s": self.spent_s,
        }
        with atomic_write(self.settings.run / "checkpoint.pt") as partial:
            torch.save(state, partial)

    def resume(self) -> bool:
        """Continues from the checkpoint; returns False if there is none."""
        path = self.settings.run / "checkpoint.pt"
        remove_leftovers(self.settings.run)
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["adam"])
        self.discriminator.load_state_dict(state["critic"])
        self.discriminator_optimizer.load_state_dict(state["judge"])
        self.step, self.spent_s = state["step"], state["spent_s"]
        return True


def run(
    rank: int, settings: TrainingSettings, port: int, subjects: list[Subject], held: dict[str, list[Subject]]
) -> None:
    """The training of one worker; the first one prints progress and writes checkpoints."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if settings.workers > 1:
        dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=settings.workers)
    trainer = Trainer(settings, rank)
    trainer.resume()
    losses: list[float] = []
    shown_s = time.monotonic()
    while trainer.spent_s < 60.0 * settings.minutes:
        began_s = time.monotonic()
        losses.append(trainer.advance(subjects))
        spent = torch.tensor([trainer.spent_s + time.monotonic() - began_s])
        if settings.workers > 1:
            dist.broadcast(spent, 0)  # so that all stop at the same step
        trainer.spent_s = float(spent)
        if rank:
            continue
        if trainer.step % 50 == 0:
            discriminator = (
                f" discriminator {np.mean(trainer.discriminator_losses[-20:]):.3f}"
                if trainer.discriminator_losses
                else ""
            )
            progress = (
                f"step {trainer.step} {trainer.spent_s / 60:.1f} min loss {np.mean(losses[-50:]):.4f}{discriminator}"
            )
            print(progress, flush=True)
        if time.monotonic() - shown_s > _SHOW_EVERY_S:
            shown_s = time.monotonic()
            _show_samples(trainer, held)
    if not rank:
        _show_samples(trainer, held)


def _show_samples(trainer: Trainer, held: dict[str, list[Subject]]) -> None:
    trainer.save()
    for name, subjects in held.items():
        found = " ".join(f"{k} {v:.3f}" for k, v in psnr(trainer.ema, subjects).items())
        print(f"step {trainer.step} {name} {found}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--packs",
        type=Path,
        required=True,
        nargs="+",
        help="folders of packed shards; the first shard of each is held out",
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="of training, in all calls together")
    parser.add_argument("--batch", type=int, default=TrainingSettings.batch)
    parser.add_argument("--workers", type=int, default=TrainingSettings.workers)
    parser.add_argument("--rate", type=float, default=TrainingSettings.rate, help="highest learning rate")
    parser.add_argument("--start", type=Path, help="folder of weights to begin with")
    args = parser.parse_args()
    settings = TrainingSettings(args.run, args.minutes, args.batch, args.workers, args.rate, start=args.start)
    if args.start:
        settings = replace(
            settings, fine_from=0.0, adversarial_from=0.5
        )  # the weights have learned from small pictures
    shards = [sorted(folder.iterdir()) for folder in args.packs]
    subjects = examples.read([shard for part in shards for shard in part[1:]])
    held = {folder.name: examples.read(part[:1]) for folder, part in zip(args.packs, shards, strict=True)}
    print(f"{len(subjects)} characters, {sum(map(len, held.values()))} held out", flush=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Forked processes share the pictures in memory.
    workers = [
        get_context("fork").Process(target=run, args=(k, settings, port, subjects, held))
        for k in range(settings.workers)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
