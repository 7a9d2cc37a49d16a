"""From what the tracker saw to the face that is drawn: smoothed, retargeted, and there even when nobody is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omote.engine.nouns import Actor, FlameParams, Signal

from .expressions import TOP, Expression, Overlay
from .presence import Presence, Shown
from .recognition import Recognition
from .rest import RecentFaces
from .retarget import own_face, own_weights, params_of
from .smoothing import Smoothing
from .taste import Taste
from .tuning import Tuning

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Face:
    """What to draw, and what the performer was seen to do."""

    shown: Shown
    marks: Array  # [6] of `expressions.MARKS`, 0 to 1
    hair: float  # how far it swings; 1 as its springs say
    recognised: tuple[str, ...] = ()  # by name, as `recognition.RULES` has them

    @property
    def params(self) -> FlameParams:
        return self.shown.params

    @property
    def presence(self) -> float:
        return self.shown.presence


class Performance:
    """One performance by one actor; a pure function of its signals, their times and what somebody asks for.

    `follow` and `wait` are called by the thread that draws, the others by any; these take effect with the next face.
    """

    def __init__(self, actor: Actor, tuning: Tuning | None = None) -> None:
        self._told = self._actor = actor
        tuning = tuning or Tuning()
        self._smoothing = Smoothing(tuning)
        self._taste = Taste(tuning)
        self._presence = Presence(tuning)
        self._overlay = Overlay()
        self._recent = RecentFaces()
        self._recognition = Recognition(actor)
        self._hair = tuning.hair

    def follow(self, signal: Signal) -> Face:
        """The face for this signal, seen or not."""
        now_ns, actor = signal.stamp.captured_ns, self._actor
        self._recent.pass_to(now_ns, signal)
        smooth = self._smoothing.smooth(signal)
        if not smooth.is_tracked:
            self._taste.miss()
            return Face(*self._with_expression(self._presence.wait(now_ns), now_ns), self._recognition.miss())
        recognised = self._recognition.see(np.clip(own_weights(signal, actor), 0.0, 1.0), now_ns)
        own = self._taste.shaped(own_face(smooth, actor), now_ns)
        shown = self._presence.follow(params_of(own), now_ns)
        return Face(*self._with_expression(shown, now_ns), recognised)

    def wait(self, now_ns: int) -> Face:
        """The face while nothing comes from the source at all."""
        self._taste.miss()
        self._recent.pass_to(now_ns)
        return Face(*self._with_expression(self._presence.wait(now_ns), now_ns), self._recognition.miss())

    def express(self, expression: Expression, layer: str = TOP) -> None:
        """Puts an expression on top of what is performed, in the place of the one before in this layer."""
        self._overlay.show(expression, layer)

    def tune(self, tuning: Tuning) -> None:
        """Shapes what is performed to this taste."""
        self._smoothing.tune(tuning)
        self._taste.tune(tuning)
        self._presence.tune(tuning)
        self._hair = tuning.hair

    def use_actor(self, actor: Actor) -> None:
        """It is this one who performs."""
        self._told = self._actor = actor
        self._recognition = Recognition(actor)

    def recalibrate(self) -> Actor:
        """Makes the face of the last half second the one at rest; NoFaceError where none was seen. Who it is now."""
        self._actor = self._recent.at_rest(self._actor)
        return self._actor

    def forget_rest(self) -> None:
        """Goes back to the actor as first told: somebody else performs."""
        self._recent.forget()
        self._actor = self._told

    def _with_expression(self, shown: Shown, now_ns: int) -> tuple[Shown, Array, float]:
        params, marks = self._overlay.over(shown.params, now_ns)
        return (shown if params is shown.params else replace(shown, params=params)), marks, self._hair
