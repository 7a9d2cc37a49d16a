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
from dataclasses import dataclass
from pathlib import Path

import torch

from omote import engine
from omote.engine.offline.processes import Processes

from . import pack, parts
from .faces import dataset
from .sheet import Sheet
from .train import STAGES, Plan, train

CAST = Path(__file__).with_name("cast.json")
CAST_SEED = 11  # of the people whose numbers it names
WEIGHTS = Path(engine.__file__).parent / "weights"


@dataclass(frozen=True)
class Work:
    """What is rendered, and where all is kept between calls."""

    faces: dataset.Plan
    cast: dataset.Plan
    folder: Path
    workers: int

    def prepare(self) -> None:
        """Renders and packs what is missing."""
        for plan, name, held_out in (
            (self.faces, "pack", pack.HeldOut(people=min(64, self.faces.people // 8))),
            (self.cast, "cast-pack", pack.HeldOut(pictures=8)),
        ):
            with Processes(self.workers) as crew:
                for _ in dataset.write(plan, crew):
                    pass
            if not (self.folder / name / "rows.npz").exists():
                pack.write(plan.kit, plan.out, self.folder / name, held_out, self.workers)


def run(out: Path, work: Work, plan: Plan, start: Path | None) -> None:
    """Prepares, trains within the plan's limit, and writes the parts and a line of facts."""
    began_s = time.monotonic()
    work.prepare()
    print(f"rendered and packed after {time.monotonic() - began_s:.0f} s", flush=True)
    trainer = train(plan, start)
    files = parts.write(trainer.ema.state_dict(), out)
    figures = Sheet(trainer.pack, trainer.cast_pack, plan.device).draw(trainer.ema, out / "sheet.png")
    facts = {
        "date": time.strftime("%Y-%m-%d"),
        "hardware": torch.cuda.get_device_name() if plan.device == "cuda" else platform.machine(),
        "pictures": len(trainer.pack.kind),
        "stage": plan.stage,
        "steps": trainer.step,
        "psnr_db": figures,
        "seconds": time.monotonic() - began_s,
    }
    (out / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"{facts}\n{len(files)} parts in {out}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="the face kit's folder")
    parser.add_argument("--work", type=Path, default=Path("data/gpu"), help="what is kept between calls")
    parser.add_argument("--out", type=Path, default=Path("data/gpu/out"), help="what shall travel: under 64 MiB")
    parser.add_argument("--stage", choices=STAGES, default=STAGES[0])
    parser.add_argument(
        "--start", type=Path, help="a run, parts or shipped weights to begin from; a student begins from the teacher"
    )
    parser.add_argument("--landmarks", type=Path, help="face_landmarker.task, for the student's feature loss")
    parser.add_argument("--people", type=int, default=4000)
    parser.add_argument("--per-person", type=int, default=8)
    parser.add_argument("--cast-pictures", type=int, default=160, help="of each character that is shipped")
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--batch", type=int, default=64, help="people in a step; two pictures of each")
    parser.add_argument("--minutes", type=float, default=6.0, help="of training in this call")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seed", type=int, default=21)
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no CUDA device here; --device cpu trains on the processor, slowly")
    plan = Plan(
        pack=args.work / "pack",
        run=args.work / args.stage,
        steps=args.steps,
        cast=args.work / "cast-pack",
        stage=args.stage,
        people=args.batch,
        seed=args.seed,
        device=args.device,
        landmarks=args.landmarks,
        sheet_every_s=240.0,
        limit_s=60.0 * args.minutes,
    )
    each = args.per_person
    faces = dataset.Plan(args.kit, args.work / "faces", args.people, each, 256, 2, args.seed, drills=each // 2, clip=3)
    only = tuple(sorted(json.loads(CAST.read_text(encoding="utf-8")).values()))
    cast = dataset.Plan(
        *(args.kit, args.work / "cast", max(only) + 1, args.cast_pictures, 256, 2, CAST_SEED),
        drills=args.cast_pictures // 2,
        clip=12,
        only=only,
    )
    taught = args.work / STAGES[0]
    start = taught if args.stage != STAGES[0] and taught.is_dir() else WEIGHTS
    run(args.out, Work(faces, cast, args.work, args.workers), plan, args.start or start)


if __name__ == "__main__":
    main()
