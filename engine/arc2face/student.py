"""`omote train arc2face`: teaches a LoRA to draw one character in one step as the published weights do in many.

Run it again to go on: pairs that are drawn and steps that are trained already are kept in the run's folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from omote.bridge.errors import OmoteError

from .. import models
from ..data import Array, PhotorealCharacter
from ..face.flame_map import FlameMap, the_map
from ..face.retarget import from_weights
from ..model.character_file import load_any_character
from ..model.kinds import Settings
from ..storage import atomic_write
from ..training.faces.expression import sample_expression
from ..training.provenance import provenance
from .files import DISTILLED, RECOGNISER, files_for, files_that_draw, model_digest, published, require_commercial
from .losses import Losses, Terms, Weights
from .pipeline import GUIDANCE, STEPS, Arc2Face, open_arc2face
from .processors import Bank, Reading, denoise
from .schedulers import few_step_plan
from .vectors import vector_of

STUDENT = DISTILLED["student"]
CHECKPOINT = "checkpoint.pt"
LEAST_PAIRS = 4  # of which one is held out
# Not attn1's to_k and to_v: they project the rows of a bank, once, before anything is learned.
TARGETS = [
    *("attn1.to_q", "attn1.to_out.0"),
    *("attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0"),
    *("ff.net.0.proj", "ff.net.2"),
]
_HELD_OUT = 8  # of the pairs, at most: never learned from, to be judged by
_WARM_UP, _FINAL_SHARE = 20, 0.1  # steps, and of the rate at the end
_SHOWN, _SAY_EVERY, _AT_ONCE = 8, 10, 4


@dataclass(frozen=True)
class Plan:
    """One run; the same plan on the same machine gives the same student."""

    run: Path
    pairs: int = 1024
    teacher_steps: int = STEPS
    steps: int = 4000
    batch: int = 2
    rate: float = 1e-4
    rank: int = 64
    seed: int = 0
    weights: Weights = field(default_factory=Weights)
    save_every_s: float = 180.0
    limit_s: float = math.inf  # stops in time, with a checkpoint, to be run again


class PairsError(OmoteError, ValueError):
    """The folder holds pairs of another teacher, or none that can be read; the message says which and the cure."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """Published weights without a few-step LoRA, a character, its bank, and the map to FLAME."""

    arc: Arc2Face
    model: str  # digest of the weights
    character: PhotorealCharacter
    bank: Bank | None
    flame_map: FlameMap

    @classmethod
    def of(cls, arc: Arc2Face, model: str, character: PhotorealCharacter, flame_map: FlameMap) -> Teacher:
        """The bank is made of the character's own photo, as the student will read it."""
        bank = arc.bank(character.reference, character.tokens[None]) if character.bank else None
        return cls(arc, model, character, bank, flame_map)

    def digest(self, plan: Plan) -> str:
        """Of all that decides what is drawn: pairs of another teacher are not mixed with these."""
        one = self.character
        known = hashlib.sha256(f"{self.model} {self.flame_map.flame_sha256} {plan.teacher_steps} {plan.seed}".encode())
        for part in (one.tokens, one.noise, one.neutral, one.reference):
            known.update(np.ascontiguousarray(part).tobytes())
        return known.hexdigest()

    def ask(self, seed: int, number: int) -> Array:
        """[55] a plausible face: moods, speech, blinks and single shapes, as our own model is trained on."""
        weights = sample_expression(np.random.default_rng([seed, number]))
        return vector_of(from_weights(weights), self.character.neutral, self.flame_map.flame)

    def pair(self, plan: Plan, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Vectors [B,55] and the latents [B,4,h,w] that the teacher draws of them, from the character's own noise."""
        vectors = torch.from_numpy(np.stack([self.ask(plan.seed, number) for number in numbers]))
        one = self.character
        latents = self.arc.generate(
            one.tokens[None], vectors, one.noise[None], steps=plan.teacher_steps, guidance=GUIDANCE, bank=self.bank
        )
        return vectors, latents.float().cpu()

    def one_step(self, vectors: Tensor) -> Tensor:
        """[B,4,h,w] the same faces in one step, without guidance; gradients reach what is attached to the UNet."""
        arc, count, (step,) = self.arc, len(vectors), few_step_plan("student", 1)
        noise = torch.from_numpy(self.character.noise).to(arc.device).expand(count, -1, -1, -1)
        tokens = torch.from_numpy(self.character.tokens).to(arc.device, arc.dtype).expand(count, -1, -1)
        t = torch.full((count,), float(step.timestep), device=arc.device)
        reading = Reading(arc.adapter(vectors.to(arc.dtype)), bank=self.bank)
        drawn: Tensor = step.after(noise, denoise(arc.unet, noise.to(arc.dtype), t, tokens, reading).float())
        return drawn


@dataclass(frozen=True)
class Pairs:
    vectors: Tensor  # [N,55] what was asked for
    latents: Tensor  # [N,4,h,w] what was drawn

    def __len__(self) -> int:
        return len(self.vectors)


def taught(teacher: Teacher, plan: Plan, on_pair: Callable[[int], None] = lambda done: None) -> Pairs:
    """So many pairs, those that are there and new ones; each is kept as it comes, and depends on its number alone."""
    folder, digest = plan.run / "pairs", teacher.digest(plan)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:06d}.safetensors" for number in range(plan.pairs)]
    found = {number: _read(path, digest) for number, path in enumerate(paths) if path.is_file()}
    missing = [number for number in range(plan.pairs) if number not in found]
    for first in range(0, len(missing), _AT_ONCE):
        numbers = missing[first : first + _AT_ONCE]
        for number, *pair in zip(numbers, *teacher.pair(plan, numbers), strict=True):
            found[number] = Pairs(*(one[None].contiguous() for one in pair))
            with atomic_write(paths[number]) as partial:
                save_file(vars(found[number]), partial, {"teacher": digest})
        on_pair(len(found))
    ordered = [found[number] for number in range(plan.pairs)]
    return Pairs(*(torch.cat([getattr(one, name) for one in ordered]) for name in ("vectors", "latents")))


