"""Rivals are timed part by part, compared with ours of the same run, and a failure is a line."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat
from typing import Any

import rivals
from peers.measured import ALIKE, EXACT, WHOLE, Count, Effort, Measured, Timing, shape_of, timed


def row(p50: float, **more: Any) -> dict[str, Any]:
    """One that took so long, with nothing inside."""
    took = {WHOLE: {"p50": p50, "p95": 2 * p50, "count": 5}}
    return {"took_ms": took, "parameters": 2_500_000, "macs": 7_000_000_000, "shape": EXACT, "runtime": "torch", **more}


def test_ratio_is_of_the_medians_of_this_run() -> None:
    rows = {rivals.OURS: row(20.0), "peer": row(3000.0)}
    rivals.compare(rows)
    assert (rows["peer"][rivals.RATIO], rows[rivals.OURS][rivals.RATIO]) == (150.0, 1.0)
    without_ours = {rivals.OURS: {"refused": "no OpenVINO"}, "peer": row(3000.0)}
    rivals.compare(without_ours)
    assert rivals.RATIO not in without_ours["peer"]


def test_table_has_a_line_for_each_case_and_for_each_of_its_parts() -> None:
    parts = {"unet": {"p50": 900.0, "p95": 950.0, "count": 5}, "decoder": {"p50": 100.0, "p95": 110.0, "count": 5}}
    counts = {"unet": {"parameters": 2_000_000, "macs": 1}, "decoder": {"parameters": 500_000, "macs": 1}}
    peer = row(1000.0, networks=counts)
    peer["took_ms"] |= parts
    lines = rivals.table({"peer": peer, "lost": {"refused": "no module torch"}}).splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["peer", "unet", "decoder", "lost"]
    assert lines[0].split()[1:] == ["1000.0", "2000.0", "5", "2.50", "7.0", "-", "exact;", "torch"]
    assert lines[1].split()[1:4] == ["900.0", "950.0", "5"]
    assert lines[3].endswith("left out: no module torch")


def test_part_that_is_no_network_has_times_only() -> None:
    parts = {"denoiser": {"p50": 9.0, "p95": 9.5, "count": 5}, "compositing": {"p50": 4.0, "p95": 5.0, "count": 5}}
    ours = row(13.0, networks={"denoiser": {"parameters": 2_000_000, "macs": 1}})
    ours["took_ms"] |= parts
    assert rivals.table({"ours": ours}).splitlines()[-1].split() == ["compositing", "4.0", "5.0", "5"]


def test_denoiser_counts_for_each_step_and_what_follows_once() -> None:
    timing = Timing(1.0, 1.0, 1, 0)
    networks = {"denoiser": Count(10, 100), "decoder": Count(5, 7)}
    peer = Measured("torch", 512, 4, {WHOLE: timing}, networks, ALIKE)
    assert (peer.parameters, peer.macs) == (15, 407)


def test_shape_is_exact_where_every_network_has_the_published_count() -> None:
    exact, other = Count(865_910_724, 1, 865.91), Count(865_900_000, 1, 865.91)
    assert (exact.shape, other.shape, Count(1, 1).shape) == (EXACT, ALIKE, ALIKE)
    assert shape_of({"a": exact}) == EXACT
    assert shape_of({"a": exact, "b": other}) == ALIKE


MS = 1_000_000


class Clock:
    """Advances only while something works."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def works(self, *took_ms: int) -> Callable[[], None]:
        """Each call takes so many milliseconds; the last value repeats."""
        calls = chain(took_ms, repeat(took_ms[-1]))

        def work() -> None:
            self.now_ns += next(calls) * MS

        return work


def test_warm_up_does_not_count() -> None:
    clock = Clock()
    assert timed({"denoiser": clock.works(900, 900, 7)}, Effort(2, 5, 100.0), clock) == {WHOLE: Timing(7.0, 7.0, 5, 2)}


def test_whole_is_all_parts_of_each_picture_in_turn() -> None:
    clock = Clock()
    took = timed({"unet": clock.works(10, 30), "decoder": clock.works(5, 1)}, Effort(0, 2, 100.0), clock)
    assert list(took) == [WHOLE, "unet", "decoder"]
    assert (took[WHOLE].p50, took["unet"].p50, took["decoder"].p50) == (23.0, 20.0, 3.0)  # the median of 15 and 31
    assert took[WHOLE].p95 == 30.2


def test_slow_work_is_measured_twice_at_least_and_not_again_after_its_time() -> None:
    clock = Clock()
    assert timed({"unet": clock.works(20_000)}, Effort(1, 5, 10.0), clock)[WHOLE].count == 2
    assert timed({"unet": clock.works(4_000)}, Effort(1, 5, 10.0), clock)[WHOLE].count == 3
