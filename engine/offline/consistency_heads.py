"""What of a face is attended to by itself: the weight of each unit, each joint's angles and each lid."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..data import Array
from ..face.head import open_head
from ..face.retarget import UNITS
from ..face.stabilizer import WEIGHT_NOISE, tracker_noise
from ..face.tuning import REGIONS

Numbers = NDArray[np.float64]

JAW, NECK, EYES, LIDS = slice(50, 53), slice(53, 56), slice(56, 62), slice(62, 64)  # of a vector of FlameParams
_JOINTS: Mapping[str, slice] = {"jaw": JAW, "gaze": EYES, "eyes": LIDS}
_LEAST_NOISE = 1e-6  # what trembles by less is told by nobody


def heads_of(faces: Array) -> Numbers:
    """[n,67] the same faces, each component of the expression replaced by the weight of a unit.

    A component is a mixture of all units, so a movement of one of them is small in each; its own weight shows it whole.
    """
    heads = faces.astype(np.float64)
    heads[:, : len(UNITS)] = heads[:, : len(UNITS)] @ np.linalg.inv(open_head().unit_to_expression)
    return heads


def faces_of(heads: Numbers) -> Array:
    """[n,67] the inverse of `heads_of`."""
    faces = heads.copy()
    faces[:, : len(UNITS)] = heads[:, : len(UNITS)] @ open_head().unit_to_expression
    return faces.astype(np.float32)


@cache
def head_noise() -> Numbers:
    """[67] by how much each trembles where a webcam's tracker does, one standard deviation."""
    found = tracker_noise().astype(np.float64)
    found[: len(UNITS)] = WEIGHT_NOISE
    return found


@cache
def trembling() -> NDArray[np.int_]:
    """Those that a tracker's noise reaches; the others are told by nobody, or not drawn."""
    return np.flatnonzero(head_noise() > _LEAST_NOISE)


@cache
def regions() -> Mapping[str, NDArray[np.int_]]:
    """The places of each region among the 67, of those that tremble."""
    found = {"head": np.arange(NECK.start, NECK.stop)}
    for region, names in REGIONS.items():
        places = [UNITS.index(name) for name in names if name in UNITS]
        joints = _JOINTS.get(region, slice(0))
        both = [*places, *range(joints.start or 0, joints.stop)]
        found[region] = np.array([place for place in both if place in trembling()], int)
    return {region: places for region, places in found.items() if len(places)}
