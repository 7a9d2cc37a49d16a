"""Registers the open head's face to FLAME's with a similarity transform and a thin-plate spline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.bridge.errors import OmoteError
from omote.engine.face.head import EYE_LEFT, EYE_RIGHT, SKIN, open_head
from omote.engine.face.retarget import DRIVEN, UNITS
from omote.engine.rotation import rotation

from .flame_file import FLAME_EYE_LEFT, FLAME_EYE_RIGHT, FLAME_JAW, FlameFile
from .geometry import (
    SimilarityTransform,
    Surface,
    SurfacePoint,
    ThinPlateSpline,
    closest_points,
    farthest_points,
    match_features,
    nearest,
    normalized,
)

Wide = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

# The box of the face in its eyes' coordinates, without ears, neck and crown: least and most of x, y and z.
_FACE = np.array([[-1.3, -2.15, -1.1], [1.3, 1.3, 1.0]])
_EYES = np.array([[0.5, 0.0, 0.0], [-0.5, 0.0, 0.0]])
_SOCKET = 0.3  # slightly more than an eyeball's radius; FLAME's head has no skin behind the eyes, ours has
_TILTS = np.deg2rad([-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0])  # of the head in the file
_TRIAL_ROUNDS, _FINAL_ROUNDS = 12, 30  # of closest points
_TRIAL_POINTS = 300
_TRUSTED = 0.8  # share of the closest pairs; the other points may have no partner
_CENTRES = 500  # of the spline
_SMOOTHNESS = (1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03)  # of the spline, round by round
_MAX_DISTANCE = 0.25  # between partners, in distances between the eyes
_MIN_ALIGNED = 0.3  # cosine between partners' normals
_MAX_MEDIAN_MM = 6.0  # more is another kind of face, or none


class RegistrationError(OmoteError, ValueError):
    """Two faces could not be registered; the message says by how much they miss each other."""


@dataclass(frozen=True)
class Registration:
    """The open head's face registered to FLAME's. Vertices are those of FLAME's face, V' of its V."""

    rows: Index  # [V'] which of FLAME's vertices
    foot: SurfacePoint  # the closest point on the open head's face of each of them
    apart_m: Wide  # [V'] distance between a vertex and its foot
    aligned: Wide  # [V'] cosine between the normals of both
    turn: SimilarityTransform  # from the open head, in its own units, to FLAME's template

    @property
    def apart_mm(self) -> tuple[float, float]:
        """Median and 95th percentile over FLAME's face."""
        middle, far = np.percentile(1000.0 * self.apart_m, [50.0, 95.0])
        return float(middle), float(far)


@dataclass(frozen=True)
class _Target:
    """FLAME's skin, without the eyeballs, in its eyes' coordinates."""

    rows: Index  # of FLAME's vertices
    surface: Surface
    normal: Wide
    features: Wide  # [G,7]


def register(face: OpenFace, flame: FlameFile) -> Registration:
    """Registers the open face to FLAME's, deterministically; RegistrationError where they are too different."""
    ours = SimilarityTransform.to_eyes(face.eyes)
    theirs = SimilarityTransform.to_eyes(flame.joints[[FLAME_EYE_LEFT, FLAME_EYE_RIGHT]])
    goal = _target(flame, theirs)
    start = Surface(ours.moved(face.point), face.triangle, face.jaw)
    is_face = _is_face(start.point)
    settled = _aligned(start, is_face, goal)
    bent = _warped(replace(start, point=settled.moved(start.point)), is_face, goal)
    back = theirs.inverse()
    found = _measured(bent, goal, back, back.after(settled).after(ours))
    if found.apart_mm[0] > _MAX_MEDIAN_MM:
        raise RegistrationError(
            f"the open head is {found.apart_mm[0]:.1f} mm beside this file's head, {_MAX_MEDIAN_MM:g} is the most: "
            "is it a whole human head in metres, looking along z with y up?"
        )
    return found


def _target(flame: FlameFile, theirs: SimilarityTransform) -> _Target:
    is_skin = flame.skin_weight[:, [FLAME_EYE_LEFT, FLAME_EYE_RIGHT]].sum(1) < 0.5
    rows = np.flatnonzero(is_skin)
    place = np.cumsum(is_skin) - 1
    triangle = place[flame.triangle[is_skin[flame.triangle].all(1)]]
    surface = Surface(
        theirs.moved(flame.template[rows]), triangle, np.clip(flame.skin_weight[rows, FLAME_JAW], 0.0, 1.0)
    )
    normal = surface.normals()
    return _Target(rows, surface, normal, match_features(surface.point, normal, surface.jaw))


