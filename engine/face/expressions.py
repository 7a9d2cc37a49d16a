"""Named expressions that are added to a performance, and the rules that recognize those the performer makes."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from omote.bridge import arkit
from omote.bridge.errors import OmoteError

from ..data import Actor, Array, FlameParams
from .presence import smoothstep
from .retarget import from_weights, to_weights

ATTACK_S, HOLD_S, RELEASE_S = 0.15, 1.0, 0.3
LONGEST_S = 60.0
TOP_LAYER = ""  # the layer of an expression without a named one
CLEAR_S = 0.1  # how long all layers take to fade out together
_MOST_LAYERS = 64
# An expression ends below this share of its threshold, so that one on the border does not flutter.
FALL_BELOW = 0.7
# Marks of comics that are drawn over the picture; see `omote.engine.model.marks`.
MARKS = ("blush", "tears", "sweat", "star_eyes", "shock", "anger")


class ExpressionError(OmoteError, ValueError):
    """An unknown or impossible expression; the message says what was wanted."""


def _both_sides(**named: float) -> dict[str, float]:
    """The same weights on the left and on the right."""
    return {name + side: weight for name, weight in named.items() for side in ("Left", "Right")}


# Chosen by eye on several characters. They are added to the performance, and each sum is clipped to 1.
NAMED_EXPRESSIONS: dict[str, Mapping[str, float]] = {
    "smile": _both_sides(mouthSmile=0.8, mouthDimple=0.2, cheekSquint=0.4, eyeSquint=0.2),
    "laugh": {
        "jawOpen": 0.45,
        **_both_sides(mouthSmile=1.0, mouthUpperUp=0.3, cheekSquint=0.9, eyeSquint=0.7, eyeBlink=0.15),
    },
    "surprise": {
        "jawOpen": 0.5,
        "mouthFunnel": 0.15,
        "browInnerUp": 0.9,
        **_both_sides(browOuterUp=0.9, eyeWide=1.0),
    },
    "wink_left": {"eyeBlinkLeft": 1.0, "eyeSquintLeft": 0.6, "cheekSquintLeft": 0.7, "mouthSmileLeft": 0.5},
    "wink_right": {"eyeBlinkRight": 1.0, "eyeSquintRight": 0.6, "cheekSquintRight": 0.7, "mouthSmileRight": 0.5},
    "sad": {"browInnerUp": 1.0, "mouthShrugLower": 0.5, **_both_sides(mouthFrown=1.0, eyeSquint=0.3, eyeLookDown=0.3)},
    "angry": _both_sides(browDown=0.75, eyeSquint=0.6, noseSneer=0.8, mouthPress=0.4, mouthFrown=0.6),
    "pucker": {"mouthPucker": 1.0, "mouthFunnel": 0.3},
    "closed_eyes": _both_sides(eyeBlink=1.0),
    "tongue": {"jawOpen": 0.4, "tongueOut": 1.0},
}
EXPRESSION_NAMES = (*NAMED_EXPRESSIONS, *MARKS)


def marks(name: str) -> Array:
    """[6] the marks of one of `EXPRESSION_NAMES`; zeros for a face."""
    return np.array([float(name == one) for one in MARKS], np.float32)


def expression_weights(name: str) -> Array:
    """The weights of a named expression.

    Parameters
    ----------
    name
        One of `EXPRESSION_NAMES`: "smile", "laugh", "surprise", "sad" and so on.

    Returns
    -------
    Array
        float32 [52] in ARKit's order; zeros for a mark of comics, which is no face.

    Raises
    ------
    ExpressionError
        For another name; the message lists them.

    Examples
    --------
    >>> smile = from_weights(expression_weights("smile"))
    """
    if name not in EXPRESSION_NAMES:
        raise ExpressionError(f'no expression is called "{name}": there are {", ".join(EXPRESSION_NAMES)}')
    return arkit.weights(NAMED_EXPRESSIONS.get(name, {}))


@dataclass(frozen=True)
class Expression:
    """A face or a mark that rises in `attack_s`, stays for `hold_s` and falls in `release_s`."""

    weights: Array  # [52] ARKit order, 0 to 1: how much is added to each
    attack_s: float = ATTACK_S
    hold_s: float | None = HOLD_S  # None stays until the next one
    release_s: float = RELEASE_S
    marks: Array = field(default_factory=lambda: np.zeros(len(MARKS), np.float32))  # [6] 0 to 1

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights)
        if weights.shape != (arkit.COUNT,) or not ((weights >= 0.0) & (weights <= 1.0)).all():
            raise ExpressionError(f"an expression has {arkit.COUNT} weights from 0 to 1, got {list(weights.shape)}")
        if self.marks.shape != (len(MARKS),) or not ((self.marks >= 0.0) & (self.marks <= 1.0)).all():
            raise ExpressionError(f"an expression has {len(MARKS)} marks from 0 to 1, got {list(self.marks.shape)}")
        for name in ("attack_s", "hold_s", "release_s"):
            seconds = getattr(self, name)
            if seconds is not None and not 0.0 <= seconds <= LONGEST_S:
                raise ExpressionError(f"{name} must be from 0 to {LONGEST_S:.0f} seconds, got {seconds}")

    @property
    def full(self) -> Array:
        """[58] weights and marks at their height."""
        return np.concatenate([self.weights, self.marks])

    def at(self, since_s: float, before: Array) -> Array:
        """[58] weights and marks at this time after the start, from `before` [58], which the layer showed then."""
        if since_s < self.attack_s:
            share = smoothstep(max(since_s, 0.0) / self.attack_s)
            return np.asarray((1.0 - share) * before + share * self.full, np.float32)
        falling_s = -math.inf if self.hold_s is None else since_s - self.attack_s - self.hold_s
        if falling_s < 0.0:
            return self.full
        share = smoothstep(falling_s / self.release_s) if falling_s < self.release_s else 1.0
        return np.asarray((1.0 - share) * self.full, np.float32)


_NOTHING = np.zeros(arkit.COUNT + len(MARKS), np.float32)  # [58]
_NO_EXPRESSION = Expression(np.zeros(arkit.COUNT, np.float32), CLEAR_S, None)


class Overlay:
    """Expressions on top of a performance, in layers that add up; each sum is clipped to 1.

    A new expression replaces the last one of its layer with the next picture, from what the layer shows then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: dict[str, Expression] = {}  # the newest of each layer since the last picture
        self._is_clearing = False
        self._layers: dict[str, _Layer] = {}  # used by the drawing thread alone

    def show(self, expression: Expression, layer: str = TOP_LAYER) -> None:
        """Makes this the next expression of the layer; from any thread."""
        with self._lock:
            self._new[layer] = expression

    def clear(self) -> None:
        """Fades out every layer within `CLEAR_S`; from any thread."""
        with self._lock:
            self._new, self._is_clearing = {}, True

    def over(self, params: FlameParams, now_ns: int) -> tuple[FlameParams, Array]:
        """This face with the current expressions, the same object without any; and the marks [6]."""
        with self._lock:
            new, self._new = self._new, {}
            is_clearing, self._is_clearing = self._is_clearing, False
        if is_clearing:
            new = dict.fromkeys(self._layers, _NO_EXPRESSION) | new
        for name, expression in new.items():
            before = self._layers.get(name)
            self._layers[name] = _Layer(expression, before.at(now_ns) if before else _NOTHING, now_ns)
        self._layers = {name: layer for name, layer in self._layers.items() if not layer.is_over(now_ns)}
        for name in list(self._layers)[:-_MOST_LAYERS]:
            del self._layers[name]
        total = np.clip(sum((layer.at(now_ns) for layer in self._layers.values()), _NOTHING), 0.0, 1.0)
        return with_weights_raised(params, total[: arkit.COUNT]), total[arkit.COUNT :]


