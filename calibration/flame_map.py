"""Solves for the FLAME expression and jaw pose of each ARKit blend shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.data import FLAME_BASIS
from omote.engine.photoreal.flame_map import FlameMap
from omote.engine.rotation import rotation

from .flame_file import FLAME_JAW, FlameFile
from .registration import OpenFace, Registration, RegistrationError, open_face, register

Wide = NDArray[np.float64]

_JAW_AXES: Mapping[str, int] = {"jawOpen": 0, "jawLeft": 1, "jawRight": 1}  # pinned to the jaw, about x or y
# Pinned to joints and lids that other parameters move, or of what FLAME lacks: no expression is solved for them.
_ELSEWHERE = ("eyeBlink", "eyeLook", "tongueOut")
_NEAR_M = 0.003  # a vertex this far from the open face counts for 0.6 of one that lies on it
# A map's noise: 0.5 mm in some 100 places that know nothing of each other, against coefficients whose spread is 1.
_NOISE_M2 = 0.0005**2
_PLACES = 100
_LEAST_OPEN_RAD = 0.05
WEAK = 0.5  # share of a shape below which it is hardly the same shape


@dataclass(frozen=True)
class FittedMap:
    """A map, and what to tell of it."""

    map: FlameMap
    total: float  # share of all shapes' movement that FLAME makes

    @property
    def weak(self) -> tuple[str, ...]:
        """The shapes of which FLAME makes less than half."""
        shares = self.map.explained.tolist()
        return tuple(name for name, share in zip(arkit.NAMES, shares, strict=True) if is_weak(share))


def is_weak(share: float) -> bool:
    """Whether so little of a shape is made that it is hardly seen; not of one that an eye or a lid makes."""
    return share < WEAK


def is_solved(name: str) -> bool:
    """Whether an ARKit shape is solved for, or an eye, a lid or nothing of FLAME's makes it."""
    return not name.startswith(_ELSEWHERE)


def fit(flame: FlameFile, face: OpenFace | None = None) -> FittedMap:
    """The map of a FLAME file, the same each time; RegistrationError where its head is too unlike the open one."""
    face = face or open_face()
    return solve(flame, face, register(face, flame))


def solve(flame: FlameFile, face: OpenFace, registration: Registration) -> FittedMap:
    """The map of a FLAME file on whose head the open one lies; RegistrationError where its jaw does not open."""
    weight = _weight(registration)
    steps = np.stack([registration.turn.turned(registration.foot.mean(unit)) for unit in face.units])
    jaw = _jaw(flame, registration, steps, weight)
    rest = steps.copy()
    for name, angle in jaw.items():
        rest[arkit.INDEX[name]] -= jaw_moved(flame, registration.rows, _about(name, angle))
    solved = np.array([is_solved(name) for name in arkit.NAMES])
    expression = np.where(solved[:, None], _ridge(flame.expressiondirs[:, registration.rows], rest, weight), 0.0)
    left = rest - np.tensordot(expression, flame.expressiondirs[:, registration.rows], 1)
    energy, missed = (_energy(one, weight) for one in (steps, left))
    explained = np.where(solved, 1.0 - missed / np.maximum(energy, 1e-12), np.nan)
    found = FlameMap(
        expression=expression.astype(np.float32),
        jaw_rad=np.array(list(jaw.values()), np.float32),
        explained=explained.astype(np.float32),
        apart_mm=np.array(registration.apart_mm, np.float32),
        flame_sha256=flame.sha256,
        basis=FLAME_BASIS,
    )
    return FittedMap(found, float(1.0 - missed[solved].sum() / energy[solved].sum()))


def _weight(registration: Registration) -> Wide:
    """[V'] how much a vertex counts: one that lies off the open face, or faces another way, counts for less."""
    near = np.exp(-0.5 * (registration.apart_m / _NEAR_M) ** 2)
    return np.asarray(near * np.clip(registration.aligned, 0.0, 1.0))


def _jaw(flame: FlameFile, registration: Registration, steps: Wide, weight: Wide) -> dict[str, float]:
    """The angle of each shape that is pinned to the jaw; RegistrationError where the jaw would not open."""
    found = {
        name: jaw_turn(flame, registration.rows, steps[arkit.INDEX[name]], weight, axis)
        for name, axis in _JAW_AXES.items()
    }
    if found["jawOpen"] < _LEAST_OPEN_RAD:
        raise RegistrationError(
            f"an open mouth would turn this file's jaw by {found['jawOpen']:.3f} radians, at least {_LEAST_OPEN_RAD} "
            "are wanted: its third joint is no jaw, or lies where none does"
        )
    return found


def _about(name: str, angle: float) -> Wide:
    turn = np.zeros(3)
    turn[_JAW_AXES[name]] = angle
    return turn


def _ridge(directions: Wide, steps: Wide, weight: Wide) -> Wide:
    """[52,50] the likeliest coefficients for these steps [52,V',3] where each is spread around 0 by 1."""
    root = np.sqrt(weight)[:, None]
    basis = (directions * root).reshape(len(directions), -1)
    goal = (steps * root).reshape(len(steps), -1)
    noise = _NOISE_M2 * weight.sum() / _PLACES
    return np.asarray(np.linalg.solve(basis @ basis.T + noise * np.eye(len(basis)), basis @ goal.T).T)


def _energy(steps: Wide, weight: Wide) -> Wide:
    return np.asarray((steps**2).sum(2) @ weight)


_POSED = slice(9, 18)  # of the 36 numbers of `posedirs`, nine for each joint but the root: the jaw's


def jaw_moved(flame: FlameFile, rows: NDArray[np.int64], turn: Wide) -> Wide:
    """[V',3] metres by which the jaw's turn [3] moves these vertices: linear blend skinning with its corrections."""
    matrix = rotation(turn)
    corrected = np.tensordot((matrix - np.eye(3)).ravel(), flame.posedirs[_POSED][:, rows], 1)
    hinge, weight = flame.joints[FLAME_JAW], flame.skin_weight[rows, FLAME_JAW][:, None]
    away = flame.template[rows] + corrected - hinge
    return np.asarray(corrected + weight * (away @ (matrix - np.eye(3)).T))


def jaw_turn(flame: FlameFile, rows: NDArray[np.int64], step: Wide, weight: Wide, axis: int) -> float:
    """Radians about x (0) or y (1) by which the jaw makes these steps [V',3] best, in closed form.

    For a turn about an axis through the hinge, the angle is that between where points are and where they go, summed
    as they count: by `weight` [V'] and by how much they follow the jaw.
    """
    count = weight * np.clip(flame.skin_weight[rows, FLAME_JAW], 0.0, 1.0) ** 2
    start = flame.template[rows] - flame.joints[FLAME_JAW]
    # A vertex that half follows the jaw makes half the step: what it would make following it wholly is compared.
    goal = start + step / np.maximum(flame.skin_weight[rows, FLAME_JAW], 0.1)[:, None]
    first, second = ((1, 2), (2, 0))[axis]
    sine = count @ (start[:, first] * goal[:, second] - start[:, second] * goal[:, first])
    cosine = count @ (start[:, first] * goal[:, first] + start[:, second] * goal[:, second])
    return float(np.arctan2(sine, cosine))
