"""The numbers that the page shows beside the portrait, as the loop fills them in once a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from omote.engine.face.presence import Phase
from omote.engine.gearbox import Budget
from omote.engine.latency import Percentiles

__all__ = ["Endpoint", "Percentiles", "Presence", "Receiver", "Stage", "Status", "presence_of"]


Presence = Literal["tracked", "lost", "idle"]
_PRESENCE: Mapping[Phase, Presence] = {
    Phase.FOLLOWING: "tracked",
    Phase.RETURNING: "tracked",
    Phase.HOLDING: "lost",
    Phase.EASING: "lost",
    Phase.IDLE: "idle",
}


def presence_of(phase: Phase) -> Presence:
    """Whether a face is followed, has just been lost and is held or eased to rest, or nobody is there."""
    return _PRESENCE[phase]


@dataclass(frozen=True)
class Stage:
    """One stage of the loop, and how long a picture spends in it."""

    name: str
    took_ms: Percentiles


@dataclass(frozen=True)
class Endpoint:
    """Where the outside world listens."""

    name: str  # for people: "video", "params"
    address: str  # "tcp://127.0.0.1:5557"


@dataclass(frozen=True)
class Receiver:
    """Somebody who is connected, or some of one kind."""

    name: str  # for people: "v/omote", "page", "clean page", "control"
    what: str  # what they get, or how many they are


@dataclass(frozen=True)
class Status:
    """What the loop is doing, in numbers. `latency` is from the capture of a picture to its being sent."""

    source: str  # as the source calls itself: "demo", "webcam 0"
    character: str
    runtime: str  # as the animator says: "openvino cpu f32"
    size: int  # pixels, the picture is square
    steps: int
    fps: float  # new pictures a second
    pictures: int
    dropped: int  # came too late and were skipped
    tracked_fraction: float  # 0 to 1, of the signals so far
    presence: Presence  # now
    latency: Percentiles | None = None  # None until there is something to say
    stages: tuple[Stage, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    confidence: float = 0.0  # of the tracker, now
    cached_share: float = 0.0  # of the pictures, those that were drawn before
    still_share: float = 0.0  # those of a face that has not moved
    budget: Budget | None = None  # of the latency, where there is one
    notice: str = ""  # a sentence for the person who looks, where something is wrong

    def as_json(self) -> dict[str, Any]:
        """The same in JSON's types, for the page's script; it crosses a process border."""
        return asdict(self)
