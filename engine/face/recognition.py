"""Expressions that the performer makes, told by rules over the weights: hotkeys, scripts and games listen to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from omote.bridge import arkit
from omote.engine.nouns import Actor, Array

FALL = 0.7  # an expression is over below this share of the score at which it began: one on the border does not flutter


@dataclass(frozen=True)
class Rule:
    """An expression is made as much as the least of its parts is, each the mean of its weights, less `against`."""

    parts: tuple[tuple[str, ...], ...]
    against: tuple[str, ...] = ()  # the most of these counts
    threshold: float = 0.5  # the usual one; an actor may have their own
    after_s: float = 0.0  # how long it must have been above

    def score(self, weights: Array) -> float:
        """0 (not at all) to 1, of an actor's own weights [52]."""
        made = min(float(np.mean([weights[arkit.INDEX[name]] for name in part])) for part in self.parts)
        against = max((float(weights[arkit.INDEX[name]]) for name in self.against), default=0.0)
        return max(made - against, 0.0)


def _both(*names: str) -> tuple[str, ...]:
    return tuple(name + side for name in names for side in ("Left", "Right"))


_BROWS = ("browInnerUp", *_both("browOuterUp"))

# Set on films of people who talk, smile, blink and grimace, whom nobody had calibrated. A talker's brows are up half of
# the time, so surprise wants the mouth as well, and no smile. A frown's threshold is high, for some brows read as drawn
# down to 0.7 at rest: calibration finds a better one. A blink's is low: a camera seldom catches both eyes quite shut.
# That eyes look down is not counted against it: shut ones read as looking down by 0.2 to 0.8, so that blinks would be
# missed, and eyes that looked down by 0.67 had lids of 0.
RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "smile": Rule((_both("mouthSmile"),), threshold=0.45, after_s=0.1),
        "surprise": Rule((("jawOpen",), _BROWS), _both("mouthSmile"), threshold=0.5, after_s=0.1),
        "blink": Rule((("eyeBlinkLeft",), ("eyeBlinkRight",)), threshold=0.35),
        "wink_left": Rule((("eyeBlinkLeft",),), ("eyeBlinkRight",), threshold=0.5, after_s=0.15),
        "wink_right": Rule((("eyeBlinkRight",),), ("eyeBlinkLeft",), threshold=0.5, after_s=0.15),
        "brow_raise": Rule((_BROWS,), ("jawOpen",), threshold=0.6, after_s=0.1),
        "frown": Rule((_both("browDown"),), threshold=0.75, after_s=0.1),
        "open_mouth": Rule((("jawOpen",),), threshold=0.5, after_s=0.1),
        "pucker": Rule((("mouthPucker",),), threshold=0.55, after_s=0.1),
        "puff": Rule((("cheekPuff",),), threshold=0.5, after_s=0.1),
        "tongue": Rule((("tongueOut",),), threshold=0.5, after_s=0.1),
    }
)


class Recognition:
    """Follows one performance; a pure function of its weights and their times."""

    def __init__(self, actor: Actor) -> None:
        own = dict(actor.thresholds)
        self._thresholds = {name: own.get(name, rule.threshold) for name, rule in RULES.items()}
        self._since_ns: dict[str, int] = {}  # since when the score has been above what it takes, by name
        self._made: tuple[str, ...] = ()

    def see(self, weights: Array, now_ns: int) -> tuple[str, ...]:
        """The expressions that are made now, in the order of `RULES`; `weights` [52] are the actor's own."""
        self._made = tuple(name for name, rule in RULES.items() if self._is_made(name, rule, weights, now_ns))
        return self._made

    def miss(self) -> tuple[str, ...]:
        """Nobody is seen, so nobody makes anything."""
        self._since_ns.clear()
        self._made = ()
        return self._made

    def _is_made(self, name: str, rule: Rule, weights: Array, now_ns: int) -> bool:
        was_made = name in self._made
        if rule.score(weights) < self._thresholds[name] * (FALL if was_made else 1.0):
            self._since_ns.pop(name, None)
            return False
        since_ns = self._since_ns.setdefault(name, now_ns)
        return was_made or now_ns - since_ns >= rule.after_s * 1e9
