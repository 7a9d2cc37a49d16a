"""Stabilizes a face: smooths the signal, averages the noise over recent faces, and holds a still face still."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import Array, FlameParams, Signal
from .retarget import from_weights
from .tuning import REGIONS, SMOOTHED, Ramp, Tuning

Numbers = NDArray[np.float64]

# Smoothing the signal.

SMOOTHING_GAP_S = 0.5  # after this time without a face, the last one says nothing about the next

# The shown face follows the seen one like a low-pass filter whose cutoff grows with their distance: it hardly moves
# within the band, so that it does not follow a tracker's slow drift either, and follows everything beyond it.
_LEAK_HZ = 0.05  # at no distance; what is left of a distance within the band fades in seconds
_EDGE_HZ = 4.0  # where the distance is the band
_STEEPNESS = 4

# A face whose points fit badly shakes. One that leaves the picture jumps by a quarter of a weight and more from picture
# to picture below a confidence of 0.3, and is lost at 0.1. The worse the fit, the slower it is followed.
DOUBTED, _UNFIT = 0.4, 0.15  # confidences between which the time constant grows from 0
_DOUBT_S = 0.3

# The bands at strength 1, set on real clips (benchmarks/smoothing.py), in weights. Weights of the lids that MediaPipe
# reads in a narrow range are stretched together with their noise, so their bands are wider.
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

# The speed of a usual movement, in weights or radians a second, and its band: brows that are half raised in half a
# second, lids that close in 0.4 s, a glance aside, speech, a head that turns by 12 degrees in a second. Faster
# movements are delayed less.
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
    """The band of each of the 62 numbers (weights, rotation, translation, gaze), and the numbers of each region."""
    band = [next(width for part, width in _BAND.items() if name.startswith(part)) for name in arkit.NAMES]
    of = {region: [arkit.INDEX[name] for name in names] for region, names in REGIONS.items()}
    turned, count = arkit.COUNT + 6, arkit.COUNT + 10
    of["gaze"] += range(turned, count)
    of["head"] = [*range(arkit.COUNT, turned)]
    row = np.array([*band, *[_TURN_RAD] * 3, *[_SHIFT_M] * 3, *[_GAZE_RAD] * 4])
    return row, [np.array(of[region]) for region in SMOOTHED]


_BANDS, _PLACES = _band_rows()


class SignalSmoother:
    """Smooths one performance by the times of its stamps; a gap, a lost face or a clock that goes back starts afresh.

    Rotation vectors are smoothed number by number, since a head never turns so far that they would wrap.
    """

    def __init__(self, tuning: Tuning | None = None) -> None:
        self._captured_ns: int | None = None  # of the last signal; None at a fresh start
        self._smooth: Numbers = np.zeros(len(_BANDS))
        self._strength = Ramp(_strengths(tuning or Tuning()))

    def tune(self, tuning: Tuning) -> None:
        """Uses the strengths of this tuning; from any thread. The face goes on from where it is."""
        self._strength.set_target(_strengths(tuning))

    def smooth(self, signal: Signal) -> Signal:
        """The smoothed signal; the first one after a gap, and one without a face, unchanged."""
        if not signal.is_tracked:
            self._captured_ns = None
            return signal
        now_ns, last_ns = signal.stamp.captured_ns, self._captured_ns
        elapsed_s = math.inf if last_ns is None else (now_ns - last_ns) / 1e9
        self._captured_ns = now_ns
        row = _signal_row(signal)
        if not 0.0 < elapsed_s <= SMOOTHING_GAP_S:
            self._smooth = row
            self._strength.jump()
            return signal
        # The strength is a ramp: a band that shrank at once would release all that it held back in one picture.
        band = _BANDS * self._strength.at(now_ns)
        distance = row - self._smooth
        tau_s = _tau_s(np.abs(distance), band) + confidence_delay_s(signal.confidence)
        share = 1.0 / (1.0 + tau_s / elapsed_s)
        self._smooth = self._smooth + share * distance
        return _signal_with_row(signal, self._smooth)


def smoothing_delay_ms(region: str, strength: float) -> float:
    """The delay of a usual movement by the smoothing of this region (one of `SMOOTHED`); 0 at strength 0.

    The movement is steady, at 30 pictures a second: one weight a second for brows and cheeks, 2.5 for lids, 1.5 for
    lips, jaw and tongue, one radian a second for the gaze and a fifth for the head. At 60 pictures a second the delay
    is up to 12 ms longer, at 120 up to 18.
    """
    speed, band = _USUAL[region]
    if strength <= 0.0:
        return 0.0
    # Bisect the distance at which the filter is as fast as what it follows; there the delay is its time constant.
    near, far = 0.0, 100.0 * band * strength + speed
    for _ in range(60):
        distance = (near + far) / 2.0
        tau_s = _tau_s(distance, band * strength)
        near, far = (distance, far) if distance < speed * (1.0 / _USUAL_RATE + tau_s) else (near, distance)
    return float(1000.0 * tau_s)


def confidence_delay_s(confidence: float) -> float:
    """The time constant that a low confidence adds; 0 for points that fit."""
    return _DOUBT_S * min(max((DOUBTED - confidence) / (DOUBTED - _UNFIT), 0.0), 1.0)


def _tau_s(distance: float | Numbers, band: float | Numbers) -> Numbers:
    """The time constant of the filter at this distance; 0 without a band."""
    width = np.asarray(band, np.float64)
    share = np.minimum(distance / np.maximum(width, 1e-12), 1e6)
    tau_s = 1.0 / (2.0 * math.pi * (_LEAK_HZ + _EDGE_HZ * share**_STEEPNESS))
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


# Averaging the noise of recent faces.

_FRAMES = 8  # that are remembered: a quarter of a second at 30 a second
WEIGHT_NOISE, TURN_NOISE_RAD = 0.012, 0.004  # of a webcam's tracker, one standard deviation
_REACH = 2.5  # differences up to about so many standard deviations count as noise
_STEP_OF_NOISE = 1.0 / 16.0
_LEAST_STEP = 1e-4  # for parameters without noise: radians, metres, or units of an expression


class TemporalAttention:
    """Attention of each face to the faces just before it.

    Each parameter is a head of its own: its value now is the query, its values before are keys and values, and the
    similarity is a Gaussian as wide as the tracker's noise (a bilateral filter in time, Tomasi and Manduchi 1998).
    Differences within the noise are averaged; a movement beyond it finds nothing similar, and stays.
    """

    def __init__(self) -> None:
        self._before: deque[Array] = deque(maxlen=_FRAMES)
        self._basis = ""
        tracker_noise()  # It takes a tenth of a second, for which no picture shall wait.

    def forget(self) -> None:
        """The next face stands alone."""
        self._before.clear()

    def averaged(self, params: FlameParams) -> FlameParams:
        """This face averaged with those before it; remembers it for the next ones."""
        if params.basis != self._basis:
            self.forget()
            self._basis = params.basis
        now = params.vector()
        faces = np.stack([now, *self._before])
        difference = (faces - now) / (_REACH * tracker_noise())
        weight = np.exp(-0.5 * difference * difference)
        self._before.append(now)
        mean = (weight * faces).sum(0) / weight.sum(0)
        return FlameParams.from_vector(mean.astype(np.float32), params.basis)


@cache
def tracker_noise() -> Array:
    """[67] standard deviation of each parameter under the tracker's noise, measured on 512 noisy faces.

    It is almost 0 for parameters without noise, so these are not changed.
    """
    rng = np.random.default_rng(0)
    half = np.full(arkit.COUNT, 0.5)
    rows = []
    for _ in range(512):
        weights = (half + rng.normal(0.0, WEIGHT_NOISE, arkit.COUNT)).astype(np.float32)
        turn = rng.normal(0.0, TURN_NOISE_RAD, 3).astype(np.float32)
        rows.append(from_weights(weights, None, turn).vector())
    return np.asarray(np.std(rows, axis=0) + 1e-9, np.float32)


@cache
def noise_step() -> Array:
    """[67] a sixteenth of each parameter's noise, too small to be seen."""
    return np.asarray(np.maximum(tracker_noise() * _STEP_OF_NOISE, _LEAST_STEP), np.float32)


