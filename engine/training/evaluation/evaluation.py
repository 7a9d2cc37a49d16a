"""A whole evaluation: subjects are measured one after the other, then pooled, banded and held against the targets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..provenance import provenance
from . import scenes, sheets
from .against import Against, against
from .bands import bands_of
from .consistency import Steady, steady
from .drawing import Drawer, Drawn
from .frechet import set_distance
from .measure import Embeddings, Instruments, Measured, Plan, Sitting, measure
from .summary import Summary, summary
from .targets import Target, student_targets, targets

GALLERY = "characters.png"


@dataclass(frozen=True)
class Portrayed:
    """One subject's figures, and the file of its sheet."""

    figures: Summary
    sheet: str
    bands: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ToReal:
    """How far all faces drawn of a group are from real ones, in the recogniser's eyes."""

    group: str
    drawn: int  # faces that were embedded
    real: int
    size: int  # numbers of an embedding; each set wants more faces than that
    distance: float  # Fréchet's; NaN of too few faces

    @property
    def is_enough(self) -> bool:
        """Whether both sets are larger than an embedding is long."""
        return min(self.drawn, self.real) > self.size


@dataclass(frozen=True)
class Evaluation:
    """All figures of one run."""

    provenance: dict[str, object]
    drawer: str
    plan: Plan
    notes: tuple[str, ...]  # what was not measured, and why
    groups: tuple[Summary, ...]  # of people of one kind
    bands: tuple[Summary, ...]  # each kind by skin tone, age, hair and sex
    subjects: tuple[Portrayed, ...]
    students: tuple[Against, ...]
    consistency: tuple[Steady, ...]  # the drawer, and the same without the faces before
    to_real: tuple[ToReal, ...]  # where real pictures are given
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Rivals:
    """Other drawers that the sittings' own is compared with."""

    students: tuple[Drawer, ...] = ()
    teacher: Drawer | None = None  # whom the students are held against
    is_taught: bool = False  # whether the targets count: they are claims about a teacher, not about more steps
    forgetful: Drawer | None = None  # the same as the sittings' own, but it draws each picture by itself


def kind_of(sitting: Sitting) -> str:
    """The group that a subject belongs to; the targets differ."""
    if sitting.truth is None:
        return "no truth"
    return "unseen people" if sitting.subject.is_unseen else "known people"


def evaluate(
    sittings: Sequence[Sitting],
    plan: Plan,
    instruments: Instruments,
    rivals: Rivals,
    folder: Path,
    notes: tuple[str, ...] = (),
    real: Embeddings | None = None,
    on_subject: Callable[[str], None] = lambda name: None,
) -> Evaluation:
    """Measures all sittings (one at least) and leaves their sheets in the folder."""
    measured, resting = [], []
    for number, sitting in enumerate(sittings):
        on_subject(sitting.subject.name)
        one, drawn = measure(sitting, plan, instruments)
        measured.append(one)
        resting.append(drawn[0])
        _save_sheet(one, drawn, folder / sheets.file_name(number, sitting.subject.name))
    sheets.gallery(resting, [sitting.subject.name for sitting in sittings], folder / GALLERY)
    kinds = list(dict.fromkeys(map(kind_of, sittings)))
    groups = [(kind, [m for s, m in zip(sittings, measured, strict=True) if kind_of(s) == kind]) for kind in kinds]
    pooled = tuple(summary(kind, members) for kind, members in groups)
    compared = _compared(rivals, sittings, plan)
    return Evaluation(
        provenance=provenance(),
        drawer=sittings[0].drawer.name,
        plan=plan,
        notes=notes,
        groups=pooled,
        bands=tuple(band for kind, members in groups for band in _banded(kind, members)),
        subjects=tuple(_portrayed(number, one) for number, one in enumerate(measured)),
        students=compared,
        consistency=_consistency(rivals.forgetful, sittings, plan),
        to_real=() if real is None else tuple(_to_real(kind, members, real) for kind, members in groups),
        targets=(
            *(target for group in pooled for target in targets(group)),
            *(student_targets(compared) if rivals.is_taught else ()),
        ),
    )


def _save_sheet(measured: Measured, drawn: tuple[Drawn, ...], path: Path) -> None:
    _, varied, *others = drawn
    strips = [strip for one in others for strip in sheets.strips_of(one)]
    sheets.sheet([*strips, *sheets.strips_of(varied, measured.scores[0])], path)


def _banded(kind: str, members: Sequence[Measured]) -> Iterable[Summary]:
    """A summary of each band that some but not all of these people are in."""
    names = sorted({band for one in members for band in bands_of(one.subject.words)})
    for name in names:
        inside = [one for one in members if name in bands_of(one.subject.words)]
        if len(inside) < len(members):
            outside = [one for one in members if name not in bands_of(one.subject.words)]
            yield summary(f"{kind}, {': '.join(name)}", inside, outside)


def _portrayed(number: int, one: Measured) -> Portrayed:
    name = one.subject.name
    return Portrayed(summary(name, [one]), sheets.file_name(number, name), bands_of(one.subject.words))


def _to_real(kind: str, members: Sequence[Measured], real: Embeddings) -> ToReal:
    drawn = np.concatenate([rows for one in members for rows in (one.who, one.posed)])
    return ToReal(kind, len(drawn), len(real), real.shape[1], set_distance(drawn, real))


def _compared(rivals: Rivals, sittings: Sequence[Sitting], plan: Plan) -> tuple[Against, ...]:
    if rivals.teacher is None:
        return ()
    return against(rivals.students, rivals.teacher, sittings, scenes.varied(plan.pictures), time.perf_counter_ns)


def _consistency(forgetful: Drawer | None, sittings: Sequence[Sitting], plan: Plan) -> tuple[Steady, ...]:
    if forgetful is None:
        return ()
    both, moving = (sittings[0].drawer, forgetful), scenes.performance(plan.frames)
    return tuple(steady(drawer, sittings, scenes.trembling(plan.trembling), moving) for drawer in both)
