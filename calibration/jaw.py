"""What FLAME's jaw does to its mesh, and how far it must turn to do what an ARKit shape does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omote.engine.face.head import rotation

from .flame_file import JAW, FlameFile

Wide = NDArray[np.float64]

_POSED = slice(9, 18)  # of the 36 numbers of `posedirs`, nine for each joint but the root: the jaw's


def jaw_moved(flame: FlameFile, rows: NDArray[np.int64], turn: Wide) -> Wide:
    """[V',3] metres by which the jaw's turn [3] moves these vertices: linear blend skinning with its corrections."""
    matrix = rotation(turn)
    corrected = np.tensordot((matrix - np.eye(3)).ravel(), flame.posedirs[_POSED][:, rows], 1)
    hinge, weight = flame.joints[JAW], flame.skin_weight[rows, JAW][:, None]
    away = flame.template[rows] + corrected - hinge
    return np.asarray(corrected + weight * (away @ (matrix - np.eye(3)).T))


def jaw_turn(flame: FlameFile, rows: NDArray[np.int64], step: Wide, weight: Wide, axis: int) -> float:
    """Radians about x (0) or y (1) by which the jaw makes these steps [V',3] best, in closed form.

    For a turn about an axis through the hinge, the angle is that between where points are and where they go, summed
    as they count: by `weight` [V'] and by how much they follow the jaw.
    """
    count = weight * np.clip(flame.skin_weight[rows, JAW], 0.0, 1.0) ** 2
    start = flame.template[rows] - flame.joints[JAW]
    # A vertex that half follows the jaw makes half the step: what it would make following it wholly is compared.
    goal = start + step / np.maximum(flame.skin_weight[rows, JAW], 0.1)[:, None]
    first, second = ((1, 2), (2, 0))[axis]
    sine = count @ (start[:, first] * goal[:, second] - start[:, second] * goal[:, first])
    cosine = count @ (start[:, first] * goal[:, first] + start[:, second] * goal[:, second])
    return float(np.arctan2(sine, cosine))
