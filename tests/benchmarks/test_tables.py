"""The documents hold exactly the figures of the results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sections
import tables
from suite import PARTS, chosen_parts, is_fresh
from typeset import goals

ORIGIN = {
    "date": "2026-11-22",
    "commit": "abc1234",
    "hardware": {"cpu": "AMD EPYC", "cores": 2, "platform": "Linux", "python": "3.11.7"},
}
AGES = {"p50": 41.26, "p95": 60.01, "p99": 99.94}
RECEIVER = {"fps": 31.0, "new": 1860, "taken": 1860, "receive_ms": AGES, "total_ms": AGES}
SCENE = {
    **ORIGIN,
    **{"asked_fps": 60.0, "fps": 31.1, "runtime": "openvino cpu f32", "size": 512, "steps": 1},
    **{"tracked_fraction": 1.0, "latency_ms": AGES, "stages_ms": {"track": AGES, "draw": AGES}},
    **{"receiver": RECEIVER, "counts": {"drawn": 170, "cached": 20, "still": 10}},
}


def kept(folder: Path, part: str, **result: Any) -> Path:
    (folder / f"{part}.json").write_text(json.dumps({**ORIGIN, **result}))
    return folder


@pytest.mark.parametrize("path", [tables.RESULTS_MD, *tables.DOCUMENTS], ids=lambda path: path.name)
def test_documents_equal_what_the_results_give(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == tables.expected_documents()[path], "run python benchmarks/tables.py"


@pytest.mark.parametrize("path", tables.DOCUMENTS, ids=lambda path: path.name)
def test_documents_have_figures_that_are_made(path: Path) -> None:
    assert "<!-- figures: " in path.read_text(encoding="utf-8")


def test_block_is_filled_and_the_rest_stays() -> None:
    name = "live_bf16"
    text = f"before\n<!-- figures: {name} -->\nold 3 ms\n<!-- end of figures -->\nafter 4 ms\n"
    made = tables.fill_blocks(text, {name: lambda folder: "new 5 ms\n"})
    assert made == f"before\n<!-- figures: {name} -->\nnew 5 ms\n<!-- end of figures -->\nafter 4 ms\n"


def test_unknown_block_is_an_error_that_names_the_known_ones() -> None:
    text = "<!-- figures: speed -->\n<!-- end of figures -->"
    with pytest.raises(tables.TablesError, match='"speed": there are one'):
        tables.fill_blocks(text, {"one": lambda folder: ""})


def test_what_was_not_measured_says_how_to_measure_it(tmp_path: Path) -> None:
    text = tables.results_md(tmp_path)
    for command in (
        "live.py",
        "live.py jaw_code",
        "network.py layers",
        "growth.py",
        "rivals.py",
        "smoothing.py smoothness",
    ):
        assert f"python benchmarks/{command} --save" in text
    assert "Never run on a GPU yet" in text
    assert {goal.verdict for goal in goals(tmp_path)} == {"not measured"}
    assert all(
        render(tmp_path).startswith("Not measured yet") for name, render in tables.BLOCKS.items() if name != "goals"
    )


def test_live_figures_are_those_of_the_file(tmp_path: Path) -> None:
    folder = kept(tmp_path, "live", scenes={"clip at 60 a second": SCENE, "lost": {**ORIGIN, "refused": "no clip"}})
    text = sections.live(folder)
    assert "| clip at 60 a second | 60 | 31.1 | 31.0 | 31.0 | 41.3 | 60.0 | 99.9 | 41.3 | 1.000 | 85 % |" in text
    assert "| lost | - | - | - | - | - | - | - | - | - | - | no clip |" in text
    assert "| clip at 60 a second | 31.0 | 41 ms | 60 ms | 100 ms | 41 ms | 41 ms | 85 % | 1.000 |" in tables.live(
        folder
    )
    assert "received by another process" in tables.live(folder)
    assert "| captured to received | 41.3 | 60.0 | 99.9 |" in tables.budget(folder)


def test_goals_are_met_or_not_by_the_figures(tmp_path: Path) -> None:
    slow = {**RECEIVER, "new": 930, "total_ms": {**AGES, "p99": 100.1}}
    folder = kept(tmp_path, "live", scenes={"clip at 60 a second": {**SCENE, "receiver": slow}})
    new, middle, worst, large = goals(folder)[:4]
    # Half of what was received showed nothing new.
    assert (new.found, new.verdict) == ("15.5 (openvino cpu f32; 85 % of all were drawn anew)", "not met")
    assert (middle.found, middle.verdict) == ("41.3 ms", "met")
    assert (worst.found, worst.verdict) == ("100.1 ms", "not met")
    assert large.verdict == "not measured"


def test_scene_of_another_size_says_nothing_of_the_goals(tmp_path: Path) -> None:
    folder = kept(tmp_path, "live", scenes={"clip at 60 a second": {**SCENE, "size": 256}})
    assert {goal.verdict for goal in goals(folder)} == {"not measured"}


def test_fastest_of_a_rivals_runtimes_is_what_ours_is_compared_with(tmp_path: Path) -> None:
    took = {
        "SD-Turbo + TAESD, torch f32": ("torch eager f32", 15_000.0),
        "SD-Turbo + TAESD, OpenVINO": ("openvino cpu bf16", 6000.0),
        "ours 512": ("openvino cpu bf16", 20.0),
        "ours 512 f32": ("openvino cpu f32", 50.0),
    }
    cases: dict[str, Any] = {
        name: {"took_ms": {"picture": {"p50": ms}}, "runtime": runtime} for name, (runtime, ms) in took.items()
    }
    cases["SD-Turbo + TAESD, torch bf16"] = {"refused": "this processor has no bf16"}
    found = goals(kept(tmp_path, "rivals", cases=cases))
    assert [(goal.found, goal.verdict) for goal in found if "SD-Turbo" in goal.asked] == [
        ("300 times (its fastest: torch eager f32)", "met"),
        ("300 times (its fastest: openvino cpu bf16)", "met"),
    ]
    assert [goal.verdict for goal in found if "LivePortrait" in goal.asked] == ["not measured"] * 2


def test_the_fastest_runtime_with_most_references_counts_for_a_picture(tmp_path: Path) -> None:
    def cell(references: int, runtime: str, ms: float) -> dict[str, Any]:
        took = {"p50": ms, "p95": ms, "p99": ms}
        return {"part": "picture", "references": references, "size": 512, "steps": 1, "runtime": runtime, "ms": took}

    cells = [cell(1, "openvino cpu bf16", 9.0), cell(4, "openvino cpu f32", 30.0), cell(4, "openvino cpu bf16", 20.0)]
    own = next(goal for goal in goals(kept(tmp_path, "network", cells=cells)) if "all of it" in goal.asked)
    assert (own.found, own.verdict) == ("20.0 ms (openvino cpu bf16)", "not met")


def test_memory_is_flat_only_by_a_run_that_was_long_enough(tmp_path: Path) -> None:
    def verdict(minutes: float, grown_mib: float) -> str:
        folder = kept(tmp_path, "soak_game", minutes=minutes, memory={"sender": {"grown_mib": grown_mib}})
        return next(goal.verdict for goal in goals(folder) if goal.asked.startswith("memory"))

    assert verdict(10.0, 1.0) == "met"
    assert verdict(10.0, 9.0) == "not met"
    assert verdict(1.0, 1.0) == "not measured"


def test_what_another_processor_did_stands_beside_it_with_the_goals_that_were_measured_there(tmp_path: Path) -> None:
    (tmp_path / "bf16").mkdir()
    kept(tmp_path / "bf16", "live", scenes={"clip at 60 a second": {**SCENE, "runtime": "openvino cpu bf16"}})
    text = sections.with_bf16(tmp_path)
    assert text.startswith("## On a processor with bf16\n")
    assert "at least 50 new pictures a second received | 31.0 (openvino cpu bf16" in text
    assert "not measured |" not in text
    assert "### Live, from capture" in text
    assert "openvino cpu bf16" in tables.BLOCKS["live_bf16"](tmp_path)
    assert "bf16" not in tables.live(tmp_path)


def test_scene_of_another_commit_is_named(tmp_path: Path) -> None:
    scenes = {"old": {**SCENE, "commit": "0000000"}, "new": SCENE}
    text = sections.live(kept(tmp_path, "live", scenes=scenes))
    assert "Of another commit: old." in text


def test_part_of_a_gpus_run_that_was_cut_off_is_a_line_beside_the_figures_of_the_others(tmp_path: Path) -> None:
    took = {"p50": 1.234, "p95": 1.3, "p99": 1.4, "times": 500}
    cell = {"part": "picture", "runtime": "pytorch cuda f16", "references": 3, "size": 512, "steps": 1, "ms": took}
    jobs = {
        "network": {"seconds": 12.0, "cells": [cell, {"build": "pytorch-f32", "refused": "no memory"}]},
        "live": {"seconds": 30.0, "scenes": {"demo take": SCENE}},
        "jaw_code": {"refused": "no time was left for it"},
    }
    text = sections.gpu(kept(tmp_path, "gpu", device="cuda", jobs=jobs))
    assert "| network | 12 s; no memory |" in text
    assert "| jaw_code | no time was left for it |" in text
    assert "| picture | pytorch cuda f16 | 3 | 512x512 | 1 | 1.23 | 1.30 | 1.40 | 500 | - |" in text
    assert "| live, demo take | 60 | 31.1 |" in text


def test_parts_of_a_picture_and_refusals_are_those_of_the_file(tmp_path: Path) -> None:
    took = {"p50": 14.432, "p95": 18.6, "p99": 21.44, "times": 300}
    ran = {"references": 4, "ms": took}
    ours = {**ran, "runtime": "openvino cpu f32"}
    cells = [
        {"part": "inputs", **ran},
        {"part": "compositing", **ran, "size": 512},
        {"part": "network", **ours, "gops": 420.0, "share_of_peak": 0.82},
        {"part": "picture", **ours, "size": 512, "steps": 1},
        {"part": "network", "references": 1, "build": "tensorrt-f16", "refused": "no GPU"},
    ]
    peaks = {"f32": {"gops": 512.2, "by": "BLAS, matrices of 2048"}}
    folder = kept(tmp_path, "network", character="hana", cells=cells, peaks=peaks)
    text = sections.network(folder)
    assert "| compositing | - | 4 | 512x512 | - | 14.43 | 18.60 | 21.44 | 300 | - |" in text
    assert "| network | openvino cpu f32 | 4 | - | - | 14.43 | 18.60 | 21.44 | 300 | 82 % |" in text
    assert "- tensorrt-f16: no GPU" in text
    assert "f32 512 (BLAS, matrices of 2048)" in text
    assert "82 % of the\n512 that" in tables.peak(folder)
    assert "View and correspondence: 14.4 ms. Compositing: 14.4 ms at 512x512." in tables.network(folder)
    assert "A picture of 512x512 as a whole: openvino cpu f32 14.4 ms (p99 21.4)." in tables.network(folder)


def test_growth_tells_every_way_and_what_was_left_out(tmp_path: Path) -> None:
    row = {"characters": 2, "size": 512, "steps": 1, "runtime": "openvino cpu f32", "ms": {**AGES, "times": 60}}
    rows = [
        {**row, "ms_each": {key: value / 2 for key, value in AGES.items()}},
        {"characters": 8, "refused": "no memory"},
    ]
    subscribers = {"subscribers": 16, "served": 16, "fps": 30.0, "received_fps": 29.9, "missed": 0, "total_ms": AGES}
    memory = {"first_half_mib": 300.0, "second_half_mib": 301.0, "grown_mib": 1.0, "most_mib": 302.5}
    by = {
        "characters": {**ORIGIN, "rows": rows},
        "subscribers": {**ORIGIN, "rows": [subscribers]},
        "length": {**ORIGIN, "rows": [{"minutes": 10.0, "pictures": 18000, "memory": memory}]},
    }
    text = sections.growth(kept(tmp_path, "growth", by=by))
    assert "| 2 | 512x512 | 1 | 41.3 | 60.0 | 99.9 | 20.6 | 60 | openvino cpu f32 |" in text
    assert "Left out: no memory" in text
    assert "| 16 | 16 | 30.0 | 29.9 | 41.3 | 60.0 | 99.9 | 0 |" in text
    assert "| 10 | 18000 | 300.0 | 301.0 | 1.0 | 302.5 |" in text


def test_dry_run_on_a_processor_is_no_result_of_a_gpu(tmp_path: Path) -> None:
    assert "Never run on a GPU yet" in sections.gpu(kept(tmp_path, "gpu", device="cpu", jobs={}))


def test_offline_figures_are_those_of_the_file(tmp_path: Path) -> None:
    row = {"way": "alone, 1 thread", "size": 256, "pictures": 192}
    ways = [{**row, "fps": 12.04, "startup_s": 1.26, "all_s": 20.0}, {**row, "way": "Ray", "refused": "no Ray here"}]
    films = [{"kind": "mp4", "size": 256, "pictures": 96, "ms_each": 2.34, "kb_each": 1.26}]
    each = [{"size": 256, "draw_ms": AGES, "png_ms": AGES, "png_share": 0.5}]
    held = {"first_half_mib": 300.0, "second_half_mib": 301.0, "grown_mib": 1.0, "most_mib": 302.5}
    at = {"pictures": 2000, "size": 128, "resume_ms": AGES}
    memory = [
        {**at, "workers": 1, "here": held, "workers_held": {}, "is_flat": True},
        {**at, "workers": 2, "here": held, "workers_held": held, "is_flat": True},
    ]
    folder = kept(tmp_path, "offline", chunk=48, ways=ways, each=each, films=films, memory=memory, identical=True)
    text = sections.offline(folder)
    assert "| alone, 1 thread | 256x256 | 192 | 12.0 | 1.3 |" in text
    assert "| Ray | 256x256 | 192 | - | left out: no Ray here |" in text
    assert "drew the same bytes: yes." in text
    assert "| 256x256 | 41.3 | 60.0 | 99.9 | 41.3 | 60.0 | 99.9 | 50 % |" in text
    assert "| mp4 | 256x256 | 96 | 2.3 | 1.3 |" in text
    assert "| alone, 128x128 | 2000 | 300.0 | 301.0 | 1.0 | 302.5 | 41.3 |" in text
    assert "| its 2 workers together, 128x128 | 2000 | 300.0 | 301.0 | 1.0 | 302.5 | 41.3 |" in text


def test_goal_of_the_memory_is_about_the_process_that_grew_most(tmp_path: Path) -> None:
    def verdicts(pictures: int, identical: bool | None, *grown: float) -> list[str]:
        held = [{"grown_mib": each} for each in grown]
        rows = [{"pictures": pictures, "here": held[0], "workers_held": held[-1]}, {"workers": 2, "refused": "killed"}]
        found = goals(kept(tmp_path, "offline", memory=rows, identical=identical))
        return [goal.verdict for goal in found if "rendered" in goal.asked]

    assert verdicts(2000, True, 1.0, 2.0) == ["met", "met"]
    assert verdicts(2000, False, 1.0, 9.0) == ["not met", "not met"]
    assert verdicts(240, None, 1.0, 2.0) == ["not measured", "not measured"]


def test_smoothness_is_told_beside_frame_by_frame(tmp_path: Path) -> None:
    row = {"bend_px": 0.5, "bend_px_p95": 0.9, "face_bend": 0.25, "flicker": 0.1, "late_ms": 0.0, "off_px": 0.0}
    ways = {"frame_by_frame": row, "live": row, "offline": {**row, "bend_px": 0.2, "late_ms": -0.4, "off_px": 0.31}}
    result = {"size": 256, "character": "hana", "sequences": {"d0.mp4": {"fps": 30.0, "pictures": 120, **ways}}}
    text = sections.smoothness(kept(tmp_path, "offline_smoothness", **result))
    assert "| d0 | frame by frame | 0.500 | 0.900 | 100 % | 0.250 | 0.10 | 0.0 | 0.00 |" in text
    assert "| d0 | offline | 0.200 | 0.900 | 40 % | 0.250 | 0.10 | -0.4 | 0.31 |" in text


def test_part_is_measured_again_only_at_another_commit_or_on_another_machine() -> None:
    hardware = ORIGIN["hardware"]
    assert isinstance(hardware, dict)
    assert is_fresh(ORIGIN, "abc1234", hardware)
    assert not is_fresh(ORIGIN, "def5678", hardware)
    assert not is_fresh(ORIGIN, "abc1234", {**hardware, "cores": 4})
    assert not is_fresh(None, "abc1234", hardware)


def test_parts_run_in_the_suites_order_whatever_was_typed() -> None:
    assert [part.name for part in chosen_parts("live,network")] == ["network", "live"]
    with pytest.raises(ValueError, match="not speed"):
        chosen_parts("live,speed")
    assert chosen_parts(None) == list(PARTS)
