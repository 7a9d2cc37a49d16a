"""Draws all scenes of a subject, by the network and by the renderer, and keeps what each picture scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.engine.capture.photo import Finder
from omote.engine.nouns import Array

from . import scenes, steadiness
from .drawing import Drawer, Drawn, Pictures, Truth
from .embedding import Embedder
from .looking import Seen, look
from .measures import Motion, Scores, Sweeps, Tremble, motion, scores, sweeps, tremble
from .portrayal import Portrayal, portrayal
from .quality import Rgb, over_grey
from .scenes import Scene
from .subjects import Subject

Embeddings = NDArray[np.float64]  # [m,D]; D is 0 where nobody embeds


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
    who_truth: Embeddings  # [0,D] where there is no truth
    posed: Embeddings  # of the set that is portrayed
    reference: Embeddings  # [1,D] of the photo, else of the picture at rest: the truth's, else our own
    portrayal: Portrayal
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
        return None if pictures is None else self.look_at(list(over_grey(pictures)))

    def look_at(self, pictures: Sequence[Rgb]) -> Seen:
        """What they see in opaque pictures."""
        return look(pictures, self.finder, self.embedder)

    def embedded(self, *seen: Seen | None) -> Embeddings:
        """[m,D] of all faces that were found."""
        nobody = np.zeros((0, self.embedder.size if self.embedder else 0))
        return np.concatenate([nobody, *(part.embedded() for part in seen if part is not None)])


@dataclass(frozen=True)
class Sitting:
    """One subject before the drawer and, where it is known, the truth."""

    subject: Subject
    drawer: Drawer
    truth: Truth | None

    def draw(self, scene: Scene) -> Drawn:
        ours = self.drawer.draw(self.subject.character, scene)
        truth = self.truth.draw(scene) if self.truth else None
        return Drawn(scene, ours, truth, self.subject.heads(scene, self.drawer.size))


def measure(sitting: Sitting, plan: Plan, instruments: Instruments) -> tuple[Measured, tuple[Drawn, ...]]:
    """Everything about one subject, and the scenes that a person should look at."""
    rest, varied, moods, posed, turns, lights, trembling = (
        sitting.draw(scene)
        for scene in (
            *(scenes.rest(), scenes.varied(plan.pictures), scenes.expressions(), scenes.posed()),
            *(scenes.turns(), scenes.lights(), scenes.trembling(plan.trembling)),
        )
    )
    played = [sitting.draw(scene) for scene in (scenes.performance(plan.frames), plan.take) if scene]
    seen, seen_truth = instruments.look_at(list(varied.over_grey()[0])), instruments.look(varied.truth)
    at_rest, seen_posed = (instruments.look_at(list(drawn.over_grey()[0])) for drawn in (rest, posed))
    reference = instruments.embedded(_reference(sitting, rest, instruments))
    still = sitting.drawer.draw(sitting.subject.character, scenes.still(plan.still))
    measured = Measured(
        subject=sitting.subject,
        scores=tuple(scores(drawn) for drawn in (varied, moods, turns, lights, trembling, *played)),
        asked=varied.scene.weights(),
        seen=seen,
        seen_truth=seen_truth,
        who=instruments.embedded(seen, instruments.look(moods.ours)),
        who_truth=instruments.embedded(seen_truth, instruments.look(moods.truth)),
        posed=instruments.embedded(seen_posed),
        reference=reference,
        portrayal=portrayal(posed, seen_posed, at_rest, reference),
        sweeps=sweeps(sitting.draw(scenes.sweeps())),
        motions=tuple(motion(drawn) for drawn in played),
        tremble=tremble(trembling),
        still_from=steadiness.still_from(still),
    )
    return measured, (rest, varied, moods, turns, lights, *played)


def _reference(sitting: Sitting, rest: Drawn, instruments: Instruments) -> Seen | None:
    photo = sitting.subject.photo
    return (
        instruments.look(rest.ours if rest.truth is None else rest.truth)
        if photo is None
        else instruments.look_at([photo])
    )
