"""What a run of the loop was like, in numbers, and as the JSON of `omote live --report`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .gearbox import Budget
from .hardware import Hardware
from .latency import Latency
from .roles import Counts


@dataclass(frozen=True)
class Report:
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
    counts: Counts = field(default_factory=Counts)  # how the pictures came about; those of warming up are among them
    budget: Budget | None = None  # of the latency, where there is one
    failed: int = 0  # pictures that could not be drawn or handed on

    def as_json(self) -> dict[str, Any]:
        """The report in JSON's types; `latency_ms` is null where nothing was sent."""
        fields = asdict(self)
        latency = fields.pop("latency")
        return {**fields, "latency_ms": latency["total"], "stages_ms": dict(latency["stages"])}
