"""A chunk: consecutive pictures of a script, which are drawn without knowing what any other chunk has drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from omote.engine.nouns import LIGHT_SIZE, Array

from .script import FACE_SIZE, Script

CHUNK = 48  # pictures: what is lost with a worker
REACH = 2  # pictures on either side that a chunk knows of, to be drawn with and dropped
ANCHORS = 4  # faces of the whole script that every chunk knows of

_HEAD, _PLACE = slice(53, 62), slice(64, 67)  # neck and eyes, and where the head stands: no expression
_ALIKE = 1e-3  # nearer than that to another, a face stands for nothing


@dataclass(frozen=True, eq=False)
class Beside:
    """What is shown just before a chunk, or just after."""

    faces: Array  # [k,67]
    lights: Array  # [k,27]
    shares: Array  # [k,c]
    sways: Array | None = None  # [k,c,JOINTS,CHAINS,3] of the hair of each of the cast; None where none swings


def _no_faces() -> Array:
    return np.zeros((0, FACE_SIZE), np.float32)


def _nothing() -> Beside:
    return Beside(_no_faces(), np.zeros((0, LIGHT_SIZE), np.float32), np.zeros((0, 1), np.float32))


@dataclass(frozen=True, eq=False)
class Chunk:
    """Consecutive pictures of a script, and as much of the others as they are drawn with."""

    number: int
    first: int  # index of its first picture
    faces: Array  # [m,67]
    lights: Array  # [m,27]
    shares: Array  # [m,c]
    basis: str
    sways: Array | None = None  # [m,c,JOINTS,CHAINS,3] as `Beside`
    before: Beside = field(default_factory=_nothing)
    after: Beside = field(default_factory=_nothing)
    anchors: Array = field(default_factory=_no_faces)  # [a,67]

    def __len__(self) -> int:
        return len(self.faces)

    @property
    def indices(self) -> range:
        """Of its pictures."""
        return range(self.first, self.first + len(self))


def chunks(script: Script, length: int = CHUNK, sways: Array | None = None) -> Iterator[Chunk]:
    """All of it, cut where it is always cut; `sways` [n,c,JOINTS,CHAINS,3] of the hair goes with it."""
    anchors = anchors_of(script.faces)

    def beside(first: int, end: int) -> Beside:
        part = slice(max(first, 0), end)
        return Beside(script.faces[part], script.lights[part], script.shares[part], _cut(sways, part))

    for number, first in enumerate(range(0, len(script), length)):
        end = min(first + length, len(script))
        part = slice(first, end)
        yield Chunk(
            number,
            first,
            script.faces[part],
            script.lights[part],
            script.shares[part],
            script.basis,
            _cut(sways, part),
            beside(first - REACH, first),
            beside(end, end + REACH),
            anchors,
        )


def _cut(sways: Array | None, part: slice) -> Array | None:
    return None if sways is None else sways[part]


def anchors_of(faces: Array, count: int = ANCHORS) -> Array:
    """[a,67] the faces that stand for all [n,67], at most so many: the one nearest the mean, then each the farthest
    from those before it.

    Heads look ahead in all of them, and of faces that differ in nothing else one is taken.
    """
    ahead = faces.copy()
    ahead[:, _HEAD] = ahead[:, _PLACE] = 0.0
    chosen = [int(np.linalg.norm(ahead - ahead.mean(0), axis=1).argmin())]
    apart = np.linalg.norm(ahead - ahead[chosen[0]], axis=1)
    while len(chosen) < count and apart.max() > _ALIKE:
        chosen.append(int(apart.argmax()))
        apart = np.minimum(apart, np.linalg.norm(ahead - ahead[chosen[-1]], axis=1))
    return np.ascontiguousarray(ahead[chosen])
