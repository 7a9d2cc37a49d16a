"""The state and the statistics of a session as JSON, for the page and scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from omote.engine.capture.recorder import RecordingProgress
from omote.engine.capture.source import CameraView
from omote.engine.face.expressions import EXPRESSION_NAMES, EXPRESSION_RULES
from omote.engine.face.light import LIGHT_PRESETS
from omote.engine.face.presence import Phase
from omote.engine.face.stabilizer import smoothing_delay_ms
from omote.engine.face.tuning import MOST_GAIN, REGIONS, SMOOTHED
from omote.engine.live.adaptive_quality import BudgetStatus
from omote.engine.live.latency import Percentiles
from omote.engine.version import version

from .session import StudioSession


def state_of(desk: StudioSession) -> dict[str, object]:
    """As docs/control-page.md describes it; it looks at files, so not for a thread that must not wait."""
    tuning, progress = desk.keeper.settings.tuning, desk.recording.progress
    return {
        "version": version(),
        "character": desk.shown_name() or "",
        "source": _source_state(desk),
        "sources": [{"kind": kind, "label": label} for kind, label in desk.switch.offered.items()],
        "tuning": tuning.as_json(),
        "most": MOST_GAIN,
        "delays_ms": {name: round(smoothing_delay_ms(name, tuning.smoothing[name]), 3) for name in SMOOTHED},
        "regions": list(REGIONS),
        "smoothed": list(SMOOTHED),
        "light": desk.lighting.as_json(),
        "presets": [{"name": name, "label": preset.label} for name, preset in LIGHT_PRESETS.items()],
        "hotkeys": desk.switchboard.as_json(),
        "expressions": list(EXPRESSION_NAMES),
        "recognisable": list(EXPRESSION_RULES),
        "recognised": list(desk.recognised),
        "actor": desk.performer.as_json(),
        "actors": desk.performer.names(),
        "calibration": desk.performer.view,
        "recording": _recording_state(progress) if progress else None,
        "characters": desk.casting.rows(),
        "jobs": desk.casting.jobs,
        "clean_url": desk.clean_url,
        "notice": desk.wardrobe.trouble or desk.performer.notice,
    }


def _source_state(desk: StudioSession) -> dict[str, object]:
    source = desk.live.source if desk.live else None
    return {
        "name": source.name if source else "",
        "kind": desk.switch.kind,
        "has_picture": isinstance(source, CameraView),
    }


def _recording_state(progress: RecordingProgress) -> dict[str, object]:
    seconds = round(progress.seconds, 2)
    return {"path": str(progress.path), "rows": progress.rows, "seconds": seconds, "error": progress.error}


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
    budget: BudgetStatus | None = None  # of the latency, where there is one
    notice: str = ""  # a sentence for the person who looks, where something is wrong

    def as_json(self) -> dict[str, Any]:
        """The same in JSON's types, for the page's script; it crosses a process border."""
        return asdict(self)
