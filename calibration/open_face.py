"""The open head's face as calibration needs it: one point at a place, and how each ARKit shape moves it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.face.head import EYE_LEFT, EYE_RIGHT, SKIN, open_head
from omote.engine.face.retarget import DRIVEN, UNITS

Wide = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class OpenFace:
    """The skin of the open head at rest. Units: decimetres; x to the subject's left, y up, z forward."""

    point: Wide  # [N,3]
    triangle: Index  # [T,3]
    units: Wide  # [52,N,3] by how much each ARKit shape moves a point at a weight of 1
    eyes: Wide  # [2,3] middles of the left and of the right eyeball

    @property
    def jaw(self) -> Wide:
        """[N] how much a point follows the jaw, 0 to 1."""
        moved = np.linalg.norm(self.units[arkit.INDEX["jawOpen"]], axis=1)
        return np.asarray(np.clip(moved / np.percentile(moved, 99.0), 0.0, 1.0))


@cache
def open_face() -> OpenFace:
    """Of the head that is shipped. Points that its texture's seams had doubled are one again."""
    head = open_head()
    skin = head.triangle[(head.region[head.triangle] == SKIN).all(1)]
    place = np.round(head.template.astype(np.float64), 4)
    _, kept, welded = np.unique(place, axis=0, return_index=True, return_inverse=True)
    triangle = welded.ravel()[skin]
    triangle = triangle[(triangle != np.roll(triangle, 1, axis=1)).all(1)]
    used, triangle = np.unique(triangle, return_inverse=True)
    rows = kept[used]
    return OpenFace(
        point=head.template[rows].astype(np.float64),
        triangle=triangle.reshape(-1, 3).astype(np.int64),
        units=_units()[:, rows],
        eyes=head.anchor[[EYE_LEFT, EYE_RIGHT]].astype(np.float64),
    )


def _units() -> Wide:
    """[52,V,3] of all vertices of the head."""
    head = open_head()
    units = np.zeros((arkit.COUNT, head.template.size))
    units[[arkit.INDEX[name] for name in UNITS]] = head.unit_to_expression @ head.exprdirs
    units[[arkit.INDEX[name] for name in DRIVEN]] = head.drivendirs
    return units.reshape(arkit.COUNT, -1, 3)
