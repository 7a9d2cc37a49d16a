"""Takes pictures from noise to RGB by the networks, as many in a call as these hold, each a step further."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..diffusion.schedule import StepPlan, noises_between
from .networks import Networks
from .sitter import Sitter

Array = NDArray[np.float32]
Picture = NDArray[np.uint8]
_NOTHING = np.zeros(0, np.float32)


@dataclass(eq=False)
class Study:
    """A picture on its way: of one face of one sitter, some steps from the noise."""

    sitter: Sitter
    expression: Array  # [n,C] its own tokens
    x: Array  # [4,h,h]
    step: int = 0  # that comes next
    rgb: Picture | None = None  # [S,S,3] once all steps are done; never written to again

    @classmethod
    def done(cls, sitter: Sitter, rgb: Picture) -> Self:
        """One that was painted before."""
        return cls(sitter, _NOTHING, _NOTHING, rgb=rgb)


class Painter:
    """Paints in these steps; from one thread at a time. The same face of the same sitter is the same picture."""

    def __init__(self, networks: Networks, plan: Sequence[StepPlan]) -> None:
        """A UNet for more than one picture holds one at each step; ValueError where it does not."""
        if networks.batch not in (1, len(plan)):
            raise ValueError(f"a UNet for 1 or {len(plan)} pictures at once was wanted, got {networks.batch}")
        self.networks, self.plan = networks, tuple(plan)
        self._x, self._expression = self._rows("x"), self._rows("expression")
        self._t = np.array([step.timestep for step in self.plan[: networks.batch]], np.float32)
        self._noises = (*noises_between(self._x.shape[1:], len(plan)), np.zeros(self._x.shape[1:], np.float32))

    def study(self, sitter: Sitter, vector: Array) -> Study:
        """A picture of the face of this vector [55], begun."""
        tokens = self.networks.expression.run({"vector": vector[None]})["tokens"]
        return Study(sitter, np.array(tokens[0], np.float32), sitter.character.noise)

    def whole(self, study: Study) -> Picture:
        """[S,S,3] this picture, in a call of the UNet for each step that is to come."""
        while study.rgb is None:
            self.further([study])
        return study.rgb

    def further(self, studies: Sequence[Study]) -> None:
        """Takes each of these a step further, in one call; of one sitter, and no two at the same step."""
        slots = [study.step % self.networks.batch for study in studies]
        for slot, study in zip(slots, studies, strict=True):
            self._x[slot], self._expression[slot] = study.x, study.expression
            self._t[slot] = self.plan[study.step].timestep
        feeds = {"x": self._x, "t": self._t, "expression": self._expression}
        eps = self.networks.unet.run({**feeds, **studies[0].sitter.standing})["eps"]
        for slot, study in zip(slots, studies, strict=True):
            self._take(study, eps[slot])

    def _take(self, study: Study, eps: Array) -> None:
        """The step that `eps` [4,h,h] was predicted for; after the last one the picture is there."""
        study.x = self.plan[study.step].after(study.x, eps, self._noises[study.step])
        study.step += 1
        if study.step == len(self.plan):
            pixels = self.networks.decoder.run({"latents": study.x[None]})["pixels"]
            study.rgb = np.array(pixels[0], np.uint8)  # a copy: what a session gives is its own

    def _rows(self, name: str) -> Array:
        """[B,...] for this input; slots that no picture stands in yet hold zeros."""
        return np.zeros(self.networks.shapes[name], np.float32)
