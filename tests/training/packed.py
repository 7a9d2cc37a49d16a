"""Packed shards of few characters, small enough for tests, and a small denoiser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omote.engine.training import examples
from omote.engine.training.anime import dataset as drawn
from omote.engine.training.faces import dataset
from omote.engine.worker_pool import SerialPool

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
    drawings = drawn.AnimeDatasetSpec(KIT / "anime", folder / "drawn", 2, 6, size=64, supersampling=1, seed=3)
    people = dataset.DatasetSpec(KIT, folder / "people", 1, 2, size=64, supersampling=1, seed=3)
    assert list(dataset.write_shards(drawings, SerialPool(), drawn.draw_shard)) == [12]
    assert list(dataset.write_shards(people, SerialPool())) == [6]
    for name in ("drawn", "people"):
        assert list(examples.pack(folder / name, KIT, folder / f"{name}-pack"))
        assert not list(examples.pack(folder / name, KIT, folder / f"{name}-pack"))  # all is packed already
    return [folder / "drawn-pack" / "00000", folder / "people-pack" / "00000"]
