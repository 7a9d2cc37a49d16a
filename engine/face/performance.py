"""From a signal to the face that is drawn: calibrated, smoothed, retargeted, and present even when no face is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from omote.bridge.errors import OmoteError

from ..data import Actor, Array, FlameParams, Signal
from .expressions import TOP_LAYER, Expression, ExpressionRecognizer, Overlay
from .presence import Presence, PresentedFace
from .retarget import own_face, own_weights, params_of_own_face, seen_weights
from .stabilizer import SignalSmoother
from .tuning import Tuning, TuningFilter


@dataclass(frozen=True)
class PerformedFace:
    """What to draw, and what the performer was seen to do."""

    shown: PresentedFace
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
        self._smoothing = SignalSmoother(tuning)
        self._taste = TuningFilter(tuning)
        self._presence = Presence(tuning)
        self._overlay = Overlay()
        self._recent = RecentFaces()
        self._recognition = ExpressionRecognizer(actor)
        self._hair = tuning.hair

    def follow(self, signal: Signal) -> PerformedFace:
        """The face for this signal, seen or not."""
        now_ns, actor = signal.stamp.captured_ns, self._actor
        self._recent.pass_to(now_ns, signal)
        smooth = self._smoothing.smooth(signal)
        if not smooth.is_tracked:
            self._taste.miss()
            return PerformedFace(*self._with_expression(self._presence.wait(now_ns), now_ns), self._recognition.miss())
        recognised = self._recognition.see(np.clip(own_weights(signal, actor), 0.0, 1.0), now_ns)
        own = self._taste.shaped(own_face(smooth, actor), now_ns)
        shown = self._presence.follow(params_of_own_face(own), now_ns)
        return PerformedFace(*self._with_expression(shown, now_ns), recognised)

    def wait(self, now_ns: int) -> PerformedFace:
        """The face while nothing comes from the source at all."""
        self._taste.miss()
        self._recent.pass_to(now_ns)
        return PerformedFace(*self._with_expression(self._presence.wait(now_ns), now_ns), self._recognition.miss())

    def express(self, expression: Expression, layer: str = TOP_LAYER) -> None:
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
        self._recognition = ExpressionRecognizer(actor)

    def recalibrate(self) -> Actor:
        """Makes the face of the last half second the one at rest; NoFaceError where none was seen. Who it is now."""
        self._actor = self._recent.at_rest(self._actor)
        return self._actor

    def forget_rest(self) -> None:
        """Goes back to the actor as first told: somebody else performs."""
        self._recent.forget()
        self._actor = self._told

    def _with_expression(self, shown: PresentedFace, now_ns: int) -> tuple[PresentedFace, Array, float]:
        params, marks = self._overlay.over(shown.params, now_ns)
        return (shown if params is shown.params else replace(shown, params=params)), marks, self._hair


SPAN_S = 0.5


class NoFaceError(OmoteError, ValueError):
    """Nobody was seen, so there is no face to be the one at rest."""


class RecentFaces:
    """The faces that were seen within the last half second. Written from one thread, read from any."""

    def __init__(self) -> None:
        self._signals: tuple[Signal, ...] = ()  # replaced as a whole, so that no reader sees half a change

    def pass_to(self, now_ns: int, signal: Signal | None = None) -> None:
        """It is now so late, and this was seen, if anything."""
        new = (signal,) if signal is not None and signal.is_tracked else ()
        oldest_ns = now_ns - int(SPAN_S * 1e9)
        self._signals = tuple(one for one in (*self._signals, *new) if oldest_ns <= one.stamp.captured_ns <= now_ns)

    def forget(self) -> None:
        self._signals = ()

    def at_rest(self, actor: Actor) -> Actor:
        """The same actor, who rests as they did just now; NoFaceError where nobody was seen."""
        signals = self._signals
        if not signals:
            raise NoFaceError("no face was seen in the last half second: look into the camera and ask again")
        return replace(
            actor,
            neutral=np.clip(_median([seen_weights(signal) for signal in signals]), 0.0, 1.0),
            neutral_rotation=_median([signal.head_rotation for signal in signals]),
            neutral_translation=_median([signal.head_translation for signal in signals]),
        )


def _median(rows: Sequence[Array]) -> Array:
    """The median: a blink in that half second is no part of the rest."""
    return np.asarray(np.median(rows, axis=0), np.float32)
