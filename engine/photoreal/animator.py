"""The photoreal animator: FlameParams and a PhotorealCharacter in, a Portrait out, in few steps of diffusion."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..data import FLAME_BASIS, OPEN_BASIS, AnyCharacter, Array, FlameParams, Portrait, Stamp
from ..diffusion.schedule import FewStep, few_step_plan
from ..errors import AnimatorError
from ..face.light import checked_light
from ..model.portrait_renderer import FACE_ALONE, DrawCounts, DrawOptions, PictureCache
from .networks import Networks
from .painter import Painter, Picture, Study
from .poise import Poise
from .sitter import Sitter, fitting, relief_of
from .stream import Asked, Stream
from .tint import tinted
from .vector import vector_of

_STANDS = np.zeros(3, np.float32)  # where the head stands is the camera's affair, as in pictures of the open kind


@dataclass(frozen=True)
class _Before:
    """The picture shown last."""

    asked: Asked
    portrait: Portrait

    def shows(self, asked: Asked) -> bool:
        """Whether it is the picture of exactly this face in this light."""
        mine, its = self.asked.params, asked.params
        return (
            self.asked.key == asked.key
            and np.array_equal(mine.neck_pose, its.neck_pose)
            and np.array_equal(mine.eye_pose, its.eye_pose)
            and np.array_equal(mine.eyelids, its.eyelids)
            and np.array_equal(self.asked.light, asked.light)
        )


class PhotorealAnimator:
    """Draws portraits of photoreal characters; from one thread at a time.

    All noise is given, so a picture is a function of character, face and light. The networks draw each expression once,
    as long as that is kept, of a head that looks ahead; turns of head and eyes bend that picture, and light tints it.
    With `streams` as many faces are under way as there are steps: what is drawn then is the one that was asked for as
    many calls ago less one, turned as it was turned at that moment and under its own stamp, for one portrait is one
    moment. A face asked for without a stamp is no part of the stream.
    """

    def __init__(
        self,
        networks: Networks,
        sampler: FewStep,
        steps: int,
        to_flame: Callable[[FlameParams], FlameParams],
        *,
        streams: bool = False,
        consistency: bool = True,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        """`to_flame` maps the open basis to FLAME 2020's.

        AnimatorError where the sampler cannot take so many steps, or networks for one picture are to draw a stream.
        """
        self.counts = DrawCounts()
        self.networks, self.sampler, self._to_flame = networks, sampler, to_flame
        self._painter = _painter(networks, sampler, steps)
        if streams and networks.batch != steps:
            raise AnimatorError(f"a stream of {steps} steps wants a UNet for as many pictures, got {networks.batch}")
        self._stream = Stream(steps, self._painter.further, clock_ns) if streams and steps > 1 else None
        self._clock_ns = clock_ns
        self._poise, self._cache = Poise(consistency), PictureCache()
        self._sitter: Sitter | None = None
        self._before: _Before | None = None

    @property
    def size(self) -> int:
        """Pixels on a side."""
        return self.networks.size

    @property
    def steps(self) -> int:
        return len(self._painter.plan)

    @property
    def runtime(self) -> str:
        """What really runs, for people: "openvino cpu bf16"."""
        return self.networks.name

    def reset(self) -> None:
        """Forgets what was drawn before: the next picture stands alone."""
        self._before = None
        self._poise.forget()
        if self._stream:
            self._stream.forget()

    def check(self, character: AnyCharacter) -> None:
        """AnimatorError where this character cannot be drawn; from any thread."""
        relief_of(fitting(character, self.networks, self.sampler))  # found here, it keeps no picture waiting

    def draw(
        self,
        params: FlameParams,
        character: AnyCharacter,
        light: Array,
        options: DrawOptions = FACE_ALONE,
    ) -> Portrait:
        """The character with this face in this light [27], or an earlier one that was under way.

        `fading`, `marks` and `hair` are ignored: one photoreal character follows another by a cut, has no marks of
        comics, and its hair moves with the head.

        AnimatorError where they are not what the networks draw.
        """
        sitter = self._on_stage(character)
        settled = self._poise.settled(params, trembles=options.presence == 1.0)
        study, key = self._study(sitter, settled)
        moment = options.stamp or Stamp(0, self._clock_ns(), time.time_ns())
        asked = Asked(study, settled, _lit(light), moment, options.signal, options.presence, key)
        if self._stream is None or options.stamp is None:
            self._painter.whole(study)
            return self._portrait(asked)
        return self._portrait(self._stream.passed(asked))

    def _portrait(self, asked: Asked) -> Portrait:
        before = self._before
        if before and before.asked is asked:  # the first of a stream, held until the next has come through
            return before.portrait
        rgba = self._still(asked)
        if rgba is None:
            rgba = self._finished(asked)
        params, light = asked.params, asked.light
        portrait = Portrait(asked.stamp, rgba, asked.signal, params, asked.presence, light)
        self._before = _Before(asked, portrait)
        return portrait

    def _still(self, asked: Asked) -> NDArray[np.uint8] | None:
        """The picture before, where nothing has changed."""
        if self._before is None or not self._before.shows(asked):
            return None
        self.counts = replace(self.counts, still=self.counts.still + 1)
        return self._before.portrait.rgba

    def _finished(self, asked: Asked) -> NDArray[np.uint8]:
        """[S,S,4] what the networks painted, turned and tinted."""
        params = asked.params
        turned = asked.study.sitter.relief.turned(
            self._painted(asked), params.neck_pose, _STANDS, params.eye_pose, params.eyelids
        )
        return tinted(turned, asked.light)

    def _painted(self, asked: Asked) -> Picture:
        """[S,S,3] what the networks painted, kept for the next time that it is asked for."""
        kept = self._cache.get(asked.key)
        if kept is not None:
            self.counts = replace(self.counts, cached=self.counts.cached + 1)
            return kept
        painted = self._painter.whole(asked.study)
        self._cache.put(asked.key, painted)
        self.counts = replace(self.counts, drawn=self.counts.drawn + 1)
        return painted

    def _study(self, sitter: Sitter, params: FlameParams) -> tuple[Study, Hashable]:
        """The network's part in this face, and its name: one that is kept, or under way, or begun now."""
        vector = vector_of(self._in_flame(params), sitter.character.neutral)
        key = (sitter.number, vector.tobytes())
        under_way = self._stream.same(key) if self._stream else None
        if under_way is not None:
            return under_way, key
        kept = self._cache.get(key)
        if kept is not None:
            return Study.done(sitter, kept), key
        return self._painter.study(sitter, vector), key

    def _in_flame(self, params: FlameParams) -> FlameParams:
        if params.basis not in (OPEN_BASIS, FLAME_BASIS):
            raise AnimatorError(
                f'photoreal characters speak the bases "{FLAME_BASIS}" and "{OPEN_BASIS}", these parameters '
                f'"{params.basis}"'
            )
        return params if params.basis == FLAME_BASIS else self._to_flame(params)

    def _on_stage(self, character: AnyCharacter) -> Sitter:
        if self._sitter is None or self._sitter.character is not character:
            self._sitter = Sitter.of(character, self.networks, self.sampler)
            self.reset()
        return self._sitter


def _painter(networks: Networks, sampler: FewStep, steps: int) -> Painter:
    try:
        return Painter(networks, few_step_plan(sampler, steps))
    except ValueError as error:
        raise AnimatorError(f"--steps {steps}: {error}") from error


def _lit(light: Array) -> Array:
    """A copy, which nobody changes while the picture is under way."""
    try:
        return checked_light(light).copy()
    except ValueError as error:
        raise AnimatorError(str(error)) from error
