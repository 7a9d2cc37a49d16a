"""The faces that the open head makes, as a box: numbers of which each may be anything between its own two bounds.

FLAME's expression coefficients move the whole face at once; here the ARKit shapes that they stand for take their place,
which is a change of axes only. So what is straight in FLAME's parameters is straight here, and whatever mixes two
faces, number by number, is a face again.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..data import EXPRESSION_SIZE, Array, FlameParams
from ..face.head import JAW_OPEN_RAD, JAW_SIDE_RAD, LOOK_DOWN_RAD, LOOK_SIDE_RAD, LOOK_UP_RAD, open_head
from ..face.retarget import UNITS
from .animation import FACE_SIZE, RenderError
from .writers.tables import COLUMNS

Wide = NDArray[np.float64]

FLAME_NAMES: tuple[str, ...] = COLUMNS[2 : 2 + FACE_SIZE]  # of a face's numbers in a row
NAMES: tuple[str, ...] = (*UNITS, *FLAME_NAMES[len(UNITS) :])  # the same, with ARKit's shapes

JAW, NECK, EYES = slice(50, 53), slice(53, 56), slice(56, 62)
EYELIDS, PLACE = slice(62, 64), slice(64, 67)

# A shape may be raised to 1, and undone to so much less than rest, which was looked at: some of FLAME's coefficients
# push it there. A closing mouth undone by more bares all teeth of a shut jaw.
MIN_SHAPE = -0.4
# The head's turns that training pictures have, and a little beyond.
PITCH_DEG, YAW_DEG, ROLL_DEG = 25.0, 45.0, 25.0
PLACE_M = 1.0
_NECK_RAD = tuple(float(np.deg2rad(most)) for most in (PITCH_DEG, YAW_DEG, ROLL_DEG))
_SLACK = 2e-3  # what lies outside by no more than this was rounded, and is brought back


def _bounds() -> tuple[Wide, Wide]:
    nothing = [0.0] * (EXPRESSION_SIZE - len(UNITS))
    least = [-JAW_SIDE_RAD, 0.0, *(-most for most in _NECK_RAD)]
    eye_least, eye_most = [-LOOK_UP_RAD, -LOOK_SIDE_RAD, 0.0], [LOOK_DOWN_RAD, LOOK_SIDE_RAD, 0.0]
    low = [MIN_SHAPE] * len(UNITS) + nothing + [0.0, *least, *eye_least, *eye_least] + [0.0] * 2 + [-PLACE_M] * 3
    high = [1.0] * len(UNITS) + nothing + [JAW_OPEN_RAD, JAW_SIDE_RAD, 0.0, *_NECK_RAD, *eye_most, *eye_most]
    return np.array(low), np.array([*high, 1.0, 1.0, *[PLACE_M] * 3])


MIN, MAX = _bounds()  # [67] each, in the order of NAMES


@cache
def _to_expression() -> Wide:
    """[39,39] shapes to coefficients, a row times this."""
    return open_head().unit_to_expression


def require_in_limits(params: FlameParams, what: str) -> Wide:
    """[67] this face in the order of `NAMES`; RenderError names what no face does, and what it may be."""
    row = params.vector().astype(np.float64)
    if beyond := np.flatnonzero(row[len(UNITS) : EXPRESSION_SIZE]).tolist():
        name = FLAME_NAMES[len(UNITS) + beyond[0]]
        raise RenderError(f"{what}: {name} must be 0: the open head has expression_0 to expression_{len(UNITS) - 1}")
    row[: len(UNITS)] = np.linalg.solve(_to_expression().T, row[: len(UNITS)])
    inside = np.clip(row, MIN, MAX)
    far = np.abs(row - inside)
    if (far > _SLACK).any():
        at = int(np.argmax(far))
        bounds = f"from {MIN[at]:.4g} to {MAX[at]:.4g}"
        if at < len(UNITS):
            raise RenderError(
                f"{what}: these expression values set ARKit's {NAMES[at]} to {row[at]:.2f}, and it must be {bounds}: "
                "make them smaller"
            )
        raise RenderError(f"{what}: {NAMES[at]} must be {bounds}, got {row[at]:.4g}")
    return np.asarray(inside)


def faces_from_rows(rows: Wide) -> Array:
    """[n,67] as `FlameParams.vector` has them, of rows [n,67] in the order of `NAMES`."""
    found = np.array(rows, np.float64)
    found[:, : len(UNITS)] = rows[:, : len(UNITS)] @ _to_expression()
    return found.astype(np.float32)


def face_from_row(row: Wide) -> FlameParams:
    """One face in the open basis, of a row [67]."""
    return FlameParams.from_vector(faces_from_rows(row[None])[0])
