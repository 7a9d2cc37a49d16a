"""Named expressions that are laid over a performance, and the rules that recognize those the performer makes."""

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


class ExpressionError(OmoteError, ValueError):
    """No such expression, or one that no face makes; the message says what was wanted."""


def _both_sides(**named: float) -> dict[str, float]:
    """The same weight on the left and on the right."""
    return {name + side: weight for name, weight in named.items() for side in ("Left", "Right")}


# Drawn and looked at on several characters; they are added to what the performer does, so the sum is held to 1.
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


# Marks of comics that are drawn over the picture; see `omote.engine.model.marks`.
MARKS = ("blush", "tears", "sweat", "star_eyes", "shock", "anger")
EXPRESSION_NAMES = (*NAMED_EXPRESSIONS, *MARKS)  # every name that can be asked for


def marks(name: str) -> Array:
    """[6] the marks of one of `ASKED`, none of a face."""
    return np.array([float(name == one) for one in MARKS], np.float32)


def expression_weights(name: str) -> Array:
    """[52] the weights of one of `ASKED`, none of a mark; ExpressionError says which there are."""
    if name not in EXPRESSION_NAMES:
        raise ExpressionError(f'no expression is called "{name}": there are {", ".join(EXPRESSION_NAMES)}')
    return arkit.weights(NAMED_EXPRESSIONS.get(name, {}))


@dataclass(frozen=True)
class Expression:
    """A face or a mark that is asked for: it rises in `attack_s`, stays for `hold_s` and falls in `release_s`."""

    weights: Array  # [52] ARKit order, 0 to 1: how much each is raised
    attack_s: float = ATTACK_S
    hold_s: float | None = HOLD_S  # None: until the next one
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
    def whole(self) -> Array:
        """[58] weights and marks."""
        return np.concatenate([self.weights, self.marks])

    def at(self, since_s: float, before: Array) -> Array:
        """[58] how much of each weight and mark is shown so long after the beginning, `before` being what was."""
        if since_s < self.attack_s:
            share = smoothstep(max(since_s, 0.0) / self.attack_s)
            return np.asarray((1.0 - share) * before + share * self.whole, np.float32)
        gone_s = -math.inf if self.hold_s is None else since_s - self.attack_s - self.hold_s
        if gone_s < 0.0:
            return self.whole
        share = smoothstep(gone_s / self.release_s) if gone_s < self.release_s else 1.0
        return np.asarray((1.0 - share) * self.whole, np.float32)


NOTHING = Expression(np.zeros(arkit.COUNT, np.float32), hold_s=None)
TOP_LAYER = ""  # the layer of who names none
MOST_LAYERS = 32


