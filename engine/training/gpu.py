"""Renders, packs, trains and exports in one call, on a machine with a GPU. Never run on a GPU yet.

Run it again to continue: the work folder keeps what is rendered, packed and trained. `--device cpu` runs the same code.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..worker_pool import ProcessPool
from . import examples, onnx_export
from .anime import dataset as anime
from .examples import Subject
from .faces import dataset as faces
from .trainer import Batch, Trainer, TrainingSettings, batch_of, psnr

_SAVE_EVERY_S = 120.0
_AHEAD = 3  # batches that each thread prepares
SEED = 41


@dataclass(frozen=True)
class GpuRun:
    """The data sets of a run, and the folder that keeps them between calls."""

    kit: Path
    folder: Path
    people: int
    drawn: int  # anime characters
    size: int
    workers: int

    def packs(self) -> list[Path]:
        """Renders and packs what is missing; returns the folders of packed shards."""
        people = faces.DatasetSpec(self.kit, self.folder / "people", self.people, 8, self.size, 2, SEED)
        drawn = anime.AnimeDatasetSpec(self.kit / "anime", self.folder / "anime", self.drawn, 12, self.size, 2, SEED)
        out = []
        with ProcessPool(self.workers) as pool:
            for _ in faces.write_shards(people, pool):
                pass
            for _ in faces.write_shards(drawn, pool, anime.draw_shard):
                pass
        for spec in (people, drawn):
            target = self.folder / "packs" / spec.out.name
            for _ in examples.pack(spec.out, self.kit, target):
                pass
            out.append(target)
        return out


def prepared_batches(trainer: Trainer, subjects: list[Subject], threads: int) -> Iterator[Batch]:
    """Yields the batches of the next steps without end; threads prepare them ahead."""

    def batch(step: int, done: float) -> Batch:
        return batch_of(trainer.settings, subjects, step, 0, done)

    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Batch]] = deque()
        step = trainer.step
        try:
            while True:
                while len(waiting) < _AHEAD * threads:
                    waiting.append(pool.submit(batch, step, trainer.done))
                    step += 1
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


def train(
    settings: TrainingSettings,
    packs: list[Path],
    device: str,
    threads: int,
    clock_s: Callable[[], float] = time.monotonic,
) -> Trainer:
    """Continues from the checkpoint until the minutes are over; the first shard of each pack is held out."""
    shards = [sorted(folder.iterdir()) for folder in packs]
    # A single shard, as in a trial, is trained on and held out.
    subjects = examples.read([shard for part in shards for shard in part[1:] or part])
    trainer = Trainer(settings, device=device)
    trainer.resume()
    batches = prepared_batches(trainer, subjects, threads)
    saved_s, losses = clock_s(), deque[float](maxlen=100)
    while trainer.spent_s < 60.0 * settings.minutes:
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
    parser.add_argument("--kit", type=Path, required=True, help="folder of the face kit")
    parser.add_argument("--work", type=Path, default=Path("data/gpu"), help="folder that is kept between calls")
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
    work = GpuRun(args.kit, args.work, args.people, args.drawn, args.size, args.workers)
    packs = work.packs()
    trainer = train(
        TrainingSettings(args.work / "run", args.minutes, args.batch, workers=1), packs, args.device, args.workers
    )
    onnx_export.export(trainer.ema, args.work / "networks")
    print(f"networks in {args.work / 'networks'}")


if __name__ == "__main__":
    main()
