"""Read-back: what a tracker reads off our pictures against what was asked, and against the renderer's truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.capture.landmarker import face_landmarker
from omote.engine.face.gaze import gaze_from_weights
from omote.engine.nouns import Stamp

from .quality import Rgb
from .scenes import SWEPT

Array = NDArray[np.float32]

_READABLE = 0.2  # a correlation below this, off the truth, is the tracker's failure: MediaPipe hardly sees a pucker
_TELLING = 0.05  # a weight that is asked for less than this, on the standard deviation, says nothing


@dataclass(frozen=True)
class Reading:
    """How well a tracker reads one thing: correlation of asked and read."""

    name: str
    ours: float
    truth: float  # NaN where there is no truth

    @property
    def share(self) -> float:
        """Ours as a part of the truth's; NaN where there is no truth, or where the tracker cannot read it either."""
        return self.ours / self.truth if self.truth >= _READABLE else float("nan")


def correlation(asked: NDArray[np.floating], read: NDArray[np.floating]) -> float:
    """Pearson's; 0 where either does not move."""
    if len(asked) < 2 or asked.std() < 1e-9 or read.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(asked, read)[0, 1])


def sweep_readings(asked: Array, ours: Array, truth: Array | None) -> tuple[Reading, ...]:
    """One reading a swept shape, both sides together, of [n,52] weights."""
    return tuple(
        _reading(shape, _Mean(tuple(arkit.INDEX[name] for name in names)), asked, ours, truth) for shape, names in SWEPT
    )


def readings(asked: Array, ours: Array, truth: Array | None) -> tuple[Reading, ...]:
    """The shapes that are swept, the gaze up and down and to the sides, and each other weight that is asked for."""
    shapes = [one for one in sweep_readings(asked, ours, truth) if not one.name.startswith("eyeLook")]
    gaze = [_reading(name, _Gaze(axis), asked, ours, truth) for axis, name in enumerate(("gaze pitch", "gaze yaw"))]
    others = [name for name in arkit.NAMES if name not in dict(SWEPT) and not name.startswith("eyeLook")]
    told = [arkit.INDEX[name] for name in others if len(asked) and asked[:, arkit.INDEX[name]].std() >= _TELLING]
    weights = [_reading(arkit.NAMES[k], _Mean((k,)), asked, ours, truth) for k in told]
    return (*shapes, *gaze, *weights)


def misread(ours: Array, truth: Array) -> float:
    """Mean absolute difference between what is read off our pictures [n,52] and off the truth; NaN of nothing."""
    return float(np.abs(ours - truth).mean()) if len(ours) else float("nan")


def follow(pictures: Iterable[Rgb]) -> tuple[Array, NDArray[np.bool_]]:
    """[n,52] weights and [n] found, as MediaPipe follows these pictures at 25 a second."""
    weights, found = [], []
    with face_landmarker() as tracker:
        for k, rgb in enumerate(pictures):
            signal = tracker.track(np.ascontiguousarray(rgb[..., ::-1]), Stamp(k, k * 40_000_000, 0))
            weights.append(signal.weights)
            found.append(signal.is_tracked)
    return np.stack(weights), np.array(found)


def _reading(name: str, pick: Callable[[Array], Array], asked: Array, ours: Array, truth: Array | None) -> Reading:
    of_truth = float("nan") if truth is None else correlation(pick(asked), pick(truth))
    return Reading(name, correlation(pick(asked), pick(ours)), of_truth)


@dataclass(frozen=True)
class _Mean:
    """[n] the mean of these columns."""

    columns: tuple[int, ...]

    def __call__(self, weights: Array) -> Array:
        return np.asarray(weights[:, list(self.columns)].mean(1))


@dataclass(frozen=True)
class _Gaze:
    """[n] radians of pitch or yaw, the mean of both eyes."""

    axis: int

    def __call__(self, weights: Array) -> Array:
        return np.array([gaze_from_weights(row)[:, self.axis].mean() for row in weights], np.float32)
