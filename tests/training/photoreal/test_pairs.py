from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from omote.engine.training.photoreal.pairs import PART, Lesson, PairsError, taught

LESSON = Lesson(character="a", model="b", steps=25, guidance=3.0, seed=1)


class Teacher:
    """Draws a latent whose numbers are the first of what it is asked for, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, vectors: Tensor) -> Tensor:
        self.asked += len(vectors)
        return vectors[:, :1, None, None].expand(-1, 4, 2, 2)


def _ask(rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return rng.normal(size=55).astype(np.float32)


def test_a_pair_holds_what_was_asked_for_beside_what_was_drawn(tmp_path: Path) -> None:
    pairs = taught(tmp_path, LESSON, 5, _ask, Teacher())
    assert pairs.vectors.shape == (5, 55)
    torch.testing.assert_close(pairs.latents, pairs.vectors[:, :1, None, None].expand(-1, 4, 2, 2))


def test_a_run_that_was_cut_off_draws_only_what_is_missing(tmp_path: Path) -> None:
    first, second = Teacher(), Teacher()
    taught(tmp_path / "cut", LESSON, PART, _ask, first)
    gone_on = taught(tmp_path / "cut", LESSON, 2 * PART, _ask, second)
    assert (first.asked, second.asked) == (PART, PART)
    whole = taught(tmp_path / "whole", LESSON, 2 * PART, _ask, Teacher())
    torch.testing.assert_close(gone_on.vectors, whole.vectors, rtol=0.0, atol=0.0)


def test_pairs_of_another_teacher_are_not_mixed_in(tmp_path: Path) -> None:
    taught(tmp_path, LESSON, 1, _ask, Teacher())
    other = Lesson(character="a", model="b", steps=25, guidance=1.0, seed=1)
    with pytest.raises(PairsError, match="another teacher"):
        taught(tmp_path, other, 1, _ask, Teacher())


def test_a_damaged_file_of_pairs_is_named_with_its_cure(tmp_path: Path) -> None:
    taught(tmp_path, LESSON, 1, _ask, Teacher())
    (path,) = tmp_path.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(PairsError, match=r"pairs-00000\.safetensors is damaged .*: delete it"):
        taught(tmp_path, LESSON, 1, _ask, Teacher())
