"""What a guided calibration shows of itself, at the page and in the terminal."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class StepView:
    """One step, for people."""

    name: str
    title: str
    say: str
    picture: str  # its path at the page's server
    state: str  # todo, now, done or skipped
    remark: str = ""


@dataclass(frozen=True)
class View:
    """A session at one moment."""

    state: str  # ready, counting, holding, done or cancelled
    step: int  # which of the steps is now, or was last
    steps: tuple[StepView, ...]
    count_s: float = 0.0  # until the pose is wanted, while it counts down
    score: float = 0.0  # how far the pose is made now, to 1; at rest, how much of the wanted time
    remark: str = ""  # one sentence of advice

    def as_json(self) -> dict[str, object]:
        """The same in JSON's types."""
        return {**asdict(self), "steps": [asdict(step) for step in self.steps]}
