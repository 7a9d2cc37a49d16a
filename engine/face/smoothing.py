"""A band around the face that was shown: what stays within it hardly moves, what leaves it is followed at once.

Why this and no One-Euro filter is told in docs/decisions/smoothing-by-distance.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.nouns import Signal

from .glide import Glide
from .tuning import REGIONS, SMOOTHED, Tuning

Numbers = NDArray[np.float64]

GAP_S = 0.5  # after so long without a face the old one says nothing about the new one

# The shown face goes after the seen one as a low-pass filter does whose cutoff grows with the distance between them:
# next to nothing within the band, so that a tracker's slow wandering is not followed either, everything beyond it.
LEAK_HZ = 0.05  # at no distance: what is left of a distance within the band fades in seconds
EDGE_HZ = 4.0  # where the distance is the band
STEEPNESS = 4

# A face whose points fit badly shakes: one that leaves the picture jumps by a quarter of a weight and more from picture
# to picture below a confidence of 0.3, and is lost at 0.1. It is followed the less the worse they fit.
DOUBTED, UNFIT = 0.4, 0.15  # confidences, between which the time constant grows from 0
DOUBT_S = 0.3

# The bands at strength 1, set on real clips (benchmarks/smoothing.py). Of weights; those of the lids that MediaPipe
# reads in a narrow range, and that are drawn out with their noise, have wider ones.
_BAND: Mapping[str, float] = {
    "brow": 0.04,
    "eyeBlink": 0.045,
    "eyeSquint": 0.10,
    "eyeWide": 0.06,
    "eyeLook": 0.04,
    "cheek": 0.04,
    "nose": 0.04,
    "jaw": 0.04,
    "mouth": 0.06,
    "tongue": 0.04,
}
_TURN_RAD, _SHIFT_M, _GAZE_RAD = 0.010, 0.0015, 0.03

# How fast a usual movement goes, in weights or radians a second, and by what band it is smoothed: brows that are raised
# half in half a second, lids that shut in 0.4 s, a glance aside, speech, a head that turns by 12 degrees in a second.
# What is faster comes later by less.
_USUAL: Mapping[str, tuple[float, float]] = {
    "brows": (1.0, _BAND["brow"]),
    "eyes": (2.5, _BAND["eyeBlink"]),
    "gaze": (1.0, _GAZE_RAD),
    "cheeks": (1.0, _BAND["cheek"]),
    "jaw": (1.5, _BAND["jaw"]),
    "mouth": (1.5, _BAND["mouth"]),
    "tongue": (1.5, _BAND["tongue"]),
    "head": (0.2, _TURN_RAD),
}
_USUAL_RATE = 30.0


def _laid_out() -> tuple[Numbers, list[NDArray[np.int_]]]:
    """The band of each of the 62 numbers in a row of weights, rotation, translation and gaze, and each region's."""
    band = [next(width for part, width in _BAND.items() if name.startswith(part)) for name in arkit.NAMES]
    of = {region: [arkit.INDEX[name] for name in names] for region, names in REGIONS.items()}
    turned, count = arkit.COUNT + 6, arkit.COUNT + 10
    of["gaze"] += range(turned, count)
    of["head"] = [*range(arkit.COUNT, turned)]
    row = np.array([*band, *[_TURN_RAD] * 3, *[_SHIFT_M] * 3, *[_GAZE_RAD] * 4])
    return row, [np.array(of[region]) for region in SMOOTHED]


_BANDS, _PLACES = _laid_out()


def delay_ms(region: str, strength: float) -> float:
    """By how much the smoothing of this region (one of `SMOOTHED`) holds a usual movement back; 0 at strength 0.

    That of a steady movement at 30 pictures a second: of brows and cheeks at one weight a second, of lids at two and a
    half, of lips, jaw and tongue at one and a half, of a glance at one radian a second and of the head at a fifth. At
    60 pictures it is up to 12 ms more, at 120 up to 18.
    """
    speed, band = _USUAL[region]
    if strength <= 0.0:
        return 0.0
    # The distance at which the filter goes as fast as what it follows; there it is late by its time constant.
    near, far = 0.0, 100.0 * band * strength + speed
    for _ in range(60):
        distance = (near + far) / 2.0
        late_s = _tau_s(distance, band * strength)
        near, far = (distance, far) if distance < speed * (1.0 / _USUAL_RATE + late_s) else (near, distance)
    return float(1000.0 * late_s)


def doubt_s(confidence: float) -> float:
    """The time constant by which a face is held back for its confidence alone: 0 where the points fit."""
    return DOUBT_S * min(max((DOUBTED - confidence) / (DOUBTED - UNFIT), 0.0), 1.0)


class Smoothing:
    """Smooths one performance. Time is the stamps'; a gap, a lost face or a clock that goes back starts afresh.

    Rotation vectors are smoothed number by number: a head never turns so far that they would wrap.
    """

    def __init__(self, tuning: Tuning | None = None) -> None:
        self._captured_ns: int | None = None  # None: nothing to go on from
        self._smooth: Numbers = np.zeros(len(_BANDS))
        self._strength = Glide(_strengths(tuning or Tuning()))

    def tune(self, tuning: Tuning) -> None:
        """Smooths as strongly as this says; from any thread. What is shown goes on from where it is."""
        self._strength.ask(_strengths(tuning))

    def smooth(self, signal: Signal) -> Signal:
        """The same signal, quieter; the first one after a gap, and one without a face, as it is."""
        if not signal.is_tracked:
            self._captured_ns = None
            return signal
        now_ns = signal.stamp.captured_ns
        elapsed_s = self._elapsed_s(now_ns)
        self._captured_ns = now_ns
        seen = _row(signal)
        if not 0.0 < elapsed_s <= GAP_S:
            self._smooth = seen
            self._strength.jump()
            return signal
        # A band that shrank at once would let go of all that it held back in one picture.
        band = _BANDS * self._strength.at(now_ns)
        apart = seen - self._smooth
        late_s = _tau_s(np.abs(apart), band) + doubt_s(signal.confidence)
        share = 1.0 / (1.0 + late_s / elapsed_s)
        self._smooth = self._smooth + share * apart
        return _with_row(signal, self._smooth)

    def _elapsed_s(self, now_ns: int) -> float:
        return math.inf if self._captured_ns is None else (now_ns - self._captured_ns) / 1e9


def _tau_s(distance: float | Numbers, band: float | Numbers) -> Numbers:
    """The time constant with which a distance is made up for; 0 where there is no band."""
    width = np.asarray(band, np.float64)
    share = np.minimum(distance / np.maximum(width, 1e-12), 1e6)
    tau_s = 1.0 / (2.0 * math.pi * (LEAK_HZ + EDGE_HZ * share**STEEPNESS))
    return np.where(width > 0.0, tau_s, 0.0)


def _strengths(tuning: Tuning) -> Numbers:
    """[62] how strongly each number is smoothed."""
    row = np.ones(len(_BANDS))
    for region, places in zip(SMOOTHED, _PLACES, strict=True):
        row[places] = tuning.smoothing[region]
    return row


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