def _read(path: Path, digest: str) -> Pairs:
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("teacher") != digest:
                raise PairsError(f"{path} holds what another teacher drew: choose another --run, or delete its pairs")
            return Pairs(file.get_tensor("vectors"), file.get_tensor("latents"))
    except SafetensorError as error:
        raise PairsError(f"{path} is damaged ({error}): delete it, and it is drawn again") from error


class Student:
    """One run: what is learned, its optimizer and its step count."""

    def __init__(self, plan: Plan, unet: Any, draw: Callable[[Tensor], Tensor], pairs: Pairs, losses: Losses) -> None:
        """`draw` runs this `unet`, to which the changes are attached from now on."""
        torch.manual_seed(plan.seed)
        self.plan, self.unet, self.draw, self.losses = plan, unet, draw, losses
        unet.requires_grad_(False)
        config = LoraConfig(r=plan.rank, lora_alpha=plan.rank, init_lora_weights="gaussian", target_modules=TARGETS)
        unet.add_adapter(config)
        self.changes = [parameter for parameter in unet.parameters() if parameter.requires_grad]
        for parameter in self.changes:
            parameter.data = parameter.data.float()
        self.optimizer = torch.optim.AdamW(self.changes, lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.0)
        held = min(_HELD_OUT, len(pairs) // LEAST_PAIRS)
        self.held_out = Pairs(pairs.vectors[:held], pairs.latents[:held])
        self.pairs = Pairs(pairs.vectors[held:], pairs.latents[held:])
        self.device, self.step = unet.device, 0

    def advance(self) -> Terms:
        """One step; what it missed."""
        # Which pairs is a function of the step, so a run goes on as if it had never been cut off.
        source = torch.Generator().manual_seed(self.plan.seed * 1_000_003 + self.step)
        chosen = torch.randint(len(self.pairs), (self.plan.batch,), generator=source)
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate * self._rate_share()
        terms = self._terms(self.pairs.vectors[chosen], self.pairs.latents[chosen])
        self.optimizer.zero_grad(set_to_none=True)
        terms.total(self.plan.weights).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.changes, 1.0)
        self.optimizer.step()
        self.step += 1
        return terms

    @torch.no_grad()
    def judged(self) -> Terms:
        """What it misses of faces that it never learned from, on average."""
        held, size = self.held_out, self.plan.batch
        batches = zip(torch.split(held.vectors, size), torch.split(held.latents, size), strict=True)
        found = [(len(vectors), self._terms(vectors, latents)) for vectors, latents in batches]
        return Terms(
            *(
                torch.as_tensor(sum(n * getattr(terms, name) for n, terms in found) / len(held))
                for name in Terms.__dataclass_fields__
            )
        )

    def _terms(self, vectors: Tensor, latents: Tensor) -> Terms:
        terms: Terms = self.losses(self.draw(vectors.to(self.device)).float(), latents.to(self.device))
        return terms

    def _rate_share(self) -> float:
        if self.step < _WARM_UP:
            return (self.step + 1) / _WARM_UP
        done = min((self.step - _WARM_UP) / max(self.plan.steps - _WARM_UP, 1), 1.0)
        return _FINAL_SHARE + (1.0 - _FINAL_SHARE) * 0.5 * (1.0 + math.cos(math.pi * done))

    def learned(self) -> dict[str, Tensor]:
        """What was learned, by PEFT's names of the UNet's modules."""
        state = get_peft_model_state_dict(self.unet, adapter_name="default")
        return {name: value.detach().cpu().contiguous() for name, value in state.items()}

    def export(self, path: Path) -> None:
        """As diffusers names a LoRA, so whatever reads one reads this."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial:
            save_file({f"unet.{name}": value for name, value in self.learned().items()}, partial)

    def save(self) -> None:
        """Writes all that the run needs to go on; an unfinished file never replaces a whole one."""
        self.plan.run.mkdir(parents=True, exist_ok=True)
        state = {"step": self.step, "rank": self.plan.rank, "learned": self.learned()}
        with atomic_write(self.plan.run / CHECKPOINT) as partial:
            torch.save({**state, "optimizer": self.optimizer.state_dict()}, partial)

    def resume(self) -> bool:
        """Goes on from the run's checkpoint, if it has one; ValueError where that is of another rank."""
        path = self.plan.run / CHECKPOINT
        if not path.is_file():
            return False
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["rank"] != self.plan.rank:
            raise ValueError(f"{path} is of rank {state['rank']}, --rank is {self.plan.rank}: choose another --run")
        set_peft_model_state_dict(self.unet, state["learned"], adapter_name="default")
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])
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


