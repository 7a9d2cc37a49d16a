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
from .surface import Surface, SurfacePoint, closest_points, match_features, nearest, normalized

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


class RegistrationError(OmoteError, ValueError):
    """Two faces could not be laid on each other; the message says by how much they miss."""


@dataclass(frozen=True)
class Registration:
    """The open head's face as it lies on FLAME's. Vertices are those of FLAME's face, V' of its V."""

    rows: NDArray[np.int64]  # [V'] which of FLAME's vertices
    foot: SurfacePoint  # of each of them on the open head's face
    apart_m: Wide  # [V'] between a vertex and its foot
    aligned: Wide  # [V'] cosine between the normals there
    turn: SimilarityTransform  # of the open head, in its own units, onto FLAME's template
    laid: Wide  # [N,3] metres, the open face's points on FLAME's

    @property
    def apart_mm(self) -> tuple[float, float]:
        """Median and 95th percentile over FLAME's face."""
        middle, far = np.percentile(1000.0 * self.apart_m, [50.0, 95.0])
        return float(middle), float(far)


@dataclass(frozen=True)
class _Target:
    """FLAME's skin, without the eyeballs, in its eyes' frame."""

    rows: NDArray[np.int64]  # of FLAME's vertices
    surface: Surface
    normal: Wide
    alike: Wide  # [G,7]


def register(face: OpenFace, flame: FlameFile) -> Registration:
    """The open face laid on FLAME's, the same each time; RegistrationError where they are too unlike."""
    ours = SimilarityTransform.to_eyes(face.eyes)
    theirs = SimilarityTransform.to_eyes(flame.joints[[FLAME_EYE_LEFT, FLAME_EYE_RIGHT]])
    goal = _target(flame, theirs)
    start = Surface(ours.moved(face.point), face.triangle, face.jaw)
    is_face = _is_face(start.point)
    settled = _aligned(start, is_face, goal)
    bent = _warped(replace(start, point=settled.moved(start.point)), is_face, goal)
    back = theirs.inverse()
    found = _measured(bent, goal, back, back.after(settled).after(ours))
    if found.apart_mm[0] > _WORST_MM:
        raise RegistrationError(
            f"the open head lies {found.apart_mm[0]:.1f} mm beside this file's head, {_WORST_MM:g} is the most: "
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
    """[N] whether a point of a head in its eyes' frame is of its face, and not of the sockets behind the eyes."""
    from_eye = point[:, None] - _EYES
    is_socket = (np.linalg.norm(from_eye, axis=2) < _SOCKET) & (from_eye[:, :, 2] < 0.0)
    return np.asarray(((point > _FACE[0]) & (point < _FACE[1])).all(1) & ~is_socket.any(1))


def _aligned(start: Surface, is_face: Mask, goal: _Target) -> SimilarityTransform:
    """The similarity after which the face lies best, found from several tilts of the head by closest points."""
    tilted = [SimilarityTransform(1.0, rotation(np.array([tilt, 0.0, 0.0])), np.zeros(3)) for tilt in _TILTS]
    tries = [_closest(start, is_face, goal, tilt, _TRY, _TRIED) for tilt in tilted]
    best = min(tries, key=lambda one: one[1])[0]
    return _closest(start, is_face, goal, best, _SETTLE, 4 * _TRIED)[0]


def _closest(
    start: Surface, is_face: Mask, goal: _Target, moved: SimilarityTransform, rounds: int, count: int
) -> tuple[SimilarityTransform, float]:
    """A better similarity, and how far partners are apart after it (iterative closest points, trimmed)."""
    rows = np.flatnonzero(is_face)
    rows = rows[farthest_points(start.point[rows], count)]
    point, normal, jaw = start.point[rows], start.normals()[rows], start.jaw[rows]
    for _ in range(rounds):
        here = moved.moved(point)
        partner = nearest(match_features(here, normal @ moved.turn.T, jaw), goal.alike)[:, 0]
        there = goal.surface.point[partner]
        away = np.linalg.norm(there - here, axis=1)
        trusted = away <= np.quantile(away, _TRUSTED)
        moved = SimilarityTransform.between(point[trusted], there[trusted], np.ones(int(trusted.sum())))
    return moved, float(away[trusted].mean())


def _warped(start: Surface, is_face: Mask, goal: _Target) -> Surface:
    """The surface after a bend that grows less smooth as the faces come to lie on each other."""
    rows = np.flatnonzero(is_face)
    rows = rows[farthest_points(start.point[rows], _CENTRES)]
    bent = start
    for smoothness in _SMOOTH:
        here, normal = bent.point[rows], bent.normals()[rows]
        partner = nearest(match_features(here, normal, bent.jaw[rows]), goal.alike)[:, 0]
        there, facing = goal.surface.point[partner], goal.normal[partner]
        # Onto the partner's plane: partners are no nearer to each other than vertices are.
        step = ((there - here) * facing).sum(1, keepdims=True) * facing
        far = np.linalg.norm(there - here, axis=1) > _FARTHEST
        known = ~far & ((normal * facing).sum(1) > _LEAST_ALIGNED)
        bend = ThinPlateSpline.between(start.point[rows][known], (here + step)[known], smoothness)
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
        laid=back.moved(bent.point),
    )


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


