"""The benchmark of renderings, with known times, bytes and memory."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import offline
import pytest

from omote.engine.offline.pictures import PictureFolder

ROW = {"way": "alone, 1 thread", "size": 256, "pictures": 192}


# 48 pictures take 4 s, the first ones 6 s more; a worker's first chunk is its start-up.
ONE_WORKER = [(0.0, 0), (10.0, 48), (14.0, 96), (18.0, 144), (22.0, 192)]
TWO_WORKERS = [(0.0, 0), (10.0, 48), (10.0, 96), (14.0, 144), (14.0, 192)]


@pytest.mark.parametrize(
    ("progress", "workers", "fps", "all_s"), [(ONE_WORKER, 1, 12.0, 22.0), (TWO_WORKERS, 2, 24.0, 14.0)]
)
def test_start_up_is_separate_from_the_steady_rate(
    progress: list[tuple[float, int]], workers: int, fps: float, all_s: float
) -> None:
    assert offline.steady_fps(progress, workers) == {"fps": fps, "startup_s": 6.0, "all_s": all_s}


def test_rate_needs_more_than_one_chunk_a_worker() -> None:
    with pytest.raises(ValueError, match="2 workers need more than 2 chunks, got 2"):
        offline.steady_fps(TWO_WORKERS[:3], 2)


def test_every_way_has_more_chunks_than_workers() -> None:
    assert all(
        offline.CHUNKS % case.pool().size == 0 and case.pool().size < offline.CHUNKS for case in offline.WAYS[:3]
    )


def test_no_two_pictures_that_are_drawn_are_alike() -> None:
    animation = offline.moving_faces(2000)
    assert animation.fps == Fraction(30)
    assert len(np.unique(animation.faces, axis=0)) == 2000


def test_ways_of_one_thread_are_identical_by_their_bytes_at_each_size() -> None:
    one, other = {**ROW, "sha256": "a"}, {**ROW, "way": "2 processes, 1 thread each", "sha256": "a"}
    large = [{**row, "size": 512, "sha256": "b"} for row in (one, other)]
    all_cores = {**ROW, "way": "alone, all cores", "sha256": "c"}
    assert offline.is_identical([all_cores, one, other, *large]) is True
    assert offline.is_identical([one, {**other, "sha256": "b"}, *large]) is False
    assert offline.is_identical([one, all_cores]) is None
    assert offline.is_identical([one, {**ROW, "refused": "no Ray"}]) is None


def test_digest_is_of_all_files_in_their_order(tmp_path: Path) -> None:
    def digest(first: bytes, last: bytes) -> str:
        (tmp_path / "000000.png").write_bytes(first)
        (tmp_path / "000001.png").write_bytes(last)
        return offline.pictures_digest(PictureFolder(tmp_path, 2))

    assert digest(b"a", b"b") != digest(b"b", b"a")
    assert digest(b"a", b"b") == digest(b"a", b"b")


def test_memory_is_flat_where_neither_the_leader_nor_the_workers_grow() -> None:
    def verdict(here: list[float], workers: list[float]) -> object:
        families = [[], *([0.5 * held, 0.5 * held] for held in workers)]
        return offline.MemoryLog(here=[1.0, *here], workers=families).summary(settled=1)["is_flat"]

    flat, growing = [300.0, 301.0, 302.0, 301.0], [300.0, 310.0, 320.0, 330.0]
    assert verdict(flat, [0.0] * 4) is True
    assert verdict(growing, [0.0] * 4) is False
    assert verdict(flat, growing) is False
    assert verdict([300.0], [0.0]) is None  # half of one sample is nothing


def test_worker_that_has_ended_does_not_hide_what_the_other_grows_by() -> None:
    families = [[300.0, 300.0], [310.0, 310.0], [320.0, 320.0], [330.0, 330.0], [340.0]]
    summary = offline.MemoryLog(here=[9.0] * 5, workers=families).summary(settled=0)
    assert summary["workers_held"]["grown_mib"] == 40.0
    assert summary["is_flat"] is False