def main(arguments: Sequence[str], settings: Settings) -> None:
    """Draws what is missing of the pairs, trains, and leaves the LoRA, a sheet and figures in the run's folder.

    Everything that is needed at the end is opened before the first pair is drawn.
    """
    args = _typed(arguments)
    character = load_any_character(args.character)
    if not isinstance(character, PhotorealCharacter):
        raise ValueError(f'character "{character.name}" is not photoreal: only those are drawn by published weights')
    names = [one for one in Plan.__dataclass_fields__ if hasattr(args, one)]
    plan = Plan(**{name: getattr(args, name) for name in names}, limit_s=60.0 * args.minutes)
    files = published(settings.files)
    require_commercial(files.parts(files_for("lcm")), settings.allow_noncommercial)
    flame_map = the_map(settings.flame_map)
    dtype = torch.bfloat16 if args.device == "cuda" else torch.float32
    arc = open_arc2face(files.path, reference_scale=character.reference_scale, device=args.device, dtype=dtype)
    landmarks = None if args.no_expression else models.fetch(models.FACE_LANDMARKER)
    recogniser = None if args.no_identity else files.path(RECOGNISER)
    points = torch.from_numpy(character.points)
    losses = Losses.open(points, character.size, arc.tiny, landmarks, recogniser).to(arc.device)
    drawing = [name for name in files_that_draw("student") if name != STUDENT]
    model = f"{model_digest(files.parts(drawing))} {character.reference_scale}"
    teacher = Teacher.of(arc, model, character, flame_map)
    pairs = taught(teacher, plan, lambda done: print(f"{done} of {plan.pairs} pairs", flush=True))
    student = Student(plan, arc.unet, teacher.one_step, pairs, losses)
    before = student.judged()
    student.resume()
    train(student, _say)
    _leave(plan, teacher, student, before)


