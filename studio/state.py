"""All that there is to be seen of a desk, in JSON's types: what the page shows and lets a person change."""

from __future__ import annotations

from omote.engine.capture.recorder import Progress
from omote.engine.capture.sight import Sighted
from omote.engine.face.expressions import ASKED
from omote.engine.face.lamps import PRESETS
from omote.engine.face.recognition import RULES
from omote.engine.face.smoothing import delay_ms
from omote.engine.face.tuning import MOST, REGIONS, SMOOTHED
from omote.engine.version import version

from .desk import Desk


def state_of(desk: Desk) -> dict[str, object]:
    """As docs/control-page.md describes it; it looks at files, so not for a thread that must not wait."""
    tuning, progress = desk.keeper.settings.tuning, desk.recording.progress
    return {
        "version": version(),
        "character": desk.shown_name() or "",
        "source": _source(desk),
        "sources": [{"kind": kind, "label": label} for kind, label in desk.switch.offered.items()],
        "tuning": tuning.as_json(),
        "most": MOST,
        "delays_ms": {name: round(delay_ms(name, tuning.smoothing[name]), 3) for name in SMOOTHED},
        "regions": list(REGIONS),
        "smoothed": list(SMOOTHED),
        "light": desk.lighting.as_json(),
        "presets": [{"name": name, "label": preset.label} for name, preset in PRESETS.items()],
        "hotkeys": desk.switchboard.as_json(),
        "expressions": list(ASKED),
        "recognisable": list(RULES),
        "recognised": list(desk.recognised),
        "actor": desk.performer.as_json(),
        "actors": desk.performer.names(),
        "calibration": desk.performer.view,
        "recording": _recording(progress) if progress else None,
        "characters": desk.casting.rows(),
        "jobs": desk.casting.jobs,
        "clean_url": desk.clean_url,
        "notice": desk.wardrobe.trouble or desk.performer.notice,
    }


def _source(desk: Desk) -> dict[str, object]:
    source = desk.live.source if desk.live else None
    return {
        "name": source.name if source else "",
        "kind": desk.switch.kind,
        "has_picture": isinstance(source, Sighted),
    }


def _recording(progress: Progress) -> dict[str, object]:
    seconds = round(progress.seconds, 2)
    return {"path": str(progress.path), "rows": progress.rows, "seconds": seconds, "error": progress.error}
