"""`omote train arc2face`: teaches a LoRA to draw one character in few steps as the published weights do in many.

The teacher is guided, and the student is not: it learns the guided picture, at half the cost of guidance. Run the
command again to continue: the run's folder keeps pairs and training steps.
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
from .pipeline import Arc2Face, open_arc2face
from .processors import Bank, Reading, denoise
from .sampling import GUIDANCE, STEPS, STUDENT_STEPS, noises_between
from .schedulers import few_step_plan, signal_share
from .vectors import vector_of

STUDENT = DISTILLED["student"]
CHECKPOINT = "checkpoint.pt"
LEAST_PAIRS = 4  # one of them is held out
# Without attn1.to_k and to_v, which project the rows of a bank before training begins.
TARGETS = [
    *("attn1.to_q", "attn1.to_out.0"),
    *("attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0"),
    *("ff.net.0.proj", "ff.net.2"),
]
_HELD_OUT = 8  # at most this many pairs are held out of the training, for validation
_WARM_UP, _FINAL_SHARE = 20, 0.1  # steps, and the rate at the end over the highest
_SHOWN, _PRINT_EVERY, _AT_ONCE = 8, 10, 4


# (vectors [B,55], the teacher's latents [B,4,h,w], number of the step, steps) -> clean latents [B,4,h,w]
Draw = Callable[[Tensor, Tensor, int, int], Tensor]


@dataclass(frozen=True)
class Plan:
    """One run. The same plan on the same machine gives the same student."""

    run: Path
    pairs: int = 1024
    teacher_steps: int = STEPS
    student_steps: int = 1  # a student of 4 also draws in 1 and 2 steps
    steps: int = 4000
    batch: int = 2
    rate: float = 1e-4
    rank: int = 64
    seed: int = 0
    weights: Weights = field(default_factory=Weights)
    save_every_s: float = 180.0
    limit_s: float = math.inf  # then training stops with a checkpoint


class PairsError(OmoteError, ValueError):
    """The folder holds damaged pairs, or pairs of another teacher. The message names the cure."""


class CheckpointError(OmoteError, ValueError):
    """The run's checkpoint is damaged, or of another rank. The message names the cure."""


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
        """The bank is made from the character's own photo."""
        bank = arc.bank(character.reference, character.tokens[None]) if character.bank else None
        return cls(arc, model, character, bank, flame_map)

    def digest(self, plan: Plan) -> str:
        """A digest of everything that decides a pair, so that pairs of different teachers are not mixed."""
        one = self.character
        known = hashlib.sha256(f"{self.model} {self.flame_map.flame_sha256} {plan.teacher_steps} {plan.seed}".encode())
        for part in (one.tokens, one.noise, one.neutral, one.reference):
            known.update(np.ascontiguousarray(part).tobytes())
        return known.hexdigest()

    def vector(self, seed: int, number: int) -> Array:
        """[55] a plausible face: moods, speech, blinks and single shapes, from the distribution of our own training."""
        weights = sample_expression(np.random.default_rng([seed, number]))
        return vector_of(from_weights(weights), self.character.neutral, self.flame_map.flame)

    def pair(self, plan: Plan, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Vectors [B,55] and the teacher's latents [B,4,h,w] of them, from the character's noise."""
        vectors = torch.from_numpy(np.stack([self.vector(plan.seed, number) for number in numbers]))
        one = self.character
        latents = self.arc.generate(
            one.tokens[None], vectors, one.noise[None], steps=plan.teacher_steps, guidance=GUIDANCE, bank=self.bank
        )
        return vectors, latents.float().cpu()

    def clean(self, vectors: Tensor, truth: Tensor, number: int, steps: int) -> Tensor:
        """[B,4,h,w] the clean latents that step `number` of a plan of `steps` predicts, without guidance.

        The first step begins from the character's noise, others from the teacher's latents `truth` [B,4,h,w] with the
        fixed noise of that step. Gradients reach the adapters in the UNet.
        """
        arc, count, one = self.arc, len(vectors), self.character
        timestep = few_step_plan("student", steps)[number].timestep
        noise = (one.noise, *noises_between(one.noise.shape, steps))[number]
        x = torch.from_numpy(noise).to(arc.device).expand(count, -1, -1, -1)
        share = signal_share(timestep)
        if number > 0:
            x = share**0.5 * truth + (1.0 - share) ** 0.5 * x
        tokens = torch.from_numpy(one.tokens).to(arc.device, arc.dtype).expand(count, -1, -1)
        t = torch.full((count,), float(timestep), device=arc.device)
        reading = Reading(arc.adapter(vectors.to(arc.dtype)), bank=self.bank)
        eps = denoise(arc.unet, x.to(arc.dtype), t, tokens, reading).float()
        found: Tensor = (x - (1.0 - share) ** 0.5 * eps) / share**0.5
        return found


@dataclass(frozen=True)
class Pairs:
    vectors: Tensor  # [N,55]
    latents: Tensor  # [N,4,h,w] drawn by the teacher

    def __len__(self) -> int:
        return len(self.vectors)


def taught(teacher: Teacher, plan: Plan, on_pair: Callable[[int], None] = lambda done: None) -> Pairs:
    """The pairs of a plan. Missing ones are drawn and saved at once; each depends only on its number."""
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
                raise PairsError(f"{path} was drawn by another teacher: choose another --run, or delete its pairs")
            return Pairs(file.get_tensor("vectors"), file.get_tensor("latents"))
    except SafetensorError as error:
        raise PairsError(f"{path} is damaged ({error}): delete it, and it will be drawn again") from error


class Student:
    """One run: the LoRA, its optimizer and the number of steps."""

    def __init__(self, plan: Plan, unet: Any, draw: Draw, pairs: Pairs, losses: Losses) -> None:
        """Attaches a LoRA to `unet`, which `draw` runs."""
        torch.manual_seed(plan.seed)
        self.plan, self.unet, self.draw, self.losses = plan, unet, draw, losses
        unet.requires_grad_(False)
        config = LoraConfig(r=plan.rank, lora_alpha=plan.rank, init_lora_weights="gaussian", target_modules=TARGETS)
        unet.add_adapter(config)
        self.learning = [parameter for parameter in unet.parameters() if parameter.requires_grad]
        for parameter in self.learning:
            parameter.data = parameter.data.float()
        self.optimizer = torch.optim.AdamW(self.learning, lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.0)
        held = min(_HELD_OUT, len(pairs) // LEAST_PAIRS)
        self.held_out = Pairs(pairs.vectors[:held], pairs.latents[:held])
        self.pairs = Pairs(pairs.vectors[held:], pairs.latents[held:])
        self.device, self.step = unet.device, 0

    def advance(self) -> Terms:
        """Trains for one step and returns its losses."""
        # The choice depends only on the step, so an interrupted run continues exactly.
        source = torch.Generator().manual_seed(self.plan.seed * 1_000_003 + self.step)
        chosen = torch.randint(len(self.pairs), (self.plan.batch,), generator=source)
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate * self._rate_share()
        counts = [count for count in STUDENT_STEPS if count <= self.plan.student_steps]
        steps = counts[int(torch.randint(len(counts), (1,), generator=source))]
        number = int(torch.randint(steps, (1,), generator=source))
        terms = self._terms(self.pairs.vectors[chosen], self.pairs.latents[chosen], number, steps)
        self.optimizer.zero_grad(set_to_none=True)
        terms.total(self.plan.weights).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.learning, 1.0)
        self.optimizer.step()
        self.step += 1
        return terms

    @torch.no_grad()
    def judged(self) -> Terms:
        """The mean losses of the first step on the pairs that were held out."""
        held, size = self.held_out, self.plan.batch
        batches = zip(torch.split(held.vectors, size), torch.split(held.latents, size), strict=True)
        found = [(len(vectors), self._terms(vectors, latents, 0, 1)) for vectors, latents in batches]
        return Terms(
            *(
                torch.as_tensor(sum(n * getattr(terms, name) for n, terms in found) / len(held))
                for name in Terms.__dataclass_fields__
            )
        )

    def _terms(self, vectors: Tensor, latents: Tensor, number: int, steps: int) -> Terms:
        truth = latents.to(self.device)
        drawn = self.draw(vectors.to(self.device), truth, number, steps)
        terms: Terms = self.losses(drawn.float(), truth)
        return terms

    def _rate_share(self) -> float:
        if self.step < _WARM_UP:
            return (self.step + 1) / _WARM_UP
        done = min((self.step - _WARM_UP) / max(self.plan.steps - _WARM_UP, 1), 1.0)
        return _FINAL_SHARE + (1.0 - _FINAL_SHARE) * 0.5 * (1.0 + math.cos(math.pi * done))

    def learned(self) -> dict[str, Tensor]:
        """The LoRA's tensors, by PEFT's names."""
        state = get_peft_model_state_dict(self.unet, adapter_name="default")
        return {name: value.detach().cpu().contiguous() for name, value in state.items()}

    def export(self, path: Path) -> None:
        """Writes the LoRA with diffusers' names."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial:
            save_file({f"unet.{name}": value for name, value in self.learned().items()}, partial)

    def save(self) -> None:
        """Writes a checkpoint, atomically."""
        self.plan.run.mkdir(parents=True, exist_ok=True)
        state = {"step": self.step, "rank": self.plan.rank, "learned": self.learned()}
        with atomic_write(self.plan.run / CHECKPOINT) as partial:
            torch.save({**state, "optimizer": self.optimizer.state_dict()}, partial)

    def resume(self) -> bool:
        """Continues from the run's checkpoint, if there is one."""
        state = read_checkpoint(self.plan)
        if state is None:
            return False
        set_peft_model_state_dict(self.unet, state["learned"], adapter_name="default")
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])
        return True


