"""Stabilizes a face: smooths the signal, averages its noise over recent faces, and holds a still face still."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import FlameParams, Signal
from .retarget import from_weights
from .tuning import REGIONS, SMOOTHED, Ramp, Tuning

Array = NDArray[np.float32]

# How far a face moves, in standard deviations of a tracker's noise: what stays within the first for as many pictures
# as are remembered holds still, and goes on holding until it is beyond the second. Two bounds, so that a face on the
# border does not change between them at every picture. Of 67 parameters that only tremble, and are averaged already,
# the one that is farthest is usually at 1.6.
STILL, MOVED = 2.0, 3.0
HOLD_AFTER_PICTURES = 8
# A held face that lets go is behind what is seen, by about MOVED. What is near is caught up with, picture by picture,
# so that a slow turn does not go in jerks; what is farther is a movement of its own, and is shown at once.
LEAPT = 6.0
LEFT_BEHIND = 0.8  # of what is still to be caught up with, from picture to picture
DRAWN_PARAMS = slice(
    64
)  # of a vector, what a picture shows: where the head stands is the camera's affair, and is not drawn
_STEP_OF_NOISE = 1.0 / 16.0
_LEAST_STEP = 1e-4  # of parameters that no noise reaches: radians, metres, or units of an expression


class FaceStabilizer:
    """Of one face, told picture after picture; the same faces give the same answers."""

    def __init__(self, consistency: bool = True) -> None:
        """Without `consistency` each face stands alone, and is only brought to the nearest step."""
        self._memory = TemporalAttention() if consistency else None
        self._anchor: Array | None = None  # what the face is compared with
        self._held: FlameParams | None = None
        self._quiet = 0  # pictures in a row that were near the anchor
        self._behind: Array | None = None  # [67] how far what is shown is from what is seen, since a face was let go

    def forget(self) -> None:
        """The next face stands alone."""
        self._anchor = self._held = self._behind = None
        self._quiet = 0
        if self._memory:
            self._memory.forget()

    def settled(self, params: FlameParams, *, trembles: bool = True) -> FlameParams:
        """The face as it is to be drawn, its parameters whole multiples of `step`.

        One that does not tremble, because nobody plays it, is not held: that would take its breath.
        """
        if self._memory is None:
            return in_steps(params)
        steadied = self._memory.steadied(params)
        held, self._held = self._held, None
        if not trembles:
            self._anchor = self._behind = None
            return in_steps(steadied)
        if held is not None and held.basis == params.basis:
            apart = self._apart(steadied)
            if apart <= MOVED:
                self._held = held
                return replace(held, translation=in_steps(steadied).translation)
            self._behind = held.vector() - steadied.vector() if apart <= LEAPT else None
        found = in_steps(self._caught_up(steadied))
        if self._anchor is None or self._apart(steadied) > STILL:
            self._anchor, self._quiet = steadied.vector(), 0
        self._quiet += 1
        if self._quiet >= HOLD_AFTER_PICTURES:
            self._anchor, self._held = steadied.vector(), found
        return found

    def _caught_up(self, steadied: FlameParams) -> FlameParams:
        """What is seen, but for what is left of how far a face that was let go is behind it."""
        if self._behind is None:
            return steadied
        self._behind = self._behind * np.float32(LEFT_BEHIND)
        self._behind[DRAWN_PARAMS.stop :] = 0.0
        if (np.abs(self._behind) < noise_step() / 2.0).all():
            self._behind = None
            return steadied
        return FlameParams.from_vector(steadied.vector() + self._behind, steadied.basis)

    def _apart(self, params: FlameParams) -> float:
        """How far the face is from the anchor, by the parameter that is farthest."""
        if self._anchor is None:
            return float("inf")
        return float((np.abs(params.vector() - self._anchor) / tracker_noise())[DRAWN_PARAMS].max())


def in_steps(params: FlameParams) -> FlameParams:
    """The same face in whole steps: the picture is a function of these, so a picture seen before can be shown again."""
    vector = np.round(params.vector() / noise_step()) * noise_step()
    return FlameParams.from_vector(vector.astype(np.float32), params.basis)


@cache
def noise_step() -> Array:
    """[67] a sixteenth of each parameter's noise, which no eye sees."""
    return np.asarray(np.maximum(tracker_noise() * _STEP_OF_NOISE, _LEAST_STEP), np.float32)


FRAMES = 8  # that are remembered: a quarter of a second at 30 a second
WEIGHT_NOISE, TURN_NOISE_RAD = 0.012, 0.004  # what a webcam's tracker trembles by, one standard deviation
_REACH = 2.5  # differences, in standard deviations of the noise, that still count as noise


