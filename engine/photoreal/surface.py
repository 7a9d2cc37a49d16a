"""How deep a drawn head is: the open head laid under its picture, with room for hair, fading into what stands still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import Array
from ..face.fitting import ANCHORED, FaceLandmarks, Fit, Fitter, Similarity
from ..face.head import NECK, Shaped, skull_seat
from ..face.rasterizer import FOV_DEG, Camera, rasterize
from ..rotation import turn_vector
from .limits import smooth

Wide = NDArray[np.float64]

GRID = 64  # nodes on a side
_STEEPEST = 1.6  # depth over width: a steeper side would fold over itself when it turns by 25 degrees
_HAIR_DM, _STILL_DM = 0.1, 0.9  # so far around the head all goes with it, and from here on nothing
_AT_ONCE = 256  # nodes whose distances to all others are held in memory


@dataclass(frozen=True)
class Surface:
    """What a picture shows, on GRID x GRID nodes, before our renderer's camera."""

    place: Array  # [G,G,3] dm: x right, y up, z to the camera
    skull: Array  # [G,G] how much a node goes with the skull, 0 to 1
    neck: Array  # [G,G] and with the neck; the rest stands still
    border: Array  # [G,G,2] pixels to the nearest side, and to the top or bottom
    camera: Camera
    pivot: Array  # [3] dm: the neck's joint
    seat: Array  # [3] dm: where the skull sits on it
    bring: Similarity  # from the picture to our renderer's framing, both of `side` pixels
    side: int

    @classmethod
    def under(cls, points: Array, side: int) -> Surface:
        """The surface of the head whose MediaPipe points [478,2] are seen in a picture of `side` pixels."""
        fitter = Fitter()
        reading = FaceLandmarks(points, np.zeros(52, np.float32), _turn(points, fitter))
        fit = fitter.fit(reading)
        shaped = fitter.head.shaped(fit.shape)
        camera, bring = Camera.framing(shaped), fitter.bring(reading, fit, side)
        laid = _Laid(fitter, fit, shaped, camera, bring, side)
        seat = skull_seat(shaped, fit.params.neck_pose)
        place, skull, neck = laid.extended(float(seat[2]))
        return cls(place, skull, neck, _border(side), camera, shaped.anchor[NECK], seat, bring, side)


class _Laid:
    """The open head as the picture's nodes see it."""

    def __init__(self, fitter: Fitter, fit: Fit, shaped: Shaped, camera: Camera, bring: Similarity, side: int) -> None:
        self._camera, self._bring, self._side = camera, bring, side
        screen = camera.project(fitter.head.pose(shaped, fit.params), side).astype(np.float64)
        screen[:, :2] = bring.inverse().apply(screen[:, :2]) * (GRID / side)
        on_head = screen[fitter.head.skin_weight.any(1), :2]
        if not ((on_head > 0.0) & (on_head < GRID)).all(1).any():
            raise ValueError(f"the points show no head within a picture of {side} pixels: wanted a face's, in it")
        triangle = np.asfortranarray(fitter.head.triangle, np.int64)
        self._pixel, seen, bary = rasterize(screen.astype(np.float32), triangle, GRID)
        mixed = np.concatenate([screen[:, 2:], fitter.head.skin_weight], 1)[triangle[seen]]
        self._distance, self._skull, self._neck = np.einsum("nkc,nk->cn", mixed, bary)

    def extended(self, far: float) -> tuple[Array, Array, Array]:
        """[G,G,3] places and [G,G] weights of skull and neck; where no head is seen, `far` is how deep it is."""
        moves = self._skull + self._neck > 0.05
        node, skull, neck = self._pixel[moves], self._skull[moves], self._neck[moves]
        flat = self._at(np.full(GRID * GRID, self._camera.eye[2] - far))
        height = self._at(self._distances(far))[node, 2]
        reached = np.full((3, GRID * GRID), [[far], [0.0], [0.0]])
        for rows in np.array_split(np.arange(GRID * GRID), GRID * GRID // _AT_ONCE):
            apart = np.linalg.norm(flat[rows, None, :2] - flat[None, node, :2], axis=2)
            share = _faded(apart)
            found = (height - _STEEPEST * apart, share * skull, share * neck)
            reached[:, rows] = np.maximum(reached[:, rows], [one.max(1) for one in found])
        depth, with_skull, with_neck = (_blurred(one) for one in reached)
        place = self._at(self._camera.eye[2] - depth.ravel().astype(np.float64)).reshape(GRID, GRID, 3)
        return place.astype(np.float32), with_skull, np.minimum(with_neck, 1.0 - with_skull)

    def _distances(self, far: float) -> Wide:
        """[G*G] dm from the camera."""
        distance = np.full(GRID * GRID, self._camera.eye[2] - far, np.float64)
        distance[self._pixel] = self._distance
        return distance

    def _at(self, distance: Wide) -> Wide:
        """[G*G,3] dm where the nodes' rays are so far from the camera."""
        column, row = np.meshgrid(*[(np.arange(GRID) + 0.5) * (self._side / GRID)] * 2)
        seen = self._bring.apply(np.stack([column.ravel(), row.ravel()], 1))
        ray = (seen - self._side / 2) / focal_px(self._side) * (1.0, -1.0)
        eye = self._camera.eye.astype(np.float64)
        return np.concatenate([eye[:2] + ray * distance[:, None], eye[2] - distance[:, None]], 1)


def focal_px(side: int) -> float:
    """The focal length of our renderer's camera, of a picture of `side` pixels."""
    return side / 2 / float(np.tan(np.radians(FOV_DEG) / 2))


def _turn(points: Array, fitter: Fitter) -> Array:
    """[3] how the head is turned already: the average head, seen from afar, laid onto the points."""
    head = fitter.anchored(fitter.head.template.astype(np.float64))
    seen = points[:ANCHORED].astype(np.float64) * (1.0, -1.0)
    laid, *_ = np.linalg.lstsq(head - head.mean(0), seen - seen.mean(0), rcond=None)
    left, _, right = np.linalg.svd(laid.T, full_matrices=False)
    across = left @ right  # [2,3] the nearest pair of rows at right angles
    return turn_vector(np.stack([*across, np.cross(*across)])).astype(np.float32)


def _faded(apart: Wide) -> Wide:
    """How much goes with the head at this distance in dm: all of it near by, nothing far off."""
    return 1.0 - smooth((apart - _HAIR_DM) / (_STILL_DM - _HAIR_DM))


def _blurred(value: Wide) -> Array:
    """[G,G] the mean of each node and its neighbours, weighted, twice."""
    grid = value.reshape(GRID, GRID).astype(np.float32)
    for axis in (0, 1, 0, 1):
        padded = np.pad(grid, [(1, 1) if k == axis else (0, 0) for k in range(2)], mode="edge")
        before, own, after = (padded.take(range(k, k + GRID), axis) for k in range(3))
        grid = np.asarray(0.25 * before + 0.5 * own + 0.25 * after, np.float32)
    return grid


def _border(side: int) -> Array:
    along = (np.arange(GRID, dtype=np.float32) + 0.5) * (side / GRID)
    near = np.minimum(along, side - along)
    return np.stack(np.meshgrid(near, near), 2)
