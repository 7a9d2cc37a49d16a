"""One character becomes another: a cross-fade of both, drawn with the same face."""

from __future__ import annotations

from dataclasses import dataclass

from .nouns import AnyCharacter
from .roles import Fading

MORPH_S = 0.4
_MOST_FADING = 2  # characters that are drawn besides the one who comes, however often it is changed in that time
_FAINT = 1e-3


@dataclass(frozen=True)
class Morph:
    """A character who comes, and those who fade meanwhile."""

    character: AnyCharacter
    fading: Fading = ()  # at the beginning
    begun_ns: int = 0
    seconds: float = MORPH_S

    def at(self, now_ns: int) -> Fading:
        """Those who are still seen at this time, each with its share of the picture; none after the end."""
        gone_s = (now_ns - self.begun_ns) / 1e9
        if not self.fading or gone_s >= self.seconds:
            return ()
        left = 1.0 - _eased(max(gone_s, 0.0) / self.seconds)
        return tuple((one, share * left) for one, share in self.fading if share * left > _FAINT)

    def to(self, character: AnyCharacter, now_ns: int, seconds: float = MORPH_S) -> Morph:
        """The change to another one, from what is shown now; with 0 seconds a cut."""
        if seconds <= 0.0:
            return Morph(character)
        seen = self.at(now_ns)
        everyone = (*seen, (self.character, 1.0 - sum(share for _, share in seen)))
        others = sorted((one for one in everyone if one[0] is not character), key=lambda one: -one[1])
        return Morph(character, tuple(others[:_MOST_FADING]), now_ns, seconds)


def _eased(share: float) -> float:
    return share * share * (3.0 - 2.0 * share)
