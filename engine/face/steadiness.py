"""What is really drawn of a face: a tracker's noise averaged, a face that holds still held, all in small steps."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from omote.engine.nouns import FlameParams

from .memory import Memory, noise

Array = NDArray[np.float32]

# How far a face moves, in standard deviations of a tracker's noise: what stays within the first for as many pictures
# as are remembered holds still, and goes on holding until it is beyond the second. Two bounds, so that a face on the
# border does not change between them at every picture. Of 67 parameters that only tremble, and are averaged already,
# the one that is farthest is usually at 1.6.
STILL, MOVED = 2.0, 3.0
HOLDS_AFTER = 8
# A held face that lets go is behind what is seen, by about MOVED. What is near is caught up with, picture by picture,
# so that a slow turn does not go in jerks; what is farther is a movement of its own, and is shown at once.
LEAPT = 6.0
LEFT_BEHIND = 0.8  # of what is still to be caught up with, from picture to picture
SEEN = slice(64)  # of a vector, what a picture shows: where the head stands is the camera's affair, and is not drawn
_STEP_OF_NOISE = 1.0 / 16.0
_LEAST_STEP = 1e-4  # of parameters that no noise reaches: radians, metres, or units of an expression


class Steadiness:
    """Of one face, told picture after picture; the same faces give the same answers."""

    def __init__(self, consistency: bool = True) -> None:
        """Without `consistency` each face stands alone, and is only brought to the nearest step."""
        self._memory = Memory() if consistency else None
        self._anchor: Array | None = None  # what the face is compared with
        self._held: FlameParams | None = None
        self._quiet = 0  # pictures in a row that were near the anchor
        self._behind: Array | None = None  # [67] how far what is shown is from what is seen, since a face was let go

    def forget(self) -> None:
        """The next face stands alone."""
        self._anchor = self._held = self._behind = None
        self._quiet = 0
        if self._memory:
            self._memory.forget()

    def settled(self, params: FlameParams, *, trembles: bool = True) -> FlameParams:
        """The face as it is to be drawn, its parameters whole multiples of `step`.

        One that does not tremble, because nobody plays it, is not held: that would take its breath.
        """
        if self._memory is None:
            return stepped(params)
        steadied = self._memory.steadied(params)
        held, self._held = self._held, None
        if not trembles:
            self._anchor = self._behind = None
            return stepped(steadied)
        if held is not None and held.basis == params.basis:
            apart = self._apart(steadied)
            if apart <= MOVED:
                self._held = held
                return replace(held, translation=stepped(steadied).translation)
            self._behind = held.vector() - steadied.vector() if apart <= LEAPT else None
        found = stepped(self._caught_up(steadied))
        if self._anchor is None or self._apart(steadied) > STILL:
            self._anchor, self._quiet = steadied.vector(), 0
        self._quiet += 1
        if self._quiet >= HOLDS_AFTER:
            self._anchor, self._held = steadied.vector(), found
        return found

    def _caught_up(self, steadied: FlameParams) -> FlameParams:
        """What is seen, but for what is left of how far a face that was let go is behind it."""
        if self._behind is None:
            return steadied
        self._behind = self._behind * np.float32(LEFT_BEHIND)
        self._behind[SEEN.stop :] = 0.0
        if (np.abs(self._behind) < step() / 2.0).all():
            self._behind = None
            return steadied
        return FlameParams.from_vector(steadied.vector() + self._behind, steadied.basis)

    def _apart(self, params: FlameParams) -> float:
        """How far the face is from the anchor, by the parameter that is farthest."""
        if self._anchor is None:
            return float("inf")
        return float((np.abs(params.vector() - self._anchor) / noise())[SEEN].max())


def stepped(params: FlameParams) -> FlameParams:
    """The same face in whole steps: the picture is a function of these, so a picture seen before can be shown again."""
    vector = np.round(params.vector() / step()) * step()
    return FlameParams.from_vector(vector.astype(np.float32), params.basis)


@cache
def step() -> Array:
    """[67] a sixteenth of each parameter's noise, which no eye sees."""
    return np.asarray(np.maximum(noise() * _STEP_OF_NOISE, _LEAST_STEP), np.float32)
