"""The state and the statistics of a session as JSON, for the page and scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from omote.engine.capture.datagrams import DatagramSource
from omote.engine.capture.recorder import RecordingProgress
from omote.engine.capture.source import CameraView
from omote.engine.face.expressions import EXPRESSION_NAMES
from omote.engine.face.light import LIGHT_PRESETS
from omote.engine.face.performance import RECOGNISABLE
from omote.engine.face.presence import Phase
from omote.engine.face.stabilizer import smoothing_delay_ms
from omote.engine.face.tuning import MOST_GAIN, REGIONS, SMOOTHED
from omote.engine.live.adaptive_quality import BudgetStatus
from omote.engine.live.latency import Percentiles
from omote.engine.version import version

from .global_hotkeys import is_global_key
from .health import health_of
from .session import StudioSession
from .shipped_pictures import SHIPPED_PICTURES

Presence = Literal["tracked", "lost", "idle"]
_PRESENCE: Mapping[Phase, Presence] = {
    Phase.FOLLOWING: "tracked",
    Phase.RETURNING: "tracked",
    Phase.HOLDING: "lost",
    Phase.EASING: "lost",
    Phase.IDLE: "idle",
}


def state_of(studio: StudioSession) -> dict[str, object]:
    """The state as JSON values; docs/control-page.md lists them. It reads files, so it may block."""
    tuning, progress = studio.store.settings.tuning, studio.recording.progress
    return {
        "version": version(),
        "character": studio.character_name() or "",
        "source": _source_state(studio),
        "sources": [{"kind": kind, "label": label} for kind, label in studio.switch.offered.items()],
        "tuning": tuning.as_json(),
        "most": MOST_GAIN,
        "delays_ms": {name: round(smoothing_delay_ms(name, tuning.smoothing[name]), 3) for name in SMOOTHED},
        "regions": list(REGIONS),
        "smoothed": list(SMOOTHED),
        "light": studio.lighting.as_json(),
        "voice": studio.voice.as_json(),
        "presets": [{"name": name, "label": preset.label} for name, preset in LIGHT_PRESETS.items()],
        "scene": studio.scenes.as_json(),
        "guests": _guests_state(studio),
        "pictures": studio.pictures.names(),
        "shipped_pictures": list(SHIPPED_PICTURES),
        "items": [asdict(one) for one in studio.items.items],
        "apps": studio.apps.as_json(),
        "hotkeys": studio.hotkeys.as_json(),
        "global_hotkeys": _global_state(studio),
        "expressions": list(EXPRESSION_NAMES),
        "recognisable": list(RECOGNISABLE),
        "recognised": list(studio.recognised),
        "actor": studio.performer.as_json(),
        "actors": studio.performer.names(),
        "calibration": studio.performer.view,
        "is_paused": studio.live is not None and studio.live.session.is_paused,
        "is_hidden": studio.live is not None and studio.live.session.is_hidden,
        "is_labelled": studio.live is not None and studio.live.session.is_labelled,
        "recording": recording_state(progress),
        "characters": studio.characters.rows(),
        "jobs": studio.characters.jobs,
        "profiles": studio.profiles.names(),
        "takes": studio.takes.rows(),
        "renderings": studio.takes.jobs,
        "quality": studio.quality.as_json(),
        "outputs": studio.outputs.as_json(),
        "endpoints": studio.endpoints.as_json() if studio.endpoints else [],
        "clean_url": studio.clean_url,
        "obs_page": "" if studio.obs_page is None else str(studio.obs_page),
        "notice": studio.hotkey_characters.error_message
        or studio.performer.notice
        or studio.scenes.notice
        or studio.failed_event
        or studio.lighting.notice
        or studio.items.notice,
    }


def _guests_state(studio: StudioSession) -> list[dict[str, object]]:
    choice = studio.scenes.choice
    return [{**one, "placement": asdict(choice.placement_of(str(one["character"])))} for one in studio.guests.as_json()]


def _global_state(studio: StudioSession) -> dict[str, object]:
    is_on = studio.global_hotkeys.is_on
    heard = [one.id for one in studio.hotkeys.definitions if is_on and is_global_key(one.key)]
    return {"is_on": is_on, "problem": studio.global_problem, "heard": heard}


def _source_state(studio: StudioSession) -> dict[str, object]:
    source, choice = studio.live.source if studio.live else None, studio.store.settings.camera
    return {
        "name": source.name if source else "",
        "kind": studio.switch.kind,
        "has_picture": isinstance(source, CameraView),
        "camera": choice.as_json() if choice else None,
        "ports": list(source.ports) if isinstance(source, DatagramSource) else [],
    }


def recording_state(progress: RecordingProgress | None) -> dict[str, object] | None:
    """A recording as JSON values; None if there is none."""
    if progress is None:
        return None
    seconds = round(progress.seconds, 2)
    return {"path": str(progress.path), "rows": progress.rows, "seconds": seconds, "error": progress.error}


def presence_of(phase: Phase) -> Presence:
    """Whether a face is tracked, was lost just now, or nobody has been seen for a while."""
    return _PRESENCE[phase]


@dataclass(frozen=True)
class Stage:
    """A stage of the loop, and how long a picture spends in it."""

    name: str
    took_ms: Percentiles


@dataclass(frozen=True)
class Endpoint:
    """An address that programs connect to."""

    name: str  # "video", "params", "control"
    address: str  # "tcp://127.0.0.1:5557"


@dataclass(frozen=True)
class Receiver:
    """A receiver that is connected, or a group of them."""

    name: str  # "v/omote", "page", "clean page", "control"
    what: str  # how many there are, or "" if only that there are some is known


@dataclass(frozen=True)
class Status:
    """The numbers of a running loop. `latency` is from capture to sent."""

    source: str  # "demo", "webcam 0"
    character: str
    runtime: str  # "openvino cpu f32"
    size: int  # pixels, the picture is square
    steps: int
    fps: float  # pictures a second
    pictures: int
    dropped: int  # signals that arrived too late and were skipped
    tracked_fraction: float  # 0 to 1, of the signals so far
    presence: Presence
    latency: Percentiles | None = None  # None until a picture was sent
    stages: tuple[Stage, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    confidence: float = 0.0  # of the tracker
    cached_share: float = 0.0  # of the pictures: taken from the cache
    still_share: float = 0.0  # of the pictures: not drawn because the face did not move
    budget: BudgetStatus | None = None  # None without --budget-ms
    notice: str = ""  # what is wrong, in a sentence, or ""

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, for the page's script."""
        is_tracked = self.presence == "tracked"
        health = health_of(self.latency, self.fps, self.still_share, self.budget, is_tracked=is_tracked)
        return {**asdict(self), "health": asdict(health)}
