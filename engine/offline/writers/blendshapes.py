"""A character's head and its performance as other programs want them: a mesh, ARKit's 52 shapes, weights and joints.

The shapes are what the open head does at weight 1 of each, and their weighted sum is the open head itself: skin, lids,
mouth and tongue to a hundredth of a millimetre. For that a blink's weight counts more on eyes that are opened wide and
less on those that squint, since it closes the eye as it is. Only the eyeballs differ, which turn, while a shape moves
their surface straight: over random faces by 0.8 mm where it is most, in the mean, and by 2.3 mm in an eye that looks
far up or down and far aside. The head turns on two joints, as the open head does: a
large turn differs by up to 0.3 mm, since joints' shares of a vertex have to add up to 1 in these files.
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

LICENCE = (
    "Apache-2.0: the open head of Omote, made from MakeHuman's base mesh and Face units 01 by Mika Suominen (CC0 1.0) "
    "and the modes of ICT-FaceKit (MIT)"
)
ANIME_LICENCE = "VRM Public License 1.0, credit: Seed-san model by VirtualCast, Inc."
JOINTS = ("body", "neck", "head")  # each the next one's parent
_BLINKS = [arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]]
_METRES = np.float32(0.1)  # a decimetre, the open head's unit
_STILL_M, _STILL_NORMAL = 1e-6, 1e-3  # what moves a vertex by less does not move it
_SKIN_COLOUR, _TEETH_COLOUR, _TONGUE_COLOUR = (0.62, 0.40, 0.31), (0.80, 0.76, 0.68), (0.55, 0.20, 0.18)
_WHITE_COLOUR, _IRIS_COLOUR, _PUPIL_COLOUR = (0.85, 0.83, 0.80), (0.16, 0.09, 0.05), (0.01, 0.01, 0.01)
_IRIS_RAD, _PUPIL_RAD = 0.50, 0.22  # seen from the middle of the eye, from the axis

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BlendShape:
    """What one weight moves, and how far at 1; all other vertices stay."""

    name: str
    vertex: Index  # [k] ascending
    moved: Array  # [k,3] metres
    bent: Array  # [k,3] how the normals change


@dataclass(frozen=True, eq=False)
class HeadMesh:
    """A character's head at rest, metres from the skull's joint: x to the subject's left, y up, z out of the face."""

    name: str
    licence: str
    vertex: Array  # [N,3]
    normal: Array  # [N,3]
    uv: Array  # [N,2] y down
    colour: Array  # [N,3] linear RGB: skin, eyes, teeth and tongue in plain ones
    triangle: NDArray[np.int32]  # [T,3] counter-clockwise, seen from outside
    shapes: tuple[BlendShape, ...]  # [52] in ARKit's order
    joint: Array  # [3,3] where `JOINTS` are at rest
    follows: Array  # [N,3] how much a vertex goes with each of them


@dataclass(frozen=True, eq=False)
class HeadMotion:
    """What the head does, picture by picture."""

    weights: Array  # [n,52]
    neck: Array  # [n,4] x, y, z, w: the turn of the neck's joint; no two neighbours are far ways round
    head: Array  # [n,4] of the skull's, on the neck
    translation: Array  # [n,3] metres, of the body and all on it


def require_arkit_faces(script: Animation, name: str) -> None:
    """RenderError where these faces cannot be said in ARKit's weights; `name` is the file's."""
    if script.basis != OPEN_BASIS:
        raise RenderError(
            f'{name}: blend shapes are ARKit\'s, and these faces are in the basis "{script.basis}": wanted '
            f'"{OPEN_BASIS}"; write .params.csv instead'
        )


def head_motion(script: Animation) -> HeadMotion:
    """Of all pictures, on the head of the first character."""
    faces = [script.params(index) for index in range(len(script))]
    head, shaped = _head_of(script.cast[0])
    turn = np.stack([face.neck_pose for face in faces]).astype(np.float64)
    return HeadMotion(
        weights=np.stack([_weights(head, shaped, face) for face in faces]),
        neck=_quaternions(NECK_SHARE * turn),
        head=_quaternions((1.0 - NECK_SHARE) * turn),
        translation=np.stack([face.translation for face in faces]),
    )


