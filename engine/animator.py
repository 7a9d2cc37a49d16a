"""The animator: FlameParams and a Character in, a Portrait out, by whichever painter it has at the moment."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .diffusion import sampler
from .face.steadiness import SEEN, Steadiness
from .look import AnimatorError, Look
from .morph import between
from .nouns import AnyCharacter, Character, FlameParams, Portrait, Signal, Stamp
from .painter import Painter, Sitting, network_for
from .picture_cache import PictureCache
from .roles import Counts
from .runtime.build import Build, names
from .weights import NetworkFile

Array = NDArray[np.float32]
AUTO = "auto"  # the fastest of the runtimes that this machine has


def runtimes() -> tuple[str, ...]:
    """What `runtime` may be."""
    return (AUTO, *names())


@dataclass(frozen=True)
class _Before:
    """The picture drawn last, of the character on stage."""

    face: Array  # [64] as drawn
    light: Array
    rgba: NDArray[np.uint8]

    def shows(self, sitting: Sitting) -> bool:
        """Whether it is the picture of exactly this face in this light."""
        return np.array_equal(self.face, _face(sitting)) and np.array_equal(self.light, sitting.light)


class Animator:
    """Draws portraits; from one thread at a time.

    The noise is always the same, so the picture is a function of character, face, light and, with `consistency`, of the
    faces drawn just before: what differs from them by no more than a tracker's noise is steadied, and a face that holds
    still is held. What has not changed is not drawn again, nor what was drawn lately. Without `consistency` each
    picture stands alone.
    """

    def __init__(
        self,
        size: int | None = None,
        steps: int = 1,
        runtime: str = "openvino",
        network: NetworkFile | None = None,
        consistency: bool = True,
    ) -> None:
        if steps not in sampler.STEPS:
            raise AnimatorError(f"steps must be one of {', '.join(map(str, sampler.STEPS))}, got {steps}")
        self.file = network or network_for(size)
        # And why others were not taken, in lines.
        self.painter, self.refusals = _painter(self.file, runtime, size or self.file.size, steps)
        self.counts = Counts()
        self._next: Painter | None = None
        self._steadiness = Steadiness(consistency)
        self._cache = PictureCache()
        self._look: Look | None = None
        self._way: tuple[Look, ...] = ()  # made ready for a change that is going on
        self._making_way = threading.Lock()
        self._before: _Before | None = None

    @property
    def size(self) -> int:
        """Pixels on a side of the next picture."""
        return (self._next or self.painter).size

    @property
    def steps(self) -> int:
        return (self._next or self.painter).steps

    @property
    def runtime(self) -> str:
        """What really runs, for people: "openvino cpu bf16"."""
        return (self._next or self.painter).name

    def shift(self, painter: Painter) -> None:
        """Lets this painter draw from the next picture on; from any thread."""
        self._next = painter

    def reset(self) -> None:
        """Forgets what was drawn before: the next picture stands alone."""
        self._before = None
        self._steadiness.forget()

    def check(self, character: AnyCharacter) -> None:
        """AnimatorError where this character does not fit the network; from any thread."""
        Look.of(character, self.file)

    def way(self, first: AnyCharacter, last: AnyCharacter) -> tuple[AnyCharacter, ...]:
        """From the first, which is on stage, to the last, all of them ready to be drawn; from any thread.

        While they follow each other the face is steadied as before: whoever is shown, the same one performs.
        AnimatorError where the last does not fit the network.
        """
        end = Look.of(last, self.file)
        if not isinstance(first, Character):
            return (last,)
        shown = next((look for look in (self._look, *self._way) if look and look.character is first), None)
        start = shown or Look.of(first, self.file)
        looks = (start, *(Look.of(one, self.file) for one in between(first, end.character)), end)
        for look in looks:
            look.maker(self.size // 2)
        with self._making_way:
            self._way = looks
        return tuple(look.character for look in looks)

    def draw(
        self,
        params: FlameParams,
        character: AnyCharacter,
        light: Array,
        *,
        stamp: Stamp | None = None,
        signal: Signal | None = None,
        presence: float = 1.0,
    ) -> Portrait:
        """The character with this face in this light [27]; AnimatorError where they do not fit the network."""
        asked = Sitting(self._on_stage(character), params, light)
        sitting = replace(asked, params=self._steadiness.settled(params, trembles=presence == 1.0))
        before = self._before
        if before is not None and before.shows(sitting):
            self.counts = replace(self.counts, still=self.counts.still + 1)
        else:
            self._before = before = _Before(_face(sitting), light.copy(), self._painted(sitting))
        moment = stamp or Stamp(0, time.perf_counter_ns(), time.time_ns())
        return Portrait(moment, before.rgba, signal, sitting.params, presence, light)

    def _painted(self, sitting: Sitting) -> NDArray[np.uint8]:
        """The picture of this sitting, painted now or before."""
        painter, counts = self.painter, self.counts
        shown = sitting.look.number, _face(sitting).tobytes(), sitting.light.tobytes()
        key = (painter.name, painter.size, painter.steps, *shown)
        picture = self._cache.get(key)
        if picture is not None:
            self.counts = replace(counts, cached=counts.cached + 1)
            return picture
        (picture,) = painter.paint([sitting])
        self._cache.put(key, picture)
        self.counts = replace(counts, drawn=counts.drawn + 1)
        return picture

    def _on_stage(self, character: AnyCharacter) -> Look:
        painter = self._next  # read once: it may change at any time
        if painter is not None and painter is not self.painter:
            self.painter, self._before = painter, None
        if self._look is None or self._look.character is not character:
            look = self._on_its_way(character)
            if look is None:
                look = Look.of(character, self.file)
                self.reset()
            self._look, self._before = look, None
        return self._look

    def _on_its_way(self, character: AnyCharacter) -> Look | None:
        """What was made ready of this character; the rest is let go with the last."""
        way = self._way
        found = next((look for look in way if look.character is character), None)
        if found and found is way[-1] and self._making_way.acquire(blocking=False):
            if self._way is way:
                self._way = ()
            self._making_way.release()
        return found


def _face(sitting: Sitting) -> Array:
    return sitting.params.vector()[SEEN]


def _painter(file: NetworkFile, runtime: str, size: int, steps: int) -> tuple[Painter, tuple[str, ...]]:
    """By this runtime, else AnimatorError; OpenVINO stands in for what was chosen by itself and no longer runs."""
    build, refusals = _build(file, runtime, size)
    try:
        return Painter(file, build, steps), refusals
    except AnimatorError as error:
        if runtime != AUTO or build == Build(size=size):
            raise
        return Painter(file, Build(size=size), steps), (*refusals, f"{build.name}: {error}")


def _build(file: NetworkFile, runtime: str, size: int) -> tuple[Build, tuple[str, ...]]:
    """What this runtime's name stands for, and why others were refused where it is left to the machine."""
    if runtime == AUTO:
        from .runtime.choice import choose

        choice = choose(file, size)
        return choice.build, choice.refusals
    try:
        return Build.named(runtime, size), ()
    except ValueError as error:
        raise AnimatorError(str(error)) from error
