"""Counters of a run, the status once a second, and the report at the end."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ..face.presence import Phase
from ..hardware import Hardware
from ..model.portrait_renderer import DrawCounts
from .adaptive_quality import BudgetStatus
from .latency import Latency


@dataclass(frozen=True)
class LiveStatus:
    """What the loop is doing, once a second."""

    source: str
    character: str
    phase: Phase
    fps: float  # since the status before
    pictures: int
    dropped: int
    tracked_fraction: float
    latency: Latency  # of the last `latency.RECENT` pictures
    counts: DrawCounts = field(default_factory=DrawCounts)  # so far
    budget: BudgetStatus | None = None  # None without a latency budget
    failed: int = 0  # pictures that could not be drawn or sent


@dataclass(frozen=True)
class RunReport:
    """A run, from the first capture to the end; the warm-up is not part of it."""

    fps: float  # pictures drawn a second
    pictures: int  # drawn
    latency: Latency  # capture to sending, of the last `latency.CAPACITY` pictures
    dropped: int  # captured and never drawn, because a newer one was there
    tracked_fraction: float  # signals with a face, of all signals; 0 without signals
    size: int  # pixels on a side
    steps: int
    runtime: str
    hardware: Hardware
    source: str
    character: str
    seconds: float
    warm_up_s: float  # for the network's first pictures, before anything was captured
    version: str
    counts: DrawCounts = field(default_factory=DrawCounts)  # including the warm-up
    budget: BudgetStatus | None = None  # None without a latency budget
    failed: int = 0  # pictures that could not be drawn or sent

    def as_json(self) -> dict[str, Any]:
        """The report in JSON's types; `latency_ms` is null if nothing was sent."""
        fields = asdict(self)
        latency = fields.pop("latency")
        return {**fields, "latency_ms": latency["total"], "stages_ms": dict(latency["stages"])}


class RunCounters:
    """The drawing thread writes them, the main thread reads them; each number is consistent on its own."""

    def __init__(self) -> None:
        self.pictures = 0
        self.failed = 0  # pictures that could not be drawn or sent
        self.warm_up_s = 0.0
        self._signals = self._tracked = 0
        self._began_ns = self._ended_ns = 0
        self._status_ns = self._status_pictures = 0  # at the last status

    def begin(self, now_ns: int) -> None:
        self._began_ns = self._status_ns = now_ns

    def end(self, now_ns: int) -> None:
        self._ended_ns = now_ns

    def count_signal(self, *, is_tracked: bool) -> None:
        self._signals += 1
        self._tracked += is_tracked

    @property
    def tracked_fraction(self) -> float:
        return self._tracked / self._signals if self._signals else 0.0

    def seconds(self, now_ns: int) -> float:
        """Since the beginning, or from the beginning to the end of a run that has ended; 0 before the beginning."""
        return max((self._ended_ns or now_ns) - self._began_ns, 0) / 1e9 if self._began_ns else 0.0

    def fps(self, now_ns: int) -> float:
        """Pictures a second over the whole run."""
        return _rate(self.pictures, self.seconds(now_ns))

    def seconds_since_status(self, now_ns: int) -> float:
        return (now_ns - self._status_ns) / 1e9 if self._began_ns else 0.0

    def fps_since_status(self, now_ns: int) -> float:
        """Pictures a second since the last call."""
        seconds, new = self.seconds_since_status(now_ns), self.pictures - self._status_pictures
        self._status_ns, self._status_pictures = now_ns, self.pictures
        return _rate(new, seconds)


def _rate(count: int, seconds: float) -> float:
    return count / seconds if seconds > 0.0 else 0.0