def read_checkpoint(plan: Plan) -> dict[str, Any] | None:
    """What `Student.save` wrote, None if there is nothing; CheckpointError if it is damaged or has another rank."""
    path = plan.run / CHECKPOINT
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = {one: state[one] for one in ("step", "rank", "learned", "optimizer")}
    except Exception as error:  # those of a damaged file have no common class
        why = f"{' '.join(str(error).split())[:200] or type(error).__name__}"
        raise CheckpointError(f"{path} is damaged ({why}): delete it, and training begins again") from error
    if found["rank"] != plan.rank:
        raise CheckpointError(
            f"{path} has rank {found['rank']}, --rank is {plan.rank}: choose that rank or another --run"
        )
    return found


def train(student: Student, on_step: Callable[[int, Terms], None] = lambda step, terms: None) -> None:
    """Trains until the plan or its time ends, with a checkpoint every few minutes and at the end."""
    began_s = saved_s = time.monotonic()
    while student.step < student.plan.steps and time.monotonic() - began_s < student.plan.limit_s:
        terms = student.advance()
        on_step(student.step, terms)
        if time.monotonic() - saved_s > student.plan.save_every_s:
            student.save()
            saved_s = time.monotonic()
    student.save()


def main(arguments: Sequence[str], settings: Settings) -> None:
    """Draws missing pairs, trains, and writes the LoRA, a sheet and figures to the run's folder.

    Everything is opened and checked before the first pair is drawn.
    """
    args = _typed(arguments)
    character = load_any_character(args.character)
    if not isinstance(character, PhotorealCharacter):
        raise ValueError(f'character "{character.name}" is not photoreal: only photoreal characters can have a student')
    names = [one for one in Plan.__dataclass_fields__ if hasattr(args, one)]
    plan = Plan(**{name: getattr(args, name) for name in names}, limit_s=60.0 * args.minutes)
    read_checkpoint(plan)
    files = published(settings.files)
    require_commercial(files.parts(files_for("lcm")), settings.allow_noncommercial)
    flame_map = the_map(settings.flame_map)
    dtype = torch.bfloat16 if args.device == "cuda" else torch.float32
    arc = open_arc2face(files.path, reference_scale=character.reference_scale, device=args.device, dtype=dtype)
    landmarks = None if args.no_expression else models.fetch(models.FACE_LANDMARKER)
    recogniser = None if args.no_identity else files.path(RECOGNISER)
    points = torch.from_numpy(character.points)
    losses = Losses.open(points, character.size, arc.tiny, landmarks, recogniser).to(arc.device)
    with torch.no_grad():  # an error of any network comes now, and not after hours of drawing
        nothing = torch.zeros(1, *character.noise.shape, device=arc.device)
        losses(nothing, nothing)
    drawing = [name for name in files_that_draw("student") if name != STUDENT]
    model = f"{model_digest(files.parts(drawing))} {character.reference_scale}"
    teacher = Teacher.of(arc, model, character, flame_map)
    pairs = taught(teacher, plan, lambda done: print(f"{done} of {plan.pairs} pairs", flush=True))
    student = Student(plan, arc.unet, teacher.clean, pairs, losses)
    before = student.judged()
    student.resume()
    train(student, _print_step)
    _write_results(plan, teacher, student, before)


