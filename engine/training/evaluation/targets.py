"""What the model must show, and whether it does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .against import Against
from .readback import Reading
from .summary import Summary

HEAD_DB = {"known people": 26.0, "unseen people": 22.0}
READ_SHARE = 0.9
MUST_BE_READ = ("jawOpen", "mouthSmile", "eyeBlink", "browInnerUp", "mouthPucker")
AUC_SHARE = 0.95
TEACHER_GAP_DB, TEACHER_TIMES = 0.5, 20.0


@dataclass(frozen=True)
class Target:
    """One claim, what was found, and whether it holds; None where it could not be measured."""

    group: str
    claim: str
    found: float
    wanted: float
    is_at_most: bool = False

    @property
    def is_met(self) -> bool | None:
        if math.isnan(self.found):
            return None
        return self.found <= self.wanted if self.is_at_most else self.found >= self.wanted


def targets(group: Summary) -> tuple[Target, ...]:
    """The claims about one group of subjects."""
    name, steady = group.group, group.steadiness
    head_db = group.scene("varied").head_psnr_db
    swept, varied = ({reading.name: reading for reading in part} for part in (group.swept, group.read))
    return (
        *([Target(name, "PSNR on the head, dB", head_db, HEAD_DB[name])] if name in HEAD_DB else []),
        *(_read(name, "swept", swept[shape]) for shape in MUST_BE_READ),
        *(_read(name, "varied", varied[shape]) for shape in (*MUST_BE_READ, "gaze pitch", "gaze yaw")),
        Target(name, "identity: AUC, of the truth's", group.likeness.auc_share, AUC_SHARE),
        Target(name, "still control: part that is byte-equal", steady.is_still, 1.0),
        Target(name, "noisy control: picture noise, of the truth's", steady.noise_share, 1.0, is_at_most=True),
    )


def student_targets(comparisons: Sequence[Against]) -> tuple[Target, ...]:
    """The claims about one step beside the teacher; the first comparison counts."""
    if not comparisons:
        return ()
    first = comparisons[0]
    name = f"{first.student.name} beside {first.teacher.name}"
    return (
        Target(name, "PSNR on the head lost, dB", first.lost_db, TEACHER_GAP_DB, True),
        Target(name, "times as fast", first.times_as_fast, TEACHER_TIMES),
    )


def _read(group: str, scene: str, reading: Reading) -> Target:
    return Target(group, f"read-back of {reading.name}, {scene}, of the truth's", reading.share, READ_SHARE)
