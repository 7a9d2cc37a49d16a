"""`omote train arc2face`: teaches a one-step student of the published weights to draw one character.

Run it again to go on: pairs that are drawn and steps that are trained already are kept in the run's folder.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ... import models
from ...data import PhotorealCharacter
from ...diffusion.arc2face.pipeline import STEPS, open_arc2face
from ...model.character_file import load_any_character
from ...photoreal.files import Published, model_digest, published
from ...photoreal.flame_map import the_map
from ...photoreal.licences import require_commercial
from ...photoreal.published_file import DISTILLED, RECOGNISER, files_for, files_that_draw
from ..provenance import provenance
from .course import Course
from .losses import Terms
from .student import LEAST_PAIRS, Plan, Student, train

STUDENT = DISTILLED["student"]
_SHOWN = 8  # pictures in the sheet
_SAY_EVERY = 10


def main(arguments: list[str] | None = None) -> None:
    """Draws what is missing of the pairs, trains, and leaves the LoRA, a sheet and figures in the run's folder."""
    args = _typed(arguments)
    character = load_any_character(args.character)
    if not isinstance(character, PhotorealCharacter):
        raise ValueError(f'character "{character.name}" is not photoreal: only those are drawn by published weights')
    course = _course(args, character)
    plan = Plan(
        args.run,
        args.steps,
        args.batch,
        args.rate,
        args.rank,
        args.seed,
        limit_s=60.0 * args.minutes,
    )
    pairs = course.pairs(
        args.run, args.pairs, args.seed, lambda done: print(f"{done} of {args.pairs} pairs", flush=True)
    )
    tracker = None if args.no_expression else models.fetch(models.FACE_LANDMARKER)
    student = course.student(plan, pairs, course.losses(tracker, _recogniser(args)))
    before = student.judged()
    train(student, _say)
    _leave(args.run, course, student, before)


def _typed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--character", required=True, help="a photoreal one, whom the student will draw")
    parser.add_argument("--run", type=Path, required=True, help="a folder for pairs, checkpoints and the student")
    parser.add_argument("--pairs", type=int, default=1024, help="that the teacher draws")
    parser.add_argument("--teacher-steps", type=int, default=STEPS)
    parser.add_argument("--steps", type=int, default=Plan.steps, help="of training")
    parser.add_argument("--batch", type=int, default=Plan.batch)
    parser.add_argument("--rate", type=float, default=Plan.rate)
    parser.add_argument("--rank", type=int, default=Plan.rank)
    parser.add_argument("--minutes", type=float, default=math.inf, help="of training in this call")
    parser.add_argument("--no-expression", action="store_true", help="do without what the face tracker sees")
    parser.add_argument("--no-identity", action="store_true", help="do without what the face recogniser sees")
    parser.add_argument("--photoreal", type=Path, help="the folder of published files")
    parser.add_argument("--flame-map", type=Path, help="instead of your own")
    parser.add_argument("--allow-noncommercial", action="store_true", help="the published weights are research's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args(arguments)
    least = {"pairs": LEAST_PAIRS, "teacher_steps": 1, "steps": 1, "batch": 1, "rank": 1, "seed": 0}
    for name, smallest in least.items():
        if (found := getattr(args, name)) < smallest:
            parser.error(f"--{name.replace('_', '-')} must be {smallest} or more, got {found}")
    if not args.rate > 0.0 or not args.minutes > 0.0:
        parser.error(f"--rate and --minutes must be above 0, got {args.rate:g} and {args.minutes:g}")
    return args


def _course(args: argparse.Namespace, character: PhotorealCharacter) -> Course:
    files = published(args.photoreal)
    require_commercial(files.parts(files_for("lcm")), args.allow_noncommercial)
    dtype = torch.bfloat16 if args.device == "cuda" else torch.float32
    scale = character.reference_scale
    arc = open_arc2face(files.path, reference_scale=scale, device=args.device, dtype=dtype)
    model = f"{_teacher_digest(files)} {scale}"
    return Course.of(arc, model, character, the_map(args.flame_map), args.teacher_steps)


def _teacher_digest(files: Published) -> str:
    names = [name for name in files_that_draw("student") if name != STUDENT]
    return model_digest(files.parts(names))


def _recogniser(args: argparse.Namespace) -> Path | None:
    return None if args.no_identity else published(args.photoreal).path(RECOGNISER)


def _say(step: int, terms: Terms) -> None:
    if step % _SAY_EVERY == 0:
        print(f"step {step} {_words(terms)}", flush=True)


def _words(terms: Terms) -> str:
    return " ".join(f"{name} {value:.4f}" for name, value in _figures(terms).items())


def _figures(terms: Terms) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in vars(terms).items()}


def _leave(run: Path, course: Course, student: Student, before: Terms) -> None:
    after = student.judged()
    student.changes.save(run / STUDENT, {"steps": str(student.step), "character": course.character.name})
    facts = {
        "provenance": provenance(),
        "made": time.strftime("%Y-%m-%d"),
        "device": str(course.arc.device),
        "pairs": len(student.pairs),
        "held_out": len(student.held_out),
        "steps": student.step,
        "teacher_steps": course.steps,
        "weights": asdict(student.plan.weights),
        "held_out_before": _figures(before),
        "held_out_after": _figures(after),
    }
    (run / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    _sheet(course, student).save(run / "sheet.png")
    print(f"held out: {_words(before)} at the beginning, {_words(after)} now")
    print(f"{run / STUDENT}: copy it to {STUDENT} in the folder of published files, then --sampler student")


@torch.no_grad()
def _sheet(course: Course, student: Student) -> Image.Image:
    """Faces that were never learned from: the teacher's above, the student's below."""
    arc, held = course.arc, student.held_out
    taught, drawn = held.latents[:_SHOWN].to(arc.device), course.draw(held.vectors[:_SHOWN].to(arc.device))
    rows = [np.concatenate(list(arc.picture(latents, tiny=True)), 1) for latents in (taught, drawn)]
    return Image.fromarray(np.concatenate(rows, 0))


if __name__ == "__main__":
    main()
