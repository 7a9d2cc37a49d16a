"""The running session: one character in one light, driven by a performance, and the crossfade to another character."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..data import Actor, AnyCharacter, Array, FlameParams, Portrait, Signal, Stamp
from ..face.expressions import TOP_LAYER, Expression
from ..face.light import LightFade, checked_light
from ..face.performance import Performance, PerformedFace
from ..face.presence import Phase
from ..face.tuning import Tuning
from ..model.portrait_renderer import Fading, PortraitRenderer
from .adaptive_quality import AdaptiveQuality
from .latency import LatencyMeter
from .metrics import RunCounters
from .scheduling import CapturedSignal

CROSSFADE_S = 0.4
_MOST_FADING = 2  # characters that are drawn besides the one who comes, however often it is changed in that time
_FAINT = 1e-3


@dataclass(frozen=True)
class CharacterCrossfade:
    """A character who comes, and those who fade meanwhile."""

    character: AnyCharacter
    fading: Fading = ()  # at the beginning
    begun_ns: int = 0
    seconds: float = CROSSFADE_S

    def at(self, now_ns: int) -> Fading:
        """Those who are still seen at this time, each with its share of the picture; none after the end."""
        gone_s = (now_ns - self.begun_ns) / 1e9
        if not self.fading or gone_s >= self.seconds:
            return ()
        left = 1.0 - _smoothstep(max(gone_s, 0.0) / self.seconds)
        return tuple((one, share * left) for one, share in self.fading if share * left > _FAINT)

    def to(self, character: AnyCharacter, now_ns: int, seconds: float = CROSSFADE_S) -> CharacterCrossfade:
        """The change to another one, from what is shown now; with 0 seconds a cut."""
        if seconds <= 0.0:
            return CharacterCrossfade(character)
        seen = self.at(now_ns)
        everyone = (*seen, (self.character, 1.0 - sum(share for _, share in seen)))
        others = sorted((one for one in everyone if one[0] is not character), key=lambda one: -one[1])
        return CharacterCrossfade(character, tuple(others[:_MOST_FADING]), now_ns, seconds)


def _smoothstep(share: float) -> float:
    return share * share * (3.0 - 2.0 * share)


WARM_UP_JAWS = (0.2, 0.1, 0.0)  # radians: three faces, for one that is there already would not be drawn


class LiveSession:
    """Draws pictures in one thread; what others ask for, from any thread, takes effect with the next picture."""

    def __init__(
        self,
        artist: PortraitRenderer,
        character: AnyCharacter,
        actor: Actor,
        light: Array,
        outputs: Sequence[Output],
        meter: LatencyMeter,
        clock_ns: Callable[[], int],
        gearbox: AdaptiveQuality | None = None,
        morph_s: float = CROSSFADE_S,
    ) -> None:
        """`morph_s` is how long one character takes to become another; with 0 there is a cut."""
        self.artist = artist
        self.character = character  # who was chosen; pictures may still be on their way there
        self.phase = Phase.IDLE  # of the last picture
        self.tally = RunCounters()
        self.meter = meter
        self._own_light, self._dimmer = light, LightFade(light)
        self._outputs = tuple(outputs)
        self._clock_ns, self._gearbox = clock_ns, gearbox
        self._performance = Performance(actor)
        self._morph, self.morph_s = CharacterCrossfade(character), morph_s  # replaced as a whole
        self._changing, self._admitting = threading.Lock(), threading.Lock()
        self._witnesses: tuple[SignalListener, ...] = ()  # replaced as a whole
        self._index = -1  # of the face drawn last
        self._offered = -1  # of the portrait shown last: the same one, but where the artist draws several at a time

    def change(self, character: AnyCharacter) -> None:
        """Blends over to another character; ValueError where the artist cannot draw it: nothing has changed then.

        Returns when all that is to be drawn is ready and the change begins. A change in the middle of another goes on
        from what is shown.
        """
        with self._changing:
            self.artist.check(character)
            self._morph, self.character = self._morph.to(character, self._clock_ns(), self.morph_s), character

    def use_light(self, harmonics: Array | None, within_s: float = 0.0) -> None:
        """Lights the face with these harmonics [27], or as at the beginning, from the next picture on or gradually.

        ValueError where they are none.
        """
        light = self._own_light if harmonics is None else checked_light(harmonics).copy()
        self._dimmer.turn_to(light, self._clock_ns(), within_s)

    @property
    def light(self) -> Array:
        """[27] what the face is lit with, or goes over to."""
        return self._dimmer.light

    def express(self, expression: Expression, layer: str = TOP_LAYER) -> None:
        """Puts an expression on top of what is performed, or of the idle portrait, in the place of its layer's."""
        self._performance.express(expression, layer)

    def tune(self, tuning: Tuning) -> None:
        """Shapes what is performed to this taste from the next picture on."""
        self._performance.tune(tuning)

    def use_actor(self, actor: Actor) -> None:
        """It is this one who performs, from the next picture on."""
        self._performance.use_actor(actor)

    def recalibrate(self) -> Actor:
        """Makes the face of the last half second the one at rest; NoFaceError where none was seen. Who it is now."""
        return self._performance.recalibrate()

    def admit(self, witness: SignalListener) -> None:
        """Shows this one every signal from now on, those too that are never drawn; from any thread."""
        with self._admitting:
            self._witnesses = (*self._witnesses, witness)

    def dismiss(self, witness: SignalListener) -> None:
        """Shows this one no more; nothing happens where it was not there."""
        with self._admitting:
            self._witnesses = tuple(one for one in self._witnesses if one is not witness)

    def bear_witness(self, signal: Signal) -> None:
        """Shows a signal to whoever was admitted; in the thread that reads the source."""
        for witness in self._witnesses:
            witness.see(signal)

    def forget_rest(self) -> None:
        """Somebody else performs: what `recalibrate` found is not about them."""
        self._performance.forget_rest()

    # What follows runs in the thread that draws.

    def warm_up(self) -> None:
        """Draws what nobody sees: the first pictures are slow, and nothing is captured meanwhile."""
        start_ns = self._clock_ns()
        for jaw in WARM_UP_JAWS:
            params = replace(FlameParams.neutral(), jaw_pose=np.array([jaw, 0.0, 0.0], np.float32))
            self.artist.draw(params, self.character, self._dimmer.at(start_ns))
        self.tally.warm_up_s = (self._clock_ns() - start_ns) / 1e9

    def follow(self, seen: CapturedSignal, now_ns: int) -> None:
        """Draws the face of this signal, which was taken up now."""
        signal, stamp = seen.signal, seen.stamp.after("wait", now_ns)
        self.tally.count_signal(is_tracked=signal.is_tracked)
        self._show(self._performance.follow(signal), replace(stamp, index=self.next_index(stamp.index)), signal)

    def wait(self, now_ns: int) -> None:
        """Draws the face of one whom nobody plays."""
        self._show(self._performance.wait(now_ns), Stamp(self.next_index(0), now_ns, time.time_ns()), None)

    def next_index(self, index: int) -> int:
        """The picture's number: the source's where that is possible, and never one that was there before."""
        return max(self._index + 1, index)

    def _show(self, face: PerformedFace, stamp: Stamp, signal: Signal | None) -> None:
        now_ns, drawn_before = self._clock_ns(), self.artist.counts.drawn
        morph, stamp = self._morph, stamp.after("pose", now_ns)
        portrait = self.artist.draw(
            face.params,
            morph.character,
            self._dimmer.at(now_ns),
            stamp=stamp,
            signal=signal,
            presence=face.presence,
            fading=morph.at(now_ns),
            marks=face.marks,
            hair=face.hair,
        )
        gear = self._gearbox.drawn_by if self._gearbox else ""
        drawn = portrait.stamp.after("draw", self._clock_ns())
        portrait = replace(portrait, stamp=drawn, gear=gear, recognised=face.recognised)
        self._index, self.phase = stamp.index, face.shown.phase
        if portrait.stamp.index == self._offered:  # while a stream of pictures fills, the first one is held
            return
        self._offered = portrait.stamp.index
        self.tally.pictures += 1
        if portrait.signal is not None:
            self.meter.drawn(portrait.stamp, is_new=self.artist.counts.drawn > drawn_before)
        for output in self._outputs:
            output.offer(portrait)


class Output(Protocol):
    """Where portraits go; open before the loop starts, closed after it has ended."""

    name: str

    def offer(self, portrait: Portrait) -> None:
        """Takes the newest portrait, whose picture is never written to again. Never blocks."""
        ...


class SignalListener(Protocol):
    """Who is shown every signal of a running loop, smoothed by nobody: a recorder, a calibration."""

    def see(self, signal: Signal) -> None:
        """Called by the thread that reads the source, before the signal is drawn: never blocks, never raises."""
        ...
