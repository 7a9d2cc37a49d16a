"""Expressions that somebody asks for: named ones, and how they come, stay and go on top of a performance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.bridge.latest import Latest
from omote.engine.nouns import FlameParams

from .presence import eased
from .retarget import from_weights, to_weights

Array = NDArray[np.float32]

ATTACK_S, HOLD_S, RELEASE_S = 0.15, 1.0, 0.3
LONGEST_S = 60.0


class ExpressionError(ValueError):
    """No such expression, or one that no face makes; the message says what was wanted."""


def _both(**named: float) -> dict[str, float]:
    """The same weight on the left and on the right."""
    return {name + side: weight for name, weight in named.items() for side in ("Left", "Right")}


# Drawn and looked at on several characters; they are added to what the performer does, so the sum is held to 1.
NAMED: dict[str, Mapping[str, float]] = {
    "smile": _both(mouthSmile=0.8, mouthDimple=0.2, cheekSquint=0.4, eyeSquint=0.2),
    "laugh": {
        "jawOpen": 0.45,
        **_both(mouthSmile=1.0, mouthUpperUp=0.3, cheekSquint=0.9, eyeSquint=0.7, eyeBlink=0.15),
    },
    "surprise": {
        "jawOpen": 0.5,
        "mouthFunnel": 0.15,
        "browInnerUp": 0.9,
        **_both(browOuterUp=0.9, eyeWide=1.0),
    },
    "wink_left": {"eyeBlinkLeft": 1.0, "eyeSquintLeft": 0.6, "cheekSquintLeft": 0.7, "mouthSmileLeft": 0.5},
    "wink_right": {"eyeBlinkRight": 1.0, "eyeSquintRight": 0.6, "cheekSquintRight": 0.7, "mouthSmileRight": 0.5},
    "sad": {"browInnerUp": 1.0, "mouthShrugLower": 0.5, **_both(mouthFrown=1.0, eyeSquint=0.3, eyeLookDown=0.3)},
    "angry": _both(browDown=0.75, eyeSquint=0.6, noseSneer=0.8, mouthPress=0.4, mouthFrown=0.6),
    "pucker": {"mouthPucker": 1.0, "mouthFunnel": 0.3},
    "closed_eyes": _both(eyeBlink=1.0),
    "tongue": {"jawOpen": 0.4, "tongueOut": 1.0},
}


def named(name: str) -> Array:
    """[52] the weights of one of `NAMED`; ExpressionError says which there are."""
    if name not in NAMED:
        raise ExpressionError(f'no expression is called "{name}": there are {", ".join(NAMED)}')
    return arkit.weights(NAMED[name])


@dataclass(frozen=True)
class Expression:
    """Weights that somebody asks for: they rise within `attack_s`, stay for `hold_s` and fall within `release_s`."""

    weights: Array  # [52] ARKit order, 0 to 1: how much each is raised
    attack_s: float = ATTACK_S
    hold_s: float | None = HOLD_S  # None: until the next one
    release_s: float = RELEASE_S

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights)
        if weights.shape != (arkit.COUNT,) or not ((weights >= 0.0) & (weights <= 1.0)).all():
            raise ExpressionError(f"an expression has {arkit.COUNT} weights from 0 to 1, got {list(weights.shape)}")
        for name in ("attack_s", "hold_s", "release_s"):
            seconds = getattr(self, name)
            if seconds is not None and not 0.0 <= seconds <= LONGEST_S:
                raise ExpressionError(f"{name} must be from 0 to {LONGEST_S:.0f} seconds, got {seconds}")

    def at(self, since_s: float, before: Array) -> Array:
        """[52] by how much each weight is raised so long after the beginning, where `before` was what was shown."""
        if since_s < self.attack_s:
            share = eased(max(since_s, 0.0) / self.attack_s)
            return np.asarray((1.0 - share) * before + share * self.weights, np.float32)
        gone_s = -math.inf if self.hold_s is None else since_s - self.attack_s - self.hold_s
        if gone_s < 0.0:
            return self.weights
        share = eased(gone_s / self.release_s) if gone_s < self.release_s else 1.0
        return np.asarray((1.0 - share) * self.weights, np.float32)


NOTHING = Expression(np.zeros(arkit.COUNT, np.float32), hold_s=None)


class Overlay:
    """The expression on top of a performance. A new one begins with the next picture, from what is shown then."""

    def __init__(self) -> None:
        self._asked: Latest[Expression] = Latest()
        self._expression, self._before = NOTHING, NOTHING.weights
        self._began_ns = 0

    def show(self, expression: Expression) -> None:
        """Makes this the next expression; from any thread."""
        self._asked.put(expression)

    def over(self, params: FlameParams, now_ns: int) -> FlameParams:
        """This face with the expression of this moment; the same object where there is none."""
        asked = self._asked.take(0.0)
        if asked is not None:
            self._before = self._at(now_ns)
            self._expression, self._began_ns = asked, now_ns
        return raised(params, self._at(now_ns))

    def _at(self, now_ns: int) -> Array:
        return self._expression.at((now_ns - self._began_ns) / 1e9, self._before)


def raised(params: FlameParams, weights: Array) -> FlameParams:
    """A face in the open basis with these weights [52] added to its own, each sum held to 0..1."""
    if not weights.any():
        return params
    own = np.clip(to_weights(params), 0.0, 1.0)
    change = from_weights(np.clip(own + weights, 0.0, 1.0)).vector() - from_weights(own).vector()
    return FlameParams.from_vector(params.vector() + change, params.basis)
