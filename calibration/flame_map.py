"""Solves for the FLAME expression and jaw pose of each ARKit blend shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.data import FLAME_BASIS
from omote.engine.face.flame_map import FlameMap
from omote.engine.rotation import rotation

from .flame_file import FLAME_JAW, FlameFile
from .registration import OpenFace, Registration, RegistrationError, open_face, register

Wide = NDArray[np.float64]

# Shapes of the jaw, and the axis of their rotation: x (0) or y (1).
_JAW_AXES: Mapping[str, int] = {"jawOpen": 0, "jawLeft": 1, "jawRight": 1}
# Shapes that other parameters make (eyes and lids), or that FLAME lacks: no expression is solved for them.
_ELSEWHERE = ("eyeBlink", "eyeLook", "tongueOut")
_NEAR_M = 0.003  # a vertex at this distance from the open face has 0.6 of the full weight
# The noise of a map: 0.5 mm in about 100 independent places, against coefficients with a standard deviation of 1.
_NOISE_M2 = 0.0005**2
_PLACES = 100
_JAW_POSE = slice(9, 18)  # of the 36 rows of `posedirs`, nine for each joint but the root
_MIN_OPEN_RAD = 0.05
WEAK = 0.5  # of a shape's movement: with less it hardly looks like that shape


@dataclass(frozen=True)
class FittedMap:
    """A map, and how much of ARKit's shapes FLAME makes."""

    map: FlameMap
    total: float  # share of the movement of all shapes

    @property
    def weak(self) -> tuple[str, ...]:
        """The shapes of which FLAME makes less than half."""
        shares = self.map.explained.tolist()
        return tuple(name for name, share in zip(arkit.NAMES, shares, strict=True) if is_weak(share))


def is_weak(share: float) -> bool:
    """Whether a shape is hardly visible; False for a shape that is not solved for, whose share is NaN."""
    return share < WEAK


def is_solved(name: str) -> bool:
    """Whether an ARKit shape is solved for; others are made by eyes or lids, or missing in FLAME."""
    return not name.startswith(_ELSEWHERE)


def fit(flame: FlameFile, face: OpenFace | None = None) -> FittedMap:
    """The map of a FLAME file, deterministic; RegistrationError where its head is too different from the open one."""
    face = face or open_face()
    return solve(flame, face, register(face, flame))


def solve(flame: FlameFile, face: OpenFace, registration: Registration) -> FittedMap:
    """The map of a FLAME file that the open head is registered to; RegistrationError where its jaw does not open."""
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
    """[V'] weights of the vertices: less far from the open face, and where the normals differ."""
    near = np.exp(-0.5 * (registration.apart_m / _NEAR_M) ** 2)
    return np.asarray(near * np.clip(registration.aligned, 0.0, 1.0))


def _jaw(flame: FlameFile, registration: Registration, steps: Wide, weight: Wide) -> dict[str, float]:
    """The angle of each shape of the jaw; RegistrationError where the jaw would not open."""
    found = {
        name: jaw_turn(flame, registration.rows, steps[arkit.INDEX[name]], weight, axis)
        for name, axis in _JAW_AXES.items()
    }
    if found["jawOpen"] < _MIN_OPEN_RAD:
        raise RegistrationError(
            f"an open mouth would rotate this file's jaw by {found['jawOpen']:.3f} radians, at least {_MIN_OPEN_RAD} "
            "are needed: its third joint is no jaw, or is in the wrong place"
        )
    return found


def _about(name: str, angle: float) -> Wide:
    turn = np.zeros(3)
    turn[_JAW_AXES[name]] = angle
    return turn


def _ridge(directions: Wide, steps: Wide, weight: Wide) -> Wide:
    """[52,50] ridge regression of the coefficients for these displacements [52,V',3], with a standard normal prior."""
    root = np.sqrt(weight)[:, None]
    basis = (directions * root).reshape(len(directions), -1)
    goal = (steps * root).reshape(len(steps), -1)
    noise = _NOISE_M2 * weight.sum() / _PLACES
    return np.asarray(np.linalg.solve(basis @ basis.T + noise * np.eye(len(basis)), basis @ goal.T).T)


def _energy(steps: Wide, weight: Wide) -> Wide:
    return np.asarray((steps**2).sum(2) @ weight)


def jaw_moved(flame: FlameFile, rows: NDArray[np.int64], turn: Wide) -> Wide:
    """[V',3] metres by which the jaw's rotation [3] moves these vertices: linear blend skinning with correctives."""
    matrix = rotation(turn)
    corrected = np.tensordot((matrix - np.eye(3)).ravel(), flame.posedirs[_JAW_POSE][:, rows], 1)
    hinge, weight = flame.joints[FLAME_JAW], flame.skin_weight[rows, FLAME_JAW][:, None]
    away = flame.template[rows] + corrected - hinge
    return np.asarray(corrected + weight * (away @ (matrix - np.eye(3)).T))


def jaw_turn(flame: FlameFile, rows: NDArray[np.int64], step: Wide, weight: Wide, axis: int) -> float:
    """Radians about x (0) or y (1) by which the jaw makes these displacements [V',3] best, in closed form.

    The angle of a rotation about an axis through the hinge is the angle between the points before and after, averaged
    by `weight` [V'] and by the weight of the jaw.
    """
    count = weight * np.clip(flame.skin_weight[rows, FLAME_JAW], 0.0, 1.0) ** 2
    start = flame.template[rows] - flame.joints[FLAME_JAW]
    # A vertex with half the weight of the jaw moves half as far, so displacements are scaled to the full weight.
    goal = start + step / np.maximum(flame.skin_weight[rows, FLAME_JAW], 0.1)[:, None]
    first, second = ((1, 2), (2, 0))[axis]
    sine = count @ (start[:, first] * goal[:, second] - start[:, second] * goal[:, first])
    cosine = count @ (start[:, first] * goal[:, first] + start[:, second] * goal[:, second])
    return float(np.arctan2(sine, cosine))
