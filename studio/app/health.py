"""How well the stream runs, in a word, and what the user can do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from omote.engine.live.adaptive_quality import BudgetStatus
from omote.engine.live.latency import Percentiles

Verdict = Literal["starting", "good", "late", "overloaded"]

LATE_MS = 120.0  # p50; lips and sound are often this far apart on air, and a delay of the sound hides it
OVERLOADED_MS = 350.0  # p50
JUMPY_MS = 400.0  # p95: single pictures are so late that the movement stutters
FEWEST_FPS = 10.0  # of a moving face
_MOSTLY_STILL = 0.5  # share of pictures without motion above which the rate says nothing


@dataclass(frozen=True)
class Health:
    """The state of the stream."""

    verdict: Verdict
    advice: str = ""  # a sentence; "" if there is nothing to do


def health_of(
    latency: Percentiles | None, fps: float, still_share: float, budget: BudgetStatus | None, *, is_tracked: bool
) -> Health:
    """The health of a stream with this latency from capture to sent and this rate in pictures a second.

    >>> health_of(Percentiles(40.0, 60.0, 80.0), 30.0, 0.0, None, is_tracked=True).verdict
    'good'
    """
    if latency is None:
        return Health("starting")
    is_slow = is_tracked and fps < FEWEST_FPS and still_share < _MOSTLY_STILL
    if is_slow or latency.p50 > OVERLOADED_MS:
        return Health(
            "overloaded",
            "This machine does not draw fast enough: close other programs, or choose a smaller picture.",
        )
    if budget is not None and not budget.is_held:
        return Health(
            "late", f"The budget of {budget.ms:g} ms is not held: choose a smaller picture or a larger budget."
        )
    if latency.p95 > JUMPY_MS:
        return Health("late", "Some pictures come much later than others: another program takes the processor.")
    if latency.p50 > LATE_MS:
        return Health("late", f"Delay the sound in OBS by {latency.p50:.0f} ms, or choose a smaller picture.")
    return Health("good")
