"""Rendered shards are packed, give examples, and train the denoiser, which goes on where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("numba")

import torch

from omote.engine.face.correspondence import GRID
from omote.engine.model.denoiser import STATE
from omote.engine.offline.crew import Alone
from omote.engine.training import examples, trainer
from omote.engine.training.anime import dataset as drawn
from omote.engine.training.faces import dataset

KIT = Path(__file__).parents[2].parent / "shared" / "kit"
SMALL: dict[str, Any] = {
    "widths": (16, 32, 32, 32),
    "blocks": (1, 1, 1, 1),
    "features": (16, 16),
    "identity_width": 16,
    "fine_width": 16,
    "candidate_width": 8,
}


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Packed shards of two drawn characters and of one person."""
    if not KIT.is_dir():
        pytest.skip("the kit, which is no part of the project, is not beside it")
    folder = tmp_path_factory.mktemp("shards")
    drawings = drawn.AnimePlan(KIT / "anime", folder / "drawn", 2, 6, size=64, supersampling=1, seed=3)
    people = dataset.Plan(KIT, folder / "people", 1, 2, size=64, supersampling=1, seed=3)
    assert list(dataset.write(drawings, Alone(), drawn.drawn)) == [12]
    assert list(dataset.write(people, Alone())) == [6]
    for name in ("drawn", "people"):
        assert list(examples.pack(folder / name, KIT, folder / f"{name}-pack"))
        assert not list(examples.pack(folder / name, KIT, folder / f"{name}-pack"))  # all is packed already
    return [folder / "drawn-pack" / "00000", folder / "people-pack" / "00000"]


def test_a_pack_keeps_the_views_of_the_heads(shards: list[Path]) -> None:
    subjects = examples.read(shards)
    assert [(subject.style, len(subject)) for subject in subjects] == [(1, 6), (1, 6), (0, 6)]
    for subject in subjects:
        view = subject.view(0)
        covered = view.geometry[6] > 0.5
        matte = np.asarray(subject.pack.small[subject.rows[0]][::2, ::2, 3]) > 127
        # The head with its hair lies in the picture's matte, which has clothes and thin ends of hair besides.
        assert (covered & matte).sum() > 0.97 * covered.sum()


def test_an_example_shows_one_character_from_several_sides(shards: list[Path]) -> None:
    subjects = examples.read(shards)
    example = examples.example(subjects, np.array([0, 2]), 3, np.random.default_rng(0), size=STATE)
    assert example.pictures.shape == (2, 3, 4, STATE, STATE)
    assert example.references.place.shape == (2, 3, GRID, GRID, 2)
    np.testing.assert_array_equal(example.wanted.style, [[0.0, 1.0], [1.0, 0.0]])
    assert (example.truth[:, :3] <= example.truth[:, 3:] + 1e-6).all()  # premultiplied
    same = examples.example(subjects, np.array([0, 2]), 3, np.random.default_rng(0), size=STATE)
    torch.testing.assert_close(example.pictures, same.pictures)


def test_a_run_goes_on_where_it_stopped(shards: list[Path], tmp_path: Path) -> None:
    subjects = examples.read(shards)
    plan = trainer.Plan(tmp_path, minutes=1.0, batch=2, workers=1)
    first = trainer.Trainer(plan, **SMALL)
    losses = [first.advance(subjects) for _ in range(2)]
    first.save()
    expected = first.advance(subjects)
    again = trainer.Trainer(plan, **SMALL)
    assert again.resume()
    assert again.step == 2
    assert again.advance(subjects) == pytest.approx(expected, rel=1e-6)
    assert np.isfinite(losses).all()


def test_a_run_without_a_checkpoint_begins_anew(tmp_path: Path) -> None:
    assert not trainer.Trainer(trainer.Plan(tmp_path, minutes=1.0), **SMALL).resume()