@dataclass(frozen=True)
class _Layer:
    """An expression with its start."""

    expression: Expression
    before: Array  # [58] what the layer showed at the start
    start_ns: int

    def at(self, now_ns: int) -> Array:
        return self.expression.at(self._since_s(now_ns), self.before)

    def is_over(self, now_ns: int) -> bool:
        one = self.expression
        if one.hold_s is None:
            return not one.full.any() and self._since_s(now_ns) >= one.attack_s
        return self._since_s(now_ns) >= one.attack_s + one.hold_s + one.release_s

    def _since_s(self, now_ns: int) -> float:
        return (now_ns - self.start_ns) / 1e9


def with_weights_raised(params: FlameParams, weights: Array) -> FlameParams:
    """A face in the open basis with these weights [52] added to its own, each sum clipped to 0 to 1."""
    if not weights.any():
        return params
    own = np.clip(to_weights(params), 0.0, 1.0)
    change = from_weights(np.clip(own + weights, 0.0, 1.0)).vector() - from_weights(own).vector()
    return FlameParams.from_vector(params.vector() + change, params.basis)


# Recognizing expressions.


@dataclass(frozen=True)
class ExpressionRule:
    """Scores an expression: the least of its parts, each the mean of its weights, less the largest of `against`."""

    parts: tuple[tuple[str, ...], ...]
    against: tuple[str, ...] = ()
    threshold: float = 0.5  # an actor may have another one
    after_s: float = 0.0  # how long the score must be above the threshold

    def score(self, weights: Array) -> float:
        """0 to 1 for weights [52] relative to the actor's neutral face."""
        made = min(float(np.mean([weights[arkit.INDEX[name]] for name in part])) for part in self.parts)
        against = max((float(weights[arkit.INDEX[name]]) for name in self.against), default=0.0)
        return max(made - against, 0.0)


