"""The faces that the open head can make, as a box: each number has bounds of its own.

FLAME's expression coefficients move the whole face at once. Here the ARKit shapes that they stand for take their place,
which is a change of axes only. A straight line in FLAME's parameters is therefore straight here, and a mixture of two
faces, number by number, is a face again.
"""

from __future__ import annotations

import numpy as np

from ..data import EXPRESSION_SIZE, OPEN_BASIS, Array, FlameParams
from ..face.head import JAW_OPEN_RAD, JAW_SIDE_RAD, LOOK_DOWN_RAD, LOOK_SIDE_RAD, LOOK_UP_RAD, open_head
from ..face.retarget import UNITS
from .animation import FACE_SIZE, Float64Array, RenderError
from .writers.tables import COLUMNS

FLAME_NAMES: tuple[str, ...] = COLUMNS[2 : 2 + FACE_SIZE]  # of the numbers of `FlameParams.vector`
NAMES: tuple[str, ...] = (*UNITS, *FLAME_NAMES[len(UNITS) :])  # of the same, with ARKit's shapes

JAW, NECK, EYES = slice(50, 53), slice(53, 56), slice(56, 62)
EYELIDS, PLACE = slice(62, 64), slice(64, 67)

# A shape may be raised to 1 and lowered to this, because some of FLAME's coefficients push it there. We looked at the
# results: a closing mouth that is lowered further bares all teeth of a shut jaw.
MIN_SHAPE = -0.4
PITCH_DEG, YAW_DEG, ROLL_DEG = 25.0, 45.0, 25.0  # turns of the head in the training pictures, and a little beyond
PLACE_M = 1.0

_NECK_RAD = tuple(float(np.deg2rad(most)) for most in (PITCH_DEG, YAW_DEG, ROLL_DEG))
_ROUNDING = 2e-3  # a number outside its bounds by no more than this was rounded, and is clipped


def _bounds() -> tuple[Float64Array, Float64Array]:
    unused = [0.0] * (EXPRESSION_SIZE - len(UNITS))
    joints = [-JAW_SIDE_RAD, 0.0, *(-most for most in _NECK_RAD)]
    eye_min, eye_max = [-LOOK_UP_RAD, -LOOK_SIDE_RAD, 0.0], [LOOK_DOWN_RAD, LOOK_SIDE_RAD, 0.0]
    low = [MIN_SHAPE] * len(UNITS) + unused + [0.0, *joints, *eye_min, *eye_min] + [0.0] * 2 + [-PLACE_M] * 3
    high = [1.0] * len(UNITS) + unused + [JAW_OPEN_RAD, JAW_SIDE_RAD, 0.0, *_NECK_RAD, *eye_max, *eye_max]
    return np.array(low), np.array([*high, 1.0, 1.0, *[PLACE_M] * 3])


MIN, MAX = _bounds()  # [67] each, in the order of NAMES


def require_in_limits(params: FlameParams, what: str) -> Float64Array:
    """[67] this face in the order of `NAMES`; RenderError names the number that is out of its bounds."""
    if params.basis != OPEN_BASIS:
        raise RenderError(f'{what}: expected a face in the basis "{OPEN_BASIS}", got "{params.basis}"')
    row = params.vector().astype(np.float64)
    if beyond := np.flatnonzero(row[len(UNITS) : EXPRESSION_SIZE]).tolist():
        name = FLAME_NAMES[len(UNITS) + beyond[0]]
        raise RenderError(f"{what}: {name} must be 0: the open head has expression_0 to expression_{len(UNITS) - 1}")
    row[: len(UNITS)] = np.linalg.solve(open_head().unit_to_expression.T, row[: len(UNITS)])
    inside = np.clip(row, MIN, MAX)
    excess = np.abs(row - inside)
    if (excess > _ROUNDING).any():
        at = int(np.argmax(excess))
        bounds = f"from {MIN[at]:.4g} to {MAX[at]:.4g}"
        if at < len(UNITS):
            raise RenderError(
                f"{what}: these expression values set ARKit's {NAMES[at]} to {row[at]:.2f}, and it must be {bounds}: "
                "make them smaller"
            )
        raise RenderError(f"{what}: {NAMES[at]} must be {bounds}, got {row[at]:.4g}")
    return np.asarray(inside)


def rows_from_faces(faces: Array) -> Float64Array:
    """[n,67] in the order of `NAMES`, from faces [n,67] as `FlameParams.vector` returns them; without a check.

    Each coefficient is a mixture of all shapes, so the movement of one shape is small in each of them.
    """
    rows = faces.astype(np.float64)
    rows[:, : len(UNITS)] = rows[:, : len(UNITS)] @ np.linalg.inv(open_head().unit_to_expression)
    return rows


def faces_from_rows(rows: Float64Array) -> Array:
    """[n,67] the inverse of `rows_from_faces`."""
    faces = np.array(rows, np.float64)
    faces[:, : len(UNITS)] = rows[:, : len(UNITS)] @ open_head().unit_to_expression
    return faces.astype(np.float32)


def face_from_row(row: Float64Array) -> FlameParams:
    """The face of a row [67], in the open basis."""
    return FlameParams.from_vector(faces_from_rows(row[None])[0])
