"""A shell around the skull where a reference shows hair, so that hair turns with the head like a body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import Array, FlameParams
from ..rotation import rotation
from .head import CHIN, CROWN, EYE_LEFT, EYE_RIGHT, SKULL, OpenHead, Shaped, skull_seat

Index = NDArray[np.int64]

ANGLES = 32  # directions around the skull's middle in the picture
_RISE_DEG = np.array([-85.0, -65.0, -45.0, -25.0, -8.0, 8.0, 25.0, 40.0, 55.0, 70.0, 85.0])  # towards the camera
_INSIDE_DM = 0.06  # depth of the shell under the skin where there is no hair
_CONE = 0.975  # cosine of the cone in which the radius of the skull is looked up
_OPAQUE = 0.5
_GRAZING = 0.4  # cosine to the camera below which a picture does not show a vertex
_LONGEST = 1.1  # head heights up to which hair is followed outward
HANG = 0.5  # head heights below the chin at which hair no longer follows the skull


@dataclass(frozen=True)
class Shell:
    """Hair as one smooth surface around the head at rest."""

    vertex: Array  # [M,3] dm
    triangle: Index  # [F,3] counter-clockwise from outside
    follow: Array  # [M] skinning weight of the skull; the rest stays with the torso

    def fetch(self, screen: Array, facing: Array) -> Array:
        """[M,2] where a reference shows these vertices [M,3]; for one turned away, the nearest visible of its arc."""
        rises = len(_RISE_DEG)
        number = np.arange(rises)[:, None]
        is_seen = facing.reshape(rises, ANGLES) > _GRAZING
        below = np.maximum.accumulate(np.where(is_seen, number, -rises), 0)
        above = np.minimum.accumulate(np.where(is_seen, number, 2 * rises)[::-1], 0)[::-1]
        nearest = np.where(number - below <= above - number, below, above)
        nearest = np.where((nearest < 0) | (nearest >= rises), number, nearest)
        return np.asarray(screen[(nearest * ANGLES + np.arange(ANGLES)).ravel(), :2])

    def pose(self, shaped: Shaped, params: FlameParams) -> Array:
        """[M,3] dm with the head turned by `params`."""
        turned = (self.vertex - shaped.anchor[SKULL]) @ rotation(params.neck_pose).T.astype(np.float32)
        turned += skull_seat(shaped, params.neck_pose)
        return np.asarray(self.vertex + self.follow[:, None] * (turned - self.vertex), np.float32)


def thickness(alpha: Array, covered: NDArray[np.bool_], middle: tuple[float, float], reach: float) -> Array:
    """[ANGLES] cells of hair beyond the head's outline around `middle` (column, row); clockwise from straight up.

    `alpha` [G,G] 0 to 1 is the reference's matte, `covered` [G,G] the posed head in it. A ray goes from the head's
    outline to where the matte ends, the torso begins, or it is longer than `reach` cells.
    """
    side = len(alpha)
    angle = np.arange(ANGLES) * (2.0 * np.pi / ANGLES)
    step = np.arange(0.0, 1.5 * side, 0.5)
    column = np.floor(middle[0] + np.sin(angle)[:, None] * step).astype(np.int64)
    row = np.floor(middle[1] - np.cos(angle)[:, None] * step).astype(np.int64)
    is_inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    column, row = np.clip(column, 0, side - 1), np.clip(row, 0, side - 1)
    on_head = covered[row, column] & is_inside
    is_hair = (alpha[row, column] > _OPAQUE) & is_inside
    found = np.zeros(ANGLES, np.float32)
    for k in range(ANGLES):
        outside = np.flatnonzero(~on_head[k])
        if not len(outside) or not is_inside[k, outside[0]]:
            continue
        first = outside[0]
        ends = np.flatnonzero(~is_hair[k, first:] | on_head[k, first:])
        found[k] = 0.5 * (ends[0] if len(ends) else 0)
    return np.minimum(found, np.float32(reach))


def shell_of(
    head: OpenHead,
    shaped: Shaped,
    params: FlameParams,
    alpha: Array,
    covered: NDArray[np.bool_],
    camera: tuple[Array, float],
) -> Shell:
    """The shell that gives this matte [G,G] with the head in this pose; `camera` is its eye [3] and cells a tangent."""
    eye, cells = camera
    side = len(alpha)
    middle = skull_middle(head, shaped)
    turn = rotation(params.neck_pose).astype(np.float32)
    posed = turn @ (middle - shaped.anchor[SKULL]) + skull_seat(shaped, params.neck_pose)
    cells_per_dm = cells / float(eye[2] - posed[2])
    cell = (float(posed[0] - eye[0]) * cells_per_dm + side / 2, side / 2 - float(posed[1] - eye[1]) * cells_per_dm)
    hair = thickness(alpha, covered, cell, _LONGEST * shaped.height * cells_per_dm) / cells_per_dm

    angle, rise = np.arange(ANGLES) * (2.0 * np.pi / ANGLES), np.radians(_RISE_DEG)
    towards = np.stack(
        [
            np.outer(np.cos(rise), np.sin(angle)),
            np.outer(np.cos(rise), np.cos(angle)),
            np.outer(np.sin(rise), np.ones(ANGLES)),
        ],
        -1,
    ).astype(np.float32)  # [R,A,3] in the camera's frame
    direction = towards.reshape(-1, 3) @ turn  # in the head's frame
    fade = np.where(rise > 0.0, np.cos(rise), 1.0)
    radius = _radius(head, shaped, middle, direction) - _INSIDE_DM + np.outer(fade, hair).ravel()
    vertex = middle + direction * radius[:, None]
    is_face = (direction[:, 2] > 0.3) & (vertex[:, 1] < _hairline(shaped))
    number = np.arange(len(vertex)).reshape(len(rise), ANGLES)
    beside = np.roll(number, -1, 1)
    a, b, c, d = (part.ravel() for part in (number[:-1], beside[:-1], number[1:], beside[1:]))
    triangle = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    chin, fall = float(shaped.anchor[CHIN, 1]), HANG * shaped.height
    follow = np.clip((vertex[:, 1] - (chin - fall)) / fall, 0.0, 1.0)
    return Shell(vertex.astype(np.float32), triangle[~is_face[triangle].any(1)], follow.astype(np.float32))


def reseated(shell: Shell, head: OpenHead, own: Shaped, other: Shaped) -> Shell:
    """The same hair on a head of another shape, at the same distance from the skin."""
    middle = skull_middle(head, own)
    offset = shell.vertex - middle
    radius = np.linalg.norm(offset, axis=1)
    direction = offset / radius[:, None]
    height = radius - _radius(head, own, middle, direction)
    other_middle = skull_middle(head, other)
    vertex = other_middle + direction * (_radius(head, other, other_middle, direction) + height)[:, None]
    return Shell(vertex.astype(np.float32), shell.triangle, shell.follow)


def skull_middle(head: OpenHead, shaped: Shaped) -> Array:
    """[3] dm: between the ears, at the height of the eyes."""
    eyes = shaped.anchor[[EYE_LEFT, EYE_RIGHT]].mean(0)
    upper = shaped.vertex[(head.skin_weight[:, 0] > 0.9) & (shaped.vertex[:, 1] > eyes[1])]
    return np.array([0.0, eyes[1], 0.5 * (upper[:, 2].min() + upper[:, 2].max())], np.float32)


def _hairline(shaped: Shaped) -> float:
    eyes = float(shaped.anchor[[EYE_LEFT, EYE_RIGHT], 1].mean())
    return eyes + 0.55 * (float(shaped.anchor[CROWN, 1]) - eyes)


def _radius(head: OpenHead, shaped: Shaped, middle: Array, direction: Array) -> Array:
    """[M] radius of the head in these directions; without a surface there, that of the nearest direction with one."""
    offset = shaped.vertex[head.skin_weight[:, 0] > 0.6] - middle
    radius = np.linalg.norm(offset, axis=1)
    cosine = direction @ (offset / radius[:, None]).T  # [M,V]
    inside = np.where(cosine > _CONE, radius, 0.0).max(1)
    return np.asarray(np.where(inside > 0.0, inside, radius[cosine.argmax(1)]), np.float32)
