"""Geometry for registration: triangle surfaces, closest points, similarity transforms and thin-plate splines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]
Index = NDArray[np.int64]

# Added distances, in distances between the eyes, of two points with opposite normals, and of two points of which only
# one follows the jaw. The upper lip touches the lower one, and only these two features tell them apart.
_NORMAL_DISTANCE, _JAW_DISTANCE = 0.15, 0.3
_CANDIDATES = 12  # triangles near a point, among which the closest one is searched
_CHUNK = 1024  # rows of distances in memory


@dataclass(frozen=True)
class Surface:
    """A triangle surface in its eyes' coordinates: origin between the eyes, unit the distance between them."""

    point: Wide  # [N,3]
    triangle: Index  # [T,3]
    jaw: Wide  # [N] weight of the jaw, 0 to 1

    def normals(self) -> Wide:
        """[N,3] outward unit normals; zeros at a point without triangles."""
        corner = self.point[self.triangle]
        across = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        summed = np.zeros_like(self.point)
        for side in range(3):
            np.add.at(summed, self.triangle[:, side], across)
        return normalized(summed)


@dataclass(frozen=True)
class SurfacePoint:
    """Points on a surface, each as a weighted mean of a triangle's corners."""

    corner: Index  # [M,3] points of the surface
    share: Wide  # [M,3] barycentric weights
    point: Wide  # [M,3]

    def mean(self, values: Wide) -> Wide:
        """[M,C] interpolated values [N,C] of the surface's points."""
        return np.asarray(np.einsum("mk,mkc->mc", self.share, values[self.corner]))


def normalized(vectors: Wide) -> Wide:
    """[N,3] unit vectors, or zeros."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0.0, length, 1.0))


def match_features(point: Wide, normal: Wide, jaw: Wide) -> Wide:
    """[N,7] whose distance tells how well two points match: in position, normal and weight of the jaw."""
    return np.concatenate([point, _NORMAL_DISTANCE / 2.0 * normal, _JAW_DISTANCE * jaw[:, None]], 1)


def nearest(source: Wide, target: Wide, count: int = 1) -> Index:
    """[M,count] rows of `target` [N,C] that are nearest to each of `source` [M,C], in no order."""
    squared = (target**2).sum(1)
    found = []
    for start in range(0, len(source), _CHUNK):
        away = squared - 2.0 * (source[start : start + _CHUNK] @ target.T)
        rows: Index = away.argmin(1)[:, None] if count == 1 else away.argpartition(count - 1, axis=1)[:, :count]
        found.append(rows)
    return np.concatenate(found)


def closest_points(point: Wide, normal: Wide, jaw: Wide, surface: Surface) -> SurfacePoint:
    """The points [M,3] on a surface that are closest to these, on the triangles that match them best."""
    corner = surface.point[surface.triangle]
    across = normalized(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]))
    middle = match_features(corner.mean(1), across, surface.jaw[surface.triangle].mean(1))
    among = nearest(match_features(point, normal, jaw), middle, min(_CANDIDATES, len(middle)))
    share = _shares(point[:, None], corner[among])
    place = np.einsum("mkc,mkcd->mkd", share, corner[among])
    best = ((place - point[:, None]) ** 2).sum(2).argmin(1)
    row = np.arange(len(point))
    return SurfacePoint(surface.triangle[among[row, best]], share[row, best], place[row, best])


def _shares(point: Wide, corner: Wide) -> Wide:
    """[...,3] barycentric weights of the triangle's point that is closest to `point` [...,3]; corners [...,3,3]."""
    inside = _barycentric(point, corner)
    outside = np.asarray((inside < 0.0).any(-1))
    edges = np.stack([_on_edge(point, corner, first) for first in range(3)], -2)  # [...,3,3]
    away = ((np.einsum("...ec,...cd->...ed", edges, corner) - point[..., None, :]) ** 2).sum(-1)
    edge = np.take_along_axis(edges, away.argmin(-1)[..., None, None], -2)[..., 0, :]
    return np.where(outside[..., None], edge, inside)


def _barycentric(point: Wide, corner: Wide) -> Wide:
    """[...,3] of the projection of `point` onto the triangle's plane; negative where it is outside."""
    u, v, w = corner[..., 1, :] - corner[..., 0, :], corner[..., 2, :] - corner[..., 0, :], point - corner[..., 0, :]
    uu, uv, vv = ((a * b).sum(-1) for a, b in ((u, u), (u, v), (v, v)))
    wu, wv = (w * u).sum(-1), (w * v).sum(-1)
    area = uu * vv - uv**2
    flat = area <= 1e-18
    area = np.where(flat, 1.0, area)
    second, third = (vv * wu - uv * wv) / area, (uu * wv - uv * wu) / area
    share = np.stack([1.0 - second - third, second, third], -1)
    return np.where(flat[..., None], -1.0, share)


