"""What is on stage: one character in one light, played by a performance, drawn picture after picture."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .face.expressions import TOP, Expression
from .face.light import Dimmer, checked_light
from .face.performance import Face, Performance
from .face.presence import Phase
from .face.tuning import Tuning
from .gearbox import Gearbox
from .latency import LatencyMeter
from .morph import MORPH_S, Morph
from .nouns import Actor, AnyCharacter, Array, FlameParams, Signal, Stamp
from .reader import Seen
from .roles import Artist, Output, Witness
from .tally import Tally

WARM_UP_JAWS = (0.2, 0.1, 0.0)  # radians: three faces, for one that is there already would not be drawn


class Scene:
    """Draws pictures in one thread; what others ask for, from any thread, takes effect with the next picture."""

    def __init__(
        self,
        artist: Artist,
        character: AnyCharacter,
        actor: Actor,
        light: Array,
        outputs: Sequence[Output],
        meter: LatencyMeter,
        clock_ns: Callable[[], int],
        gearbox: Gearbox | None = None,
        morph_s: float = MORPH_S,
    ) -> None:
        """`morph_s` is how long one character takes to become another; with 0 there is a cut."""
        self.artist = artist
        self.character = character  # who was chosen; pictures may still be on their way there
        self.phase = Phase.IDLE  # of the last picture
        self.tally = Tally()
        self.meter = meter
        self._own_light, self._dimmer = light, Dimmer(light)
        self._outputs = tuple(outputs)
        self._clock_ns, self._gearbox = clock_ns, gearbox
        self._performance = Performance(actor)
        self._morph, self.morph_s = Morph(character), morph_s  # replaced as a whole
        self._changing, self._admitting = threading.Lock(), threading.Lock()
        self._witnesses: tuple[Witness, ...] = ()  # replaced as a whole
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

    def express(self, expression: Expression, layer: str = TOP) -> None:
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

    def admit(self, witness: Witness) -> None:
        """Shows this one every signal from now on, those too that are never drawn; from any thread."""
        with self._admitting:
            self._witnesses = (*self._witnesses, witness)

    def dismiss(self, witness: Witness) -> None:
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

    def follow(self, seen: Seen, now_ns: int) -> None:
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

    def _show(self, face: Face, stamp: Stamp, signal: Signal | None) -> None:
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
