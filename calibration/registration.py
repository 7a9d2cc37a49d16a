"""Lays the open head's face on FLAME's, so that each place of one is known on the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omote.engine.face.head import rotation

from .bending import Bend, spread
from .flame_file import EYE_LEFT, EYE_RIGHT, JAW, FlameFile
from .open_face import OpenFace
from .similarity import Similarity3
from .surface import Foot, Surface, alike, feet, nearest, unit

Wide = NDArray[np.float64]
Mask = NDArray[np.bool_]

# The face in its eyes' frame, without ears, neck and crown: least and most of x, y and z.
_FACE = np.array([[-1.3, -2.15, -1.1], [1.3, 1.3, 1.0]])
_EYES = np.array([[0.5, 0.0, 0.0], [-0.5, 0.0, 0.0]])
_SOCKET = 0.3  # an eyeball's radius and a little more; our head has skin there, FLAME's has none
_TILTS = np.deg2rad([-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0])  # in which a file may hold its head
_TRY, _SETTLE = 12, 30  # rounds of closest points
_TRIED = 300  # points that a trial looks at
_TRUSTED = 0.8  # the share of pairs that is nearest; the rest may have no partner
_CENTRES = 500
_SMOOTH = (1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03)  # of the bend, round by round
_FARTHEST = 0.25  # between partners, in distances between the eyes
_LEAST_ALIGNED = 0.3  # cosine between partners' normals
_WORST_MM = 6.0  # in the middle of all; a face of another kind, or none


class RegistrationError(ValueError):
    """Two faces could not be laid on each other; the message says by how much they miss."""


@dataclass(frozen=True)
class Registration:
    """The open head's face as it lies on FLAME's. Vertices are those of FLAME's face, V' of its V."""

    rows: NDArray[np.int64]  # [V'] which of FLAME's vertices
    foot: Foot  # of each of them on the open head's face
    apart_m: Wide  # [V'] between a vertex and its foot
    aligned: Wide  # [V'] cosine between the normals there
    turn: Similarity3  # of the open head, in its own units, onto FLAME's template
    laid: Wide  # [N,3] metres, the open face's points on FLAME's

    @property
    def apart_mm(self) -> tuple[float, float]:
        """Median and 95th percentile over FLAME's face."""
        middle, far = np.percentile(1000.0 * self.apart_m, [50.0, 95.0])
        return float(middle), float(far)


@dataclass(frozen=True)
class _Goal:
    """FLAME's skin, without the eyeballs, in its eyes' frame."""

    rows: NDArray[np.int64]  # of FLAME's vertices
    surface: Surface
    normal: Wide
    alike: Wide  # [G,7]


def register(face: OpenFace, flame: FlameFile) -> Registration:
    """The open face laid on FLAME's, the same each time; RegistrationError where they are too unlike."""
    ours = Similarity3.to_eyes(face.eyes)
    theirs = Similarity3.to_eyes(flame.joints[[EYE_LEFT, EYE_RIGHT]])
    goal = _goal(flame, theirs)
    start = Surface(ours.moved(face.point), face.triangle, face.jaw)
    is_face = _is_face(start.point)
    settled = _settled(start, is_face, goal)
    bent = _bent(replace(start, point=settled.moved(start.point)), is_face, goal)
    back = theirs.inverse()
    found = _measured(bent, goal, back, back.after(settled).after(ours))
    if found.apart_mm[0] > _WORST_MM:
        raise RegistrationError(
            f"the open head lies {found.apart_mm[0]:.1f} mm beside this file's head, {_WORST_MM:g} is the most: "
            "is it a whole human head in metres, looking along z with y up?"
        )
    return found


