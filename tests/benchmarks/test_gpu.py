"""The plan for a GPU: a job that cannot run is a line, and the ten minutes end in time."""

from __future__ import annotations

import sys

import gpu
import growth
import pytest
from gpu import SAVE, GpuJob, jobs, run, run_job

WRITES = "import json, sys; json.dump({'date': 'today', 'ms': 3}, open(sys.argv[1], 'w'))"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("-c", WRITES, SAVE), {"ms": 3}),  # a saved result without its own origin
        (("-c", "print('a table')"), {"said": ["a table"]}),
        (("-c", "import sys; print('no driver', file=sys.stderr); sys.exit(2)"), {"refused": "no driver"}),
    ],
)
def test_result_of_a_job(command: tuple[str, ...], expected: dict[str, object]) -> None:
    result = run_job(GpuJob("one", command, 60.0), 60.0)
    assert result.pop("seconds") >= 0.0
    assert result == expected


def test_when_the_time_is_over_the_rest_is_left_out() -> None:
    times_s = iter((0.0, 0.0, 600.0))
    plan = [GpuJob("first", ("-c", "pass"), 60.0), GpuJob("second", ("-c", "raise SystemExit('never begun')"), 60.0)]
    found = run(plan, 570.0, lambda: next(times_s))
    assert "refused" not in found["first"]
    assert found["second"] == {"refused": "no time was left for it"}


@pytest.mark.parametrize("device", gpu.SIDES)
def test_jobs_have_different_names_and_programs_that_exist(device: str) -> None:
    plan = jobs(device)
    assert len({job.name for job in plan}) == len(plan)
    for job in plan:
        assert job.command[0] == "-m" or (gpu.HERE / job.command[0]).is_file()


def test_growth_takes_the_words_of_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    job = next(job for job in jobs("cpu") if job.name == "growth")
    measured: list[str] = []

    def by_characters(runtime: str) -> list[growth.Row]:
        measured.append(runtime)
        return []

    monkeypatch.setattr(growth, "by_characters", by_characters)
    monkeypatch.setattr(sys, "argv", [word for word in job.command if word not in ("--save", SAVE)])
    growth.main()
    assert measured == ["openvino-f32"]


def test_both_plans_measure_the_same_things() -> None:
    def kinds(device: str) -> list[str]:
        return list(dict.fromkeys(job.name.partition(",")[0] for job in jobs(device)))

    assert kinds("cpu") == kinds("cuda")