class Overlay:
    """Expressions on top of a performance, in layers that add up, and each sum held to 1.

    A new expression takes its layer over with the next picture, from what is shown then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[str, Expression] = {}  # since the last picture: of a layer, the newest
        self._layers: dict[str, _Layer] = {}  # touched by the thread that draws alone

    def show(self, expression: Expression, layer: str = TOP_LAYER) -> None:
        """Makes this the next expression of the layer; from any thread."""
        with self._lock:
            self._asked[layer] = expression

    def over(self, params: FlameParams, now_ns: int) -> tuple[FlameParams, Array]:
        """This face with the expressions of this moment, the same object where there are none; and the marks [6]."""
        with self._lock:
            asked, self._asked = self._asked, {}
        for name, expression in asked.items():
            before = self._layers.get(name)
            shown = before.at(now_ns) if before else NOTHING.whole
            self._layers[name] = _Layer(expression, shown, now_ns)
        self._layers = {name: layer for name, layer in self._layers.items() if not layer.is_over(now_ns)}
        for name in list(self._layers)[:-MOST_LAYERS]:
            del self._layers[name]
        total = np.clip(sum((layer.at(now_ns) for layer in self._layers.values()), NOTHING.whole), 0.0, 1.0)
        return with_weights_raised(params, total[: arkit.COUNT]), total[arkit.COUNT :]


@dataclass(frozen=True)
class _Layer:
    """One expression as it comes, stays and goes."""

    expression: Expression
    before: Array  # [58] what the layer showed when it began
    began_ns: int

    def at(self, now_ns: int) -> Array:
        return self.expression.at(self._since_s(now_ns), self.before)

    def is_over(self, now_ns: int) -> bool:
        one = self.expression
        if one.hold_s is None:
            return not one.whole.any() and self._since_s(now_ns) >= one.attack_s
        return self._since_s(now_ns) >= one.attack_s + one.hold_s + one.release_s

    def _since_s(self, now_ns: int) -> float:
        return (now_ns - self.began_ns) / 1e9


def with_weights_raised(params: FlameParams, weights: Array) -> FlameParams:
    """A face in the open basis with these weights [52] added to its own, each sum held to 0..1."""
    if not weights.any():
        return params
    own = np.clip(to_weights(params), 0.0, 1.0)
    change = from_weights(np.clip(own + weights, 0.0, 1.0)).vector() - from_weights(own).vector()
    return FlameParams.from_vector(params.vector() + change, params.basis)


FALL_BELOW = (
    0.7  # an expression is over below this share of the score at which it began: one on the border does not flutter
)


@dataclass(frozen=True)
class ExpressionRule:
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


def _mean_of_sides(*names: str) -> tuple[str, ...]:
    return tuple(name + side for name in names for side in ("Left", "Right"))


_BROWS = ("browInnerUp", *_mean_of_sides("browOuterUp"))

# Set on films of people who talk, smile, blink and grimace, whom nobody had calibrated. A talker's brows are up half of
# the time, so surprise wants the mouth as well, and no smile. A frown's threshold is high, for some brows read as drawn
# down to 0.7 at rest: calibration finds a better one. A blink's is low: a camera seldom catches both eyes quite shut.
# That eyes look down is not counted against it: shut ones read as looking down by 0.2 to 0.8, so that blinks would be
# missed, and eyes that looked down by 0.67 had lids of 0.
EXPRESSION_RULES: Mapping[str, ExpressionRule] = MappingProxyType(
    {
        "smile": ExpressionRule((_mean_of_sides("mouthSmile"),), threshold=0.45, after_s=0.1),
        "surprise": ExpressionRule((("jawOpen",), _BROWS), _mean_of_sides("mouthSmile"), threshold=0.5, after_s=0.1),
        "blink": ExpressionRule((("eyeBlinkLeft",), ("eyeBlinkRight",)), threshold=0.35),
        "wink_left": ExpressionRule((("eyeBlinkLeft",),), ("eyeBlinkRight",), threshold=0.5, after_s=0.15),
        "wink_right": ExpressionRule((("eyeBlinkRight",),), ("eyeBlinkLeft",), threshold=0.5, after_s=0.15),
        "brow_raise": ExpressionRule((_BROWS,), ("jawOpen",), threshold=0.6, after_s=0.1),
        "frown": ExpressionRule((_mean_of_sides("browDown"),), threshold=0.75, after_s=0.1),
        "open_mouth": ExpressionRule((("jawOpen",),), threshold=0.5, after_s=0.1),
        "pucker": ExpressionRule((("mouthPucker",),), threshold=0.55, after_s=0.1),
        "puff": ExpressionRule((("cheekPuff",),), threshold=0.5, after_s=0.1),
        "tongue": ExpressionRule((("tongueOut",),), threshold=0.5, after_s=0.1),
    }
)


class ExpressionRecognizer:
    """Follows one performance; a pure function of its weights and their times."""

    def __init__(self, actor: Actor) -> None:
        own = dict(actor.thresholds)
        self._thresholds = {name: own.get(name, rule.threshold) for name, rule in EXPRESSION_RULES.items()}
        self._since_ns: dict[str, int] = {}  # since when the score has been above what it takes, by name
        self._made: tuple[str, ...] = ()

    def see(self, weights: Array, now_ns: int) -> tuple[str, ...]:
        """The expressions that are made now, in the order of `RULES`; `weights` [52] are the actor's own."""
        self._made = tuple(
            name for name, rule in EXPRESSION_RULES.items() if self._is_made(name, rule, weights, now_ns)
        )
        return self._made

    def miss(self) -> tuple[str, ...]:
        """Nobody is seen, so nobody makes anything."""
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
