"""How wrong the fit of the head is on people whom it has never seen, beside taking everybody for the average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.face.fitting import Fit, Fitter, stood_upright, turn_vector
from omote.engine.face.head import SKIN, rotation
from omote.engine.face.maps import Camera
from omote.engine.face.retarget import from_weights, to_weights

from .readings import Readings
from .shape_fit import HELD_OUT, SIDE, Truth

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

_TOLD = ("jawOpen", "mouthSmileLeft", "eyeBlinkLeft", "browInnerUp", "mouthPucker")
_MM_PER_DM = 100.0


@dataclass(frozen=True)
class Errors:
    """Over the pictures of people that were held out."""

    held_out_pictures: int
    shape_mm: float  # mean distance of the face's vertices, both heads sized alike and laid on each other
    shape_mm_of_the_average: float  # the same, everybody taken for the average
    shape_mm_at_rest: float  # of their pictures at rest from the front alone
    turn_deg: tuple[float, float, float]  # root mean square of pitch, yaw and roll
    turn_deg_of_the_tracker: tuple[float, float, float]
    weights: dict[str, float]  # root mean square of some
    weights_of_the_tracker: dict[str, float]
    framing_px: float  # mean distance of the photo's face from the fitted head, in a picture of 256 pixels
    framing_px_of_the_average: float  # the same, the average head in the tracker's pose


class _Scale:
    """Measures one fit against the truth."""

    def __init__(self, truth: Truth, fitter: Fitter) -> None:
        self.truth, self.fitter = truth, fitter
        head = truth.head
        front = (head.region == SKIN) & (head.skin_weight[:, 0] > 0.95) & (head.template[:, 2] > 0.3)
        self._face = np.flatnonzero(front)
        self._template = head.template[self._face].astype(np.float64)
        self._dirs = head.shapedirs.reshape(len(head.shapedirs), -1, 3)[:, self._face].astype(np.float64)

    def shape_mm(self, shape: Array, true: Wide) -> float:
        ours, theirs = (self._template + np.tensordot(s, self._dirs, 1) for s in (shape, true))
        ours, theirs = ours - ours.mean(0), theirs - theirs.mean(0)
        size = (ours * theirs).sum() / (ours * ours).sum()
        return float(np.linalg.norm(size * ours - theirs, axis=1).mean() * _MM_PER_DM)

    def framing_px(self, row: int, fit: Fit) -> float:
        head = self.truth.head
        shaped = head.shaped(fit.shape)
        ours = Camera.framing(shaped).project(head.pose(shaped, fit.params)[self._face], SIDE)[:, :2]
        reading = self.truth.readings.reading(row)
        bring = self.fitter.bring(reading, fit, SIDE)
        theirs = bring.apply(self.truth.screen(row)[self._face, :2])
        return float(np.linalg.norm(ours - theirs, axis=1).mean())


def measure(fitter: Fitter, readings: Readings, shape: Wide) -> Errors:
    """On the people that were not trained on."""
    truth = Truth(readings, shape)
    scale = _Scale(truth, fitter)
    rows = np.flatnonzero(readings.person < HELD_OUT)
    is_at_rest = ~readings.weights[rows].any(1) & ~readings.head_rotation[rows].any(1)
    found = []
    for row in rows.tolist():
        reading, own = readings.reading(row), shape[readings.person[row]]
        fit, upright = fitter.fit(reading), stood_upright(reading)
        tracked = from_weights(reading.weights, None, upright.rotation.astype(np.float32))
        average = Fit(np.zeros_like(fit.shape), tracked, upright.roll)
        level = turn_vector(rotation(np.array([0.0, 0.0, -fit.roll])) @ rotation(readings.head_rotation[row]))
        numbers = [scale.shape_mm(fit.shape, own), scale.shape_mm(average.shape, own)]
        numbers += [scale.framing_px(row, fit), scale.framing_px(row, average)]
        turns = np.degrees([fit.params.neck_pose - level, upright.rotation - level]).ravel()
        weights = np.stack([to_weights(fit.params), reading.weights]) - readings.weights[row]
        found.append(np.concatenate([numbers, turns, weights[:, [arkit.INDEX[name] for name in _TOLD]].ravel()]))
    table = np.stack(found)
    mean, spread = table.mean(0), np.sqrt(np.square(table).mean(0))
    weights = spread[10:].reshape(2, -1)
    return Errors(
        held_out_pictures=len(rows),
        shape_mm=float(mean[0]),
        shape_mm_of_the_average=float(mean[1]),
        shape_mm_at_rest=float(table[is_at_rest, 0].mean()),
        turn_deg=_three(spread[4:7]),
        turn_deg_of_the_tracker=_three(spread[7:10]),
        weights=dict(zip(_TOLD, map(float, weights[0]), strict=True)),
        weights_of_the_tracker=dict(zip(_TOLD, map(float, weights[1]), strict=True)),
        framing_px=float(mean[2]),
        framing_px_of_the_average=float(mean[3]),
    )


def _three(values: Wide) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
