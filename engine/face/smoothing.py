"""The One-Euro filter over a Signal: a still face stands still, a fast one is not held back.

Casiez, Roussel, Vogel: 1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive
Systems, CHI 2012.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.nouns import Signal

Numbers = NDArray[np.float64]

DERIVATIVE_CUTOFF_HZ = 5.0  # the paper's 1 Hz notices a blink, which lasts 0.2 s, when it is over
GAP_S = 0.5  # after so long without a face the old one says nothing about the new one


@dataclass(frozen=True)
class OneEuro:
    """How strongly a quantity is smoothed: its cutoff is `min_cutoff_hz` at rest and grows by `beta` with its speed.

    A slow movement comes late by 1 / (2 pi cutoff): at rest 53 ms for 3 Hz, at a cutoff of 15 Hz 11 ms.
    """

    min_cutoff_hz: float
    beta: float  # Hz for each unit a second


# Set on real clips at 30 pictures a second: head and jaw lose a third to a half of their jitter; what moves is late by
# 10 to 30 ms (head), 3 to 13 ms (mouth) and 3 ms (eyelids: a blink that is smeared never closes).
WEIGHTS = OneEuro(3.0, 5.0)
EYELIDS = OneEuro(5.0, 15.0)
ROTATION = OneEuro(2.0, 15.0)
TRANSLATION = OneEuro(2.0, 80.0)
GAZE = OneEuro(3.0, 10.0)

_EYELID_NAMES = tuple(f"eye{part}{side}" for part in ("Blink", "Squint", "Wide") for side in ("Left", "Right"))
_EYELID_AT = [arkit.INDEX[name] for name in _EYELID_NAMES]


def _laid_out() -> list[OneEuro]:
    """[62] the setting of each number in a row of weights, rotation, translation and gaze."""
    weights = [WEIGHTS] * arkit.COUNT
    for index in _EYELID_AT:
        weights[index] = EYELIDS
    return [*weights, *[ROTATION] * 3, *[TRANSLATION] * 3, *[GAZE] * 4]


_MIN_CUTOFF_HZ: Numbers = np.array([setting.min_cutoff_hz for setting in _laid_out()])
_BETA: Numbers = np.array([setting.beta for setting in _laid_out()])


class Smoothing:
    """Smooths one performance. Time is the stamps'; a gap, a lost face or a clock that goes back starts afresh.

    Rotation vectors are smoothed number by number: a head never turns so far that they would wrap.
    """

    def __init__(self) -> None:
        self._captured_ns: int | None = None  # None: nothing to go on from
        self._seen: Numbers = np.zeros(len(_BETA))
        self._smooth: Numbers = np.zeros(len(_BETA))
        self._speed: Numbers = np.zeros(len(_BETA))

    def smooth(self, signal: Signal) -> Signal:
        """The same signal, quieter; the first one after a gap, and one without a face, as it is."""
        if not signal.is_tracked:
            self._captured_ns = None
            return signal
        elapsed_s = self._elapsed_s(signal.stamp.captured_ns)
        self._captured_ns = signal.stamp.captured_ns
        seen = _row(signal)
        if not 0.0 < elapsed_s <= GAP_S:
            self._seen = self._smooth = seen
            self._speed = np.zeros(len(_BETA))
            return signal
        # From what was seen, as the authors' programs do: from what was smoothed, it would grow with the rate.
        speed = (seen - self._seen) / elapsed_s
        self._seen = seen
        self._speed += _alpha(DERIVATIVE_CUTOFF_HZ, elapsed_s) * (speed - self._speed)
        cutoff_hz = _MIN_CUTOFF_HZ + _BETA * np.abs(self._speed)
        self._smooth = self._smooth + _alpha(cutoff_hz, elapsed_s) * (seen - self._smooth)
        return _with_row(signal, self._smooth)

    def _elapsed_s(self, now_ns: int) -> float:
        return math.inf if self._captured_ns is None else (now_ns - self._captured_ns) / 1e9


def _alpha(cutoff_hz: float | Numbers, elapsed_s: float) -> Numbers:
    """How far a low-pass filter of this cutoff goes towards what it sees (the paper's equations 2 and 3)."""
    tau_s = 1.0 / (2.0 * math.pi * np.asarray(cutoff_hz))
    return np.asarray(1.0 / (1.0 + tau_s / elapsed_s))


def _row(signal: Signal) -> Numbers:
    parts = (signal.weights, signal.head_rotation, signal.head_translation, signal.gaze.ravel())
    return np.concatenate(parts).astype(np.float64)


def _with_row(signal: Signal, row: Numbers) -> Signal:
    values = row.astype(np.float32)
    turned = arkit.COUNT + 3
    return replace(
        signal,
        weights=values[: arkit.COUNT],
        head_rotation=values[arkit.COUNT : turned],
        head_translation=values[turned : turned + 3],
        gaze=values[turned + 3 :].reshape(2, 2),
    )
