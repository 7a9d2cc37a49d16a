"""An easel: all that one worker needs to draw pictures of a script, and nothing of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from omote.engine.look import AnimatorError, Look
from omote.engine.morph import mixed
from omote.engine.nouns import Array, Character, FlameParams
from omote.engine.painter import Painter, Sitting, network_for
from omote.engine.runtime.build import Build

from .picture_file import Picture, encoded
from .script import Script

CHUNK = 48  # pictures: what is lost with a worker, and the border at which what was drawn before is forgotten


@dataclass(frozen=True, eq=False)
class Easel:
    """How pictures are drawn; the same easel gives the same bytes wherever the processor computes alike."""

    cast: tuple[Character, ...]
    size: int  # pixels on a side of what is written
    steps: int
    build: Build  # of the network, whose size may be another


@dataclass(frozen=True, eq=False)
class Chunk:
    """Consecutive pictures of a script, which can be drawn without any others."""

    number: int
    first: int  # index of its first picture
    faces: Array  # [m,67]
    lights: Array  # [m,27]
    shares: Array  # [m,c]
    basis: str

    def __len__(self) -> int:
        return len(self.faces)

    @property
    def indices(self) -> range:
        """Of its pictures."""
        return range(self.first, self.first + len(self))


def chunks(script: Script) -> Iterator[Chunk]:
    """All of it, cut where it is always cut."""
    for number, first in enumerate(range(0, len(script), CHUNK)):
        part = slice(first, first + CHUNK)
        yield Chunk(number, first, script.faces[part], script.lights[part], script.shares[part], script.basis)


def draw(easel: Easel, chunk: Chunk) -> tuple[bytes, ...]:
    """A PNG of each of its pictures."""
    return tuple(encoded(picture) for picture in _hand(easel).pictures(chunk))


@dataclass(eq=False)
class _Hand:
    """What draws at an easel, opened once a process."""

    easel: Easel
    painter: Painter
    looks: dict[bytes, Look] = field(default_factory=dict)

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        for face, light, shares in zip(chunk.faces, chunk.lights, chunk.shares, strict=True):
            sitting = Sitting(self._look(shares), FlameParams.from_vector(face, chunk.basis), light)
            yield self.painter.paint([sitting])[0]

    def _look(self, shares: Array) -> Look:
        key = shares.tobytes()
        if key not in self.looks:
            self.looks.clear()
            self.looks[key] = Look.of(_blend(self.easel.cast, shares), self.painter.file)
        return self.looks[key]


_opened: list[_Hand] = []  # the last one


def _hand(easel: Easel) -> _Hand:
    if not _opened or _opened[0].easel is not easel:
        file = network_for(easel.build.size)
        _opened[:] = [_Hand(easel, Painter(file, easel.build, easel.steps))]
    return _opened[0]


def _blend(cast: tuple[Character, ...], shares: Array) -> Character:
    present = [k for k, share in enumerate(shares) if share > 0.0]
    if not 1 <= len(present) <= 2:
        raise AnimatorError(f"a picture shows one character or two, got {len(present)}")
    first, last = cast[present[0]], cast[present[-1]]
    return first if first is last else mixed(first, last, float(shares[present[-1]]))
