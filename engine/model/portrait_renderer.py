"""The protocol of everything that draws portraits, how pictures came about, and a cache of pictures drawn before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..data import AnyCharacter, Array, FlameParams, Portrait, Signal, Stamp

Fading = tuple[tuple[AnyCharacter, float], ...]  # who is still seen while another comes, with its share of the picture


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
        """Of all, those that were drawn before; 0 of none."""
        return self.cached / max(self.drawn + self.spared, 1)

    @property
    def still_share(self) -> float:
        """Of all, those of a face that has not moved; 0 of none."""
        return self.still / max(self.drawn + self.spared, 1)


class PortraitRenderer(Protocol):
    """Draws from one thread; `Animator` is one."""

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
        """Makes this character ready to be drawn; ValueError where that cannot be; from any thread."""
        ...

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
        """The face asked for, its marks [6], and through it those who fade, where the artist can draw that.

        `hair` is how far hair swings after the head, by the times of the stamps: 0 not at all.

        From an artist that draws several at a time, an earlier one, under its own stamp.
        """
        ...


Picture = NDArray[np.uint8]
BYTES = 64 << 20  # 256 pictures of 256x256


class PictureCache:
    """Holds pictures up to so many bytes; the one that was not asked for longest goes first."""

    def __init__(self, most_bytes: int = BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, Picture] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Picture | None:
        """The picture under this key."""
        picture = self._kept.get(key)
        if picture is not None:
            self._kept.move_to_end(key)
        return picture

    def put(self, key: Hashable, picture: Picture) -> None:
        """Keeps this picture, which must not be written to; one that is larger than the cache is not kept."""
        if picture.nbytes > self._most_bytes:
            return
        replaced = self._kept.pop(key, None)
        self.bytes += picture.nbytes - (0 if replaced is None else replaced.nbytes)
        self._kept[key] = picture
        while self.bytes > self._most_bytes:
            _, oldest = self._kept.popitem(last=False)
            self.bytes -= oldest.nbytes
