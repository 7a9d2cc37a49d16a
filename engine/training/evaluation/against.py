"""Students beside their teacher: drawers draw the same scene of the same subjects, and are timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .drawing import Drawer, Pictures
from .measure import Sitting
from .measures import scores
from .quality import over_grey, psnr_db
from .scenes import Scene


@dataclass(frozen=True)
class Timed:
    """How one drawer did; means over pictures, NaN where nobody knows the truth."""

    name: str
    head_psnr_db: float
    ssim: float
    sharpness: float  # levels a pixel
    picture_ms: float  # of a sequence: maps and all steps; the median over subjects


@dataclass(frozen=True)
class Against:
    """A student beside its teacher."""

    student: Timed
    teacher: Timed
    between_db: float  # PSNR of the student's pictures against the teacher's

    @property
    def lost_db(self) -> float:
        """How much farther from the truth the student's heads are."""
        return self.teacher.head_psnr_db - self.student.head_psnr_db

    @property
    def times_as_fast(self) -> float:
        return self.teacher.picture_ms / self.student.picture_ms


def against(
    students: Sequence[Drawer],
    teacher: Drawer,
    sittings: Sequence[Sitting],
    scene: Scene,
    clock_ns: Callable[[], int],
) -> tuple[Against, ...]:
    """Each student beside the teacher, on this scene of each sitting's subject."""
    model, pattern = _did(teacher, sittings, scene, clock_ns)
    rows = []
    for student in students:
        did, pictures = _did(student, sittings, scene, clock_ns)
        between = [psnr_db(over_grey(a), over_grey(b)) for a, b in zip(pictures, pattern, strict=True)]
        rows.append(Against(did, model, float(np.mean(between))))
    return tuple(rows)


def _did(
    drawer: Drawer, sittings: Sequence[Sitting], scene: Scene, clock_ns: Callable[[], int]
) -> tuple[Timed, Pictures]:
    """What a drawer scored, and its pictures of all subjects."""
    drawn = [replace(sitting, drawer=drawer).draw(scene) for sitting in sittings]
    mean = np.concatenate([scores(one).rows() for one in drawn]).mean(0)
    took_ms = [_picture_ms(drawer, sitting, scene, clock_ns) for sitting in sittings]
    timed = Timed(drawer.name, float(mean[1]), float(mean[2]), float(mean[4]), float(np.median(took_ms)))
    return timed, np.concatenate([one.ours for one in drawn])


def _picture_ms(drawer: Drawer, sitting: Sitting, scene: Scene, clock_ns: Callable[[], int]) -> float:
    """As in a performance, where the character is on stage already."""
    character = sitting.subject.character
    drawer.draw(character, replace(scene, shots=scene.shots[:1]))
    began_ns = clock_ns()
    drawer.draw(character, replace(scene, is_sequence=True))
    return (clock_ns() - began_ns) / 1e6 / len(scene)
