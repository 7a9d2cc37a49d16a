"""A 2.5-D warp that turns head and eyes of a drawn picture, since the expression adapter cannot.

The warp shows nothing that the picture does not: beyond about 20 degrees to the side a cheek is stretched, and no ear
appears. Depth is smoothed so that nothing folds, which costs a part of the turn: a tracker reads about four fifths of
what it reads of a head that really turns. Turns are exact up to 20 degrees of yaw, 15 of pitch and 12 of roll, and
approach a limit a quarter beyond; turns about several axes share these limits. The background next to the head is
stretched with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data import Array
from ..face.fitting import ANCHORED, FaceLandmarks, Fit, Fitter, Similarity
from ..face.head import NECK, NECK_SHARE, Shaped, skull_seat
from ..face.light import checked_light, relit_levels, studio_light
from ..face.rasterizer import FOV_DEG, Camera, rasterize
from ..rotation import rotation, turn_vector
from .gaze import Eye, eyes, held, smooth

Rgb = NDArray[np.uint8]  # [S,S,3]
Wide = NDArray[np.float64]

POINTS = 478
FARTHEST_DEG = np.array([18.75, 25.0, 15.0])  # pitch, yaw, roll: half axes of an ellipsoid that bounds all turns
FARTHEST_M = np.array([0.03, 0.03, 0.06])  # the same for translations
FRONT_DEG = 4.0  # a smaller turn is below the accuracy of the points
# A turn as estimated from the average head's points, over the true turn: measured on the open head at 8 to 16 degrees.
_SEEN_TURN, _SEEN_PITCH = 1.15, 0.016
FREE = 0.8  # a pose is exact up to this part of the limits
_ROUNDS = 12  # of the fixed point that inverts the displacement; each reduces the error by half or more
_OPEN = np.zeros(2, np.float32)
_DM = 10.0  # in a metre
GRID = 64  # nodes on a side
_STEEPEST = 1.6  # depth over width: a steeper side would fold when it turns by 25 degrees
_HAIR_DM, _STILL_DM = 0.1, 0.9  # distances from the head up to which all moves with it, and from which nothing does
_AT_ONCE = 256  # nodes whose distances to all others are computed at once
_DARKEST = 1e-4  # least first harmonic of a light


class Relief:
    """The warp for one character. Build it once and use it often."""

    def __init__(self, surface: Surface, both: tuple[Eye, Eye]) -> None:
        self._surface, self._eyes = surface, both
        is_turned = np.linalg.norm(surface.rest) > np.radians(FRONT_DEG)
        self._straight = (
            rotation(surface.rest).T if is_turned else None
        )  # from the picture's head to one that looks ahead
        self._side = surface.side
        across = np.arange(self._side, dtype=np.float32)
        self._own = np.stack(np.meshgrid(across, across), 2)  # [S,S,2] each pixel's own place
        nodes = np.arange(GRID, dtype=np.float32)
        self._node = np.stack(np.meshgrid(nodes, nodes), 2)

    @classmethod
    def of(cls, points: Array, size: int) -> Self:
        """For a face at rest with MediaPipe points [478,2] in a picture of `size` pixels; ValueError for no face."""
        if points.shape != (POINTS, 2) or not np.isfinite(points).all():
            raise ValueError(f"points must be [{POINTS},2] finite pixels, got {list(points.shape)}")
        return cls(Surface.under(points.astype(np.float32), size), eyes(points))

    def turned(self, rgb: Rgb, neck_pose: Array, translation: Array, eye_pose: Array, eyelids: Array = _OPEN) -> Rgb:
        """[S,S,3] the picture with the head turned [3] and moved [3] and the eyes turned [2,3], as in FlameParams.

        Turns are relative to a head that looks ahead, whatever the pose in the picture. The eyes' turn fades as their
        lids [2] close. If nothing turns, the result is the picture itself.
        """
        if rgb.shape != (self._side, self._side, 3):
            raise ValueError(f"the picture must be {[self._side, self._side, 3]}, got {list(rgb.shape)}")
        looks = [eye.look(pose, float(lid)) for eye, pose, lid in zip(self._eyes, eye_pose, eyelids, strict=True)]
        if self._straight is not None:
            neck_pose = turn_vector(rotation(neck_pose) @ self._straight).astype(np.float32)
        if not (np.any(neck_pose) or np.any(translation) or any(map(np.any, looks))):
            return rgb
        at = self._own + _drawn_out(self._way_back(neck_pose, translation), self._side)
        for eye, look, lid in zip(self._eyes, looks, eyelids, strict=True):
            eye.shift(at, look, float(lid))
        return _fetched(rgb, at)

    def _way_back(self, neck_pose: Array, translation: Array) -> Array:
        """[G,G,2] displacements in pixels from the result to the picture."""
        there = self._way(neck_pose, translation)
        nodes_a_pixel = np.float32(GRID / self._side)
        back = -there
        for _ in range(_ROUNDS):
            back = -_sampled(there, self._node + back * nodes_a_pixel)
        return back

    def _way(self, neck_pose: Array, translation: Array) -> Array:
        """[G,G,2] displacements of the nodes in pixels."""
        surface = self._surface
        upright = self._upright()
        turn = upright @ within(neck_pose, np.radians(FARTHEST_DEG))
        move = upright @ within(translation, FARTHEST_M) * _DM
        before = self._seen(surface.place)
        moved = self._seen(surface.place + self._turn(turn) + move.astype(np.float32)) - before
        way = moved / surface.bring.turn  # a displacement in the picture, as complex numbers
        return held(np.stack([way.real, way.imag], 2), 0.3 * surface.border, 0.6 * surface.border).astype(np.float32)

    def _turn(self, turn: Wide) -> Array:
        """[G,G,3] displacements of the nodes in dm when the head turns, partly at the neck and partly at the skull."""
        surface = self._surface
        neck, skull = (rotation(share * turn).astype(np.float32) for share in (NECK_SHARE, 1.0))
        from_neck, from_seat = surface.place - surface.pivot, surface.place - surface.seat
        seat = (surface.seat - surface.pivot) @ neck.T + surface.pivot
        by_neck = from_neck @ neck.T - from_neck
        by_skull = from_seat @ skull.T + seat - surface.place
        return np.asarray(surface.skull[..., None] * by_skull + surface.neck[..., None] * by_neck, np.float32)

    def _seen(self, place: Array) -> NDArray[np.complex64]:
        """[G,G] projections of these places, as complex numbers, y down."""
        reach = focal_px(self._side) / (self._surface.camera.eye - place)
        across = place - self._surface.camera.eye
        return np.asarray((across[..., 0] - 1j * across[..., 1]) * reach[..., 2])

    def _upright(self) -> Wide:
        """[3,3] rotation from the picture's axes to those of an upright head."""
        return rotation(np.array([0.0, 0.0, -np.angle(self._surface.bring.turn)]))


