"""The open head: FLAME's layout on an openly licensed mesh, posed in NumPy in under a millisecond."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import OPEN_BASIS, Array, FlameParams
from ..rotation import rotation

Index = NDArray[np.int32]

FILE = Path(__file__).with_name("open_head.npz")
SKIN, EYE, MOUTH = range(3)  # regions of the mesh; MOUTH is teeth and tongue
BLINKS = slice(3, 5)  # rows of `drivendirs`
NECK, SKULL, EYE_LEFT, EYE_RIGHT, CHIN, CROWN = range(6)  # rows of `anchor`

# Joint angles at which an ARKit weight is 1. These are conventions of this head: ARKit gives jaw and gaze no scale.
JAW_OPEN_RAD = 0.35
JAW_SIDE_RAD = 0.20
LOOK_SIDE_RAD = 0.52
LOOK_UP_RAD = 0.36
LOOK_DOWN_RAD = 0.44
NECK_SHARE = 0.4  # the neck's part of a head turn; the skull makes the rest
# A blink moves the rim of the upper lid by at least the first share of its largest movement, that of the lower lid by
# at most the second, and brings them this near to each other.
_UPPER_LID, _LOWER_LID = 0.8, 0.35
_MEETING_DM = 0.014
_RECEDES_DM = 0.03  # how far an eyeball moves back as its lids close, since on some heads it would come through them


@dataclass(frozen=True)
class Shaped:
    """The head of one character at rest. Units: decimetres; x to the subject's left, y up, z forward."""

    vertex: Array  # [N,3]
    anchor: Array  # [6,3] neck joint, skull joint, left eye, right eye, chin, crown

    @property
    def height(self) -> float:
        """Chin to crown in dm: the unit in which the camera frames a face."""
        return float(self.anchor[CROWN, 1] - self.anchor[CHIN, 1])


@dataclass(frozen=True)
class LidRims:
    """Pairs of points on the rims of an eye's lids, which meet when the eye closes."""

    upper: NDArray[np.intp]  # [n] vertices
    lower: NDArray[np.intp]  # [n] vertices
    closing: float  # dm by which the blink at weight 1 moves the rims towards each other

    @classmethod
    def of(cls, vertex: Array, blink: Array, is_skin: NDArray[np.bool_]) -> LidRims:
        """The rims of a head [N,3] whose lids meet when `blink` [N,3] is added."""
        movement = np.sqrt(np.square(blink).sum(1))
        upper = np.flatnonzero(is_skin & (movement > _UPPER_LID * movement.max()))
        is_near = np.abs(vertex - vertex[upper].mean(0)).max(1) < 2.0 * movement.max()
        lower = np.flatnonzero(is_skin & is_near & (movement < _LOWER_LID * movement.max()))
        closed = vertex + blink
        distance = np.sqrt(np.square(closed[upper, None] - closed[lower]).sum(2))
        meets = distance.min(1) < _MEETING_DM
        upper, lower = upper[meets], lower[distance.argmin(1)[meets]]
        return cls(upper, lower, float((blink[lower, 1] - blink[upper, 1]).mean()))

    def opening(self, vertex: Array) -> float:
        """How wide the eye of this head [N,3] is open, in units of the blink that closes it; never below 0."""
        return max(float((vertex[self.upper, 1] - vertex[self.lower, 1]).mean()) / self.closing, 0.0)


