"""Compiles the kernels that draw people for the training, once for all the processes that draw them afterwards."""

from __future__ import annotations

import tempfile
from pathlib import Path

KIT = Path(__file__).resolve().parents[2] / "shared" / "kit"


def main() -> None:
    """Draws one small person and one small character; does nothing where the kit is not here."""
    if not (KIT / "anime").is_dir():
        return
    from omote.engine.training.anime import dataset as anime
    from omote.engine.training.faces import dataset as faces
    from omote.engine.worker_pool import SerialPool

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawings = anime.AnimeDatasetSpec(KIT / "anime", folder / "drawn", 1, 1, size=64, supersampling=1, seed=3)
        people = faces.DatasetSpec(KIT, folder / "people", 1, 1, size=64, supersampling=1, seed=3)
        list(faces.write_shards(drawings, SerialPool(), anime.draw_shard))
        list(faces.write_shards(people, SerialPool()))


if __name__ == "__main__":
    main()