@dataclass(frozen=True)
class SimilarityTransform:
    """x → scale · turn x + shift."""

    scale: float
    turn: Wide  # [3,3]
    shift: Wide  # [3]

    def moved(self, point: Wide) -> Wide:
        """[N,3] where points go."""
        return np.asarray(self.scale * point @ self.turn.T + self.shift)

    def turned(self, step: Wide) -> Wide:
        """[N,3] what becomes of ways from one point to another."""
        return np.asarray(self.scale * step @ self.turn.T)

    def after(self, first: SimilarityTransform) -> SimilarityTransform:
        """`first`, and then this one."""
        return SimilarityTransform(self.scale * first.scale, self.turn @ first.turn, self.moved(first.shift[None])[0])

    def inverse(self) -> SimilarityTransform:
        return SimilarityTransform(1.0 / self.scale, self.turn.T, -(self.shift @ self.turn) / self.scale)

    @classmethod
    def between(cls, these: Wide, those: Wide, weight: Wide) -> SimilarityTransform:
        """The one that brings these [N,3] nearest to those, each pair counting so much (Umeyama 1991)."""
        share = weight / weight.sum()
        middle, goal = share @ these, share @ those
        away, there = these - middle, those - goal
        u, spread, vt = np.linalg.svd((there * share[:, None]).T @ away)
        sign = np.array([1.0, 1.0, np.linalg.det(u) * np.linalg.det(vt)])
        turn = (u * sign) @ vt
        scale = float((spread * sign).sum() / (share @ (away**2).sum(1)))
        return cls(scale, turn, goal - scale * turn @ middle)

    @classmethod
    def to_eyes(cls, eyes: Wide) -> SimilarityTransform:
        """Into the frame of these eyes [2,3] (left, right): from their middle, as wide apart as 1, x to the left.

        What is up stays as near to y as that leaves it.
        """
        across = eyes[0] - eyes[1]
        apart = float(np.linalg.norm(across))
        x = across / apart
        z = np.cross(x, (0.0, 1.0, 0.0))
        z /= np.linalg.norm(z)
        turn = np.stack([x, np.cross(z, x), z])
        return cls(1.0 / apart, turn, -(turn @ eyes.mean(0)) / apart)


@dataclass(frozen=True)
class ThinPlateSpline:
    """x → x + what a spline with the kernel |x - centre| says (Duchon 1977: the least bent in three dimensions)."""

    centre: Wide  # [K,3]
    weight: Wide  # [K,3]
    affine: Wide  # [4,3]

    def bent(self, point: Wide) -> Wide:
        """[N,3] where points go."""
        return point + _distance(point, self.centre) @ self.weight + _with_one(point) @ self.affine

    @classmethod
    def between(cls, these: Wide, those: Wide, smoothness: float) -> ThinPlateSpline:
        """The bend that brings these [K,3] near to those: the nearer, the smaller `smoothness` is."""
        count = len(these)
        system = np.zeros((count + 4, count + 4))
        system[:count, :count] = _distance(these, these) - smoothness * np.eye(count)
        system[:count, count:] = _with_one(these)
        system[count:, :count] = _with_one(these).T
        solved = np.linalg.solve(system, np.concatenate([those - these, np.zeros((4, 3))]))
        return cls(these, solved[:count], solved[count:])


def _distance(these: Wide, those: Wide) -> Wide:
    squared = (these**2).sum(1)[:, None] + (those**2).sum(1) - 2.0 * these @ those.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def _with_one(point: Wide) -> Wide:
    return np.concatenate([point, np.ones((len(point), 1))], 1)


def farthest_points(point: Wide, count: int) -> NDArray[np.int64]:
    """[count] rows of points that lie as far from each other as can be, beginning with the first."""
    chosen = np.zeros(min(count, len(point)), np.int64)
    away = ((point - point[0]) ** 2).sum(1)
    for row in range(1, len(chosen)):
        chosen[row] = away.argmax()
        away = np.minimum(away, ((point - point[chosen[row]]) ** 2).sum(1))
    return chosen
