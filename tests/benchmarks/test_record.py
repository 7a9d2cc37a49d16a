"""How measurements are run, timed and kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import record
import suite
from record import hardware_line, keep, keep_rows, kept, percentiles, timed

MS = 1_000_000


class Work:
    """Each call takes so many milliseconds of its own clock; the last value repeats."""

    def __init__(self, *took_ms: int) -> None:
        self.calls, self._took_ms, self._now_ns = 0, took_ms, 0

    def __call__(self) -> None:
        self._now_ns += self._took_ms[min(self.calls, len(self._took_ms) - 1)] * MS
        self.calls += 1

    def clock_ns(self) -> int:
        return self._now_ns


def test_warm_up_does_not_count() -> None:
    work = Work(500, 500, 7)
    took = timed(work, 5, warm_up=2, clock_ns=work.clock_ns)
    assert took == {"p50": 7.0, "p95": 7.0, "p99": 7.0, "times": 5}
    assert work.calls == 7


def test_slow_work_is_counted_three_times_at_least() -> None:
    work = Work(1000)
    took = timed(work, 100, warm_up=10, most_s=2.0, clock_ns=work.clock_ns)
    assert took["times"] == 3
    assert work.calls == 2 + 3  # the warm-up takes half of the time


def test_percentiles_are_those_of_all_values() -> None:
    assert percentiles(list(range(101))) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def test_result_is_read_back_and_an_unmeasured_part_is_none(tmp_path: Path) -> None:
    keep({"a": [1, 2.5]}, tmp_path / "folder" / "part.json")
    assert kept("part", tmp_path / "folder") == {"a": [1, 2.5]}
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["part.json"]
    assert kept("part", tmp_path) is None


def test_rows_measured_again_keep_the_commit_of_the_whole(tmp_path: Path) -> None:
    path, old, new = tmp_path / "part.json", {"commit": "old"}, {"commit": "new"}
    keep_rows(old, "rows", {"a": 1, "b": 1}, path, is_whole=True)
    keep_rows(new, "rows", {"b": 2}, path, is_whole=False)
    assert kept("part", tmp_path) == {"commit": "old", "rows": {"a": 1, "b": 2}}
    keep_rows(new, "rows", {"a": 3, "b": 3}, path, is_whole=True)
    assert kept("part", tmp_path) == {"commit": "new", "rows": {"a": 3, "b": 3}}


def test_hardware_line_has_the_fields_that_a_result_has() -> None:
    old = {"cpu": "AMD EPYC", "cores": 2, "platform": "Linux", "python": "3.11.7"}
    assert hardware_line(old) == "AMD EPYC, 2 cores, Python 3.11.7, Linux"
    new = {**old, "flags": ["avx2", "amx_bf16"], "memory_gib": 23.5, "gpus": ["NVIDIA L4"]}
    assert hardware_line(new) == "AMD EPYC, 2 cores, avx2 amx_bf16, 23.5 GiB, NVIDIA L4, Python 3.11.7, Linux"


def test_halves_compare_means_and_need_two_samples() -> None:
    growth = {"first_half_mib": 305.0, "second_half_mib": 325.0, "grown_mib": 20.0, "most_mib": 330.0}
    assert record.halves([300.0, 310.0, 320.0, 330.0]) == growth
    assert record.halves([300.0]) == record.halves([0.0, 0.0]) == {}


STARTS_A_CHILD = """
import subprocess, sys, time
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(started.pid, flush=True)
time.sleep(600)
"""


def test_descendants_of_a_killed_program_end_too() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS_A_CHILD], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        started = psutil.Process(int(program.stdout.readline()))
        record.kill_tree(program.pid)
        gone, _ = psutil.wait_procs([started], timeout=60.0)
    assert program.returncode
    assert gone == [started]


def test_program_that_runs_into_its_limit_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        record.run_with_limit([sys.executable, "-c", "import time; time.sleep(600)"], 0.05, cwd=tmp_path)


def test_output_and_exit_status_are_captured(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('a'); raise SystemExit(3)"]
    done = record.run_with_limit(command, 60.0, cwd=tmp_path, is_captured=True)
    assert (done.returncode, done.stdout) == (3, "a\n")


@pytest.mark.parametrize(("words", "status"), [([], 0), (["--save", "x"], 0), (["two", "--save", "x"], 2)])
def test_first_word_selects_the_part(words: list[str], status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["program", *words])
    assert record.run_part({"one": lambda words: None, "two": len}) == status


@pytest.mark.parametrize("part", suite.PARTS, ids=lambda part: part.name)
def test_every_part_of_the_suite_has_a_program_that_saves_it(part: suite.Part, tmp_path: Path) -> None:
    _, program, *words = part.command(tmp_path)
    assert words[-2:] == ["--save", str(tmp_path / f"{part.name}.json")]
    text = Path(program).read_text(encoding="utf-8")
    assert f', "{part.name}")' in text  # its result_parser
    assert all(f'"{word}": main_' in text for word in words[:-2])
