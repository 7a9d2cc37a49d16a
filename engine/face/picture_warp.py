"""Warps one picture of a head as the head moves: smoothly, without a fold or a gap, as a rig in 2D does.

What a single picture hides is unknown: the sides of the hair, and what lies behind a cheek. A smooth warp never
uncovers it. The face moves as the head's surface does, hair keeps its outline, and the torso stays.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data import FlameParams
from ..rotation import rotation
from .correspondence import GRID, View, Viewer, carried_on, cell_centres
from .head import CHIN, SKULL, skull_seat
from .rasterizer import interpolated

Array = NDArray[np.float32]

SIDE = GRID // 2  # cells on a side of the warp, which is smooth
_HANGS = 0.3  # head heights below the chin at which hair rests on the torso
_STILL = 0.6  # of the way from the chin there, from where on the torso stays
_NEAR_FACE = 13  # cells around the face in which the neck gives way
_EDGE_ON, _SQUARE = 0.35, 0.3  # cosine to the camera from which the face leads, and how much more until it leads wholly
_FREE = 16.0  # cells above the nose within which hair beside the head begins to keep its outline
_FLOOR = 0.2  # how firmly the lowest row stays
_SOFT = 0.6  # cells by which the warp is blurred
_LEAST = 0.35  # of its width and height that each part of the picture keeps
_ROUNDS, _INVERSE_ROUNDS = 16, 20
# Shares of the head's pitch, yaw and roll by which hair turns as a flat picture; the best for three drawn characters.
_HAIR_TURNS = np.array([0.7, 0.4, 1.0], np.float32)


class PictureWarp:
    """The warp of one picture; build once, call for each wanted face."""

    def __init__(self, viewer: Viewer, shown: View, params: FlameParams) -> None:
        """`shown` is the head with the face `params`, as the picture shows it."""
        self._viewer, self._params = viewer, params
        self._cell, self._corner, self._share = shown.cell, viewer.triangle.T.take(shown.triangle, 1), shown.weight.T
        (self._facing,) = interpolated(shown.facing[None], self._corner, self._share)
        (self._face,) = interpolated(viewer.face_share, self._corner, self._share)
        chin = float(viewer.shaped.anchor[CHIN, 1])
        ends = [[0.0, y, viewer.middle[2]] for y in (chin, chin - _HANGS * viewer.shaped.height)]
        first, last = viewer.camera.project(np.array(ends, np.float32), GRID)[:, 1]
        row = cell_centres(GRID)[1]
        torso = viewer.near_torso(shown)
        self._follow = np.clip((last - row) / (last - first), 0.0, 1.0) * (1.0 - torso)  # [G,G] of the skull
        face = np.zeros((GRID, GRID), np.float32)
        face.ravel()[self._cell] = self._face
        face = cv2.dilate(face, np.ones((_NEAR_FACE, _NEAR_FACE), np.uint8))
        is_low = row > first + np.float32(_STILL) * (last - first)
        self._still = ((row > last) | ((torso > 0.5) & (face < 0.5) & is_low)).ravel()
        known = np.clip((viewer.nose_row - row) / _FREE, 0.0, 1.0).ravel()
        known[self._cell] = 0.0
        known[-GRID:] = _FLOOR
        known[self._still] = 1.0
        self._known = known  # [G*G] how surely a cell that is not of the face goes where it is led

    def place(self, view: View, wanted: FlameParams) -> Array:
        """[128,128,2] where the cells of the wanted view lie in the picture: x right, y down, -1 to 1."""
        away = _inverse(_unfolded(self._flow(view, wanted)))
        place = cv2.resize(away, (GRID, GRID)) * np.float32(2.0 / SIDE) + _own_places()
        # What the picture's border cuts off goes on as the border.
        return np.asarray(np.clip(place, 1.0 / GRID - 1.0, 1.0 - 1.0 / GRID), np.float32)

    def _flow(self, view: View, wanted: FlameParams) -> Array:
        """[64,64,2] by how many cells each part of the picture moves."""
        cell, skull = self._cell, self._follow * self._skull_motion(wanted)
        x, y, facing = interpolated(np.stack([*view.screen[:, :2].T, view.facing]), self._corner, self._share)
        leads = np.clip((np.minimum(facing, self._facing) - _EDGE_ON) / _SQUARE, 0.0, 1.0) * self._face
        # What leads, by how much it moves otherwise than the skull.
        known = self._known.copy()
        known[cell] = np.maximum(known[cell], leads)
        moved = np.zeros((2, GRID * GRID), np.float32)
        moved[:, cell] = np.stack([x, y]) - (cell_centres(GRID) + skull).reshape(2, -1)[:, cell]
        moved[:, self._still] = -skull.reshape(2, -1)[:, self._still]
        grid = (1, 2, GRID, GRID)
        flow = skull + carried_on(moved.reshape(grid), known.reshape(1, GRID, GRID))[0]
        small = cv2.resize(cv2.merge([*flow]), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), _SOFT) * np.float32(SIDE / GRID), np.float32)

    def _skull_motion(self, wanted: FlameParams) -> Array:
        """[2,G,G] cells by which a flat picture through the skull's middle moves that turns as hair does."""
        viewer, corners = self._viewer, []
        shaped, side = viewer.shaped, np.float32(viewer.shaped.height)
        square = side * np.array([(-1, 1, 0), (1, 1, 0), (1, -1, 0), (-1, -1, 0)], np.float32)
        for params in (self._params, wanted):
            turn, seat = rotation(params.neck_pose).astype(np.float32), skull_seat(shaped, params.neck_pose)
            middle = turn @ (viewer.middle - shaped.anchor[SKULL]) + seat
            flat = rotation(params.neck_pose * _HAIR_TURNS).astype(np.float32)
            corners.append(np.ascontiguousarray(viewer.camera.project(square @ flat.T + middle, GRID)[:, :2]))
        here = cell_centres(GRID)
        there = cv2.perspectiveTransform(
            here.reshape(2, -1).T[None], cv2.getPerspectiveTransform(corners[0], corners[1])
        )
        return np.asarray(there[0].T.reshape(2, GRID, GRID) - here, np.float32)


def _unfolded(flow: Array) -> Array:
    """The flow [S,S,2], smoothed where a part of the picture would keep too little of itself."""
    for _ in range(_ROUNDS):
        along, down = np.gradient(flow, axis=1), np.gradient(flow, axis=0)
        width, height = along[..., 0] + 1.0, down[..., 1] + 1.0
        least = np.minimum(np.minimum(width, height), width * height - along[..., 1] * down[..., 0])
        is_squeezed = (least < _LEAST).astype(np.float32)
        if not is_squeezed.any():
            break
        around = cv2.blur(cv2.dilate(is_squeezed, np.ones((3, 3), np.uint8)), (3, 3))[..., None]
        flow = flow + around * (cv2.GaussianBlur(flow, (0, 0), 1.5) - flow)
    return np.asarray(flow, np.float32)


def _inverse(flow: Array) -> Array:
    """[S,S,2] cells from each place to where what comes to lie there was."""
    centres = cv2.merge([*(cell_centres(SIDE) - np.float32(0.5))])
    at = centres - flow
    for _ in range(_INVERSE_ROUNDS):
        found = cv2.remap(flow, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        at = np.float32(0.5) * (at + centres - found)
    return np.asarray(at - centres, np.float32)


@cache
def _own_places() -> Array:
    """[G,G,2] where each cell lies in its own picture."""
    return np.asarray(cv2.merge([*(cell_centres(GRID) * np.float32(2.0 / GRID) - np.float32(1.0))]), np.float32)
