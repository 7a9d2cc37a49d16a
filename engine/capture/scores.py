"""MediaPipe's scores of a face as ARKit weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from omote.bridge import arkit
from omote.engine.nouns import Array

_NEUTRAL = "_neutral"  # MediaPipe's first score, no shape of ARKit's; of these only tongueOut has no score
# What it reads of a relaxed face and of a shut eye, where that is far from 0 and 1: three clips of three people rest at
# 0.11 to 0.17 (blink) and 0.31 to 0.65 (squint) and peak at 0.64 to 0.76 and 0.75 to 0.81. Left as they are, everybody
# looks sleepy and nobody's eyes close. Calibration will measure them for each person.
_BLINK, _SQUINT, _SIDES = (0.15, 0.70), (0.40, 0.85), ("Left", "Right")
_RANGE = {f"eye{name}{side}": span for name, span in (("Blink", _BLINK), ("Squint", _SQUINT)) for side in _SIDES}
_AT_REST = arkit.weights({name: low for name, (low, _) in _RANGE.items()})
_AT_FULL = 1.0 - arkit.weights({name: 1.0 - high for name, (_, high) in _RANGE.items()})


def weights_of(scores: Any) -> Array:
    """[52] ARKit weights of MediaPipe's named scores; KeyError on a name that is not ARKit's.

    By name: MediaPipe's order is alphabetical.
    """
    named = {score.category_name: score.score for score in scores if score.category_name != _NEUTRAL}
    return np.clip(arkit.weights(named), 0.0, 1.0)


def stretched(weights: Array) -> Array:
    """[52] the weights with those that MediaPipe reads in too narrow a range drawn out to 0 at rest and 1 at full."""
    return np.asarray(np.clip((weights - _AT_REST) / (_AT_FULL - _AT_REST), 0.0, 1.0), np.float32)
