"""An artist without a network: for trying and testing whatever stands around the drawing."""

from __future__ import annotations

import time

import numpy as np

from omote.engine.face.head import JAW_OPEN_RAD
from omote.engine.nouns import AnyCharacter, Array, FlameParams, Portrait, Signal, Stamp
from omote.engine.roles import Counts, Fading


class FlatArtist:
    """Draws one colour: red tells how far the jaw is open, green how far the eyelids are shut, alpha the presence."""

    size, steps, runtime = 8, 1, "flat"

    def __init__(self) -> None:
        self.counts = Counts()

    def check(self, character: AnyCharacter) -> None:
        """Every character can be drawn flat."""

    def draw(
        self,
        params: FlameParams,
        character: AnyCharacter,
        light: Array,
        *,
        stamp: Stamp | None = None,
        signal: Signal | None = None,
        presence: float = 1.0,
        fading: Fading = (),
        marks: Array | None = None,
        hair: float = 0.0,
    ) -> Portrait:
        self.counts = Counts(drawn=self.counts.drawn + 1)
        levels = (float(params.jaw_pose[0]) / JAW_OPEN_RAD, float(params.eyelids.mean()), 0.0, presence)
        rgba = np.empty((self.size, self.size, 4), np.uint8)
        rgba[:] = np.round(np.clip(levels, 0.0, 1.0) * 255.0).astype(np.uint8)
        return Portrait(
            stamp or Stamp(0, time.perf_counter_ns(), time.time_ns()), rgba, signal, params, presence, light
        )
