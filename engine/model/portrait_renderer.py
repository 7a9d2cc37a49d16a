"""The protocol of everything that draws portraits, how pictures came about, and a cache of pictures drawn before."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..data import AnyCharacter, Array, FlameParams, Portrait, Signal, Stamp
from ..errors import AnimatorError
from ..face.expressions import MARKS
from ..face.liveliness import Life

CACHE_BYTES = 64 << 20  # 64 pictures of 512x512
_ROUNDING = 1e-6  # by which a computed presence may leave 0 to 1

Picture = NDArray[np.uint8]
FadingCharacters = tuple[tuple[AnyCharacter, float], ...]  # earlier characters, each with its share of the picture


@dataclass(frozen=True)
class DrawOptions:
    """How a face is drawn, and what drove it; the default draws the face alone.

    Parameters
    ----------
    stamp
        Goes into the portrait; None stamps it with the present time.
    signal
        Goes into the portrait; None if no source drove it.
    presence
        1 for the performer's face, 0 for an idle one.
    fading
        Earlier characters, each with its share of the picture, that are drawn through this one.
    marks
        float [6]: how much of each of `expressions.MARKS` is drawn over the picture, 0 to 1.
    hair
        How far hair swings after the head, by the stamps' times: 1 as its springs say, 0 not at all.
    life
        Motion that is added once the face is stabilized, such as breathing; None for none.

    Raises
    ------
    AnimatorError
        If presence, hair or marks are out of range, or the marks are not one for each.
    """

    stamp: Stamp | None = None  # None stamps the portrait with the present time
    signal: Signal | None = None  # None if no source drove it
    presence: float = 1.0  # 1 the performer's face, 0 idle
    fading: FadingCharacters = ()  # drawn through the character, in a crossfade
    marks: Array | None = None  # [6] how much of each of `expressions.MARKS` is drawn over it
    life: Life | None = None  # motion that is added once the face is stabilized
    hair: float = 0.0  # how far hair swings after the head, by the stamps' times: 1 as its springs say, 0 not at all

    def __post_init__(self) -> None:
        if not -_ROUNDING <= self.presence <= 1.0 + _ROUNDING:
            raise AnimatorError(f"presence must be from 0 (idle) to 1 (the performer's face), got {self.presence:g}")
        if not 0.0 <= self.hair < math.inf:
            raise AnimatorError(f"hair must be 0 or more, got {self.hair:g}")
        if self.marks is not None and np.shape(self.marks) != (len(MARKS),):
            raise AnimatorError(f"marks must be [{len(MARKS)}], one for each mark, got {list(np.shape(self.marks))}")


FACE_ALONE = DrawOptions()


@dataclass(frozen=True)
class DrawCounts:
    """How pictures came about: each portrait is one of these."""

    drawn: int = 0  # by the network
    cached: int = 0  # drawn before and kept
    still: int = 0  # the picture before, of a face that has not moved

    @property
    def spared(self) -> int:
        """Pictures that the network did not have to draw."""
        return self.cached + self.still

    @property
    def cached_share(self) -> float:
        """The share of pictures that were drawn before; 0 without pictures."""
        return self.cached / max(self.drawn + self.spared, 1)

    @property
    def still_share(self) -> float:
        """The share of pictures of a face that has not moved; 0 without pictures."""
        return self.still / max(self.drawn + self.spared, 1)


class PortraitRenderer(Protocol):
    """Draws portraits in one thread; `Animator` is one."""

    counts: DrawCounts  # since the beginning

    @property
    def size(self) -> int:
        """Pixels on a side of the next picture."""
        ...

    @property
    def steps(self) -> int: ...

    @property
    def runtime(self) -> str:
        """What really runs: "openvino cpu f32"."""
        ...

    def check(self, character: AnyCharacter) -> None:
        """Makes this character ready to be drawn; ValueError if it cannot be drawn. From any thread."""
        ...

    def draw(
        self, params: FlameParams, character: AnyCharacter, light: Array, options: DrawOptions = FACE_ALONE
    ) -> Portrait:
        """The character with this face in this light [27].

        A renderer that draws several pictures at a time returns an earlier one, under its own stamp.
        """
        ...


class PictureCache:
    """Keeps pictures up to a number of bytes; the least recently used one goes first."""

    def __init__(self, most_bytes: int = CACHE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._pictures: OrderedDict[Hashable, Picture] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._pictures)

    def get(self, key: Hashable) -> Picture | None:
        """The picture under this key."""
        picture = self._pictures.get(key)
        if picture is not None:
            self._pictures.move_to_end(key)
        return picture

    def put(self, key: Hashable, picture: Picture) -> None:
        """Keeps this picture, which must not be written to, unless it is larger than the cache."""
        if picture.nbytes > self._most_bytes:
            return
        replaced = self._pictures.pop(key, None)
        self.bytes += picture.nbytes - (0 if replaced is None else replaced.nbytes)
        self._pictures[key] = picture
        while self.bytes > self._most_bytes:
            _, oldest = self._pictures.popitem(last=False)
            self.bytes -= oldest.nbytes
