"""A hand: what draws at an easel, opened once in each process that is given one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from omote.engine.errors import AnimatorError
from omote.engine.model import parity
from omote.engine.model.networks import Networks
from omote.engine.model.renderer import Look, Renderer, crossfaded
from omote.engine.nouns import Array, Character, FlameParams
from omote.engine.runtime.session import RuntimeUnavailable
from omote.engine.weights import FOLDER, WeightsError

from .chunk import REACH, Chunk
from .picture_consistency import attended, ways_to
from .picture_file import Picture
from .resizing import resized
from .script import RenderError

if TYPE_CHECKING:
    from .easel import Easel


class Hand(Protocol):
    """Draws each chunk as if there had been none before."""

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        """[S,S,4] of each of its pictures, in order; RenderError where one cannot be drawn."""
        ...


def hand_at(easel: Easel) -> Hand:
    """What draws at this easel, or at one that is the same; AnimatorError where it cannot be opened here.

    One is kept open, the last: an easel that comes from elsewhere is another object each time.
    """
    if not _opened or _opened[0][0] != easel.key:
        _opened[:] = []  # before the next one takes its memory
        _opened.append((easel.key, _open(easel)))
    return _opened[0][1]


_opened: list[tuple[str, Hand]] = []


def _open(easel: Easel) -> Hand:
    if easel.photoreal is None:
        return OpenKind.at(easel)
    if easel.photoreal.guidance is None:
        from .photoreal_hand import FewSteps

        return FewSteps.at(easel)
    from .photoreal_set import ManySteps

    return ManySteps.at(easel)


@dataclass(frozen=True, eq=False)
class _Asked:
    """One picture."""

    params: FlameParams
    light: Array
    shares: Array
    sways: Array | None  # [c,JOINTS,CHAINS,3]


@dataclass(eq=False)
class OpenKind:
    """Characters of the open kind and cross-fades of them; a face is drawn exactly as it is told.

    With `consistency` each picture reads those beside it, also beyond the chunk, which are drawn for it and dropped.
    """

    looks: tuple[Look, ...]  # of the cast
    size: int  # pixels on a side of what is written
    drawn_size: int
    steps: int
    renderer: Renderer
    consistency: bool

    @classmethod
    def at(cls, easel: Easel) -> OpenKind:
        """AnimatorError where the networks cannot be opened here."""
        cast = tuple(one for one in easel.cast if isinstance(one, Character))
        try:
            renderer = Renderer(Networks(FOLDER, easel.build))
            looks = tuple(renderer.look(one) for one in cast)
            parity.require(renderer.networks)
        except (RuntimeUnavailable, WeightsError, ValueError) as error:
            raise AnimatorError(str(error)) from error
        return cls(looks, easel.size, easel.drawn_size, easel.steps, renderer, easel.consistency)

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        asked, lead = _asked(chunk)
        drawn: dict[int, Picture] = {}
        reach = REACH if self.consistency else 0
        for index in range(lead, lead + len(chunk)):
            near = range(max(index - reach, 0), min(index + reach + 1, len(asked)))
            drawn = {one: drawn[one] if one in drawn else self._drawn(asked[one]) for one in near}
            own, others = asked[index], [one for one in near if one != index]
            look = self.looks[int(np.argmax(own.shares))]
            ways = ways_to(look.viewer, own.params, [asked[one].params for one in others])
            yield resized(attended(drawn[index], [drawn[one] for one in others], ways), self.size)

    def _drawn(self, asked: _Asked) -> Picture:
        present = np.flatnonzero(asked.shares > 0.0)
        if not len(present):
            raise RenderError("a picture shows nobody: the shares of its characters are 0")
        pictures = [
            self.renderer.draw(
                self.looks[k],
                asked.params,
                asked.light,
                self.drawn_size,
                self.steps,
                None if asked.sways is None else asked.sways[k],
            )
            for k in present
        ]
        return crossfaded(pictures, [float(share) for share in asked.shares[present]])


def _asked(chunk: Chunk) -> tuple[list[_Asked], int]:
    """All that is shown before, in and after a chunk, and how many are before it."""
    parts = [part for part in (chunk.before, chunk, chunk.after) if len(part.faces)]
    asked = [
        _Asked(FlameParams.from_vector(face, chunk.basis), light, shares, sways)
        for part in parts
        for face, light, shares, sways in zip(
            part.faces,
            part.lights,
            part.shares,
            [None] * len(part.faces) if part.sways is None else part.sways,
            strict=True,
        )
    ]
    return asked, len(chunk.before.faces)
