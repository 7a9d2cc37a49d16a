"""Something that comes and goes at once: a blink, or a flash of an expression, seen in full whatever the frame rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .easing import USUAL, Wide, eased
from .face_range import EYELIDS, LEAST, MOST

SHORTEST_S = 0.04


@dataclass(frozen=True)
class Shape:
    """What part of the time something comes, and what part it goes; between the two it is there in full."""

    comes: float
    goes: float


BLINK = Shape(0.35, 0.5)
FLASH = Shape(0.25, 0.3)


@dataclass(frozen=True)
class Pulse:
    """From nothing to `amount` and back within so many seconds."""

    at_s: float  # when it begins
    seconds: float
    amount: float = 1.0
    shape: Shape = FLASH

    def shares(self, fps: Fraction, count: int, among: slice = slice(None)) -> Wide:
        """[n] how much there is of it in each of so many pictures, 0 to `amount`; or only in those `among` them.

        It is moved to the picture that is nearest to its middle, by half a picture at most, so that one shows all of
        it: the shortest would fall between two.
        """
        pictures = np.arange(*among.indices(count))
        since_top = (pictures - self._top(fps, count)) / float(fps) / self.seconds  # in parts of all its time
        room = 0.5 * (1.0 - self.shape.comes - self.shape.goes)
        came = eased(USUAL, np.asarray(1.0 + (since_top + room) / self.shape.comes), self.seconds)
        went = eased(USUAL, np.asarray((since_top - room) / self.shape.goes), self.seconds)
        return np.asarray(self.amount * np.minimum(came, 1.0 - went))

    def over(self, rows: Wide, asked: Wide, fps: Fraction) -> None:
        """Lays so much of a face [67] over the faces [n,67] that it lasts for, as `raised` does."""
        top, reach = self._top(fps, len(rows)), math.ceil(self.seconds * float(fps))
        among = slice(max(top - reach, 0), top + reach + 1)
        rows[among] = raised(rows[among], asked, self.shares(fps, len(rows), among))

    def _top(self, fps: Fraction, count: int) -> int:
        """The picture that shows all of it."""
        top_s = self.at_s + 0.5 * self.seconds * (1.0 + self.shape.comes - self.shape.goes)
        return min(max(round(Fraction(top_s) * fps), 0), count - 1)

    @property
    def end_s(self) -> float:
        return self.at_s + self.seconds


def raised(rows: Wide, asked: Wide, shares: Wide) -> Wide:
    """Faces [n,67] with so much [n] of another [67] on top, in the order of `face_range.NAMES`.

    Each number goes a part of the way to its own bound, so that it comes as near as it can, and neither leaves its
    range nor is cut off at its end: of 0..1 it is 1-(1-a)(1-b).
    """
    bound = np.where(asked > 0.0, MOST, LEAST)
    part = np.divide(asked, bound, out=np.zeros_like(asked), where=bound != 0.0)
    return np.asarray(rows + shares[:, None] * part * (bound - rows))


def shut_lids() -> Wide:
    """[67] a face that does nothing but shut both eyes."""
    row = np.zeros(len(LEAST))
    row[EYELIDS] = 1.0
    return row
