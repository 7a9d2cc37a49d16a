"""Rendered shards are packed, give examples, and train the denoiser, which continues from its checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("numba")

import torch

from omote.engine.face.correspondence import GRID
from omote.engine.model.denoiser import STATE
from omote.engine.training import examples, trainer

from .kit import SMALL, shards

__all__ = ["shards"]


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


def test_a_run_continues_from_its_checkpoint(shards: list[Path], tmp_path: Path) -> None:
    subjects = examples.read(shards)
    settings = trainer.TrainingSettings(tmp_path, minutes=1.0, batch=2, workers=1)
    first = trainer.Trainer(settings, **SMALL)
    losses = [first.advance(subjects) for _ in range(2)]
    first.save()
    expected = first.advance(subjects)
    again = trainer.Trainer(settings, **SMALL)
    assert again.resume()
    assert again.step == 2
    assert again.advance(subjects) == pytest.approx(expected, rel=1e-6)
    assert np.isfinite(losses).all()


def test_a_run_begins_with_given_weights(tmp_path: Path) -> None:
    given = trainer.Trainer(trainer.TrainingSettings(tmp_path, minutes=1.0), **SMALL).net
    with torch.no_grad():
        given.gain.bias.fill_(0.25)
    given.half().save_pretrained(tmp_path / "given")
    begun = trainer.Trainer(trainer.TrainingSettings(tmp_path, minutes=1.0, start=tmp_path / "given"))
    for net in (begun.net, begun.ema):
        assert net.config.widths == list(SMALL["widths"])
        assert net.gain.bias.dtype == torch.float32
        torch.testing.assert_close(net.gain.bias, torch.full((3,), 0.25))


def test_a_run_without_a_checkpoint_begins_at_the_start(tmp_path: Path) -> None:
    assert not trainer.Trainer(trainer.TrainingSettings(tmp_path, minutes=1.0), **SMALL).resume()
