"""What the student is taught by: faces that were asked for, and what the teacher drew from the character's noise."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from omote.bridge.errors import OmoteError

from ...storage import atomic_write

Array = NDArray[np.float32]
PART = 32  # pairs in a file, which is lost if the work is cut off
Teach = Callable[[Tensor], Tensor]  # vectors [B,55] to latents [B,4,h,w]


class PairsError(OmoteError, ValueError):
    """The folder holds pairs of another teacher, or none that can be read; the message says which and the cure."""


@dataclass(frozen=True)
class Lesson:
    """All that decides what a teacher draws: pairs of another lesson are not mixed with these."""

    character: str  # a digest of identity, noise and reference
    model: str  # a digest of the weights
    steps: int
    guidance: float
    seed: int

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(vars(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Pairs:
    """Lessons of one character."""

    vectors: Tensor  # [N,55] what was asked for
    latents: Tensor  # [N,4,h,w] what was drawn

    def __len__(self) -> int:
        return len(self.vectors)


def taught(
    folder: Path,
    lesson: Lesson,
    count: int,
    ask: Callable[[np.random.Generator], Array],
    teach: Teach,
    batch: int = 4,
    on_part: Callable[[int], None] = lambda done: None,
) -> Pairs:
    """So many pairs, those that are there and new ones; each depends on its number alone, so a run can be gone on."""
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, count, PART):
        path = folder / f"pairs-{first // PART:05d}.safetensors"
        if not path.is_file():
            vectors = torch.from_numpy(np.stack([_asked(lesson, first + k, ask) for k in range(PART)]))
            latents = torch.cat([teach(some).float().cpu() for some in torch.split(vectors, batch)])
            _keep(path, vectors, latents, lesson)
        on_part(min(first + PART, count))
    return _read(folder, lesson, count)


def _asked(lesson: Lesson, number: int, ask: Callable[[np.random.Generator], Array]) -> Array:
    return ask(np.random.default_rng([lesson.seed, number]))


def _keep(path: Path, vectors: Tensor, latents: Tensor, lesson: Lesson) -> None:
    tensors = {"vectors": vectors.contiguous(), "latents": latents.contiguous()}
    with atomic_write(path) as partial:
        save_file(tensors, partial, {"lesson": lesson.digest})


def _read(folder: Path, lesson: Lesson, count: int) -> Pairs:
    vectors, latents = [], []
    for path in sorted(folder.glob("pairs-*.safetensors"))[: -(-count // PART)]:
        try:
            with safe_open(path, framework="pt") as file:
                if (file.metadata() or {}).get("lesson") != lesson.digest:
                    raise PairsError(
                        f"{path} holds what another teacher drew: choose another --run, or delete its pairs"
                    )
                vectors.append(file.get_tensor("vectors"))
                latents.append(file.get_tensor("latents"))
        except SafetensorError as error:
            raise PairsError(f"{path} is damaged ({error}): delete it, and it is drawn again") from error
    return Pairs(torch.cat(vectors)[:count], torch.cat(latents)[:count])
