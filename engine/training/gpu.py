"""One unattended call on a GPU machine: renders there, packs, trains for some minutes, leaves weights that can travel.

Run it again to go on: what is rendered, packed and trained already is kept in the work folder. A fresh machine goes on
from the parts that an earlier one left (`--start`), with a new optimiser.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

import torch

from . import pack, parts
from .faces import dataset
from .train import Plan, train


def run(out: Path, faces: dataset.Plan, plan: Plan, start: Path | None, workers: int) -> None:
    """Renders and packs what is missing, trains within the plan's limit, and writes the parts and a line of facts."""
    began_s = time.monotonic()
    for _ in dataset.write(faces, workers):
        pass
    if not (plan.pack / "rows.npz").exists():
        pack.write(faces.kit, faces.out, plan.pack, max(faces.drills // 8, 1), workers)
    print(f"rendered and packed after {time.monotonic() - began_s:.0f} s", flush=True)
    trainer = train(plan, start)
    files = parts.write(trainer.ema.state_dict(), out)
    facts = {
        "date": time.strftime("%Y-%m-%d"),
        "hardware": torch.cuda.get_device_name() if plan.device == "cuda" else platform.machine(),
        "pictures": faces.people * (faces.per_person + faces.drills),
        "steps": trainer.step,
        "batch": plan.batch,
        "held_out_psnr_db": trainer.evaluate(),
        "seconds": time.monotonic() - began_s,
    }
    (out / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    trainer.sheet(out / "sheet.png")
    print(f"{facts}\n{len(files)} parts in {out}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="the face kit's folder")
    parser.add_argument("--work", type=Path, default=Path("data/gpu"), help="what is kept between calls")
    parser.add_argument("--out", type=Path, default=Path("data/gpu/out"), help="what shall travel: under 64 MiB")
    parser.add_argument("--start", type=Path, help="a folder of parts to go on from")
    parser.add_argument("--people", type=int, default=64, help="each brings a texture of 0.5 MB home")
    parser.add_argument("--per-person", type=int, default=320)
    parser.add_argument("--drills", type=int, default=200)
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=8.0, help="of training in this call")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no CUDA device here; --device cpu trains on the processor, slowly")
    plan = Plan(
        pack=args.work / "pack",
        run=args.work / "run",
        steps=args.steps,
        batch=args.batch,
        seed=args.seed,
        device=args.device,
        sheet_every_s=240.0,
        limit_s=60.0 * args.minutes,
    )
    faces = dataset.Plan(args.kit, args.work / "faces", args.people, args.per_person, 256, 2, args.seed, args.drills)
    run(args.out, faces, plan, args.start, args.workers)


if __name__ == "__main__":
    main()