def within(value: Array, farthest: Wide) -> Wide:
    """[3] the value, shortened so that it stays inside the ellipsoid with these half axes."""
    length = float(np.linalg.norm(value / farthest))
    return np.asarray(value * (float(held(np.array(length), FREE, 1.0)) / max(length, 1e-12)), np.float64)


@dataclass(frozen=True)
class Surface:
    """The surface that a picture shows, on GRID x GRID nodes, in our renderer's space."""

    place: Array  # [G,G,3] dm: x right, y up, z to the camera
    skull: Array  # [G,G] how much a node moves with the skull, 0 to 1
    neck: Array  # [G,G] how much it moves with the neck
    border: Array  # [G,G,2] pixels to the nearest vertical and horizontal border
    camera: Camera
    pivot: Array  # [3] dm: the neck's joint
    seat: Array  # [3] dm: the skull's joint
    bring: Similarity  # from the picture to our renderer's framing, both of `side` pixels
    side: int
    rest: Wide  # [3] radians: the turn of the picture's head

    @classmethod
    def under(cls, points: Array, side: int) -> Surface:
        """The surface of the head with these MediaPipe points [478,2] in a picture of `side` pixels."""
        fitter = Fitter()
        turn = _turn(points, fitter)
        reading = FaceLandmarks(points, np.zeros(52, np.float32), turn)
        fit = fitter.fit(reading)
        shaped = fitter.head.shaped(fit.shape)
        camera, bring = Camera.framing(shaped), fitter.bring(reading, fit, side)
        laid = _Laid(fitter, fit, shaped, camera, bring, side)
        seat = skull_seat(shaped, fit.params.neck_pose)
        place, skull, neck = laid.extended(float(seat[2]))
        return cls(place, skull, neck, _border(side), camera, shaped.anchor[NECK], seat, bring, side, _at_rest(turn))


