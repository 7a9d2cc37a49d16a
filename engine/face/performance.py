"""From a signal to the face that is drawn: calibrated, smoothed, retargeted, and shown even without a face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from omote.bridge.errors import OmoteError

from ..data import Actor, Array, FlameParams, Signal
from .expressions import EXPRESSION_RULES, TOP_LAYER, Expression, ExpressionRecognizer, Overlay
from .lipsync import VOICE_TRIGGERS, HearVoice, VoiceMixer, VoiceTuning
from .liveliness import Life, Liveliness
from .presence import Presence, PresentedFace
from .retarget import own_face, own_weights, params_of_own_face, seen_weights
from .stabilizer import SignalSmoother
from .tuning import Tuning, TuningFilter

RECOGNISABLE = (*EXPRESSION_RULES, *VOICE_TRIGGERS)  # all that a performance is recognised to make
_RECENT_S = 0.5


class NoFaceError(OmoteError, ValueError):
    """There was no face that could become the neutral one."""


@dataclass(frozen=True)
class PerformedFace:
    """The face to draw, and the expressions that the performer makes."""

    shown: PresentedFace
    marks: Array  # [6] of `expressions.MARKS`, 0 to 1
    hair: float  # scale of its swing; 1 as its springs say
    recognised: tuple[str, ...] = ()  # names in `RECOGNISABLE`
    life: Life | None = None  # motion to be added when the face is stabilized
    heard_ns: int | None = None  # when the sound was made that the mouth follows; None without a voice

    @property
    def params(self) -> FlameParams:
        return self.shown.params

    @property
    def presence(self) -> float:
        return self.shown.presence


class Performance:
    """One performance by one actor; a pure function of its signals, their times and the calls of its methods.

    The drawing thread calls `follow` and `wait`; any thread may call the others, which take effect with the next face.
    """

    def __init__(self, actor: Actor, tuning: Tuning | None = None) -> None:
        self._calibrated = self._actor = actor
        tuning = tuning or Tuning()
        self._smoother = SignalSmoother(tuning)
        self._filter = TuningFilter(tuning)
        self._presence = Presence(tuning)
        self._overlay = Overlay()
        self._recent = RecentFaces()
        self._recognizer = ExpressionRecognizer(actor)
        self._liveliness = Liveliness(tuning)
        self._hair = tuning.hair
        self._voice: HearVoice | None = None
        self._mixer = VoiceMixer()

    def follow(self, signal: Signal) -> PerformedFace:
        """The face for this signal, which may have none."""
        now_ns, actor = signal.stamp.captured_ns, self._actor
        self._recent.add(now_ns, signal)
        smooth = self._smoother.smooth(signal)
        if not smooth.is_tracked:
            return self._without_face(now_ns)
        recognised = self._recognizer.see(np.clip(own_weights(signal, actor), 0.0, 1.0), now_ns)
        own = self._filter.shaped(own_face(smooth, actor), now_ns)
        params = self._liveliness.blinking(params_of_own_face(own), now_ns)
        return self._complete(self._presence.follow(params, now_ns), now_ns, recognised)

    def wait(self, now_ns: int) -> PerformedFace:
        """The face while no signal comes from the source."""
        self._recent.add(now_ns)
        return self._without_face(now_ns)

    def express(self, expression: Expression, layer: str = TOP_LAYER) -> None:
        """Adds an expression to the performance, in place of the last one in this layer."""
        self._overlay.show(expression, layer)

    def clear_expressions(self) -> None:
        """Takes back all expressions that were added."""
        self._overlay.clear()

    def tune(self, tuning: Tuning) -> None:
        """Uses this tuning from now on."""
        self._smoother.tune(tuning)
        self._filter.tune(tuning)
        self._presence.tune(tuning)
        self._liveliness.tune(tuning)
        self._hair = tuning.hair

    def listen(self, voice: HearVoice | None) -> None:
        """Lets this voice move the mouth from now on, or none."""
        self._voice = voice

    def tune_voice(self, tuning: VoiceTuning) -> None:
        """Mixes the voice in this way from now on."""
        self._mixer.tune(tuning)

    @property
    def is_mouth_hidden(self) -> bool:
        """Whether the mouth is the voice's alone, because the camera's does not follow what it says."""
        return self._mixer.is_mouth_hidden

    def use_actor(self, actor: Actor) -> None:
        """Uses the calibration of this performer."""
        self._calibrated = self._actor = actor
        self._recognizer = ExpressionRecognizer(actor)

    def recalibrate(self) -> Actor:
        """Makes the face of the last half second the neutral one and returns the actor; NoFaceError without a face."""
        self._actor = self._recent.at_rest(self._actor)
        return self._actor

    def recent_weights(self) -> Array:
        """[52] the face of the last half second, 0 to 1 above the neutral one; NoFaceError without a face."""
        return self._recent.weights(self._actor)

    def forget_rest(self) -> None:
        """Goes back to the neutral face of the calibration, since another person performs."""
        self._recent.forget()
        self._actor = self._calibrated

    def _without_face(self, now_ns: int) -> PerformedFace:
        self._filter.miss()
        return self._complete(self._presence.wait(now_ns), now_ns, self._recognizer.miss())

    def _complete(self, shown: PresentedFace, now_ns: int, recognised: tuple[str, ...]) -> PerformedFace:
        listen = self._voice
        voice = listen(now_ns) if listen else None
        shown, triggers = self._mixer.mix(shown, voice)
        params, marks = self._overlay.over(shown.params, now_ns)
        shown = shown if params is shown.params else replace(shown, params=params)
        life = self._liveliness.life(now_ns, shown.presence)
        heard_ns = voice.heard_ns if voice else None
        return PerformedFace(shown, marks, self._hair, (*recognised, *triggers), life, heard_ns)


class RecentFaces:
    """The tracked signals of the last half second. Written from one thread, read from any."""

    def __init__(self) -> None:
        self._signals: tuple[Signal, ...] = ()  # replaced as a whole, so that no reader sees half a change

    def add(self, now_ns: int, signal: Signal | None = None) -> None:
        """Adds a signal, if it has a face, and drops those that are too old."""
        new = (signal,) if signal is not None and signal.is_tracked else ()
        oldest_ns = now_ns - int(_RECENT_S * 1e9)
        self._signals = tuple(one for one in (*self._signals, *new) if oldest_ns <= one.stamp.captured_ns <= now_ns)

    def forget(self) -> None:
        self._signals = ()

    def weights(self, actor: Actor) -> Array:
        """[52] the weights of the recent face, 0 to 1 above the neutral one; NoFaceError without a face."""
        return np.clip(_median([own_weights(signal, actor) for signal in self._tracked()]), 0.0, 1.0)

    def _tracked(self) -> tuple[Signal, ...]:
        signals = self._signals
        if not signals:
            raise NoFaceError("no face was seen in the last half second: look into the camera and ask again")
        return signals

    def at_rest(self, actor: Actor) -> Actor:
        """The actor with the recent face as the neutral one; NoFaceError without a face."""
        signals = self._tracked()
        return replace(
            actor,
            neutral=np.clip(_median([seen_weights(signal) for signal in signals]), 0.0, 1.0),
            neutral_rotation=_median([signal.head_rotation for signal in signals]),
            neutral_translation=_median([signal.head_translation for signal in signals]),
        )


def _median(rows: Sequence[Array]) -> Array:
    """The median, so that a blink in that half second does not count."""
    return np.asarray(np.median(rows, axis=0), np.float32)
