"""The call for a GPU takes the same way on a CPU: batches are made ahead in order, and a step moves the weights."""

from __future__ import annotations

from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("numba")

import torch

from omote.engine.model.denoiser import WantedView
from omote.engine.training import gpu
from omote.engine.training.trainer import TrainingSettings, moved

from .packed import shards

__all__ = ["shards"]


def test_batches_come_in_order_whoever_makes_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gpu, "batch_of", lambda plan, subjects, step, rank, done: (plan.seed, step, rank, done))

    def told(first: int, threads: int) -> list[Any]:
        trainer = SimpleNamespace(plan=TrainingSettings(tmp_path, minutes=1.0), step=first, done=0.5)
        return list(islice(gpu.prepared(trainer, [], threads), 8))  # type: ignore[arg-type]

    assert told(5, 1) == told(5, 4) == [(0, step, 0, 0.5) for step in range(5, 13)]


def test_training_on_a_device_goes_on_where_it_stopped(
    shards: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packs = [shard.parent for shard in shards]
    clock = count(0, 10)  # a second step would not begin within 15 s
    plan = TrainingSettings(tmp_path, minutes=0.25, batch=2, workers=1, fine_share=0.0)
    first = gpu.train(plan, packs, "cpu", 1, lambda: float(next(clock)))
    assert first.step >= 1
    assert "held out, drawn-pack: head" in capsys.readouterr().out
    before = first.net.gain.weight.clone()
    longer = TrainingSettings(tmp_path, minutes=0.5, batch=2, workers=1, fine_share=0.0)
    again = gpu.train(longer, packs, "cpu", 1, lambda: float(next(clock)))
    assert again.step > first.step
    assert not torch.equal(again.net.gain.weight, before)


def test_tuples_keep_their_type_when_they_move() -> None:
    wanted = WantedView(*(torch.full((1,), float(k)) for k in range(4)))
    there = moved((wanted, torch.ones(2)), torch.device("cpu"))
    assert isinstance(there[0], WantedView)
    assert [float(part) for part in there[0]] == [0.0, 1.0, 2.0, 3.0]