class _Laid:
    """The open head, rasterized on the picture's nodes."""

    def __init__(self, fitter: Fitter, fit: Fit, shaped: Shaped, camera: Camera, bring: Similarity, side: int) -> None:
        self._camera, self._bring, self._side = camera, bring, side
        screen = camera.project(fitter.head.pose(shaped, fit.params), side).astype(np.float64)
        screen[:, :2] = bring.inverse().apply(screen[:, :2]) * (GRID / side)
        on_head = screen[fitter.head.skin_weight.any(1), :2]
        if not ((on_head > 0.0) & (on_head < GRID)).all(1).any():
            raise ValueError(f"the points show no head within a picture of {side} pixels: expected those of a face")
        triangle = np.asfortranarray(fitter.head.triangle, np.int64)
        self._pixel, seen, bary = rasterize(screen.astype(np.float32), triangle, GRID)
        mixed = np.concatenate([screen[:, 2:], fitter.head.skin_weight], 1)[triangle[seen]]
        self._distance, self._skull, self._neck = np.einsum("nkc,nk->cn", mixed, bary)

    def extended(self, far: float) -> tuple[Array, Array, Array]:
        """[G,G,3] places and [G,G] weights of skull and neck, continued to a background of depth `far`."""
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
        """[G*G,3] dm: the points on the nodes' rays at these distances from the camera."""
        column, row = np.meshgrid(*[(np.arange(GRID) + 0.5) * (self._side / GRID)] * 2)
        seen = self._bring.apply(np.stack([column.ravel(), row.ravel()], 1))
        ray = (seen - self._side / 2) / focal_px(self._side) * (1.0, -1.0)
        eye = self._camera.eye.astype(np.float64)
        return np.concatenate([eye[:2] + ray * distance[:, None], eye[2] - distance[:, None]], 1)


def focal_px(side: int) -> float:
    """The focal length of our renderer's camera, for a picture of `side` pixels."""
    return side / 2 / float(np.tan(np.radians(FOV_DEG) / 2))


def _turn(points: Array, fitter: Fitter) -> Array:
    """[3] the turn of the head: a least-squares fit of the average head, in orthographic projection, to the points."""
    head = fitter.anchored(fitter.head.template.astype(np.float64))
    seen = points[:ANCHORED].astype(np.float64) * (1.0, -1.0)
    laid, *_ = np.linalg.lstsq(head - head.mean(0), seen - seen.mean(0), rcond=None)
    left, _, right = np.linalg.svd(laid.T, full_matrices=False)
    across = left @ right  # [2,3] the nearest pair of rows at right angles
    return turn_vector(np.stack([*across, np.cross(*across)])).astype(np.float32)


def _at_rest(turn: Array) -> Wide:
    """[3] the neck's turn that corresponds to this estimate. Roll is part of the picture's framing."""
    pitch, yaw = (turn[:2].astype(np.float64) - (_SEEN_PITCH, 0.0)) / _SEEN_TURN
    return np.array([pitch, yaw, 0.0])


def _faded(apart: Wide) -> Wide:
    """How much moves with the head at this distance in dm: 1 near by, 0 far away."""
    return 1.0 - smooth((apart - _HAIR_DM) / (_STILL_DM - _HAIR_DM))


def _blurred(value: Wide) -> Array:
    """[G,G] the values after two binomial blurs."""
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


def _drawn_out(field: Array, side: int) -> Array:
    """[S,S,C] a coarse field [G,G,C], interpolated linearly between cell centres."""
    return np.asarray(cv2.resize(field, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def _sampled(field: Array, at: Array) -> Array:
    """[..,C] a field's values at places [H,W,2] (column, row), clamped to the border."""
    return np.asarray(cv2.remap(field, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _fetched(rgb: Rgb, at: Array) -> Rgb:
    """[S,S,3] the picture sampled at these places [S,S,2], clamped to the border."""
    return np.asarray(cv2.remap(rgb, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def tinted(rgb: NDArray[np.uint8], light: Array) -> NDArray[np.uint8]:
    """[H,W,4] the picture [H,W,3], opaque, with strength and colour of this light [27] relative to the studio's.

    The network has no input for light, so its direction cannot change. ValueError for an invalid light.
    """
    gain = _strength(checked_light(light)) / _strength(studio_light())
    rgba = np.full((*rgb.shape[:2], 4), 255, np.uint8)
    for channel, shown in enumerate(relit_levels(gain)):
        rgba[..., channel] = shown.take(rgb[..., channel])
    return rgba


def _strength(light: Array) -> Array:
    """[3] red, green and blue, from the first harmonics."""
    return np.asarray(np.maximum(light.reshape(3, 9)[:, 0], _DARKEST), np.float32)
