"""Draws one character in one light, as the performance says, with a crossfade to the next character."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..data import Actor, AnyCharacter, Array, FlameParams, Portrait, Signal, Stamp
from ..face.light import LightFade, checked_light, studio_light
from ..face.liveliness import STILL_LIFE
from ..face.performance import Performance, PerformedFace
from ..face.presence import Phase, smoothstep
from ..model.character_file import load_any_character
from ..model.portrait_renderer import DrawOptions, FadingCharacters, PortraitRenderer
from .adaptive_quality import AdaptiveQuality
from .label import Label, labelled
from .latency import RECENT, DurationRing, LatencyMeter
from .metrics import RunCounters
from .overlays import Sprite, Thrown
from .scene import PLAIN, Compositor, Scene
from .scheduling import CapturedSignal

CROSSFADE_S = 0.4
BETWEEN_S = 60.0  # that a job waits for the drawing thread, and runs there
HIDE_S = 0.25  # for the portrait to fade out or in
WARM_UP_JAWS = (0.2, 0.1, 0.0)  # radians: three different faces, so that each of them is really drawn
_MOST_FADING = 2  # characters drawn besides the new one, however often it changes
_INVISIBLE = 1e-3  # a share of the picture


class Output(Protocol):
    """Takes portraits; open before the loop starts, closed after it has ended.

    Examples
    --------
    >>> class Counter:
    ...     name = "counter"
    ...     count = 0
    ...
    ...     def offer(self, portrait: Portrait) -> None:
    ...         self.count += 1
    """

    name: str

    def offer(self, portrait: Portrait) -> None:
        """Takes the newest portrait, whose picture must not be written to. Never blocks."""
        ...


class LiveSession:
    """Draws and offers portraits. `draw` and `warm_up` run in the drawing thread; the rest may be called from any.

    `performance` takes expressions, tuning and the actor; all changes take effect with the next picture.

    Parameters
    ----------
    renderer
        Draws the portraits; an `Animator`.
    character
        Its name, the path of its file, or a loaded one.
    outputs
        Take each portrait; open before the loop starts. An `Output` has a `name` and `offer(portrait)`.
    meter
        Measures latency: the one whose `sent` an output calls.
    quality
        Holds a latency budget; already open.
    clock_ns
        `time.perf_counter_ns`, or a test's.

    Raises
    ------
    CharacterError
        If there is no character of this name, or its file is damaged.

    Examples
    --------
    >>> session = LiveSession(Animator(), "hana", [wire])
    """

    def __init__(
        self,
        renderer: PortraitRenderer,
        character: AnyCharacter | str | Path,
        outputs: Sequence[Output] = (),
        *,
        meter: LatencyMeter | None = None,
        quality: AdaptiveQuality | None = None,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.renderer = renderer
        self.character = _loaded(character)  # the target of a crossfade that is not over yet
        self.crossfade_s = CROSSFADE_S  # 0 cuts to the next character
        self.performance = Performance(Actor())
        self.phase = Phase.IDLE  # of the last picture
        self.face: PerformedFace | None = None  # of the last picture; replaced as a whole
        self.is_paused = False  # while set, the performer does not move the portrait
        self.counters = RunCounters()
        self.meter, self.quality, self.clock_ns = meter or LatencyMeter(), quality, clock_ns
        self.voice_delays = DurationRing(RECENT)  # from a sound to the drawn picture of the mouth that it moved
        self._outputs = tuple(outputs)
        self._light_fade = LightFade(studio_light())
        self._opacity = OpacityFade()
        self._label = Label()
        self._between: _BetweenPictures | None = None
        self._interposing = threading.Lock()
        self._compositor = Compositor()
        self._throws = 0  # so far, so that sides alternate
        self._crossfade = CharacterCrossfade(self.character)  # replaced as a whole
        self._listeners: tuple[Callable[[Signal], None], ...] = ()  # replaced as a whole
        self._changing, self._listing = threading.Lock(), threading.Lock()
        self._index = -1  # of the last picture
        self._offered = -1  # differs from `_index` if the renderer draws several pictures at a time

    def change(self, character: AnyCharacter | str | Path) -> None:
        """Starts the crossfade to another character, and returns when it is ready to be drawn.

        Raises CharacterError if there is none of this name, AnimatorError if the renderer cannot draw it; nothing has
        changed then.
        """
        character = _loaded(character)
        with self._changing:
            self.renderer.check(character)
            self._crossfade = self._crossfade.to(character, self.clock_ns(), self.crossfade_s)
            self.character = character

    def use_light(self, harmonics: Array | None, within_s: float = 0.0) -> None:
        """Changes to the light of these harmonics [27], or back to the studio light, at once or gradually.

        Raises DataError for another shape or for numbers that are not finite.
        """
        light = studio_light() if harmonics is None else checked_light(harmonics).copy()
        self._light_fade.turn_to(light, self.clock_ns(), within_s)

    @property
    def light(self) -> Array:
        """[27] the light, or the target of a change that is not over yet."""
        return self._light_fade.light

    def use_renderer(self, renderer: PortraitRenderer) -> None:
        """Draws with another renderer, which has the character ready; call it in `between_pictures`."""
        self.renderer = renderer

    def use_quality(self, quality: AdaptiveQuality | None) -> None:
        """Holds another latency budget, already open, or none."""
        self.quality = quality
        self.meter.on_sent = quality.observe if quality else None

    def between_pictures(self, job: Callable[[], object], timeout_s: float = BETWEEN_S) -> None:
        """Runs the job in the drawing thread before its next picture, waits for it, and raises what it raises.

        TimeoutError if no picture is drawn in this time; the job is not run then.
        """
        waiting = _BetweenPictures(job)
        with self._interposing:
            self._between = waiting
            if not waiting.is_done.wait(timeout_s):
                self._between = None
                raise TimeoutError("no picture is drawn")
        if waiting.error:
            raise waiting.error

    @property
    def is_hidden(self) -> bool:
        """Whether the portrait is transparent, or fades out."""
        return self._opacity.is_hidden

    @property
    def is_labelled(self) -> bool:
        """Whether pictures carry a visible mark that they are generated."""
        return self._label.is_on

    def label(self, is_on: bool) -> None:
        """Marks the pictures of all outputs visibly as generated, or no longer, from the next one on."""
        self._label.is_on = is_on

    def hide(self, is_hidden: bool) -> None:
        """Fades the portrait out, or in again, within `HIDE_S`; the outputs get transparent pictures meanwhile."""
        self._opacity.turn(is_hidden, self.clock_ns())

    def throw(self, sprite: Sprite, count: int = 1) -> None:
        """Throws a picture at the portrait, `count` times within a second, from alternating sides."""
        now_ns = self.clock_ns()
        self._compositor.throw(
            *(
                Thrown(
                    sprite, now_ns + round(at * 1e9 / count), 1 if (self._throws + at) % 2 else -1, rise=0.1 * (at % 3)
                )
                for at in range(count)
            )
        )
        self._throws += count

    def use_scene(self, scene: Scene = PLAIN) -> None:
        """Composites portraits in this scene from the next picture on."""
        self._compositor.scene = scene

    def add_listener(self, listener: Callable[[Signal], None]) -> None:
        """Calls the listener with every raw signal, also those that are never drawn.

        It runs in the thread that reads the source, and must neither block nor raise.
        """
        with self._listing:
            self._listeners = (*self._listeners, listener)

    def remove_listener(self, listener: Callable[[Signal], None]) -> None:
        """Stops calling this listener; does nothing if it was not added."""
        with self._listing:
            self._listeners = tuple(one for one in self._listeners if one != listener)

    def notify(self, signal: Signal) -> None:
        """Calls all listeners."""
        for listener in self._listeners:
            listener(signal)

    def warm_up(self) -> None:
        """Draws and discards the first pictures, which are slow, before anything is captured."""
        start_ns = self.clock_ns()
        for jaw in WARM_UP_JAWS:
            params = replace(FlameParams.neutral(), jaw_pose=np.array([jaw, 0.0, 0.0], np.float32))
            self.renderer.draw(params, self.character, self._light_fade.at(start_ns))
        self.counters.warm_up_s = (self.clock_ns() - start_ns) / 1e9

    def draw(self, captured: CapturedSignal | None, now_ns: int) -> None:
        """Draws and offers the face of a signal, or, without a signal, the portrait while nothing is captured."""
        if (waiting := self._between) is not None:
            self._between = None
            waiting.run()

        # Pose the face.
        if captured is None or self.is_paused:
            signal, face = None, self.performance.wait(now_ns)
            stamp = Stamp(self._index + 1, now_ns, time.time_ns())
        else:
            signal, stamp = captured.signal, captured.stamp.after("wait", now_ns)
            self.counters.count_signal(is_tracked=signal.is_tracked)
            face = self.performance.follow(signal)
            # The source's index if possible, but never one that was there before.
            stamp = replace(stamp, index=max(self._index + 1, stamp.index))
        self.face = face
        posed_ns, drawn_before, crossfade = self.clock_ns(), self.renderer.counts.drawn, self._crossfade
        stamp = stamp.after("pose", posed_ns)

        # Draw it.
        fading = crossfade.at(posed_ns)
        life, recoil = face.life, self._compositor.recoil(posed_ns)
        if recoil is not None:
            life = replace(life or STILL_LIFE, turn=recoil + (life or STILL_LIFE).turn)
        options = DrawOptions(
            stamp, signal, presence=face.presence, fading=fading, marks=face.marks, life=life, hair=face.hair
        )
        portrait = self.renderer.draw(face.params, crossfade.character, self._light_fade.at(posed_ns), options)
        quality = self.quality
        drawn_by = quality.drawn_by if quality else ""
        drawn = portrait.stamp.after("draw", self.clock_ns())
        rgba = with_opacity(portrait.rgba, self._opacity.at(posed_ns))
        portrait = replace(portrait, rgba=rgba, stamp=drawn, drawn_by=drawn_by, recognised=face.recognised)
        self._index, self.phase = stamp.index, face.shown.phase
        if face.heard_ns is not None:
            self.voice_delays.add((self.clock_ns() - face.heard_ns) / 1e6)

        # Offer it, unless a renderer that draws several pictures at a time gives the same one again.
        if portrait.stamp.index == self._offered:
            return
        self._offered = portrait.stamp.index
        portrait = self._compositor.composite(portrait, crossfade.character, posed_ns)
        if self._label.is_on:
            cutout = None if portrait.cutout is None else labelled(portrait.cutout, is_premultiplied=True)
            portrait = replace(portrait, rgba=self._label.on(portrait.rgba), cutout=cutout)
        self.counters.pictures += 1
        if portrait.signal is not None:
            self.meter.drawn(portrait.stamp, is_new=self.renderer.counts.drawn > drawn_before)
        for output in self._outputs:
            output.offer(portrait)


class _BetweenPictures:
    """A job for the drawing thread."""

    def __init__(self, job: Callable[[], object]) -> None:
        self._job = job
        self.is_done = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Runs it; its error is for the thread that waits."""
        try:
            self._job()
        except BaseException as error:
            self.error = error
        self.is_done.set()