def _on_edge(point: Wide, corner: Wide, first: int) -> Wide:
    """[...,3] of the closest point on the edge from corner `first` to the next."""
    second = (first + 1) % 3
    along = corner[..., second, :] - corner[..., first, :]
    length = np.maximum((along**2).sum(-1), 1e-18)
    way = np.clip(((point - corner[..., first, :]) * along).sum(-1) / length, 0.0, 1.0)
    share = np.zeros((*way.shape, 3))
    share[..., first], share[..., second] = 1.0 - way, way
    return share


@dataclass(frozen=True)
class SimilarityTransform:
    """x → scale · turn x + shift, where turn is a rotation."""

    scale: float
    turn: Wide  # [3,3]
    shift: Wide  # [3]

    def moved(self, point: Wide) -> Wide:
        """[N,3] transformed points."""
        return np.asarray(self.scale * point @ self.turn.T + self.shift)

    def turned(self, step: Wide) -> Wide:
        """[N,3] transformed vectors between points."""
        return np.asarray(self.scale * step @ self.turn.T)

    def after(self, first: SimilarityTransform) -> SimilarityTransform:
        """The composition: `first`, then this one."""
        return SimilarityTransform(self.scale * first.scale, self.turn @ first.turn, self.moved(first.shift[None])[0])

    def inverse(self) -> SimilarityTransform:
        return SimilarityTransform(1.0 / self.scale, self.turn.T, -(self.shift @ self.turn) / self.scale)

    @classmethod
    def between(cls, source: Wide, target: Wide) -> SimilarityTransform:
        """The least-squares transform of `source` [N,3] to `target` [N,3] (Umeyama 1991)."""
        share = np.full(len(source), 1.0 / len(source))
        middle, goal = share @ source, share @ target
        away, there = source - middle, target - goal
        u, spread, vt = np.linalg.svd((there * share[:, None]).T @ away)
        sign = np.array([1.0, 1.0, np.linalg.det(u) * np.linalg.det(vt)])
        turn = (u * sign) @ vt
        scale = float((spread * sign).sum() / (share @ (away**2).sum(1)))
        return cls(scale, turn, goal - scale * turn @ middle)

    @classmethod
    def to_eyes(cls, eyes: Wide) -> SimilarityTransform:
        """Into the coordinates of these eyes [2,3] (left, right): origin between them, distance 1, x to the left.

        y stays as close to its direction as x allows.
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
    """x → x + a spline with the kernel |x - centre|, of least bending energy in three dimensions (Duchon 1977)."""

    centre: Wide  # [K,3]
    weight: Wide  # [K,3]
    affine: Wide  # [4,3]

    def bent(self, point: Wide) -> Wide:
        """[N,3] transformed points."""
        return point + _distance(point, self.centre) @ self.weight + _with_one(point) @ self.affine

    @classmethod
    def between(cls, source: Wide, target: Wide, smoothness: float) -> ThinPlateSpline:
        """The spline that brings `source` [K,3] close to `target` [K,3]; it meets them where `smoothness` is 0."""
        count = len(source)
        system = np.zeros((count + 4, count + 4))
        system[:count, :count] = _distance(source, source) - smoothness * np.eye(count)
        system[:count, count:] = _with_one(source)
        system[count:, :count] = _with_one(source).T
        solved = np.linalg.solve(system, np.concatenate([target - source, np.zeros((4, 3))]))
        return cls(source, solved[:count], solved[count:])


def _distance(first: Wide, second: Wide) -> Wide:
    squared = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2.0 * first @ second.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def _with_one(point: Wide) -> Wide:
    return np.concatenate([point, np.ones((len(point), 1))], 1)


def farthest_points(point: Wide, count: int) -> NDArray[np.int64]:
    """[count] rows of points that are far from each other, beginning with the first (farthest point sampling)."""
    chosen = np.zeros(min(count, len(point)), np.int64)
    away = ((point - point[0]) ** 2).sum(1)
    for row in range(1, len(chosen)):
        chosen[row] = away.argmax()
        away = np.minimum(away, ((point - point[chosen[row]]) ** 2).sum(1))
    return chosen
