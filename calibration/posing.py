"""One attempt at a pose: how far it is made now, and the face once it was held."""

from __future__ import annotations

import numpy as np

from omote.bridge import arkit
from omote.engine.face.retarget import seen_weights
from omote.engine.nouns import Array, Signal

from .poses import Pose
from .still import Still

ENOUGH = 0.6  # of what is usual
LEAST = 0.25  # of what is usual: who cannot do more is measured with that, at the end
FALL = 0.8  # a pose is held until its score is below this share of ENOUGH
HOLD_S = 0.8  # of which the better half counts: a face is still on its way when it first is enough
LEAST_PICTURES = 4  # of which the better half counts
PATIENCE_S = 12.0
ADVICE_S = 2.0
BEST_S = 0.5
ROOM = 0.7  # of the way from a high rest to 1: more is wanted of nobody
SHORT = "It was held for a moment only; do it again to be sure."
MORE = "do it again if you can do more."
UNSEEN = 0.003  # a weight that a tracker does see trembles or rests above it


def is_unseen(pose: Pose, still: Still) -> bool:
    """Whether the tracker is blind to a pose that few trackers see: not even at rest do its weights stir."""
    at = [arkit.INDEX[name] for name in pose.made]
    return pose.is_rare and max(float(still.weights[at].max()), float(still.jitter[at].max())) < UNSEEN


class Posing:
    """Follows one attempt; `extreme` or `missed` is there at its end."""

    def __init__(self, pose: Pose, still: Still) -> None:
        self.pose = pose
        self.extreme: Array | None = None  # [52] as the tracker says it
        self.missed = ""  # why it was given up
        self.caveat = ""  # what is to be said of an extreme that is there
        self.score = 0.0
        self.remark = ""
        self._at = [arkit.INDEX[name] for name in pose.made]
        self._rest = still.weights[self._at]
        self._usual = np.minimum(pose.usual, ROOM * (1.0 - self._rest)) + 1e-6
        self._held_s = self._tried_s = 0.0
        self._held: list[tuple[float, Array]] = []  # score and weights while it is enough
        self._best: list[tuple[float, float, Array]] = []  # likewise of the whole attempt, with the picture's seconds

    def see(self, signal: Signal, elapsed_s: float) -> None:
        """One picture more, so long after the one before."""
        row = seen_weights(signal)
        self.score = float(np.clip(np.mean((row[self._at] - self._rest) / self._usual), 0.0, 1.0))
        self._tried_s += elapsed_s
        self._best.append((self.score, elapsed_s, row))
        if self.score >= ENOUGH * (FALL if self._held else 1.0):
            self._held_s += elapsed_s if self._held else 0.0
            self._held.append((self.score, row))
        else:
            self._held, self._held_s = [], 0.0
        if self._held_s >= HOLD_S and len(self._held) >= LEAST_PICTURES:
            self.extreme = _better_half(self._held)
        elif self._tried_s >= PATIENCE_S:
            self._end()
        self.remark = self._advice()

    def _advice(self) -> str:
        if self._held:
            return "Good: hold it."
        return self.pose.more if self._tried_s >= ADVICE_S else ""

    def _end(self) -> None:
        """Takes the best half second, or gives up."""
        best, seconds = [], 0.0
        for score, elapsed_s, row in sorted(self._best, key=lambda one: -one[0]):
            if seconds >= BEST_S:
                break
            best.append((score, row))
            seconds += elapsed_s
        reached = float(np.median([score for score, _ in best]))
        if reached >= LEAST:
            self.extreme = _better_half(best)
            self.caveat = SHORT if reached >= ENOUGH else f"Only {reached:.0%} of what is usual was seen; {MORE}"
        else:
            self.missed = "It was not seen: do it again, with more light on your face or nearer to the camera."


def _better_half(held: list[tuple[float, Array]]) -> Array:
    """[52] the median of those with the better scores."""
    rows = [row for _, row in sorted(held, key=lambda one: one[0])[len(held) // 2 :]]
    return np.asarray(np.median(rows, axis=0), np.float32)