class OpacityFade:
    """How much of the portrait is visible. Any thread may turn it; the drawing thread calls `at`."""

    def __init__(self) -> None:
        self._change = (1.0, 1.0, 0)  # from, to, start in ns; replaced as a whole

    @property
    def is_hidden(self) -> bool:
        """Whether it is 0, or becomes 0."""
        return self._change[1] == 0.0

    def turn(self, is_hidden: bool, now_ns: int) -> None:
        """Fades out or in, from what is visible now."""
        self._change = (self.at(now_ns), 0.0 if is_hidden else 1.0, now_ns)

    def at(self, now_ns: int) -> float:
        """0 (hidden) to 1 at this time."""
        before, after, begin_ns = self._change
        share = smoothstep(min(max(now_ns - begin_ns, 0) / (HIDE_S * 1e9), 1.0))
        return before + (after - before) * share


def with_opacity(rgba: NDArray[np.uint8], opacity: float) -> NDArray[np.uint8]:
    """The picture [H,W,4] with its alpha multiplied by 0 to 1: the same array at 1, zeros at 0."""
    if opacity >= 1.0:
        return rgba
    if opacity <= 0.0:
        return np.zeros_like(rgba)
    shown = rgba.copy()
    shown[..., 3] = np.rint(rgba[..., 3] * np.float32(opacity))
    return shown


