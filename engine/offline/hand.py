"""A hand: what draws at an easel, opened once in each process that is given one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from omote.engine.look import Look
from omote.engine.morph import mixed
from omote.engine.nouns import Array, Character, FlameParams
from omote.engine.painter import Painter, Sitting, network_for

from .chunk import Chunk
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


@dataclass(eq=False)
class OpenKind:
    """Characters of the open kind and what lies between them, each picture from its face alone.

    A face is drawn exactly as it is told, where the live path steadies it and holds it still.
    """

    cast: tuple[Character, ...]
    size: int
    painter: Painter
    looks: dict[bytes, Look] = field(default_factory=dict)  # the last one

    @classmethod
    def at(cls, easel: Easel) -> OpenKind:
        """AnimatorError where the network cannot be opened here."""
        cast = tuple(one for one in easel.cast if isinstance(one, Character))
        return cls(cast, easel.size, Painter(network_for(easel.build.size), easel.build, easel.steps))

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        for face, light, shares in zip(chunk.faces, chunk.lights, chunk.shares, strict=True):
            sitting = Sitting(self._look(shares), FlameParams.from_vector(face, chunk.basis), light)
            yield resized(self.painter.paint([sitting])[0], self.size)

    def _look(self, shares: Array) -> Look:
        # Of all other mixtures none is kept: one costs a tenth of a picture, and a blend has one for each picture.
        key = shares.tobytes()
        if key not in self.looks:
            self.looks.clear()
            self.looks[key] = Look.of(mixture(self.cast, shares), self.painter.file)
        return self.looks[key]


def mixture(cast: tuple[Character, ...], shares: Array) -> Character:
    """So much of each of the cast [c], whose words are the last one's; RenderError where it is of nobody."""
    present = [(one, float(share)) for one, share in zip(cast, shares, strict=True) if share > 0.0]
    if not present:
        raise RenderError("a picture shows nobody: the shares of its characters are 0")
    found, gathered = present[0]
    for one, share in present[1:]:
        gathered += share
        found = mixed(found, one, share / gathered)
    return found
