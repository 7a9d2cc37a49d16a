"""The verdict about the stream."""

from __future__ import annotations

import pytest

from omote.engine.live.adaptive_quality import BudgetStatus
from omote.engine.live.latency import Percentiles
from omote.studio.app.health import health_of

MISSED = BudgetStatus(60.0, "openvino cpu", False, 2)


@pytest.mark.parametrize(
    ("latency", "fps", "still", "budget", "is_tracked", "verdict", "advice"),
    [
        (None, 0.0, 0.0, None, False, "starting", ""),
        (Percentiles(40.0, 60.0, 80.0), 30.0, 0.0, None, True, "good", ""),
        (Percentiles(140.0, 160.0, 180.0), 30.0, 0.0, None, True, "late", "Delay the sound in OBS by 140 ms"),
        (Percentiles(40.0, 600.0, 800.0), 30.0, 0.0, None, True, "late", "another program"),
        (Percentiles(80.0, 90.0, 95.0), 30.0, 0.0, MISSED, True, "late", "budget of 60 ms is not held"),
        (Percentiles(400.0, 500.0, 600.0), 30.0, 0.0, None, True, "overloaded", "a smaller picture"),
        (Percentiles(90.0, 99.0, 99.0), 6.0, 0.0, None, True, "overloaded", "a smaller picture"),
        (Percentiles(90.0, 99.0, 99.0), 6.0, 0.9, None, True, "good", ""),  # a face that holds still
        (Percentiles(90.0, 99.0, 99.0), 6.0, 0.0, None, False, "good", ""),  # no face to follow
    ],
)
def test_a_stream_is_good_late_or_overloaded_and_the_cure_is_named(
    latency: Percentiles | None,
    fps: float,
    still: float,
    budget: BudgetStatus | None,
    is_tracked: bool,
    verdict: str,
    advice: str,
) -> None:
    found = health_of(latency, fps, still, budget, is_tracked=is_tracked)
    assert found.verdict == verdict
    assert advice in found.advice
    assert bool(found.advice) == bool(advice)