class TemporalAttention:
    """The faces just before, which the next one attends to.

    Each parameter is a head of its own: its value now is the query, its values before are keys and values, and the
    likeness is a Gaussian as wide as the tracker's noise (a bilateral filter in time, Tomasi and Manduchi 1998). What
    lies within the noise is averaged over the memory; what moved beyond it finds nothing like it there, and stays.
    """

    def __init__(self) -> None:
        self._before: deque[Array] = deque(maxlen=FRAMES)
        self._basis = ""
        tracker_noise()  # takes a tenth of a second, which no picture shall wait for

    def forget(self) -> None:
        """The next face stands alone."""
        self._before.clear()

    def steadied(self, params: FlameParams) -> FlameParams:
        """The face as it is to be drawn; remembers what it was told."""
        if params.basis != self._basis:
            self.forget()
            self._basis = params.basis
        now = params.vector()
        faces = np.stack([now, *self._before])
        apart = (faces - now) / (_REACH * tracker_noise())
        share = np.exp(-0.5 * apart * apart)
        self._before.append(now)
        mean = (share * faces).sum(0) / share.sum(0)
        return FlameParams.from_vector(mean.astype(np.float32), params.basis)


@cache
def tracker_noise() -> Array:
    """[67] by how much each parameter trembles where the tracker does: measured on 512 trembling faces.

    Next to nothing for those that no tracker's noise reaches, which are so taken as they are.
    """
    rng = np.random.default_rng(0)
    half = np.full(arkit.COUNT, 0.5)
    rows = []
    for _ in range(512):
        weights = (half + rng.normal(0.0, WEIGHT_NOISE, arkit.COUNT)).astype(np.float32)
        turn = rng.normal(0.0, TURN_NOISE_RAD, 3).astype(np.float32)
        rows.append(from_weights(weights, None, turn).vector())
    return np.asarray(np.std(rows, axis=0) + 1e-9, np.float32)


Numbers = NDArray[np.float64]

SMOOTHING_GAP_S = 0.5  # after so long without a face the old one says nothing about the new one

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


def _band_rows() -> tuple[Numbers, list[NDArray[np.int_]]]:
    """The band of each of the 62 numbers in a row of weights, rotation, translation and gaze, and each region's."""
    band = [next(width for part, width in _BAND.items() if name.startswith(part)) for name in arkit.NAMES]
    of = {region: [arkit.INDEX[name] for name in names] for region, names in REGIONS.items()}
    turned, count = arkit.COUNT + 6, arkit.COUNT + 10
    of["gaze"] += range(turned, count)
    of["head"] = [*range(arkit.COUNT, turned)]
    row = np.array([*band, *[_TURN_RAD] * 3, *[_SHIFT_M] * 3, *[_GAZE_RAD] * 4])
    return row, [np.array(of[region]) for region in SMOOTHED]


_BANDS, _PLACES = _band_rows()


def smoothing_delay_ms(region: str, strength: float) -> float:
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


def confidence_delay_s(confidence: float) -> float:
    """The time constant by which a face is held back for its confidence alone: 0 where the points fit."""
    return DOUBT_S * min(max((DOUBTED - confidence) / (DOUBTED - UNFIT), 0.0), 1.0)


class SignalSmoother:
    """Smooths one performance. Time is the stamps'; a gap, a lost face or a clock that goes back starts afresh.

    Rotation vectors are smoothed number by number: a head never turns so far that they would wrap.
    """

    def __init__(self, tuning: Tuning | None = None) -> None:
        self._captured_ns: int | None = None  # None: nothing to go on from
        self._smooth: Numbers = np.zeros(len(_BANDS))
        self._strength = Ramp(_strengths(tuning or Tuning()))

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
        seen = _signal_row(signal)
        if not 0.0 < elapsed_s <= SMOOTHING_GAP_S:
            self._smooth = seen
            self._strength.jump()
            return signal
        # A band that shrank at once would let go of all that it held back in one picture.
        band = _BANDS * self._strength.at(now_ns)
        apart = seen - self._smooth
        late_s = _tau_s(np.abs(apart), band) + confidence_delay_s(signal.confidence)
        share = 1.0 / (1.0 + late_s / elapsed_s)
        self._smooth = self._smooth + share * apart
        return _signal_with_row(signal, self._smooth)

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


def _signal_row(signal: Signal) -> Numbers:
    parts = (signal.weights, signal.head_rotation, signal.head_translation, signal.gaze.ravel())
    return np.concatenate(parts).astype(np.float64)


def _signal_with_row(signal: Signal, row: Numbers) -> Signal:
    values = row.astype(np.float32)
    turned = arkit.COUNT + 3
    return replace(
        signal,
        weights=values[: arkit.COUNT],
        head_rotation=values[arkit.COUNT : turned],
        head_translation=values[turned : turned + 3],
        gaze=values[turned + 3 :].reshape(2, 2),
    )
