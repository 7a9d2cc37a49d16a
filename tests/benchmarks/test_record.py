"""How measurements are taken and kept."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from record import hardware_line, keep, keep_rows, kept, percentiles, timed

MS = 1_000_000


class Work:
    """Takes so many milliseconds a call, by a clock of its own."""

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
    assert work.calls == 2 + 3  # of the warm-up half the time's worth


def test_percentiles_are_those_of_all_values() -> None:
    assert percentiles(list(range(101))) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    keep({"a": [1, 2.5]}, tmp_path / "folder" / "part.json")
    assert kept("part", tmp_path / "folder") == {"a": [1, 2.5]}
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["part.json"]


def test_part_that_was_never_measured_is_none(tmp_path: Path) -> None:
    assert kept("part", tmp_path) is None


def test_some_rows_measured_again_do_not_pass_for_a_new_whole(tmp_path: Path) -> None:
    path, old, new = tmp_path / "part.json", {"commit": "old"}, {"commit": "new"}
    keep_rows(old, "rows", {"a": 1, "b": 1}, path, is_whole=True)
    keep_rows(new, "rows", {"b": 2}, path, is_whole=False)
    assert kept("part", tmp_path) == {"commit": "old", "rows": {"a": 1, "b": 2}}
    keep_rows(new, "rows", {"a": 3, "b": 3}, path, is_whole=True)
    assert kept("part", tmp_path) == {"commit": "new", "rows": {"a": 3, "b": 3}}


def test_hardware_of_older_results_is_told_as_far_as_it_goes() -> None:
    old = {"cpu": "AMD EPYC", "cores": 2, "platform": "Linux", "python": "3.11.7"}
    assert hardware_line(old) == "AMD EPYC, 2 cores, Python 3.11.7, Linux"
    new = {**old, "flags": ["avx2", "amx_bf16"], "memory_gib": 23.5, "gpus": ["NVIDIA L4"]}
    assert hardware_line(new) == "AMD EPYC, 2 cores, avx2 amx_bf16, 23.5 GiB, NVIDIA L4, Python 3.11.7, Linux"


def test_clock_is_read_around_each_call() -> None:
    ticks = count(0, 5 * MS)
    assert timed(lambda: None, 3, warm_up=1, clock_ns=lambda: next(ticks))["p50"] == 5.0
