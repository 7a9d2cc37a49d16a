"""A hand: what draws at an easel, opened once in each process that is given one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from omote.engine.look import Look
from omote.engine.morph import mixed
from omote.engine.nouns import Array, Character, FlameParams
from omote.engine.painter import Painter, Sitting, network_for

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


@dataclass(eq=False)
class OpenKind:
    """Characters of the open kind and what lies between them; a face is drawn exactly as it is told.

    With `consistency` each picture reads those beside it, also beyond the chunk, which are drawn for it and dropped.
    """

    cast: tuple[Character, ...]
    size: int
    painter: Painter
    consistency: bool
    looks: dict[bytes, Look] = field(default_factory=dict)  # the last few

    @classmethod
    def at(cls, easel: Easel) -> OpenKind:
        """AnimatorError where the network cannot be opened here."""
        cast = tuple(one for one in easel.cast if isinstance(one, Character))
        painter = Painter(network_for(easel.build.size), easel.build, easel.steps)
        return cls(cast, easel.size, painter, easel.consistency)

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        asked, lead = _asked(chunk)
        drawn: dict[int, Picture] = {}
        reach = REACH if self.consistency else 0
        for index in range(lead, lead + len(chunk)):
            near = range(max(index - reach, 0), min(index + reach + 1, len(asked)))
            drawn = {one: drawn[one] if one in drawn else self._drawn(asked[one]) for one in near}
            own, others = asked[index], [one for one in near if one != index]
            ways = ways_to(self._look(own.shares), own.params, [asked[one].params for one in others])
            yield resized(attended(drawn[index], [drawn[one] for one in others], ways), self.size)

    def _drawn(self, asked: _Asked) -> Picture:
        (picture,) = self.painter.paint([Sitting(self._look(asked.shares), asked.params, asked.light)])
        return picture

    def _look(self, shares: Array) -> Look:
        # Of other mixtures few are kept: one costs a tenth of a picture, and a blend has one for each picture.
        key = shares.tobytes()
        if key not in self.looks:
            if len(self.looks) > 2 * REACH:
                del self.looks[next(iter(self.looks))]
            self.looks[key] = Look.of(mixture(self.cast, shares), self.painter.file)
        return self.looks[key]


def _asked(chunk: Chunk) -> tuple[list[_Asked], int]:
    """All that is shown before, in and after a chunk, and how many are before it."""
    parts = [part for part in (chunk.before, chunk, chunk.after) if len(part.faces)]
    rows = (row for part in parts for row in zip(part.faces, part.lights, part.shares, strict=True))
    asked = [_Asked(FlameParams.from_vector(face, chunk.basis), light, shares) for face, light, shares in rows]
    return asked, len(chunk.before.faces)


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
