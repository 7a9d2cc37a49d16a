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
    fps: float  # since the moment before
    pictures: int
    dropped: int
    tracked_fraction: float
    latency: Latency  # of the last pictures
    counts: DrawCounts = field(default_factory=DrawCounts)  # how they came about, so far
    budget: BudgetStatus | None = None  # of the latency, where there is one
    failed: int = 0  # pictures that could not be drawn or handed on


class RunCounters:
    """Written by the thread that draws, read by the one that watches; each number is true on its own."""

    def __init__(self) -> None:
        self.pictures = 0
        self.failed = 0  # pictures that could not be drawn or handed on
        self.warm_up_s = 0.0
        self._signals = self._tracked = 0
        self._began_ns = self._ended_ns = 0
        self._moment_ns = self._moment_pictures = 0

    def begin(self, now_ns: int) -> None:
        self._began_ns = self._moment_ns = now_ns

    def end(self, now_ns: int) -> None:
        self._ended_ns = now_ns

    def count_signal(self, *, is_tracked: bool) -> None:
        self._signals += 1
        self._tracked += is_tracked

    def seconds(self, now_ns: int) -> float:
        """Since the beginning, to the end where that has come; 0 before the beginning."""
        return max((self._ended_ns or now_ns) - self._began_ns, 0) / 1e9 if self._began_ns else 0.0

    def fps(self, now_ns: int) -> float:
        """Pictures a second over the whole run."""
        seconds = self.seconds(now_ns)
        return self.pictures / seconds if seconds > 0.0 else 0.0

    @property
    def tracked_fraction(self) -> float:
        return self._tracked / self._signals if self._signals else 0.0

    def seconds_since_moment(self, now_ns: int) -> float:
        return (now_ns - self._moment_ns) / 1e9 if self._began_ns else 0.0

    def fps_since_moment(self, now_ns: int) -> float:
        """Pictures a second since this was last asked."""
        seconds, new = self.seconds_since_moment(now_ns), self.pictures - self._moment_pictures
        self._moment_ns, self._moment_pictures = now_ns, self.pictures
        return new / seconds if seconds > 0.0 else 0.0


@dataclass(frozen=True)
class RunReport:
    """A run, from the first capture to the end; warming up is told apart."""

    fps: float  # pictures drawn a second
    pictures: int  # drawn
    latency: Latency  # capture to sent, of the last `latency.CAPACITY` pictures; see `LatencyMeter`
    dropped: int  # captured, and never drawn because a newer one was there
    tracked_fraction: float  # of the signals that came, those in which a face was seen; 0 where none came
    size: int  # pixels, the picture is square
    steps: int
    runtime: str
    hardware: Hardware
    source: str
    character: str
    seconds: float
    warm_up_s: float  # the network's first pictures, before anything was captured
    version: str
    counts: DrawCounts = field(
        default_factory=DrawCounts
    )  # how the pictures came about; those of warming up are among them
    budget: BudgetStatus | None = None  # of the latency, where there is one
    failed: int = 0  # pictures that could not be drawn or handed on

    def as_json(self) -> dict[str, Any]:
        """The report in JSON's types; `latency_ms` is null where nothing was sent."""
        fields = asdict(self)
        latency = fields.pop("latency")
        return {**fields, "latency_ms": latency["total"], "stages_ms": dict(latency["stages"])}