def _is_face(point: Wide) -> Mask:
    """[N] whether a point, in eye coordinates, belongs to the face and not to the sockets behind the eyes."""
    from_eye = point[:, None] - _EYES
    is_socket = (np.linalg.norm(from_eye, axis=2) < _SOCKET) & (from_eye[:, :, 2] < 0.0)
    return np.asarray(((point > _FACE[0]) & (point < _FACE[1])).all(1) & ~is_socket.any(1))


def _aligned(start: Surface, is_face: Mask, goal: _Target) -> SimilarityTransform:
    """The similarity transform that fits best, from iterative closest points that start with several tilts."""
    tilted = [SimilarityTransform(1.0, rotation(np.array([tilt, 0.0, 0.0])), np.zeros(3)) for tilt in _TILTS]
    tries = [_closest(start, is_face, goal, tilt, _TRIAL_ROUNDS, _TRIAL_POINTS) for tilt in tilted]
    best = min(tries, key=lambda one: one[1])[0]
    return _closest(start, is_face, goal, best, _FINAL_ROUNDS, 4 * _TRIAL_POINTS)[0]


def _closest(
    start: Surface, is_face: Mask, goal: _Target, moved: SimilarityTransform, rounds: int, count: int
) -> tuple[SimilarityTransform, float]:
    """A better transform and the mean distance between partners after it (trimmed iterative closest points)."""
    rows = np.flatnonzero(is_face)
    rows = rows[farthest_points(start.point[rows], count)]
    point, normal, jaw = start.point[rows], start.normals()[rows], start.jaw[rows]
    for _ in range(rounds):
        here = moved.moved(point)
        partner = nearest(match_features(here, normal @ moved.turn.T, jaw), goal.features)[:, 0]
        there = goal.surface.point[partner]
        away = np.linalg.norm(there - here, axis=1)
        trusted = away <= np.quantile(away, _TRUSTED)
        moved = SimilarityTransform.between(point[trusted], there[trusted])
    return moved, float(away[trusted].mean())


def _warped(start: Surface, is_face: Mask, goal: _Target) -> Surface:
    """The surface warped by a spline that gets less smooth as the faces approach each other."""
    rows = np.flatnonzero(is_face)
    rows = rows[farthest_points(start.point[rows], _CENTRES)]
    bent = start
    for smoothness in _SMOOTHNESS:
        here, normal = bent.point[rows], bent.normals()[rows]
        partner = nearest(match_features(here, normal, bent.jaw[rows]), goal.features)[:, 0]
        there, facing = goal.surface.point[partner], goal.normal[partner]
        # Onto the partner's tangent plane, because vertices are not exact partners.
        step = ((there - here) * facing).sum(1, keepdims=True) * facing
        far = np.linalg.norm(there - here, axis=1) > _MAX_DISTANCE
        is_known = ~far & ((normal * facing).sum(1) > _MIN_ALIGNED)
        bend = ThinPlateSpline.between(start.point[rows][is_known], (here + step)[is_known], smoothness)
        bent = replace(bent, point=bend.bent(start.point))
    return bent


def _measured(bent: Surface, goal: _Target, back: SimilarityTransform, turn: SimilarityTransform) -> Registration:
    is_face = _is_face(goal.surface.point)
    point, normal = goal.surface.point[is_face], goal.normal[is_face]
    foot = closest_points(point, normal, goal.surface.jaw[is_face], bent)
    facing = normalized(foot.mean(bent.normals()))
    return Registration(
        rows=goal.rows[is_face],
        foot=foot,
        apart_m=np.linalg.norm(point - foot.point, axis=1) * back.scale,
        aligned=(normal * facing).sum(1),
        turn=turn,
    )


@dataclass(frozen=True)
class OpenFace:
    """The skin of the open head at rest. Units: decimetres; x to the subject's left, y up, z forward."""

    point: Wide  # [N,3]
    triangle: Index  # [T,3]
    units: Wide  # [52,N,3] displacement by each ARKit shape at a weight of 1
    eyes: Wide  # [2,3] centres of the left and the right eyeball

    @property
    def jaw(self) -> Wide:
        """[N] weight of the jaw, 0 to 1."""
        moved = np.linalg.norm(self.units[arkit.INDEX["jawOpen"]], axis=1)
        return np.asarray(np.clip(moved / np.percentile(moved, 99.0), 0.0, 1.0))


@cache
def open_face() -> OpenFace:
    """The face of the shipped head; points that are doubled along texture seams are merged."""
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
    """[52,V,3] displacements of all vertices of the head."""
    head = open_head()
    units = np.zeros((arkit.COUNT, head.template.size))
    units[[arkit.INDEX[name] for name in UNITS]] = head.unit_to_expression @ head.exprdirs
    units[[arkit.INDEX[name] for name in DRIVEN]] = head.drivendirs
    return units.reshape(arkit.COUNT, -1, 3)
