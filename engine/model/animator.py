"""The animator: FlameParams and a Character in, a Portrait out; and an ensemble of several."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..data import AnyCharacter, Character, FlameParams, Portrait, Signal, Stamp
from ..errors import AnimatorError
from ..face.stabilizer import DRAWN_PARAMS, FaceStabilizer
from ..models import WEIGHTS_FOLDER, WeightsError, shipped_networks
from ..runtime.session import AUTO, Build, RuntimeUnavailable, runtime_names
from . import autotune
from .autotune import choose
from .hair import CHAINS, JOINTS, HairMotion
from .marks import with_marks
from .networks import Networks
from .portrait_renderer import DrawCounts, Fading, PictureCache
from .renderer import DEFAULT_SIZE, MOST_AT_ONCE, SIZES, STEPS, PreparedCharacter, Renderer, crossfaded, motion_of

Array = NDArray[np.float32]
_PREPARED_CHARACTERS = 4  # characters that are kept ready: two that change, and two before them

log = logging.getLogger(__name__)


def runtime_options() -> tuple[str, ...]:
    """What `runtime` may be."""
    return (AUTO, *runtime_names())


def sizes() -> tuple[int, ...]:
    """The picture sizes that can be drawn, smallest first."""
    return SIZES


def open_renderer(runtime: str, references: int = MOST_AT_ONCE) -> tuple[Renderer, tuple[str, ...]]:
    """By this runtime, and why others were not taken, in lines; AnimatorError where none can draw here.

    The denoiser is compiled for so many references. OpenVINO stands in for what was chosen by itself and no longer
    runs.
    """
    try:
        build, refusals = _build(runtime)
        try:
            return _opened_renderer(build, references), refusals
        except RuntimeUnavailable as error:
            if runtime != AUTO or build == Build():
                raise
            return _opened_renderer(Build(), references), (*refusals, f"{build.name}: {error}")
    except (RuntimeUnavailable, WeightsError, ValueError) as error:
        raise AnimatorError(str(error)) from error


def _build(runtime: str) -> tuple[Build, tuple[str, ...]]:
    if runtime == AUTO:
        choice = choose(shipped_networks())
        return choice.build, choice.refusals
    return Build.named(runtime), ()


def _opened_renderer(build: Build, references: int) -> Renderer:
    networks = Networks(WEIGHTS_FOLDER, build)
    networks.denoiser(references)
    autotune.require_parity(networks)
    return Renderer(networks)


@dataclass(frozen=True)
class _PictureKey:
    """All that a picture is a function of."""

    looks: tuple[PreparedCharacter, ...]
    shares: tuple[float, ...]
    face: bytes
    light: bytes
    size: int
    steps: int
    marks: bytes
    sways: tuple[bytes, ...]  # of the hair of each; empty for one at rest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _PictureKey) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[object, ...]:
        return (
            tuple(map(id, self.looks)),
            self.shares,
            self.face,
            self.light,
            self.size,
            self.steps,
            self.marks,
            self.sways,
        )


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
        consistency: bool = True,
        *,
        renderer: Renderer | None = None,
        references: int = MOST_AT_ONCE,
    ) -> None:
        """Compiles the denoiser for so many references, those of the first character, unless a renderer is given."""
        self._size, self._steps = _require_supported(size or DEFAULT_SIZE, steps)
        self.refusals: tuple[str, ...] = ()  # why other runtimes were not taken, in lines
        if renderer is None:
            renderer, self.refusals = open_renderer(runtime, references)
        self.renderer = renderer
        self.counts = DrawCounts()
        self._steadiness = FaceStabilizer(consistency)
        self._cache = PictureCache()
        self._looks: OrderedDict[int, PreparedCharacter] = OrderedDict()  # by the character's id
        self._hair: dict[int, HairMotion] = {}  # of those who were seen in the last picture, by the look's id
        self._preparing = threading.Lock()
        self._stage: AnyCharacter | None = None
        self._before: tuple[_PictureKey, NDArray[np.uint8]] | None = None

    @property
    def size(self) -> int:
        """Pixels on a side of the next picture."""
        return self._size

    @property
    def steps(self) -> int:
        return self._steps

    @property
    def runtime(self) -> str:
        """What really runs, for people: "openvino cpu bf16"."""
        return self.renderer.networks.name

    def use(self, size: int, steps: int) -> None:
        """Draws in this size and in so many steps from the next picture on; from any thread. AnimatorError if not."""
        self._size, self._steps = _require_supported(size, steps)

    def reset(self) -> None:
        """Forgets what was drawn before: the next picture stands alone."""
        self._before = None
        self._hair = {}
        self._steadiness.forget()

    def check(self, character: AnyCharacter) -> None:
        """Makes this character ready to be drawn; AnimatorError where that cannot be; from any thread."""
        self._look(character).pictures(self._size)

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
        """The character with this face in this light [27], and others that are still seen through it.

        `marks` [6] says how much of each of `expressions.MARKS` is drawn over it. `hair` is how far hair swings after
        the head, by the times of the stamps: 1 as its springs say, 0 not at all.

        AnimatorError where face or light are of another form, or the character cannot be drawn.
        """
        cast = [*((self._look(one), share) for one, share in fading), (self._look(character), _remaining_share(fading))]
        self._step_on_stage(character, fading)
        settled = self._steadiness.settled(params, trembles=presence == 1.0)
        shown = _PictureKey(
            tuple(look for look, _ in cast),
            tuple(share for _, share in cast),
            settled.vector()[DRAWN_PARAMS].tobytes() + settled.basis.encode(),
            light.tobytes(),
            self._size,
            self._steps,
            marks.tobytes() if marks is not None and marks.any() else b"",
            self._sways([look for look, _ in cast], settled, stamp, hair),
        )
        if self._before is not None and self._before[0] == shown:
            self.counts = replace(self.counts, still=self.counts.still + 1)
            rgba = self._before[1]
        else:
            rgba = self._drawn(shown, settled, light)
            self._before = shown, rgba
        moment = stamp or Stamp(0, time.perf_counter_ns(), time.time_ns())
        return Portrait(moment, rgba, signal, settled, presence, light)

    def _drawn(self, shown: _PictureKey, params: FlameParams, light: Array) -> NDArray[np.uint8]:
        """The picture, drawn now or before."""
        pictures, is_new = [], False
        for look, sway in zip(shown.looks, shown.sways, strict=True):
            key = replace(shown, looks=(look,), shares=(1.0,), sways=(sway,))
            picture = self._cache.get(key)
            if picture is None:
                is_new = True
                try:
                    swung = np.frombuffer(sway, np.float32).reshape(JOINTS, CHAINS, 3) if sway else None
                    picture = self.renderer.draw(look, params, light, shown.size, shown.steps, swung)
                    if shown.marks:
                        picture = with_marks(picture, look.viewer, params, np.frombuffer(shown.marks, np.float32))
                except (ValueError, RuntimeUnavailable) as error:
                    raise AnimatorError(str(error)) from error
                self._cache.put(key, picture)
            pictures.append(picture)
        counts = self.counts
        if is_new:
            self.counts = replace(counts, drawn=counts.drawn + 1)
        else:
            self.counts = replace(counts, cached=counts.cached + 1)
        return crossfaded(pictures, shown.shares)

    def _sways(
        self, looks: Sequence[PreparedCharacter], params: FlameParams, stamp: Stamp | None, strength: float
    ) -> tuple[bytes, ...]:
        """How the hair of each sways at this time; those who are seen no more are forgotten."""
        if stamp is None or strength == 0.0:
            self._hair = {}
            return (b"",) * len(looks)
        self._hair = {id(look): self._hair.get(id(look)) or motion_of(look.character) for look in looks if look.hair}
        found = {key: motion.follow(params, stamp.captured_ns) for key, motion in self._hair.items()}
        return tuple(
            (found[id(look)] * np.float32(strength)).tobytes() if id(look) in found and found[id(look)].any() else b""
            for look in looks
        )

    def _step_on_stage(self, character: AnyCharacter, fading: Fading) -> None:
        """A cut forgets earlier faces; a fade keeps them, because the performer stays the same."""
        if self._stage is not character:
            if not any(one is self._stage for one, _ in fading):
                self.reset()
            self._stage = character

    def _look(self, character: AnyCharacter) -> PreparedCharacter:
        found = self._looks.get(id(character))
        if found is not None and found.character is character:
            return found
        if not isinstance(character, Character):
            raise AnimatorError(
                f'character "{character.name}" is photoreal, and this network draws others: start again with '
                f"--character {character.name}"
            )
        try:
            look = self.renderer.look(character)
        except (RuntimeUnavailable, ValueError) as error:
            raise AnimatorError(f'character "{character.name}": {error}') from error
        with self._preparing:
            self._looks[id(character)] = look
            while len(self._looks) > _PREPARED_CHARACTERS:
                self._looks.popitem(last=False)
        return look


def _require_supported(size: int, steps: int) -> tuple[int, int]:
    if size not in SIZES:
        raise AnimatorError(f"pictures of {size} pixels are not drawn: --size takes {', '.join(map(str, SIZES))}")
    if steps not in STEPS:
        raise AnimatorError(f"steps must be one of {', '.join(map(str, STEPS))}, got {steps}")
    return size, steps


def _remaining_share(fading: Fading) -> float:
    return 1.0 - sum(share for _, share in fading)


@dataclass(frozen=True)
class EnsembleMember:
    """What one of an ensemble does now."""

    character: Character
    params: FlameParams
    light: Array  # [27]
    presence: float = 1.0


class Ensemble:
    """Draws always the same number of portraits, one after another; each has a face and a memory of its own."""

    def __init__(
        self, count: int, size: int | None = None, steps: int = 1, runtime: str = "openvino", consistency: bool = True
    ) -> None:
        if count < 1:
            raise AnimatorError(f"an ensemble has at least one character, got {count}")
        first = Animator(size, steps, runtime, consistency)
        others = (Animator(size, steps, consistency=consistency, renderer=first.renderer) for _ in range(count - 1))
        self._animators = (first, *others)
        self.renderer = first.renderer

    @property
    def runtime(self) -> str:
        """What really runs, for people: "openvino cpu bf16"."""
        return self._animators[0].runtime

    @property
    def size(self) -> int:
        """Pixels on a side of a picture."""
        return self._animators[0].size

    def reset(self) -> None:
        """Forgets what was drawn before: the next pictures stand alone."""
        for one in self._animators:
            one.reset()

    def draw(self, parts: Sequence[EnsembleMember], stamp: Stamp | None = None) -> tuple[Portrait, ...]:
        """A portrait of each, in the order of `parts`; AnimatorError where they cannot be drawn."""
        if len(parts) != len(self._animators):
            raise AnimatorError(f"this ensemble has {len(self._animators)} characters, got {len(parts)}")
        moment = stamp or Stamp(0, time.perf_counter_ns(), time.time_ns())
        return tuple(
            animator.draw(part.params, part.character, part.light, stamp=moment, presence=part.presence)
            for animator, part in zip(self._animators, parts, strict=True)
        )