def in_steps(params: FlameParams) -> FlameParams:
    """The face rounded to whole steps of `noise_step`, so that the picture of an equal face can be shown again."""
    vector = np.round(params.vector() / noise_step()) * noise_step()
    return FlameParams.from_vector(vector.astype(np.float32), params.basis)


# Holding a still face.

# Distances between faces, in standard deviations of the tracker's noise. A face that stays within the first for as many
# pictures as are remembered is held, until it is beyond the second. With two bounds, a face on the border does not
# alternate at every picture. Of 67 averaged parameters that only tremble, the farthest is usually at 1.6.
_STILL, MOVED = 2.0, 3.0
HOLD_AFTER_PICTURES = 8
# A held face that is released is behind the seen one by about MOVED. Up to the first distance it catches up picture by
# picture, so that a slow turn has no jerks; beyond it, the difference is a movement and is shown at once.
_JUMPED = 6.0
_LAG_KEPT = 0.8  # of the lag, from picture to picture
# The part of a vector that a picture shows. The translation, which concerns the camera, is not drawn.
DRAWN_PARAMS = slice(64)


class FaceStabilizer:
    """Stabilizes one face, picture after picture; the same faces give the same answers."""

    def __init__(self, consistency: bool = True) -> None:
        """Without `consistency` each face stands alone, and is only rounded to whole steps."""
        self._attention = TemporalAttention() if consistency else None
        self._anchor: Array | None = None  # the face to compare with
        self._held: FlameParams | None = None
        self._quiet = 0  # pictures in a row that were near the anchor
        self._lag: Array | None = None  # [67] shown minus seen, since a held face was released

    def forget(self) -> None:
        """The next face stands alone."""
        self._anchor = self._held = self._lag = None
        self._quiet = 0
        if self._attention:
            self._attention.forget()

    def settled(self, params: FlameParams, *, trembles: bool = True) -> FlameParams:
        """The face to draw, in whole steps of `noise_step`.

        A face that does not tremble, because it is not tracked, is not held: that would stop its breathing.
        """
        if self._attention is None:
            return in_steps(params)
        averaged = self._attention.averaged(params)
        held, self._held = self._held, None
        if not trembles:
            self._anchor = self._lag = None
            return in_steps(averaged)
        if held is not None and held.basis == params.basis:
            distance = self._distance(averaged)
            if distance <= MOVED:
                self._held = held
                return replace(held, translation=in_steps(averaged).translation)
            self._lag = held.vector() - averaged.vector() if distance <= _JUMPED else None
        found = in_steps(self._with_lag(averaged))
        if self._anchor is None or self._distance(averaged) > _STILL:
            self._anchor, self._quiet = averaged.vector(), 0
        self._quiet += 1
        if self._quiet >= HOLD_AFTER_PICTURES:
            self._anchor, self._held = averaged.vector(), found
        return found

    def _with_lag(self, averaged: FlameParams) -> FlameParams:
        """The seen face plus what is left of the lag of a released one."""
        if self._lag is None:
            return averaged
        self._lag = self._lag * np.float32(_LAG_KEPT)
        self._lag[DRAWN_PARAMS.stop :] = 0.0
        if (np.abs(self._lag) < noise_step() / 2.0).all():
            self._lag = None
            return averaged
        return FlameParams.from_vector(averaged.vector() + self._lag, averaged.basis)

    def _distance(self, params: FlameParams) -> float:
        """The distance from the anchor, by the parameter that is farthest."""
        if self._anchor is None:
            return float("inf")
        return float((np.abs(params.vector() - self._anchor) / tracker_noise())[DRAWN_PARAMS].max())