def _typed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="omote train arc2face", description=__doc__)
    parser.add_argument("--character", required=True, help="the photoreal character that the student will draw")
    parser.add_argument("--run", type=Path, required=True, help="a folder for pairs, checkpoints and the student")
    parser.add_argument("--pairs", type=int, default=Plan.pairs, help="pairs that the teacher draws")
    parser.add_argument("--teacher-steps", type=int, default=Plan.teacher_steps)
    few = "steps in which the student draws; one of 4 also draws in 1 and 2"
    parser.add_argument("--student-steps", type=int, default=Plan.student_steps, choices=STUDENT_STEPS, help=few)
    parser.add_argument("--steps", type=int, default=Plan.steps, help="training steps")
    parser.add_argument("--batch", type=int, default=Plan.batch)
    parser.add_argument("--rate", type=float, default=Plan.rate)
    parser.add_argument("--rank", type=int, default=Plan.rank)
    parser.add_argument("--minutes", type=float, default=math.inf, help="time for training in this call")
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


def _print_step(step: int, terms: Terms) -> None:
    if step % _PRINT_EVERY == 0:
        print(f"step {step} {_words(terms)}", flush=True)


def _words(terms: Terms) -> str:
    return " ".join(f"{name} {value:.4f}" for name, value in _figures(terms).items())


def _figures(terms: Terms) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in vars(terms).items()}


def _write_results(plan: Plan, teacher: Teacher, student: Student, before: Terms) -> None:
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
        "student_steps": plan.student_steps,
        "weights": asdict(plan.weights),
        "held_out_before": _figures(before),
        "held_out_after": _figures(after),
    }
    (plan.run / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    # Held-out faces: the teacher's above, the student's first step below.
    held, arc = student.held_out, teacher.arc
    with torch.no_grad():
        truth = held.latents[:_SHOWN].to(arc.device)
        drawn = teacher.clean(held.vectors[:_SHOWN].to(arc.device), truth, 0, 1)
    rows = [arc.picture(latents, tiny=True) for latents in (truth, drawn)]
    Image.fromarray(np.concatenate([np.concatenate(list(row), 1) for row in rows], 0)).save(plan.run / "sheet.png")
    print(f"held out: {_words(before)} before, {_words(after)} now")
    print(f"{path}: copy it to {STUDENT} in the folder of published files, then --sampler student")
