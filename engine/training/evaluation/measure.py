"""Draws all scenes of a subject, by the network and by the renderer, and keeps what each picture scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.engine.capture.photo import Finder
from omote.engine.nouns import Array

from . import scenes, steadiness
from .drawing import Drawer, Drawn, Pictures, Truth, head_masks
from .embedding import SIZE, Embedder
from .looking import Seen, look
from .measures import Motion, Scores, Sweeps, Tremble, motion, scores, sweeps, tremble
from .quality import over_grey
from .scenes import Scene
from .subjects import Subject

Embeddings = NDArray[np.float64]  # [m,128]


@dataclass(frozen=True)
class Plan:
    """How much is drawn of each subject."""

    pictures: int = 24  # of faces, head turns and lights never trained on
    frames: int = 60  # of a sequence, and of a take
    take: Scene | None = None
    trembling: int = 24
    still: int = 8


@dataclass(frozen=True)
class Measured:
    """All that was measured of one subject."""

    subject: Subject
    scores: tuple[Scores, ...]
    asked: Array  # [n,52] of the varied scene
    seen: Seen  # those pictures, by themselves
    seen_truth: Seen | None
    who: Embeddings  # of the varied scene and the expressions
    who_truth: Embeddings  # [0,128] where there is no truth
    reference: Embeddings  # [1,128] of the picture at rest: the truth's, else our own; [0,128] where nobody embeds
    sweeps: Sweeps
    motions: tuple[Motion, ...]
    tremble: Tremble
    still_from: int | None  # the picture from which on all are byte-equal under a control that holds still


@dataclass(frozen=True)
class Instruments:
    """What looks at pictures."""

    finder: Finder
    embedder: Embedder | None

    def look(self, pictures: Pictures | None) -> Seen | None:
        return None if pictures is None else look(list(over_grey(pictures)), self.finder, self.embedder)


@dataclass(frozen=True)
class Sitting:
    """One subject before the drawer and, where it is known, the truth."""

    subject: Subject
    drawer: Drawer
    truth: Truth | None

    def draw(self, scene: Scene) -> Drawn:
        ours = self.drawer.draw(self.subject.character, scene)
        truth = self.truth.draw(scene) if self.truth else None
        return Drawn(scene, ours, truth, head_masks(self.subject.shape, scene, self.drawer.size))


def measure(sitting: Sitting, plan: Plan, instruments: Instruments) -> tuple[Measured, tuple[Drawn, ...]]:
    """Everything about one subject, and the scenes that a person should look at."""
    rest, varied, moods, turns, lights, trembling = (
        sitting.draw(scene)
        for scene in (
            *(scenes.rest(), scenes.varied(plan.pictures), scenes.expressions()),
            *(scenes.turns(), scenes.lights(), scenes.trembling(plan.trembling)),
        )
    )
    played = [sitting.draw(scene) for scene in (scenes.performance(plan.frames), plan.take) if scene]
    seen, seen_truth = instruments.look(varied.ours), instruments.look(varied.truth)
    assert seen is not None
    still = sitting.drawer.draw(sitting.subject.character, scenes.still(plan.still))
    measured = Measured(
        subject=sitting.subject,
        scores=tuple(scores(drawn) for drawn in (varied, moods, turns, lights, trembling, *played)),
        asked=varied.scene.weights(),
        seen=seen,
        seen_truth=seen_truth,
        who=_embedded(seen, instruments.look(moods.ours)),
        who_truth=_embedded(seen_truth, instruments.look(moods.truth)),
        reference=_embedded(instruments.look(rest.ours if rest.truth is None else rest.truth)),
        sweeps=sweeps(sitting.draw(scenes.sweeps())),
        motions=tuple(motion(drawn) for drawn in played),
        tremble=tremble(trembling),
        still_from=steadiness.still_from(still),
    )
    return measured, (rest, varied, moods, turns, lights, *played)


def _embedded(*seen: Seen | None) -> Embeddings:
    return np.concatenate([np.zeros((0, SIZE)), *(part.embedded() for part in seen if part is not None)])
