"""An ensemble: several characters drawn at once by one network, each with a face and a memory of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .face.steadiness import Steadiness
from .look import AnimatorError, Look
from .nouns import Character, FlameParams, Portrait, Stamp
from .painter import Painter, Sitting, network_for
from .runtime.build import Build
from .weights import NetworkFile

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """What one of the ensemble does now."""

    character: Character
    params: FlameParams
    light: Array  # [27]
    presence: float = 1.0


class Ensemble:
    """Draws always the same number of portraits together; from one thread at a time.

    On a GPU a picture of a batch costs less than one alone; on a CPU it costs the same.
    """

    def __init__(
        self,
        count: int,
        size: int | None = None,
        steps: int = 1,
        runtime: str = "openvino",
        network: NetworkFile | None = None,
        consistency: bool = True,
    ) -> None:
        if count < 1:
            raise AnimatorError(f"an ensemble has at least one character, got {count}")
        self.file = network or network_for(size)
        try:
            build = Build.named(runtime, size or self.file.size, count)
        except ValueError as error:
            raise AnimatorError(str(error)) from error
        self.painter = Painter(self.file, build, steps)
        self._steadiness = [Steadiness(consistency) for _ in range(count)]
        self._looks: list[Look | None] = [None] * count

    def reset(self) -> None:
        """Forgets what was drawn before: the next pictures stand alone."""
        for one in self._steadiness:
            one.forget()

    def draw(self, parts: Sequence[Part], stamp: Stamp | None = None) -> tuple[Portrait, ...]:
        """A portrait of each, in the order of `parts`; AnimatorError where they do not fit the network."""
        if len(parts) != len(self._looks):
            raise AnimatorError(f"this ensemble has {len(self._looks)} characters, got {len(parts)}")
        sittings = [self._sitting(at, part) for at, part in enumerate(parts)]
        pictures = self.painter.paint(sittings)
        moment = stamp or Stamp(0, time.perf_counter_ns(), time.time_ns())
        return tuple(
            Portrait(moment, picture, None, sitting.params, part.presence, part.light)
            for part, sitting, picture in zip(parts, sittings, pictures, strict=True)
        )

    def _sitting(self, at: int, part: Part) -> Sitting:
        look = self._looks[at]
        if look is None or look.character is not part.character:
            look = self._looks[at] = Look.of(part.character, self.file)
            self._steadiness[at].forget()
        asked = Sitting(look, part.params, part.light)
        return replace(asked, params=self._steadiness[at].settled(part.params, trembles=part.presence == 1.0))
