"""The call for a GPU takes the same way on a CPU: batches are made ahead in order, and a step moves the weights."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("numba")

import torch

from omote.engine.model.denoiser import Wanted
from omote.engine.training import examples, gpu
from omote.engine.training.trainer import Plan


def test_batches_come_in_order_whoever_makes_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def example(
        subjects: list[int], who: np.ndarray, count: int, rng: np.random.Generator, size: int
    ) -> tuple[list[int], int]:
        return sorted(int(n) for n in who), count

    monkeypatch.setattr(examples, "example", example)
    plan = Plan(tmp_path, minutes=1.0, batch=3)
    one, many = (list(islice(gpu.prepared([0] * 9, plan, 5, threads), 8)) for threads in (1, 4))  # type: ignore[list-item]
    assert one == many
    assert len({str(batch) for batch in one}) > 1
    later = next(gpu.prepared([0] * 9, plan, 6, 1))  # type: ignore[list-item]
    assert later == one[1]


def test_tuples_keep_their_type_when_they_move() -> None:
    wanted = Wanted(*(torch.full((1,), float(k)) for k in range(4)))
    there = gpu.moved((wanted, torch.ones(2)), torch.device("cpu"))
    assert isinstance(there[0], Wanted)
    assert [float(part) for part in there[0]] == [0.0, 1.0, 2.0, 3.0]