def _typed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="omote train arc2face", description=__doc__)
    parser.add_argument("--character", required=True, help="a photoreal one, which the student will draw")
    parser.add_argument("--run", type=Path, required=True, help="a folder for pairs, checkpoints and the student")
    parser.add_argument("--pairs", type=int, default=Plan.pairs, help="that the teacher draws")
    parser.add_argument("--teacher-steps", type=int, default=Plan.teacher_steps)
    parser.add_argument("--steps", type=int, default=Plan.steps, help="of training")
    parser.add_argument("--batch", type=int, default=Plan.batch)
    parser.add_argument("--rate", type=float, default=Plan.rate)
    parser.add_argument("--rank", type=int, default=Plan.rank)
    parser.add_argument("--minutes", type=float, default=math.inf, help="of training in this call")
    parser.add_argument("--no-expression", action="store_true", help="leave out the face tracker's loss")
    parser.add_argument("--no-identity", action="store_true", help="leave out the face recogniser's loss")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args(arguments)
    least = {"pairs": LEAST_PAIRS, "teacher_steps": 1, "steps": 1, "batch": 1, "rank": 1, "seed": 0}
    for name, smallest in least.items():
        if (found := getattr(args, name)) < smallest:
            parser.error(f"--{name.replace('_', '-')} must be {smallest} or more, got {found}")
    if not args.rate > 0.0 or not args.minutes > 0.0:
        parser.error(f"--rate and --minutes must be above 0, got {args.rate:g} and {args.minutes:g}")
    return args


def _say(step: int, terms: Terms) -> None:
    if step % _SAY_EVERY == 0:
        print(f"step {step} {_words(terms)}", flush=True)


def _words(terms: Terms) -> str:
    return " ".join(f"{name} {value:.4f}" for name, value in _figures(terms).items())


def _figures(terms: Terms) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in vars(terms).items()}


def _leave(plan: Plan, teacher: Teacher, student: Student, before: Terms) -> None:
    after, path = student.judged(), plan.run / STUDENT
    student.export(path)
    facts = {
        "provenance": provenance(),
        "made": time.strftime("%Y-%m-%d"),
        "device": str(teacher.arc.device),
        "pairs": len(student.pairs),
        "held_out": len(student.held_out),
        "steps": student.step,
        "teacher_steps": plan.teacher_steps,
        "weights": asdict(plan.weights),
        "held_out_before": _figures(before),
        "held_out_after": _figures(after),
    }
    (plan.run / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    # Faces that were never learned from: the teacher's above, the student's below.
    held, arc = student.held_out, teacher.arc
    with torch.no_grad():
        drawn = teacher.one_step(held.vectors[:_SHOWN].to(arc.device))
    rows = [arc.picture(latents, tiny=True) for latents in (held.latents[:_SHOWN].to(arc.device), drawn)]
    Image.fromarray(np.concatenate([np.concatenate(list(row), 1) for row in rows], 0)).save(plan.run / "sheet.png")
    print(f"held out: {_words(before)} at the beginning, {_words(after)} now")
    print(f"{path}: copy it to {STUDENT} in the folder of published files, then --sampler student")
