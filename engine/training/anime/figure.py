"""Builds the meshes of an anime character and poses them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ...face.head import NECK_SHARE
from ...rotation import rotation
from .accessories import accessories_mesh
from .character import DRAWN_IRISES, EYE, NECKLINES, Character
from .hair import hair
from .hairstyles import FRONTS
from .kit import Kit, Shapes, build_shapes
from .rasterize import (
    BLUSH,
    BODY,
    BROW,
    EYE_WHITE,
    HAIR,
    HIGHLIGHT,
    IRIS,
    LABEL_BROW,
    LABEL_CLOTH,
    LABEL_EYE,
    LABEL_MOUTH,
    LABEL_SKIN,
    LASH,
    LIP,
    MARK,
    MOUTH,
    PLAIN,
    PUPIL,
    SCALP,
    SKIN,
    TEETH,
    TONGUE,
    Array,
    Index,
)
from .shade import BODY_GROUP, EYE_GROUP, FACE_GROUP, JACKET_GROUP, MOUTH_GROUP, cloth_at, jacket_at
from .textures import LEFT_IRIS, RIGHT_IRIS, SKIN_PICTURE, STRANDS, Decal, decals, make_textures

_MATERIAL = {
    "skin": SKIN, "ear": SKIN, "neck": BODY, "eye_white": EYE_WHITE, "iris": IRIS, "pupil": PUPIL,
    "highlight": HIGHLIGHT, "lash": LASH, "eyeline": LASH, "brow": BROW, "mouth": MOUTH, "teeth": TEETH,
    "tongue": TONGUE, "strap": PLAIN,
}  # fmt: skip

_GROUP = {
    SKIN: FACE_GROUP, BODY: BODY_GROUP, EYE_WHITE: EYE_GROUP, MOUTH: MOUTH_GROUP, TEETH: MOUTH_GROUP,
    TONGUE: MOUTH_GROUP, PLAIN: JACKET_GROUP,
}  # fmt: skip

_FLAT = {MOUTH: (0.50, 0.17, 0.17), TEETH: (0.97, 0.96, 0.95), TONGUE: (0.86, 0.42, 0.40), HIGHLIGHT: (1.0, 1.0, 1.0)}
_LABEL = {
    SKIN: LABEL_SKIN, BODY: LABEL_SKIN, MARK: LABEL_SKIN, EYE_WHITE: LABEL_EYE, IRIS: LABEL_EYE, PUPIL: LABEL_EYE,
    HIGHLIGHT: LABEL_EYE, MOUTH: LABEL_MOUTH, TEETH: LABEL_MOUTH, TONGUE: LABEL_MOUTH, LIP: LABEL_MOUTH,
    LASH: LABEL_BROW, BROW: LABEL_BROW, PLAIN: LABEL_CLOTH,
}  # fmt: skip

# The order of drawing: teeth after the mouth, then eyes, what frames them, and brows.
_ORDER = (TEETH, TONGUE, IRIS, PUPIL, HIGHLIGHT, MARK, LASH, LIP, BROW)
_HAIRLINE_DM, _BARE_HAIRLINE_DM = (
    0.05,
    0.15,
)  # how much lower the hair begins with a fringe made by code, and without a fringe
_CLOSED_LASH = 0.62  # how much thinner lashes are on a closed lid
_EAR_TIP_DM = np.array([0.62, 0.34, -0.22])  # offset of the tip of an elf's ear
_TEETH_WIDTH = 0.68  # leaves the corners of an open mouth dark


@dataclass(frozen=True)
class Posed:
    """All corners of a figure in one pose, in the camera's frame."""

    vertex: Array  # [n,3] dm
    normal: Array  # [n,3]
    landmark: Array  # [70,3] dm


