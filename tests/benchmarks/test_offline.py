"""What the benchmark of renderings says of known times, known bytes and known memory."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import offline
import offline_memory
import offline_tables
import pytest
from goals import goals

from omote.engine.offline.pictures import PictureFolder

AGES = {"p50": 41.26, "p95": 60.01, "p99": 99.94}
ROW = {"way": "alone, 1 thread", "size": 256, "pictures": 192}


def kept(folder: Path, part: str, **told: Any) -> Path:
    hardware = {"cpu": "AMD EPYC", "cores": 2, "platform": "Linux", "python": "3.11.7"}
    at = {"date": "2026-11-22", "commit": "abc1234", "hardware": hardware}
    (folder / f"{part}.json").write_text(json.dumps({**at, **told}))
    return folder


def test_start_up_is_told_apart_from_what_is_steady() -> None:
    # 48 pictures take 4 s; the first ones 6 s more.
    told = [(0.0, 0), (10.0, 48), (14.0, 96), (18.0, 144), (22.0, 192)]
    assert offline.steady(told, 1) == {"fps": 12.0, "startup_s": 6.0, "all_s": 22.0}


def test_of_two_workers_the_first_chunk_of_each_is_start_up() -> None:
    told = [(0.0, 0), (10.0, 48), (10.0, 96), (14.0, 144), (14.0, 192)]
    assert offline.steady(told, 2) == {"fps": 24.0, "startup_s": 6.0, "all_s": 14.0}


def test_rate_of_workers_who_had_one_chunk_each_is_not_made_up() -> None:
    with pytest.raises(ValueError, match="2 workers want more than 2 chunks, got 2"):
        offline.steady([(0.0, 0), (10.0, 48), (10.0, 96)], 2)


def test_every_way_has_more_chunks_than_workers() -> None:
    assert all(offline.CHUNKS % way.crew().size == 0 and way.crew().size < offline.CHUNKS for way in offline.WAYS[:3])


def test_no_two_pictures_that_are_drawn_are_alike() -> None:
    script = offline.performed(2000)
    assert script.fps == Fraction(30)
    assert len(np.unique(script.faces, axis=0)) == 2000


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
        return offline.digest(PictureFolder(tmp_path, 2))

    assert digest(b"a", b"b") != digest(b"b", b"a")
    assert digest(b"a", b"b") == digest(b"a", b"b")


def test_memory_is_flat_where_neither_the_leader_nor_the_workers_grow() -> None:
    def verdict(here: list[float], workers: list[float]) -> object:
        families = [[], *([0.5 * held, 0.5 * held] for held in workers)]
        return offline_memory.Held(here=[1.0, *here], workers=families).summary(settled=1)["is_flat"]

    flat, growing = [300.0, 301.0, 302.0, 301.0], [300.0, 310.0, 320.0, 330.0]
    assert verdict(flat, [0.0] * 4) is True
    assert verdict(growing, [0.0] * 4) is False
    assert verdict(flat, growing) is False
    assert verdict([300.0], [0.0]) is None  # half of one sample is nothing
    assert offline_memory.halves(growing) == {
        **{"first_half_mib": 305.0, "second_half_mib": 325.0, "grown_mib": 20.0, "most_mib": 330.0}
    }


def test_worker_that_has_ended_does_not_hide_what_the_other_grows_by() -> None:
    families = [[300.0, 300.0], [310.0, 310.0], [320.0, 320.0], [330.0, 330.0], [340.0]]
    told = offline_memory.Held(here=[9.0] * 5, workers=families).summary(settled=0)
    assert told["workers_held"]["grown_mib"] == 40.0
    assert told["is_flat"] is False


def test_figures_are_those_of_the_file(tmp_path: Path) -> None:
    ways = [{**ROW, "fps": 12.04, "startup_s": 1.26, "all_s": 20.0}, {**ROW, "way": "Ray", "refused": "no Ray here"}]
    films = [{"kind": "mp4", "size": 256, "pictures": 96, "ms_each": 2.34, "kb_each": 1.26}]
    each = [{"size": 256, "draw_ms": AGES, "png_ms": AGES, "png_share": 0.5}]
    held = {"first_half_mib": 300.0, "second_half_mib": 301.0, "grown_mib": 1.0, "most_mib": 302.5}
    at = {"pictures": 2000, "size": 128, "resume_ms": AGES}
    memory = [
        {**at, "workers": 1, "here": held, "workers_held": {}, "is_flat": True},
        {**at, "workers": 2, "here": held, "workers_held": held, "is_flat": True},
    ]
    folder = kept(tmp_path, "offline", chunk=48, ways=ways, each=each, films=films, memory=memory, identical=True)
    text = offline_tables.offline(folder)
    assert "| alone, 1 thread | 256x256 | 192 | 12.0 | 1.3 |" in text
    assert "| Ray | 256x256 | 192 | - | left out: no Ray here |" in text
    assert "drew the same bytes: yes." in text
    assert "| 256x256 | 41.3 | 60.0 | 99.9 | 41.3 | 60.0 | 99.9 | 50 % |" in text
    assert "| mp4 | 256x256 | 96 | 2.3 | 1.3 |" in text
    assert "| alone, 128x128 | 2000 | 300.0 | 301.0 | 1.0 | 302.5 | 41.3 |" in text
    assert "| its 2 workers together, 128x128 | 2000 | 300.0 | 301.0 | 1.0 | 302.5 | 41.3 |" in text


def test_goal_of_the_memory_is_about_the_process_that_grew_most(tmp_path: Path) -> None:
    def found(pictures: int, identical: bool | None, *grown: float) -> list[str]:
        held = [{"grown_mib": each} for each in grown]
        rows = [{"pictures": pictures, "here": held[0], "workers_held": held[-1]}, {"workers": 2, "refused": "killed"}]
        told = goals(kept(tmp_path, "offline", memory=rows, identical=identical))
        return [goal.verdict for goal in told if "rendered" in goal.asked]

    assert found(2000, True, 1.0, 2.0) == ["met", "met"]
    assert found(2000, False, 1.0, 9.0) == ["not met", "not met"]
    assert found(240, None, 1.0, 2.0) == ["not measured", "not measured"]


def test_smoothness_is_told_beside_frame_by_frame(tmp_path: Path) -> None:
    row = {"bend_px": 0.5, "bend_px_p95": 0.9, "face_bend": 0.25, "flicker": 0.1, "late_ms": 0.0, "off_px": 0.0}
    ways = {"frame_by_frame": row, "live": row, "offline": {**row, "bend_px": 0.2, "late_ms": -0.4, "off_px": 0.31}}
    told = {"size": 256, "character": "hana", "sequences": {"d0.mp4": {"fps": 30.0, "pictures": 120, **ways}}}
    text = offline_tables.smoothness(kept(tmp_path, "offline_smoothness", **told))
    assert "| d0 | frame by frame | 0.500 | 0.900 | 100 % | 0.250 | 0.10 | 0.0 | 0.00 |" in text
    assert "| d0 | offline | 0.200 | 0.900 | 40 % | 0.250 | 0.10 | -0.4 | 0.31 |" in text


def test_what_was_not_measured_says_how_to_measure_it(tmp_path: Path) -> None:
    assert "python benchmarks/offline.py --save" in offline_tables.offline(tmp_path)
    assert "python benchmarks/offline_smoothness.py --save" in offline_tables.smoothness(tmp_path)
