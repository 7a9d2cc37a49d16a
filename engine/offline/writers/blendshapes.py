"""A character's head and its motion for other programs: a mesh, ARKit's 52 blend shapes, weights and joints.

Each shape is the open head at weight 1, and their weighted sum is the open head: skin, lids, mouth and tongue to a
hundredth of a millimetre. For that, the weight of a blink is larger on wide eyes and smaller on squinting ones, because
it closes the eye as it is. Only the eyeballs differ: they turn, while a shape moves their surface along a straight
line. Over random faces the largest distance is 0.8 mm in the mean, and 2.3 mm in an eye that looks far up or down and
far aside. The head turns on two joints, as the open head does. A large turn differs by up to 0.3 mm, because the joint
weights of a vertex must sum to 1 in these files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ...data import OPEN_BASIS, Array, Character, FlameParams
from ...face.anime_head import head_of
from ...face.head import EYE, EYE_LEFT, EYE_RIGHT, MOUTH, NECK, NECK_SHARE, SKIN, SKULL, OpenHead, Shaped, open_head
from ...face.retarget import from_weights, to_weights
from ...model.character_file import load_any_character
from ..animation import Animation, RenderError
from ..performance import to_quaternions

LICENCE = (
    "Apache-2.0: the open head of Omote, made from MakeHuman's base mesh and Face units 01 by Mika Suominen (CC0 1.0) "
    "and the modes of ICT-FaceKit (MIT)"
)
ANIME_LICENCE = "VRM Public License 1.0, credit: Seed-san model by VirtualCast, Inc."
JOINTS = ("body", "neck", "head")  # each is the parent of the next

_BLINKS = [arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]]
_METRES = np.float32(0.1)  # of a decimetre, the unit of the open head
_MIN_OFFSET_M, _MIN_NORMAL_OFFSET = 1e-6, 1e-3  # smaller offsets are left out
_SKIN_COLOUR, _TEETH_COLOUR, _TONGUE_COLOUR = (0.62, 0.40, 0.31), (0.80, 0.76, 0.68), (0.55, 0.20, 0.18)
_WHITE_COLOUR, _IRIS_COLOUR, _PUPIL_COLOUR = (0.85, 0.83, 0.80), (0.16, 0.09, 0.05), (0.01, 0.01, 0.01)
_IRIS_RAD, _PUPIL_RAD = 0.50, 0.22  # angles from the axis, at the centre of the eye

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BlendShape:
    """The vertices that one weight moves, and how far at 1."""

    name: str
    vertex: Index  # [k] ascending
    offset: Array  # [k,3] metres
    normal_offset: Array  # [k,3]


@dataclass(frozen=True, eq=False)
class HeadMesh:
    """A character's head at rest, metres from the skull's joint: x to the subject's left, y up, z out of the face."""

    name: str
    licence: str
    vertex: Array  # [N,3]
    normal: Array  # [N,3]
    uv: Array  # [N,2] y down
    colour: Array  # [N,3] linear RGB, one for each of skin, eyes, teeth and tongue
    triangle: NDArray[np.int32]  # [T,3] counter-clockwise from outside
    shapes: tuple[BlendShape, ...]  # [52] in ARKit's order
    joint: Array  # [3,3] places of `JOINTS` at rest
    joint_weight: Array  # [N,3] of each of `JOINTS`, summing to 1


@dataclass(frozen=True, eq=False)
class HeadMotion:
    """The motion of the head in n pictures."""

    weights: Array  # [n,52]
    neck: Array  # [n,4] x, y, z, w: the turn of the neck joint, with the sign nearest to the picture before
    head: Array  # [n,4] the turn of the head joint relative to the neck
    translation: Array  # [n,3] metres, of the body joint


def require_arkit_faces(animation: Animation, name: str) -> None:
    """RenderError if these faces have no ARKit weights; `name` is that of the file."""
    if animation.basis != OPEN_BASIS:
        raise RenderError(
            f'{name}: blend shapes are ARKit\'s, and these faces are in the basis "{animation.basis}": wanted '
            f'"{OPEN_BASIS}"; write .params.csv instead'
        )


def head_motion(animation: Animation) -> HeadMotion:
    """The motion of the head of the first character."""
    faces = [animation.params(index) for index in range(len(animation))]
    head, shaped = _head_of(animation.cast[0])
    turn = np.stack([face.neck_pose for face in faces]).astype(np.float64)
    return HeadMotion(
        weights=np.stack([_weights(head, shaped, face) for face in faces]),
        neck=np.roll(to_quaternions(NECK_SHARE * turn), -1, axis=1).astype(np.float32),
        head=np.roll(to_quaternions((1.0 - NECK_SHARE) * turn), -1, axis=1).astype(np.float32),
        translation=np.stack([face.translation for face in faces]),
    )


