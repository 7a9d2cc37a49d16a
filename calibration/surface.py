"""Surfaces of triangles: their normals, what on one is alike to a place on another, and the nearest point on one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]
Index = NDArray[np.int64]

# By how far two places count as apart that face opposite ways, or of which one follows the jaw, in distances between
# the eyes: the upper lip lies on the lower one, and only these two tell them apart.
_TURNED, _JAWED = 0.15, 0.3
_CANDIDATES = 12  # triangles near a place, one of which holds the point that is nearest
_AT_ONCE = 1024  # rows of distances in memory


@dataclass(frozen=True)
class Surface:
    """A surface in its own eyes' frame: from the middle between the eyes, in distances between them."""

    point: Wide  # [N,3]
    triangle: Index  # [T,3]
    jaw: Wide  # [N] how much a point follows the jaw, 0 to 1

    def normals(self) -> Wide:
        """[N,3] outward, of length 1; zeros at a point of no triangle."""
        corner = self.point[self.triangle]
        across = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        summed = np.zeros_like(self.point)
        for side in range(3):
            np.add.at(summed, self.triangle[:, side], across)
        return normalized(summed)

    def alike(self) -> Wide:
        """[N,7] in which distance says how little two places are alike: where they are, face, and follow the jaw."""
        return match_features(self.point, self.normals(), self.jaw)


@dataclass(frozen=True)
class SurfacePoint:
    """The nearest points on a surface, each as a mean of a triangle's corners."""

    corner: Index  # [M,3] points of the surface
    share: Wide  # [M,3]
    point: Wide  # [M,3]

    def mean(self, values: Wide) -> Wide:
        """[M,C] of values [N,C] at the surface's points."""
        return np.asarray(np.einsum("mk,mkc->mc", self.share, values[self.corner]))


def normalized(vectors: Wide) -> Wide:
    """[N,3] of length 1, or zeros."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0.0, length, 1.0))


def match_features(point: Wide, normal: Wide, jaw: Wide) -> Wide:
    """[N,7] see `Surface.alike`."""
    return np.concatenate([point, _TURNED / 2.0 * normal, _JAWED * jaw[:, None]], 1)


def nearest(these: Wide, those: Wide, count: int = 1) -> Index:
    """[M,count] rows of those [N,C] that are nearest to each of these [M,C], in no order."""
    squared = (those**2).sum(1)
    found = []
    for start in range(0, len(these), _AT_ONCE):
        away = squared - 2.0 * (these[start : start + _AT_ONCE] @ those.T)
        rows: Index = away.argmin(1)[:, None] if count == 1 else away.argpartition(count - 1, axis=1)[:, :count]
        found.append(rows)
    return np.concatenate(found)


def closest_points(point: Wide, normal: Wide, jaw: Wide, surface: Surface) -> SurfacePoint:
    """The points [M,3] on a surface that are nearest to these, of the triangles that are most alike."""
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
    """[...,3] of the corners [...,3,3] in the triangle's point that is nearest to `point` [...,3]."""
    inside = _barycentric(point, corner)
    outside = np.asarray((inside < 0.0).any(-1))
    edges = np.stack([_on_edge(point, corner, first) for first in range(3)], -2)  # [...,3,3]
    away = ((np.einsum("...ec,...cd->...ed", edges, corner) - point[..., None, :]) ** 2).sum(-1)
    edge = np.take_along_axis(edges, away.argmin(-1)[..., None, None], -2)[..., 0, :]
    return np.where(outside[..., None], edge, inside)


def _barycentric(point: Wide, corner: Wide) -> Wide:
    """[...,3] of the point below `point` in the triangle's plane; below 0 where that is outside."""
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
    """[...,3] of the edge's point that is nearest, from corner `first` to the next."""
    second = (first + 1) % 3
    along = corner[..., second, :] - corner[..., first, :]
    length = np.maximum((along**2).sum(-1), 1e-18)
    way = np.clip(((point - corner[..., first, :]) * along).sum(-1) / length, 0.0, 1.0)
    share = np.zeros((*way.shape, 3))
    share[..., first], share[..., second] = 1.0 - way, way
    return share
