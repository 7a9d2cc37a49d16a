"""What remembering the faces before is worth: a drawer with it and without, under a control that trembles or moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .drawing import Drawer
from .measure import Sitting
from .measures import motion, scores, tremble
from .scenes import Scene


@dataclass(frozen=True)
class Steady:
    """Means over subjects, in levels of 255; sharpness on the head in levels a pixel; NaN where there is no truth."""

    name: str
    noise: float  # under a control that trembles
    truth_noise: float
    noise_sharpness: float  # of those pictures
    truth_noise_sharpness: float
    flicker: float  # in a sequence
    truth_motion: float
    sharpness: float  # of that sequence
    truth_sharpness: float
    head_psnr_db: float

    @property
    def noise_at_equal_sharpness(self) -> float:
        """Noise as a part of the truth's, over sharpness as a part of the truth's: a blur is no merit."""
        return self.noise / self.truth_noise * self.truth_noise_sharpness / self.noise_sharpness


def steady(drawer: Drawer, sittings: Sequence[Sitting], trembling: Scene, moving: Scene) -> Steady:
    """How steady a drawer is with these scenes of each sitting's subject."""
    rows = []
    for sitting in sittings:
        own = replace(sitting, drawer=drawer)
        held, moved = own.draw(trembling), own.draw(moving)
        shaken, went = tremble(held), motion(moved)
        held_mean, moved_mean = (scores(drawn).rows().mean(0) for drawn in (held, moved))
        rows.append(
            (
                *(shaken.noise, shaken.truth_noise, held_mean[4], held_mean[5]),
                *(went.flicker, went.truth_motion, moved_mean[4], moved_mean[5], moved_mean[1]),
            )
        )
    return Steady(drawer.name, *(float(mean) for mean in np.mean(rows, 0)))
