"""An evening of use by script: what counts as a fault, and twenty seconds of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.studio.chromium import needs_chromium

GOOD = {
    "errors": [],
    "complaints": [],
    "kills": [{"rows": 80, "take_lost_s": 0.1, "setting_lost_s": 0.6}],
    "memory_mib": {"grown_mib": 3.0},
    "page_heap_mib": {"grown_mib": 0.1},
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"errors": ["hotkey: no"]}, ["hotkey: no"]),
        ({"complaints": ["WARNING a"]}, ["the log said: WARNING a"]),
        ({"kills": []}, ["omote live was never killed"]),
        (
            {"kills": [{"rows": 1, "take_lost_s": 0.101, "setting_lost_s": 1.001}]},
            ["a kill lost 0.101 s of a take", "a kill lost a setting that was 1.001 s old"],
        ),
        ({"memory_mib": {"grown_mib": 24.1}}, ["omote live grew by 24.1 MiB"]),
        ({"page_heap_mib": {"grown_mib": 8.1}}, ["the page's scripts grew by 8.1 MiB"]),
    ],
)
def test_each_thing_that_fails_is_lost_or_grows_is_a_fault(changes: dict[str, Any], said: list[str]) -> None:
    evening = pytest.importorskip("evening", reason="playwright is not installed")
    assert evening.faults({**GOOD, **changes}) == said


@pytest.mark.slow
@needs_chromium
def test_nothing_fails_or_is_lost_in_twenty_seconds_of_use_with_two_kills() -> None:
    import evening

    measured = evening.measure(20.0)
    assert (measured["errors"], measured["complaints"], len(measured["kills"])) == ([], [], 2)
    assert evening.faults({**measured, "memory_mib": {}, "page_heap_mib": {}}) == []  # memory has not settled so soon
