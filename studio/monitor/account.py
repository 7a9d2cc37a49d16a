"""What has arrived, counted and timed, as it stands at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from omote.bridge.control import Clock
from omote.bridge.frame import Frame, Hello, Schema
from omote.bridge.subscriber import Reception
from omote.engine.latency import Percentiles

from .asker import Answers


@dataclass(frozen=True)
class Timing:
    """How old frames are when they arrive, in milliseconds."""

    age: Percentiles  # since they were sent
    latency: Percentiles  # since they were captured


@dataclass(frozen=True)
class Account:
    """Everything that the monitor shows."""

    endpoint: str
    subject: str
    format: str  # that was asked for
    state: str  # "waiting", "live" or "stale"
    seconds: float  # since the beginning
    reception: Reception
    skipped: int  # arrived, and were replaced by newer ones before this program looked
    frame: Frame | None  # the last
    fps: float  # since the account before
    mean_fps: float  # from the first that arrived to the last
    recent: Timing | None  # of the last seconds; None where no clock is known
    whole: Timing | None  # of all
    is_clock_known: bool  # it is this machine's own, or has been measured
    clock: Clock | None  # where it has been measured
    hello: Hello | None
    schema: Schema | None
    last_error: str
    refusal: str  # why the sender does not let us in; "" where it does
    answers: Answers