class Figure:
    """A character made of meshes and textures, ready to be posed; build once, draw often."""

    def __init__(self, kit: Kit, character: Character) -> None:
        self.kit, self.character = kit, character
        self.shapes = arkit_shapes(kit)
        self._features = Features(kit, character)
        self._part, self.rest = self._features.part, self._features.rest
        self._clone()
        self.textures = make_textures(kit, character)
        self._assemble()
        face = self.character.face.apply(self.rest)
        chin, crown = float(face[kit.landmark[8], 1]), float(face[:, 1].max())
        eyes = float(face[kit.landmark[68:], 2].mean())
        self.center = np.array([0.0, chin + 0.40 * (crown - chin), eyes - 0.6], np.float32)
        self.head_height = crown - chin

    def _clone(self) -> None:
        """Makes lower lashes and the line of the lips as strips that are bound to corners of the face."""
        kit, p = self.kit, self.kit.head.position
        self._clone_of: list[int] = []
        self._clone_by: list[tuple[float, float, float]] = []
        self._clone_triangle: list[tuple[int, int, int]] = []
        self._clone_material: list[int] = []
        if self.character.has_lower_lash:
            for sign in (1.0, -1.0):
                loop = self._features.eye_loop(sign)
                loop = loop[(p[loop, 1] < 14.04) & (p[loop, 0] * sign > 0.30)]
                loop = loop[np.argsort(p[loop, 0] * sign)]
                t = np.linspace(0, 1, len(loop))
                self._strip(loop, 0.004 + 0.016 * t, np.zeros(len(loop)), LASH)
        number = kit.vertex
        skin = self._part["skin"]
        lips = skin[np.isin(number[skin], number[self._part["mouth"]]) & (p[skin, 1] < 13.6)]
        lifted = kit.dense("lip_a")[lips, 1] > -0.03
        upper = lips[lifted]
        upper = upper[np.argsort(p[upper, 0])]
        _, first = np.unique(np.round(p[upper, 0], 3), return_index=True)
        upper = upper[first]
        t = p[upper, 0] / np.abs(p[upper, 0]).max()
        width = 0.018 + 0.009 * (1 - t * t)
        self._strip(upper, width, 0.5 * width, LIP)
        self._clone_color = [np.zeros(3)] * len(self._clone_material)
        self._clone_opacity = [1.0] * len(self._clone_of)
        for decal in decals(self.character):
            self._lay(decal)

    def _lay(self, decal: Decal) -> None:
        """Lays a decal on the surface of the skin."""
        p, first = self.kit.head.position, len(self._clone_of)
        skin = self._part["skin"][p[self._part["skin"], 2] > 0.5]
        far = ((decal.point[:, None] - p[skin][None, :, :2]) ** 2).sum(2)
        for (x, y), row, opacity in zip(decal.point, skin[far.argmin(1)], decal.opacity, strict=True):
            (px, py, _), (nx, ny, nz) = p[row], self.kit.head.normal[row]
            down = float(np.clip((nx * (x - px) + ny * (y - py)) / max(nz, 0.3), -0.05, 0.05))
            self._clone_of.append(int(row))
            self._clone_by.append((float(x - px), float(y - py), 0.01 - down))
            self._clone_opacity.append(float(opacity))
        for a, b, c in decal.triangle + first:
            self._clone_triangle.append((int(a), int(b), int(c)))
            self._clone_material.append(MARK)
            self._clone_color.append(np.array(decal.color))

    def _strip(self, along: Index, width: NDArray[np.floating], lift: NDArray[np.floating], material: int) -> None:
        first, n = len(self._clone_of), len(along)
        for row, w, up in zip(along, width, lift, strict=True):
            self._clone_of += [int(row), int(row)]
            self._clone_by += [(0.0, float(up), 0.01), (0.0, float(up - w), 0.01)]
        for k in range(n - 1):
            a = first + 2 * k
            self._clone_triangle += [(a, a + 1, a + 2), (a + 1, a + 3, a + 2)]
            self._clone_material += [material, material]

    # Assembly.

    def _assemble(self) -> None:
        """Concatenates head, clones, body, hair and accessories into one list of corners and one of triangles."""
        kit, character = self.kit, self.character
        head, wear = kit.head, kit.wear
        count, clones = len(head.position), len(self._clone_of)
        names = {k: name for name, k in kit.region.items()}
        material = np.array([_MATERIAL[names[r]] for r in head.region], np.int8)
        body_material = np.array([_MATERIAL[names[r]] for r in wear.region], np.int8)
        is_worn = (body_material == BODY) | (body_material == PLAIN) * character.has_straps
        self._body_material = body_material_of_corner(kit)
        self._body, body_attribute = self._dress()
        skull = self.character.face.apply(self.rest)[self._part["skin"]]
        meshes = [hair(kit, character, skull), accessories_mesh(character, skull)]
        starts = np.cumsum([count + clones + len(wear.position), *[len(s.position) for s in meshes]])
        attribute = np.zeros((count + clones, 4), np.float32)
        attribute[:, SCALP] = -1.0
        attribute[:count, SCALP] = kit.scalp + _hairline(character)
        attribute[:count, BLUSH] = self._blush()
        clone_triangle = np.array(self._clone_triangle, np.int32).reshape(-1, 3) + count
        triangle = [head.triangle, clone_triangle, wear.triangle[is_worn] + count + clones]
        materials = [material, np.array(self._clone_material, np.int8), body_material[is_worn]]
        groups = [np.array([_GROUP.get(int(m), 0) for m in np.concatenate(materials)], np.int16)]
        picture = [np.full(sum(len(m) for m in materials), -1, np.int8)]
        flat = np.concatenate(materials)
        picture[0][np.isin(flat, (SKIN, BODY, EYE_WHITE))] = SKIN_PICTURE
        color = np.ones((len(flat), 3), np.float32)
        for key, rgb in _FLAT.items():
            color[flat == key] = rgb
        color[flat == LASH] = character.lash
        color[flat == BROW] = character.brow
        color[flat == LIP] = character.lip
        color[flat == MARK] = np.array(self._clone_color).reshape(-1, 3)[np.array(self._clone_material) == MARK]
        color[flat == PLAIN] = np.array(character.cloth[3]) + 0.12
        centre_x = head.position[head.triangle[:, 0], 0]
        is_iris = np.flatnonzero(material == IRIS)
        picture[0][is_iris] = np.where(centre_x[is_iris] > 0, LEFT_IRIS, RIGHT_IRIS)
        for sign, rgb in zip((1.0, -1.0), character.iris_colors, strict=True):
            color[: len(material)][(material == PUPIL) & (centre_x * sign > 0)] = np.array(rgb) * 0.16
        self._draws_pupil = character.iris == "deep"
        colors, labels = [color], [np.array([_LABEL[int(m)] for m in flat], np.uint8)]
        for k, s in enumerate(meshes):
            triangle.append(s.triangle + int(starts[k]))
            materials.append(np.full(len(s.triangle), HAIR if k == 0 else PLAIN, np.int8))
            groups.append(s.group.astype(np.int16))
            picture.append(np.where(s.picture >= 0, s.picture + STRANDS, -1).astype(np.int8))
            colors.append(s.color)
            labels.append(s.label)
        self.material = np.concatenate(materials)
        rank = np.zeros(len(self.material), int)
        for k, m in enumerate(_ORDER):
            rank[self.material == m] = k + 1
        order = np.argsort(rank, kind="stable")
        if not self._draws_pupil:
            order = order[self.material[order] != PUPIL]
        if not character.has_lid_fold:
            is_fold = np.zeros(len(self.material), np.bool_)
            is_fold[: len(head.region)] = head.region == kit.region["eyeline"]
            order = order[~is_fold[order]]
        if character.iris in DRAWN_IRISES:  # their highlights are painted
            order = order[self.material[order] != HIGHLIGHT]
        order = order[~self._is_hidden_tooth(order)]
        self.material = self.material[order]
        self.label = np.concatenate(labels)[order]
        self.triangle = np.ascontiguousarray(np.concatenate(triangle)[order].astype(np.int32))
        self.group = np.concatenate(groups)[order]
        self.picture = np.concatenate(picture)[order]
        self.color = np.ascontiguousarray(np.concatenate(colors)[order].astype(np.float32))
        clone_of = np.array(self._clone_of, np.int32)
        clone_uv = head.uv[clone_of].copy()
        clone_uv[:, 0] = self._clone_opacity
        uv = [head.uv, clone_uv, wear.uv, *[s.uv for s in meshes]]
        self.uv = np.ascontiguousarray(np.concatenate(uv).astype(np.float32))
        self.attribute = np.ascontiguousarray(
            np.concatenate([attribute, body_attribute, *[s.attribute for s in meshes]]).astype(np.float32)
        )
        self._strips = np.concatenate([s.position for s in meshes])
        self._strip_normal = np.concatenate([s.normal for s in meshes])
        self._skin_weight = np.concatenate(
            [head.skin_weight, head.skin_weight[clone_of], wear.skin_weight, *[s.weight for s in meshes]]
        )
        self._clone_rows, self._clone_offset = clone_of, np.array(self._clone_by, np.float32)

    def _is_hidden_tooth(self, order: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether these triangles belong to a row of teeth that is not drawn."""
        character, kit = self.character, self.kit
        is_tooth = order < len(kit.head.triangle)
        is_tooth[is_tooth] = self.material[order[is_tooth]] == TEETH
        corner = kit.head.triangle[np.where(is_tooth, order, 0), 0]
        is_lower = np.abs(kit.dense("lip_a")[corner]).max(1) > 0.0  # they move with the jaw
        return np.asarray(is_tooth & np.where(is_lower, not character.has_lower_teeth, not character.has_upper_teeth))

    def _blush(self) -> Array:
        p = self.character.face.apply(self.rest)
        x = EYE[0] + 0.10 + self.character.face.eye_spacing
        spots = sum(_bump(p, sign * x, 13.78, 0.20, 0.10) for sign in (1.0, -1.0))
        return np.asarray(spots, np.float32)

    def _dress(self) -> tuple[Array, Array]:
        """Corners of the body, a little thicker under cloth; their attribute is their resting position."""
        character, wear = self.character, self.kit.wear
        neckline = NECKLINES.index(character.neckline)
        cover = np.array([cloth_at(neckline, x, y, z) for x, y, z in wear.position], np.float32)
        position = character.face.apply_body(wear.position)
        attribute = np.column_stack([wear.position, np.full(len(cover), neckline)])
        thick = np.clip(cover, 0.0, 0.04)
        if character.has_jacket:
            thick += np.clip([jacket_at(x, y, z) for x, y, z in wear.position], 0.0, 0.06)
        thick *= self._body_material == BODY
        return (position + wear.normal * thick[:, None]).astype(np.float32), attribute

    # Posing.

    def pose(self, expression: Array, head_rotation: Array) -> Posed:
        """Applies [52] ARKit weights and a head rotation (rotation vector, radians, camera's frame)."""
        face = self.rest + self.shapes.apply(expression)
        for (rows, foot), side in zip(self._features.lash_foot, ("Left", "Right"), strict=True):
            thinner = _CLOSED_LASH * float(expression[arkit.INDEX[f"eyeBlink{side}"]])
            face[rows] += thinner * (face[foot] - face[rows])
        face = self.character.face.apply(np.concatenate([face, face[self._clone_rows] + self._clone_offset]))
        normal = self.kit.head.normal
        vertex = np.concatenate([face, self._body, self._strips])
        normals = np.concatenate([normal, normal[self._clone_rows], self.kit.wear.normal, self._strip_normal])
        vertex, normals = self._follow_joints(vertex, normals, np.asarray(head_rotation, float))
        return Posed(vertex, normals, vertex[self.kit.landmark])

    def _follow_joints(self, vertex: Array, normal: Array, head_rotation: NDArray[np.float64]) -> tuple[Array, Array]:
        """Linear blend skinning with two joints, the neck and the skull on it."""
        neck_joint, skull_joint = self.kit.joint["neck"], self.kit.joint["head"]
        neck = rotation(NECK_SHARE * head_rotation).astype(np.float32)
        skull = rotation(head_rotation).astype(np.float32)
        by_neck = (vertex - neck_joint) @ neck.T + neck_joint
        by_skull = (vertex - skull_joint) @ skull.T + (skull_joint - neck_joint) @ neck.T + neck_joint
        w_skull, w_neck = self._skin_weight[:, :1], self._skin_weight[:, 1:]
        rest = np.clip(1.0 - w_skull - w_neck, 0.0, 1.0)
        total = rest + w_skull + w_neck
        moved = (vertex * rest + by_skull * w_skull + by_neck * w_neck) / total
        turned = normal * rest + (normal @ skull.T) * w_skull + (normal @ neck.T) * w_neck
        turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)
        return np.ascontiguousarray(moved, np.float32), np.ascontiguousarray(turned, np.float32)


class Features:
    """The resting head of a character before the warp of its face."""

    def __init__(self, kit: Kit, character: Character) -> None:
        self.kit, self.character = kit, character
        self.part = {name: np.unique(kit.head.triangle[kit.head.region == k]) for name, k in kit.region.items()}
        self.rest = kit.head.position.copy()  # [C,3]
        self.lash_foot: list[tuple[Index, Index]] = []  # of the left and right eye: lashes, and where each grows
        self.rest[self.part["teeth"], 0] *= _TEETH_WIDTH
        for sign in (1.0, -1.0):
            self._draw_iris(sign)
            self._draw_brow(self.side("brow", sign), sign)
            self._draw_lash(self.side("lash", sign), sign)
            self._draw_ear(self.side("ear", sign), sign)

    def side(self, name: str, sign: float) -> Index:
        """Corners of a part on the subject's left (1) or right (-1)."""
        rows = self.part[name]
        return np.asarray(rows[self.kit.head.position[rows, 0] * sign > 0])

    def eye_loop(self, sign: float) -> Index:
        """Corners of the skin along the border of an eye."""
        number, skin = self.kit.vertex, self.side("skin", sign)
        return np.asarray(skin[np.isin(number[skin], number[self.part["eye_white"]])])

    def _draw_iris(self, sign: float) -> None:
        character, rest = self.character, self.rest
        middle = rest[self.side("iris", sign)].mean(0)
        wide, high = character.face.eye_scale
        stay = (wide / high) ** 0.35  # a narrow eye covers its iris and does not flatten it
        scale = character.iris_size * np.array([1.0 / stay, stay])
        for name in ("iris", "pupil", "highlight"):
            rows = self.side(name, sign)
            rest[rows, :2] = middle[:2] + (rest[rows, :2] - middle[:2]) * scale

    def _draw_brow(self, rows: Index, sign: float) -> None:
        character, rest = self.character, self.rest
        x, y = rest[rows, 0] * sign, rest[rows, 1]
        middle = 0.5 * (x.min() + x.max())
        spine = np.polyval(np.polyfit(x, y, 2), x)
        t = (x - middle) / (0.5 * (x.max() - x.min()))
        y = spine + (y - spine) * character.brow_thickness
        y = y + character.brow_tilt * (x - middle) + 0.03 * character.brow_arch * (1 - t * t) + character.brow_height
        inner, before = float(x.min()), rest[rows, :2].copy()
        rest[rows, 0] = sign * (inner + (x - inner) * character.brow_length)
        rest[rows, 1] = y
        rest[rows, 2] += self._forehead(rest[rows, :2]) - self._forehead(before)

    def _forehead(self, point: Array) -> Array:
        """[n] z of a smooth forehead at x and y [n,2]."""
        p = self.kit.head.position[self.part["skin"]]
        near = p[(p[:, 2] > 0.5) & (np.abs(p[:, 1] - 14.5) < 0.3)]
        fit = np.linalg.lstsq(_quartic(near[:, :2]), near[:, 2], rcond=None)[0]
        return np.asarray(_quartic(point) @ fit, np.float32)

    def _draw_lash(self, rows: Index, sign: float) -> None:
        character, rest, position = self.character, self.rest, self.kit.head.position
        loop = self.eye_loop(sign)
        far = ((rest[rows, None, :2] - position[loop][None, :, :2]) ** 2).sum(2)
        foot = loop[far.argmin(1)]
        self.lash_foot.append((rows, foot))
        rest[rows] += (rest[rows] - position[foot]) * (character.lash_thickness - 1.0)
        x = rest[rows, 0] * sign
        wing = character.lash_wing * np.clip((x - 0.60) / 0.16, 0.0, 1.2) ** 2 * (rest[rows, 1] > 14.12)
        rest[rows, 0] += sign * 0.035 * wing
        rest[rows, 1] += 0.045 * wing

    def _draw_ear(self, rows: Index, sign: float) -> None:
        x, y = self.rest[rows, 0] * sign, self.rest[rows, 1]
        out, up = (x - x.min()) / (x.max() - x.min()), (y - y.min()) / (y.max() - y.min())
        out = np.clip((out - 0.15) / 0.85, 0.0, 1.0)
        out[np.isin(self.kit.vertex[rows], self.kit.vertex[self.part["skin"]])] = 0.0  # the root of the ear stays
        tip = self.character.ear * (out * up**1.5)[:, None] * _EAR_TIP_DM * (sign, 1.0, 1.0)
        self.rest[rows] += tip.astype(np.float32)


def _hairline(character: Character) -> float:
    if character.hair.front == "slicked":
        return _BARE_HAIRLINE_DM
    return _HAIRLINE_DM * (character.hair.front in FRONTS)


@lru_cache(maxsize=2)
def arkit_shapes(kit: Kit) -> Shapes:
    """The 52 shapes of the kit's head, built once."""
    return build_shapes(kit)


def _bump(position: Array, x: float, y: float, wide: float, high: float) -> Array:
    return np.asarray(
        np.exp(-(((position[:, 0] - x) / wide) ** 2) - ((position[:, 1] - y) / high) ** 2) * (position[:, 2] > 0.1)
    )


def body_material_of_corner(kit: Kit) -> NDArray[np.int8]:
    """[C] the material of the corners of neck and shoulders."""
    names = {k: name for name, k in kit.region.items()}
    material = np.zeros(len(kit.wear.position), np.int8)
    for triangle, region in zip(kit.wear.triangle, kit.wear.region, strict=True):
        material[triangle] = _MATERIAL[names[int(region)]]
    return material


def _quartic(point: Array) -> Array:
    """[n,6] terms of a surface that is even in x."""
    x, y = point[:, 0] ** 2, point[:, 1] - 14.5
    return np.stack([np.ones_like(x), y, y * y, x, x * y, x * x], 1)