def _loaded(character: AnyCharacter | str | Path) -> AnyCharacter:
    return load_any_character(character) if isinstance(character, str | Path) else character


@dataclass(frozen=True)
class CharacterCrossfade:
    """A character, and the earlier ones that are still visible."""

    character: AnyCharacter
    fading: FadingCharacters = ()  # at the beginning
    began_ns: int = 0
    seconds: float = CROSSFADE_S

    def at(self, now_ns: int) -> FadingCharacters:
        """The earlier characters that are visible at this time, each with its share of the picture."""
        elapsed_s = (now_ns - self.began_ns) / 1e9
        if not self.fading or elapsed_s >= self.seconds:
            return ()
        left = 1.0 - smoothstep(max(elapsed_s, 0.0) / self.seconds)
        return tuple((one, share * left) for one, share in self.fading if share * left > _INVISIBLE)

    def to(self, character: AnyCharacter, now_ns: int, seconds: float = CROSSFADE_S) -> CharacterCrossfade:
        """The crossfade to another character, from what is visible now; with 0 seconds a cut."""
        if seconds <= 0.0:
            return CharacterCrossfade(character)
        fading = self.at(now_ns)
        visible = (*fading, (self.character, 1.0 - sum(share for _, share in fading)))
        others = sorted((one for one in visible if one[0] is not character), key=lambda one: -one[1])
        return CharacterCrossfade(character, tuple(others[:_MOST_FADING]), now_ns, seconds)