def head_mesh(character: str) -> HeadMesh:
    """The head of this character, as `load_any` takes it; a photoreal one, whose shape nobody knows, has the mean's."""
    who = load_any_character(character)
    head, shaped = _head_of(character)
    origin = shaped.anchor[SKULL]
    rest = head.pose(shaped, FlameParams.neutral())
    normals = _Normals(rest, head.triangle)
    normal, shapes = normals.of(rest), []
    for name in arkit.NAMES:
        posed = head.pose(shaped, from_weights(arkit.weights({name: 1.0})))
        moved, bent = (posed - rest) * _METRES, normals.of(posed) - normal
        rows = np.flatnonzero((np.abs(moved).max(1) > _STILL_M) | (np.abs(bent).max(1) > _STILL_NORMAL))
        shapes.append(BlendShape(name, rows, moved[rows], bent[rows]))
    tongue = np.zeros(len(rest), np.bool_)
    tongue[shapes[arkit.INDEX["tongueOut"]].vertex] = True
    skull, neck = head.skin_weight.T
    return HeadMesh(
        name=who.name,
        licence=ANIME_LICENCE if isinstance(who, Character) and who.head == "anime" else LICENCE,
        vertex=(rest - origin) * _METRES,
        normal=normal,
        uv=head.uv,
        colour=_colours(head, rest, shaped.anchor, tongue),
        triangle=head.triangle,
        shapes=tuple(shapes),
        joint=np.stack([np.zeros(3, np.float32), (shaped.anchor[NECK] - origin) * _METRES, np.zeros(3, np.float32)]),
        follows=_shares(np.column_stack([1.0 - skull - neck, neck, skull])),
    )


def _head_of(character: str) -> tuple[OpenHead, Shaped]:
    who = load_any_character(character)
    if isinstance(who, Character):
        return (head := head_of(who)), head.shaped(who.shape)
    return open_head(), open_head().shaped(np.zeros(open_head().shape_size, np.float32))


def _weights(head: OpenHead, shaped: Shaped, face: FlameParams) -> Array:
    """[52] by which the shapes add up to this face; a drawn head mixes its shapes otherwise, and keeps ARKit's."""
    weights = to_weights(face)
    if head is open_head():
        weights[_BLINKS] *= head.openings(shaped, face) / head.openings(shaped, FlameParams.neutral())
    return weights


class _Normals:
    """Smooth ones, also across the seams of the texture, where vertices stand on each other."""

    def __init__(self, rest: Array, triangle: NDArray[np.int32]) -> None:
        _, same = np.unique(rest.round(4), axis=0, return_inverse=True)
        self._triangle = triangle
        self._same = same.reshape(-1)  # [N] which place a vertex has
        self._corners = self._same[triangle].ravel()

    def of(self, vertex: Array) -> Array:
        """[N,3] of length 1."""
        a, b, c = (vertex[self._triangle[:, k]].astype(np.float64) for k in range(3))
        faces = np.repeat(np.cross(b - a, c - a), 3, axis=0)  # as long as the triangle is large
        summed = np.column_stack([np.bincount(self._corners, faces[:, k]) for k in range(3)])[self._same]
        length = np.linalg.norm(summed, axis=1, keepdims=True)
        return np.where(length > 1e-12, summed / np.maximum(length, 1e-12), (0.0, 0.0, 1.0)).astype(np.float32)


def _shares(follows: Array) -> Array:
    """[N,3] none below 0 and all of a vertex's together 1, as programs want them; the open head's miss it by 0.007."""
    positive = np.maximum(follows, 0.0)
    return np.asarray(positive / positive.sum(1, keepdims=True), np.float32)


def _quaternions(rotvec: NDArray[np.float64]) -> Array:
    """[n,4] x, y, z, w of [n,3] rotation vectors; each with the sign that is nearer to the one before."""
    angle = np.linalg.norm(rotvec, axis=1, keepdims=True)
    scale = np.where(angle > 1e-12, np.sin(angle / 2) / np.maximum(angle, 1e-12), 0.5)
    found = np.column_stack([rotvec * scale, np.cos(angle / 2)])
    signs = np.where((found[1:] * found[:-1]).sum(1) < 0.0, -1.0, 1.0)
    found[1:] *= np.cumprod(signs)[:, None]
    return found.astype(np.float32)


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
