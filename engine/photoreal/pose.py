"""Turns the head and the eyes of a drawn picture, which its model cannot: a 2.5-D warp that names its limits.

A warp shows nothing that the picture does not: at more than about 20 degrees to the side a cheek is stretched, and no
ear comes round. Depth is smoothed so that nothing folds, which takes a part of the turn: a tracker reads about four
fifths of what it reads of a head that really turns. Turns are followed to 20 degrees to the sides, 15 up and down and
12 of tilt, and held softly below a quarter more; turns about several axes share these limits. What is near the head
and not of it is stretched with it.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..data import Array
from ..face.head import NECK_SHARE
from ..rotation import rotation
from . import remap
from .gaze import Eye, eyes
from .limits import held
from .surface import GRID, Surface, focal_px

Rgb = NDArray[np.uint8]  # [S,S,3]
Wide = NDArray[np.float64]

POINTS = 478
FARTHEST_DEG = np.array([18.75, 25.0, 15.0])  # pitch, yaw, roll: an ellipsoid that no turn leaves
FARTHEST_M = np.array([0.03, 0.03, 0.06])  # likewise of the translation
FREE = 0.8  # of the way to these limits a pose is followed exactly
_ROUNDS = 12  # each brings the way back nearer by the steepness of the field, below one and mostly below a half
_OPEN = np.zeros(2, np.float32)
_DM = 10.0  # in a metre


class Relief:
    """What a turn of the head does to the picture of one character; build once, turn often."""

    def __init__(self, surface: Surface, both: tuple[Eye, Eye]) -> None:
        self._surface, self._eyes = surface, both
        self._side = surface.side
        across = np.arange(self._side, dtype=np.float32)
        self._own = np.stack(np.meshgrid(across, across), 2)  # [S,S,2] each pixel's own place
        nodes = np.arange(GRID, dtype=np.float32)
        self._node = np.stack(np.meshgrid(nodes, nodes), 2)

    @classmethod
    def of(cls, points: Array, size: int) -> Self:
        """Of a face at rest whose MediaPipe points [478,2] are in a picture of `size` pixels; ValueError on others."""
        if points.shape != (POINTS, 2) or not np.isfinite(points).all():
            raise ValueError(f"points must be [{POINTS},2] finite pixels, got {list(points.shape)}")
        return cls(Surface.under(points.astype(np.float32), size), eyes(points))

    def turned(self, rgb: Rgb, neck_pose: Array, translation: Array, eye_pose: Array, eyelids: Array = _OPEN) -> Rgb:
        """[S,S,3] the picture with the head turned [3] and moved [3] and the eyes turned [2,3], as in FlameParams.

        The eyes' turn fades as their lids [2] close. Where nothing turns, it is the picture itself.
        """
        if rgb.shape != (self._side, self._side, 3):
            raise ValueError(f"the picture must be {[self._side, self._side, 3]}, got {list(rgb.shape)}")
        looks = [eye.look(pose, float(lid)) for eye, pose, lid in zip(self._eyes, eye_pose, eyelids, strict=True)]
        if not (np.any(neck_pose) or np.any(translation) or any(map(np.any, looks))):
            return rgb
        at = self._own + remap.drawn_out(self._way_back(neck_pose, translation), self._side)
        for eye, look, lid in zip(self._eyes, looks, eyelids, strict=True):
            eye.shift(at, look, float(lid))
        return remap.fetched(rgb, at)

    def _way_back(self, neck_pose: Array, translation: Array) -> Array:
        """[G,G,2] pixels from where a node is shown to where it is in the picture."""
        there = self._way(neck_pose, translation)
        nodes_a_pixel = np.float32(GRID / self._side)
        back = -there
        for _ in range(_ROUNDS):
            back = -remap.sampled(there, self._node + back * nodes_a_pixel)
        return back

    def _way(self, neck_pose: Array, translation: Array) -> Array:
        """[G,G,2] pixels by which each node moves."""
        surface = self._surface
        upright = self._upright()
        turn = upright @ within(neck_pose, np.radians(FARTHEST_DEG))
        move = upright @ within(translation, FARTHEST_M) * _DM
        before = self._seen(surface.place)
        moved = self._seen(surface.place + self._turn(turn) + move.astype(np.float32)) - before
        way = moved / surface.bring.turn  # a displacement in the picture, as complex numbers
        return held(np.stack([way.real, way.imag], 2), 0.3 * surface.border, 0.6 * surface.border).astype(np.float32)

    def _turn(self, turn: Wide) -> Array:
        """[G,G,3] dm by which the nodes move when the head turns: the neck makes a part of it, the skull the rest."""
        surface = self._surface
        neck, skull = (rotation(share * turn).astype(np.float32) for share in (NECK_SHARE, 1.0))
        from_neck, from_seat = surface.place - surface.pivot, surface.place - surface.seat
        seat = (surface.seat - surface.pivot) @ neck.T + surface.pivot
        by_neck = from_neck @ neck.T - from_neck
        by_skull = from_seat @ skull.T + seat - surface.place
        return np.asarray(surface.skull[..., None] * by_skull + surface.neck[..., None] * by_neck, np.float32)

    def _seen(self, place: Array) -> NDArray[np.complex64]:
        """[G,G] where the camera sees these places, as complex numbers, y down."""
        reach = focal_px(self._side) / (self._surface.camera.eye - place)
        across = place - self._surface.camera.eye
        return np.asarray((across[..., 0] - 1j * across[..., 1]) * reach[..., 2])

    def _upright(self) -> Wide:
        """[3,3] from the picture's axes to those in which the head stands upright."""
        return rotation(np.array([0.0, 0.0, -np.angle(self._surface.bring.turn)]))


def within(value: Array, farthest: Wide) -> Wide:
    """[3] the value, shortened where it comes near to the ellipsoid with these half axes, so that it stays inside."""
    length = float(np.linalg.norm(value / farthest))
    return np.asarray(value * (float(held(np.array(length), FREE, 1.0)) / max(length, 1e-12)), np.float64)
