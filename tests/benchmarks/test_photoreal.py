"""The plan of the photoreal benchmark, and what it makes of the figures."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import photoreal
from photoreal import DIFFUSERS, QUOTED, Case, cases, compare, line


def test_each_case_is_measured_once_and_diffusers_without_a_bank() -> None:
    plan = list(cases((DIFFUSERS, "pytorch-f16"), (1, 4), (False, True)))
    assert [case.name for case in plan] == [
        "diffusers, 1 step", "diffusers, 4 steps",
        "pytorch-f16, 1 step", "pytorch-f16, 4 steps", "pytorch-f16, 4 steps, stream batch",
        "pytorch-f16, 1 step, bank", "pytorch-f16, 4 steps, bank", "pytorch-f16, 4 steps, bank, stream batch",
    ]  # fmt: skip


def test_ours_is_compared_with_diffusers_in_as_many_steps() -> None:
    plan = [Case("openvino-f32", 4), Case("openvino-f32", 2)]
    rows = {"diffusers, 4 steps": {"p50": 90.0, "cores_s": 3.0}, plan[0].name: {"p50": 60.0, "cores_s": 1.0}}
    rows[plan[1].name] = {"p50": 30.0}
    compare(rows, plan)
    assert rows[plan[0].name]["times_as_fast_as_diffusers"] == 1.5
    assert rows[plan[0].name]["times_as_fast_by_cores"] == 3.0
    assert rows[plan[1].name] == {"p50": 30.0}  # of two steps there is nothing to compare with


def test_what_others_say_of_themselves_is_told_so() -> None:
    ((name, row),) = QUOTED.items()
    assert line(name, row).endswith("93.897 to 106.16 pictures a second, as its authors say")
    assert photoreal.line("tensorrt", {"refused": "no GPU"}).split(None, 1) == ["tensorrt", "left out: no GPU"]


def test_a_small_picture_is_drawn_by_all_that_run_here() -> None:
    bench = photoreal.Bench("cpu", 64, True)
    for case in (Case(DIFFUSERS, 1), Case("pytorch-f32", 2, True, True)):
        assert photoreal.measured(bench, case, 1, 0.1)["times"] >= 1
