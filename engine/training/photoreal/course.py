"""One character's course: the teacher draws faces that are asked for in ARKit weights, the student learns from them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...data import PhotorealCharacter
from ...diffusion.arc2face.bank import Bank
from ...diffusion.arc2face.pipeline import GUIDANCE, STEPS, Arc2Face
from ...diffusion.schedule import few_step_plan
from ...face.retarget import from_weights
from ...photoreal.flame_map import FlameMap
from ...photoreal.vector import vector_of
from ..faces.expression import sample_expression
from ..landmark_loss import LandmarkNet, PerceptualLoss
from .losses import Losses
from .pairs import Array, Lesson, Pairs, taught
from .recogniser import Recogniser
from .student import Plan, Student

PAIRS_FOLDER = "pairs"


@dataclass(frozen=True, eq=False)
class Course:
    """A teacher and what it needs: published weights without a few-step LoRA, a character, and the map to FLAME."""

    arc: Arc2Face
    model: str  # digest of the weights
    character: PhotorealCharacter
    bank: Bank
    flame_map: FlameMap
    steps: int = STEPS
    guidance: float = GUIDANCE

    @classmethod
    def of(cls, arc: Arc2Face, model: str, character: PhotorealCharacter, flame_map: FlameMap, steps: int) -> Course:
        """The bank is made of the character's own photo, as the student will read it."""
        return cls(arc, model, character, arc.bank(character.reference, character.tokens[None]), flame_map, steps)

    def lesson(self, seed: int) -> Lesson:
        parts = (self.character.tokens, self.character.noise, self.character.neutral, self.character.reference)
        known = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()
        return Lesson(known, f"{self.model} {self.flame_map.flame_sha256}", self.steps, self.guidance, seed)

    def ask(self, rng: np.random.Generator) -> Array:
        """[55] a plausible face: moods, speech, blinks and single shapes, as our own model is trained on."""
        params = self.flame_map.flame(from_weights(sample_expression(rng)))
        return vector_of(params, self.character.neutral)

    def teach(self, vectors: Tensor) -> Tensor:
        """[B,4,h,w] what the teacher draws, always from the character's own noise."""
        return self.arc.generate(
            self.character.tokens[None],
            vectors,
            self.character.noise[None],
            steps=self.steps,
            guidance=self.guidance,
            bank=self.bank,
        )

    def draw(self, vectors: Tensor) -> Tensor:
        """[B,4,h,w] the same faces in one step, without guidance; gradients reach whatever is attached to the UNet."""
        arc, count, (step,) = self.arc, len(vectors), few_step_plan("student", 1)
        noise = torch.from_numpy(self.character.noise).to(arc.device).expand(count, -1, -1, -1)
        tokens = torch.from_numpy(self.character.tokens).to(arc.device, arc.dtype).expand(count, -1, -1)
        t = torch.full((count,), float(step.timestep), device=arc.device)
        eps = arc.unet(noise.to(arc.dtype), t, tokens, arc.adapter(vectors.to(arc.dtype)), None, self.bank)
        drawn: Tensor = step.after(noise, eps.float())
        return drawn

    def pairs(self, folder: Path, count: int, seed: int, on_part: Callable[[int], None]) -> Pairs:
        """So many, those that an earlier run left in the folder included."""
        return taught(folder / PAIRS_FOLDER, self.lesson(seed), count, self.ask, self.teach, on_part=on_part)

    def losses(self, landmarks: Path | None, recogniser: Path | None) -> Losses:
        """Of latents, and of what MediaPipe's landmark network and a recogniser see where their files are given."""
        tracker = PerceptualLoss(LandmarkNet.load(landmarks)) if landmarks else None
        who = Recogniser.load(recogniser) if recogniser else None
        points = torch.from_numpy(self.character.points)
        return Losses(points, self.character.size, self.arc.tiny, tracker, who).to(self.arc.device)

    def student(self, plan: Plan, pairs: Pairs, losses: Losses) -> Student:
        """One who has learned nothing yet, or as much as the run's checkpoint says."""
        student = Student(plan, self.arc.unet, self.draw, pairs, losses)
        student.resume()
        return student
