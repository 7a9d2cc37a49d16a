"""One character becomes another: those between them, and which of them is shown at what time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .nouns import AnyCharacter, Array, Character

MORPH_S = 0.4
STEPS = 12  # as many as there are pictures in that time, at 30 a second


@dataclass(frozen=True)
class Morph:
    """Characters that are shown one after another, each as long as the others; the last one stays."""

    way: tuple[AnyCharacter, ...]  # one at least
    begun_ns: int
    seconds: float = MORPH_S

    def at(self, now_ns: int) -> AnyCharacter:
        """Who is shown at this time: however few pictures there are, the last one from the end of the time on."""
        steps, gone_s = len(self.way) - 1, (now_ns - self.begun_ns) / 1e9
        if steps == 0 or gone_s >= self.seconds:
            return self.way[-1]
        return self.way[round(steps * max(gone_s, 0.0) / self.seconds)]


def mixed(first: Character, last: Character, share: float) -> Character:
    """`share` of the way from the first (0) to the last (1), whose words it has; rows of a bank where both have some.

    Shape, identity and texture mix as numbers do: half a head of hair is what the network draws of half a texture.
    """

    def mix(a: Array, b: Array) -> Array:
        return np.asarray(a * np.float32(1.0 - share) + b * np.float32(share), np.float32)

    bank = mix(first.bank, last.bank) if first.bank.shape == last.bank.shape else np.zeros((0, 0), np.float32)
    return replace(
        last,
        shape=mix(first.shape, last.shape),
        identity=mix(first.identity, last.identity),
        texture=mix(first.texture, last.texture),
        bank=bank,
    )


def between(first: Character, last: Character, steps: int = STEPS) -> tuple[Character, ...]:
    """Those between the two, for a change in so many steps that begins and ends gently."""
    return tuple(mixed(first, last, _eased(k / steps)) for k in range(1, steps))


def _eased(share: float) -> float:
    return share * share * (3.0 - 2.0 * share)