def _goal(flame: FlameFile, theirs: Similarity3) -> _Goal:
    is_skin = flame.skin_weight[:, [EYE_LEFT, EYE_RIGHT]].sum(1) < 0.5
    rows = np.flatnonzero(is_skin)
    place = np.cumsum(is_skin) - 1
    triangle = place[flame.triangle[is_skin[flame.triangle].all(1)]]
    surface = Surface(theirs.moved(flame.template[rows]), triangle, np.clip(flame.skin_weight[rows, JAW], 0.0, 1.0))
    normal = surface.normals()
    return _Goal(rows, surface, normal, alike(surface.point, normal, surface.jaw))


def _is_face(point: Wide) -> Mask:
    """[N] whether a point of a head in its eyes' frame is of its face, and not of the sockets behind the eyes."""
    from_eye = point[:, None] - _EYES
    is_socket = (np.linalg.norm(from_eye, axis=2) < _SOCKET) & (from_eye[:, :, 2] < 0.0)
    return np.asarray(((point > _FACE[0]) & (point < _FACE[1])).all(1) & ~is_socket.any(1))


def _settled(start: Surface, is_face: Mask, goal: _Goal) -> Similarity3:
    """The similarity after which the face lies best, found from several tilts of the head by closest points."""
    tilted = [Similarity3(1.0, rotation(np.array([tilt, 0.0, 0.0])), np.zeros(3)) for tilt in _TILTS]
    tries = [_closest(start, is_face, goal, tilt, _TRY, _TRIED) for tilt in tilted]
    best = min(tries, key=lambda one: one[1])[0]
    return _closest(start, is_face, goal, best, _SETTLE, 4 * _TRIED)[0]


def _closest(
    start: Surface, is_face: Mask, goal: _Goal, moved: Similarity3, rounds: int, count: int
) -> tuple[Similarity3, float]:
    """A better similarity, and how far partners are apart after it (iterative closest points, trimmed)."""
    rows = np.flatnonzero(is_face)
    rows = rows[spread(start.point[rows], count)]
    point, normal, jaw = start.point[rows], start.normals()[rows], start.jaw[rows]
    for _ in range(rounds):
        here = moved.moved(point)
        partner = nearest(alike(here, normal @ moved.turn.T, jaw), goal.alike)[:, 0]
        there = goal.surface.point[partner]
        away = np.linalg.norm(there - here, axis=1)
        trusted = away <= np.quantile(away, _TRUSTED)
        moved = Similarity3.between(point[trusted], there[trusted], np.ones(int(trusted.sum())))
    return moved, float(away[trusted].mean())


def _bent(start: Surface, is_face: Mask, goal: _Goal) -> Surface:
    """The surface after a bend that grows less smooth as the faces come to lie on each other."""
    rows = np.flatnonzero(is_face)
    rows = rows[spread(start.point[rows], _CENTRES)]
    bent = start
    for smoothness in _SMOOTH:
        here, normal = bent.point[rows], bent.normals()[rows]
        partner = nearest(alike(here, normal, bent.jaw[rows]), goal.alike)[:, 0]
        there, facing = goal.surface.point[partner], goal.normal[partner]
        # Onto the partner's plane: partners are no nearer to each other than vertices are.
        step = ((there - here) * facing).sum(1, keepdims=True) * facing
        far = np.linalg.norm(there - here, axis=1) > _FARTHEST
        known = ~far & ((normal * facing).sum(1) > _LEAST_ALIGNED)
        bend = Bend.between(start.point[rows][known], (here + step)[known], smoothness)
        bent = replace(bent, point=bend.bent(start.point))
    return bent


def _measured(bent: Surface, goal: _Goal, back: Similarity3, turn: Similarity3) -> Registration:
    is_face = _is_face(goal.surface.point)
    point, normal = goal.surface.point[is_face], goal.normal[is_face]
    foot = feet(point, normal, goal.surface.jaw[is_face], bent)
    facing = unit(foot.mean(bent.normals()))
    return Registration(
        rows=goal.rows[is_face],
        foot=foot,
        apart_m=np.linalg.norm(point - foot.point, axis=1) * back.scale,
        aligned=(normal * facing).sum(1),
        turn=turn,
        laid=back.moved(bent.point),
    )