@dataclass(frozen=True)
class OpenHead:
    """FLAME's parts under FLAME's names: template, shape and expression directions, joints, skinning weights."""

    template: Array  # [N,3] dm
    anchor: Array  # [6,3] dm
    shapedirs: Array  # [S,N*3] dm for one standard deviation
    anchor_shapedirs: Array  # [S,6*3]
    exprdirs: Array  # [E,N*3] dm; E = 39, the units without jaw, gaze and blink
    drivendirs: Array  # [13,N*3] dm at weight 1: jawOpen, jawLeft, jawRight, 2 blinks, 8 looks
    unit_to_expression: NDArray[np.float64]  # [39,39] ARKit units to coefficients; row vector times matrix
    skin_weight: Array  # [N,2] of skull and neck; the rest stays with the torso
    triangle: Index  # [T,3]
    region: NDArray[np.uint8]  # [N] SKIN, EYE or MOUTH
    uv: Array  # [N,2] in the texture atlas, 0 to 1, x right, y down
    eye_rows: tuple[slice, slice]  # vertices of the left and of the right eyeball

    @property
    def shape_size(self) -> int:
        return len(self.shapedirs)

    def shaped(self, shape: Array) -> Shaped:
        """The head with these [S] shape coefficients; ValueError on another length."""
        if shape.shape != (self.shape_size,):
            raise ValueError(f"shape must be [{self.shape_size}] coefficients, got {list(shape.shape)}")
        vertex = self.template + (shape @ self.shapedirs).reshape(-1, 3)
        return Shaped(vertex, self.anchor + (shape @ self.anchor_shapedirs).reshape(-1, 3))

    def driven(self, params: FlameParams) -> Array:
        """[13] weights of the directions that joints drive: jaw, blinks, and the lids that follow the eyes."""
        jaw, side = params.jaw_pose[0] / JAW_OPEN_RAD, params.jaw_pose[1] / JAW_SIDE_RAD
        looks = look_weights(params.eye_pose[:, :2])
        return np.array([jaw, max(side, 0.0), max(-side, 0.0), *params.eyelids, *looks], np.float32)

    def pose(self, shaped: Shaped, params: FlameParams) -> Array:
        """[N,3] dm: the head with this face; ValueError if `params` are in another basis.

        The translation is not applied, since it concerns the camera.
        """
        if params.basis != OPEN_BASIS:
            raise ValueError(f'the open head needs the basis "{OPEN_BASIS}", these parameters have "{params.basis}"')
        vertex = self._unblinking(shaped, params)
        # A blink closes the eye whether it is narrow, wide or squinting.
        vertex += (self._openings(vertex) * params.eyelids @ self.drivendirs[BLINKS]).reshape(-1, 3)
        for rows, pose, anchor in zip(self.eye_rows, params.eye_pose, (EYE_LEFT, EYE_RIGHT), strict=True):
            centre = shaped.anchor[anchor]
            turn = rotation(np.array([0.0, pose[1], 0.0])) @ rotation(np.array([pose[0], 0.0, 0.0]))
            vertex[rows] = (vertex[rows] - centre) @ turn.T.astype(np.float32) + centre
        for rows, lid in zip(self.eye_rows, params.eyelids, strict=True):
            vertex[rows, 2] -= lid * _RECEDES_DM
        return self._skinned(vertex, shaped, params.neck_pose)

    def openings(self, shaped: Shaped, params: FlameParams) -> Array:
        """[2] how wide each eye is open without its blink, in units of the mean head's blink."""
        return self._openings(self._unblinking(shaped, params))

    def _openings(self, vertex: Array) -> Array:
        return np.array([rims.opening(vertex) for rims in self.lid_rims], np.float32)

    def _unblinking(self, shaped: Shaped, params: FlameParams) -> Array:
        """[N,3] dm: the face without blinks, before eyes and head turn."""
        driven = self.driven(params)
        driven[BLINKS] = 0.0
        moved = params.expression[: len(self.exprdirs)] @ self.exprdirs + driven @ self.drivendirs
        return np.asarray(shaped.vertex + moved.reshape(-1, 3), np.float32)

    @cached_property
    def lid_rims(self) -> tuple[LidRims, LidRims]:
        """The lid rims of the left and the right eye."""
        left, right = (
            LidRims.of(self.template, blink.reshape(-1, 3), self.region == SKIN) for blink in self.drivendirs[BLINKS]
        )
        return left, right

    def _skinned(self, vertex: Array, shaped: Shaped, neck_pose: Array) -> Array:
        """[N,3] linear blend skinning with two joints, the neck and the skull on it."""
        neck, skull = rotation(NECK_SHARE * neck_pose).astype(np.float32), rotation(neck_pose).astype(np.float32)
        pivot = shaped.anchor[NECK]
        seat = skull_seat(shaped, neck_pose)
        by_neck = (vertex - pivot) @ neck.T + pivot
        by_skull = (vertex - shaped.anchor[SKULL]) @ skull.T + seat
        w_skull, w_neck = self.skin_weight[:, :1], self.skin_weight[:, 1:]
        return np.asarray(vertex + w_skull * (by_skull - vertex) + w_neck * (by_neck - vertex), np.float32)


def look_weights(gaze: NDArray[np.floating]) -> list[float]:
    """[8] weights of the lids that follow a gaze [2,2] of pitch and yaw: down, in, out and up, left then right eye."""
    looks: list[float] = []
    for (pitch, yaw), outward in zip(gaze, (1.0, -1.0), strict=True):
        out = outward * yaw / LOOK_SIDE_RAD
        looks += [max(pitch, 0.0) / LOOK_DOWN_RAD, max(-out, 0.0), max(out, 0.0), max(-pitch, 0.0) / LOOK_UP_RAD]
    return looks


def skull_seat(shaped: Shaped, neck_pose: Array) -> Array:
    """[3] the position of the skull joint after the neck has turned."""
    neck = rotation(NECK_SHARE * neck_pose).astype(np.float32)
    pivot = shaped.anchor[NECK]
    return np.asarray((shaped.anchor[SKULL] - pivot) @ neck.T + pivot, np.float32)


@cache
def open_head() -> OpenHead:
    """The shipped head; read once."""
    with np.load(FILE, allow_pickle=False) as data:
        names = ("template", "anchor", "shapedirs", "anchor_shapedirs", "exprdirs", "drivendirs", "skin_weight", "uv")
        first, second, end = (int(k) for k in data["eye_rows"])
        return OpenHead(
            **{name: data[name].astype(np.float32) for name in names},
            unit_to_expression=data["unit_to_expression"],
            triangle=data["triangle"].astype(np.int32),
            region=data["region"],
            eye_rows=(slice(first, second), slice(second, end)),
        )