def _sides(name: str) -> tuple[str, str]:
    return name + "Left", name + "Right"


_BROWS = ("browInnerUp", *_sides("browOuterUp"))

# Set on videos of people who talk, smile, blink and grimace, without calibration. The brows of a person who talks are
# up half of the time, so surprise needs the mouth as well, and no smile. The threshold of a frown is high, since some
# brows read 0.7 at rest; calibration finds a better one. That of a blink is low, since a camera seldom catches both
# eyes fully closed. A look down does not count against a blink: closed eyes read as looking down by 0.2 to 0.8, while
# eyes that looked down by 0.67 had open lids.
EXPRESSION_RULES: Mapping[str, ExpressionRule] = MappingProxyType(
    {
        "smile": ExpressionRule((_sides("mouthSmile"),), threshold=0.45, after_s=0.1),
        "surprise": ExpressionRule((("jawOpen",), _BROWS), _sides("mouthSmile"), threshold=0.5, after_s=0.1),
        "blink": ExpressionRule((("eyeBlinkLeft",), ("eyeBlinkRight",)), threshold=0.35),
        "wink_left": ExpressionRule((("eyeBlinkLeft",),), ("eyeBlinkRight",), threshold=0.5, after_s=0.15),
        "wink_right": ExpressionRule((("eyeBlinkRight",),), ("eyeBlinkLeft",), threshold=0.5, after_s=0.15),
        "brow_raise": ExpressionRule((_BROWS,), ("jawOpen",), threshold=0.6, after_s=0.1),
        "frown": ExpressionRule((_sides("browDown"),), threshold=0.75, after_s=0.1),
        "open_mouth": ExpressionRule((("jawOpen",),), threshold=0.5, after_s=0.1),
        "pucker": ExpressionRule((("mouthPucker",),), threshold=0.55, after_s=0.1),
        "puff": ExpressionRule((("cheekPuff",),), threshold=0.5, after_s=0.1),
        "tongue": ExpressionRule((("tongueOut",),), threshold=0.5, after_s=0.1),
    }
)


class ExpressionRecognizer:
    """Recognizes the expressions of one performance; a pure function of its weights and their times."""

    def __init__(self, actor: Actor) -> None:
        own = dict(actor.thresholds)
        self._thresholds = {name: own.get(name, rule.threshold) for name, rule in EXPRESSION_RULES.items()}
        self._since_ns: dict[str, int] = {}  # since when the score is above the threshold, by name
        self._made: tuple[str, ...] = ()

    def see(self, weights: Array, now_ns: int) -> tuple[str, ...]:
        """The names of the current expressions, in the order of `EXPRESSION_RULES`.

        `weights` [52] are relative to the actor's neutral face.
        """
        self._made = tuple(
            name for name, rule in EXPRESSION_RULES.items() if self._is_made(name, rule, weights, now_ns)
        )
        return self._made

    def miss(self) -> tuple[str, ...]:
        """There is no face, so there is no expression."""
        self._since_ns.clear()
        self._made = ()
        return self._made

    def _is_made(self, name: str, rule: ExpressionRule, weights: Array, now_ns: int) -> bool:
        was_made = name in self._made
        if rule.score(weights) < self._thresholds[name] * (FALL_BELOW if was_made else 1.0):
            self._since_ns.pop(name, None)
            return False
        since_ns = self._since_ns.setdefault(name, now_ns)
        return was_made or now_ns - since_ns >= rule.after_s * 1e9
