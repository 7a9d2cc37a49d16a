"""What the loop asks of those it works with: an artist who draws, and outputs that take what is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .nouns import AnyCharacter, Array, FlameParams, Portrait, Signal, Stamp

Fading = tuple[tuple[AnyCharacter, float], ...]  # who is still seen while another comes, with its share of the picture


@dataclass(frozen=True)
class Counts:
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


class Artist(Protocol):
    """Draws from one thread; `Animator` is one."""

    counts: Counts  # since the beginning

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


class Output(Protocol):
    """Where portraits go; open before the loop starts, closed after it has ended."""

    name: str

    def offer(self, portrait: Portrait) -> None:
        """Takes the newest portrait, whose picture is never written to again. Never blocks."""
        ...


class Witness(Protocol):
    """Who is shown every signal of a running loop, smoothed by nobody: a recorder, a calibration."""

    def see(self, signal: Signal) -> None:
        """Called by the thread that reads the source, before the signal is drawn: never blocks, never raises."""
        ...
