"""The run for a GPU, on a CPU: batches are prepared in order, and training continues from its checkpoint."""

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
from omote.engine.training.trainer import TrainingSettings, to_device

from .kit import shards

__all__ = ["shards"]


def test_batches_come_in_order_from_any_number_of_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gpu, "batch_of", lambda settings, subjects, step, rank, done: (settings.seed, step, rank, done))

    def batches(first: int, threads: int) -> list[Any]:
        trainer = SimpleNamespace(settings=TrainingSettings(tmp_path, minutes=1.0), step=first, done=0.5)
        return list(islice(gpu.prepared_batches(trainer, [], threads), 8))  # type: ignore[arg-type]

    assert batches(5, 1) == batches(5, 4) == [(0, step, 0, 0.5) for step in range(5, 13)]


@pytest.mark.slow
def test_training_on_a_device_continues_from_its_checkpoint(
    shards: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packs = [shard.parent for shard in shards]
    clock = count(0, 10)  # 10 s a call
    settings = TrainingSettings(tmp_path, minutes=0.25, batch=2, workers=1, fine_share=0.0)
    first = gpu.train(settings, packs, "cpu", 1, lambda: float(next(clock)))
    assert first.step >= 1
    assert "held out, drawn-pack: head" in capsys.readouterr().out
    before = first.net.gain.weight.clone()
    longer = TrainingSettings(tmp_path, minutes=0.5, batch=2, workers=1, fine_share=0.0)
    again = gpu.train(longer, packs, "cpu", 1, lambda: float(next(clock)))
    assert again.step > first.step
    assert not torch.equal(again.net.gain.weight, before)


def test_tuples_keep_their_type_on_another_device() -> None:
    wanted = WantedView(*(torch.full((1,), float(k)) for k in range(4)))
    there = to_device((wanted, torch.ones(2)), torch.device("cpu"))
    assert isinstance(there[0], WantedView)
    assert [float(part) for part in there[0]] == [0.0, 1.0, 2.0, 3.0]