def head_mesh(character: str) -> HeadMesh:
    """The head of this character; a photoreal one has the mean shape, because its own is not known."""
    loaded = load_any_character(character)
    head, shaped = _head_of(character)
    origin = shaped.anchor[SKULL]
    rest = head.pose(shaped, FlameParams.neutral())
    normals = _Normals(rest, head.triangle)
    normal, shapes = normals.of(rest), []
    for name in arkit.NAMES:
        posed = head.pose(shaped, from_weights(arkit.weights({name: 1.0})))
        offset, normal_offset = (posed - rest) * _METRES, normals.of(posed) - normal
        is_moved = (np.abs(offset).max(1) > _MIN_OFFSET_M) | (np.abs(normal_offset).max(1) > _MIN_NORMAL_OFFSET)
        rows = np.flatnonzero(is_moved)
        shapes.append(BlendShape(name, rows, offset[rows], normal_offset[rows]))
    tongue = np.zeros(len(rest), np.bool_)
    tongue[shapes[arkit.INDEX["tongueOut"]].vertex] = True
    skull, neck = head.skin_weight.T
    return HeadMesh(
        name=loaded.name,
        licence=ANIME_LICENCE if isinstance(loaded, Character) and loaded.head == "anime" else LICENCE,
        vertex=(rest - origin) * _METRES,
        normal=normal,
        uv=head.uv,
        colour=_colours(head, rest, shaped.anchor, tongue),
        triangle=head.triangle,
        shapes=tuple(shapes),
        joint=np.stack([np.zeros(3, np.float32), (shaped.anchor[NECK] - origin) * _METRES, np.zeros(3, np.float32)]),
        joint_weight=_normalized(np.column_stack([1.0 - skull - neck, neck, skull])),
    )


def _head_of(character: str) -> tuple[OpenHead, Shaped]:
    loaded = load_any_character(character)
    if isinstance(loaded, Character):
        return (head := head_of(loaded)), head.shaped(loaded.shape)
    return open_head(), open_head().shaped(np.zeros(open_head().shape_size, np.float32))


def _weights(head: OpenHead, shaped: Shaped, face: FlameParams) -> Array:
    """[52] weights with which the shapes sum to this face; a drawn head mixes them otherwise and keeps ARKit's."""
    weights = to_weights(face)
    if head is open_head():
        weights[_BLINKS] *= head.openings(shaped, face) / head.openings(shaped, FlameParams.neutral())
    return weights


class _Normals:
    """Smooth normals, also across the seams of the texture, where vertices coincide."""

    def __init__(self, rest: Array, triangle: NDArray[np.int32]) -> None:
        _, same = np.unique(rest.round(4), axis=0, return_inverse=True)
        self._triangle = triangle
        self._same = same.reshape(-1)  # [N] number of a vertex's place
        self._corners = self._same[triangle].ravel()

    def of(self, vertex: Array) -> Array:
        """[N,3] unit normals of these vertices [N,3]."""
        a, b, c = (vertex[self._triangle[:, k]].astype(np.float64) for k in range(3))
        faces = np.repeat(np.cross(b - a, c - a), 3, axis=0)  # as long as twice the area of the triangle
        summed = np.column_stack([np.bincount(self._corners, faces[:, k]) for k in range(3)])[self._same]
        length = np.linalg.norm(summed, axis=1, keepdims=True)
        return np.where(length > 1e-12, summed / np.maximum(length, 1e-12), (0.0, 0.0, 1.0)).astype(np.float32)


def _normalized(joint_weight: Array) -> Array:
    """[N,3] weights of 0 or more that sum to 1, as these files need them; the open head's miss it by up to 0.007."""
    positive = np.maximum(joint_weight, 0.0)
    return np.asarray(positive / positive.sum(1, keepdims=True), np.float32)


def _colours(head: OpenHead, rest: Array, anchor: Array, tongue: NDArray[np.bool_]) -> Array:
    colour = np.empty((len(rest), 3), np.float32)
    colour[head.region == SKIN] = _SKIN_COLOUR
    colour[head.region == EYE] = _WHITE_COLOUR
    colour[head.region == MOUTH] = _TEETH_COLOUR
    colour[(head.region == MOUTH) & tongue] = _TONGUE_COLOUR
    for rows, eye in zip(head.eye_rows, (EYE_LEFT, EYE_RIGHT), strict=True):
        outward = rest[rows] - anchor[eye]
        angle = np.arctan2(np.linalg.norm(outward[:, :2], axis=1), outward[:, 2])
        colour[rows][angle < _IRIS_RAD] = _IRIS_COLOUR
        colour[rows][angle < _PUPIL_RAD] = _PUPIL_COLOUR
    return colour
