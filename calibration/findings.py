"""What a calibration saw of a person: kept beside the actor, for the report and for nothing that runs live."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from omote.bridge import arkit
from omote.engine.nouns import Array

STEP_STATES = ("done", "skipped", "unseen")  # unseen: the tracker is blind to it, so nothing is lost


def _zeros() -> Array:
    return np.zeros(arkit.COUNT, np.float32)


@dataclass(frozen=True)
class StepFound:
    """How one step of a session went."""

    name: str
    title: str
    state: str  # one of STEP_STATES
    remark: str = ""  # one sentence; "" where all went well


@dataclass(frozen=True)
class Findings:
    """Numbers of one session; weights as the tracker said them, before any calibration."""

    least: Array = field(default_factory=_zeros)  # [52] of each weight in the whole session
    most: Array = field(default_factory=_zeros)  # [52]
    jitter: Array = field(default_factory=_zeros)  # [52] standard deviation while the face was held still
    calm: Array = field(default_factory=_zeros)  # [52] the same, smoothed as usual and counted by the new actor
    steps: tuple[StepFound, ...] = ()

    def __post_init__(self) -> None:
        for name in ("least", "most", "jitter", "calm"):
            value = getattr(self, name)
            if value.shape != (arkit.COUNT,) or not np.isfinite(value).all():
                raise ValueError(f"{name} must be finite [52], got {list(value.shape)}")
        for step in self.steps:
            if step.state not in STEP_STATES:
                raise ValueError(f"a step is {', '.join(STEP_STATES)}, got {step.state!r}")
