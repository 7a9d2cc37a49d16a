"""The plan for a GPU: what cannot run is a line, and the ten minutes end in time."""

from __future__ import annotations

import gpu
import pytest
from gpu import SAVE, Job, done, jobs, run

WRITES = "import json, sys; json.dump({'date': 'today', 'ms': 3}, open(sys.argv[1], 'w'))"


def test_job_gives_what_it_saves_without_its_own_origin() -> None:
    result = done(Job("one", ("-c", WRITES, SAVE), 60.0), 60.0)
    assert result.pop("seconds") >= 0.0
    assert result == {"ms": 3}


def test_job_that_saves_nothing_gives_the_end_of_what_it_prints() -> None:
    result = done(Job("one", ("-c", "print('a table')"), 60.0), 60.0)
    assert result["said"] == ["a table"]


def test_job_that_fails_is_a_line_with_its_reason() -> None:
    result = done(Job("one", ("-c", "import sys; print('no driver', file=sys.stderr); sys.exit(2)"), 60.0), 60.0)
    assert result["refused"] == "no driver"


def test_when_the_time_is_over_the_rest_is_left_out() -> None:
    times_s = iter((0.0, 0.0, 600.0))
    plan = [Job("first", ("-c", "pass"), 60.0), Job("second", ("-c", "raise SystemExit('never begun')"), 60.0)]
    found = run(plan, 570.0, lambda: next(times_s))
    assert "refused" not in found["first"]
    assert found["second"] == {"refused": "no time was left for it"}


@pytest.mark.parametrize("device", gpu.SIDES)
def test_every_job_has_its_own_name_and_a_program_that_is_there(device: str) -> None:
    plan = jobs(device)
    assert len({job.name for job in plan}) == len(plan)
    for job in plan:
        assert job.command[0] == "-m" or (gpu.HERE / job.command[0]).is_file()


def test_both_plans_measure_the_same_things() -> None:
    def kinds(device: str) -> list[str]:
        return list(dict.fromkeys(job.name.partition(",")[0] for job in jobs(device)))

    assert kinds("cpu") == kinds("cuda")
