"""The training kit, which is no part of the project, and packed shards that are small enough for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

KIT = Path(__file__).resolve().parents[3] / "shared" / "kit"
ANIME_KIT = KIT / "anime"
WHY = "needs the training kit in ../shared/kit; engine/training/README.md says where its files come from"
needs_kit = pytest.mark.skipif(not ANIME_KIT.is_dir(), reason=WHY)

SMALL: dict[str, Any] = {  # sizes of a small denoiser
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
    if not ANIME_KIT.is_dir():
        pytest.skip(WHY)
    from omote.engine.training import examples
    from omote.engine.training.anime import dataset as anime
    from omote.engine.training.faces import dataset
    from omote.engine.worker_pool import SerialPool

    folder = tmp_path_factory.mktemp("shards")
    drawings = anime.AnimeDatasetSpec(ANIME_KIT, folder / "drawn", 2, 6, size=64, supersampling=1, seed=3)
    people = dataset.DatasetSpec(KIT, folder / "people", 1, 2, size=64, supersampling=1, seed=3)
    assert list(dataset.write_shards(drawings, SerialPool(), anime.draw_shard)) == [12]
    assert list(dataset.write_shards(people, SerialPool())) == [6]
    for name in ("drawn", "people"):
        assert list(examples.pack(folder / name, KIT, folder / f"{name}-pack"))
        assert not list(examples.pack(folder / name, KIT, folder / f"{name}-pack"))  # everything is packed
    return [folder / "drawn-pack" / "00000", folder / "people-pack" / "00000"]
