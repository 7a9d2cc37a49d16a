"""Loads the anime kit, and builds its 52 ARKit shapes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.bridge import arkit

from ...face.anime_head import mix_weights

Array = NDArray[np.float32]
Index = NDArray[np.int32]
Texture = NDArray[np.uint8]  # [H,W,4], sRGB + straight alpha
_MOUTH = (0.0, 13.44)  # dm, height of the closed lips
_EYE_LINE = 14.07  # lids above this belong to the upper lid
_JAW_LIPS = 1.3  # how much of the source's open mouth jawOpen is
_LID_MIDDLE, _LID_HALF = 0.45, 0.25  # x and half width of the closed lid, dm
_CLOSED_Y = 14.02  # height at which the source closes its lids, almost straight
_CLOSED_ARC, _LAUGH_ARC = -0.085, 0.125  # how far the middle of a closed lid hangs, and of a laughing one rises, dm


@dataclass(frozen=True)
class Mesh:
    """Textured corners with their own normals."""

    position: Array  # [C,3] dm; x to the subject's left, y up, z forward
    normal: Array  # [C,3] authored, not derived
    uv: Array  # [C,2], v down
    triangle: Index  # [T,3]
    region: NDArray[np.uint8]  # [T]
    skin_weight: Array  # [C,2] how much a corner follows the skull and the neck
    canonical: Array  # [C,3] dm: its place on the resting human head of the face kit


@dataclass(frozen=True)
class Locks:
    """Hair as curves: a lock is a cross-section swept along its points."""

    style: NDArray[np.uint8]  # [L]
    group: NDArray[np.uint8]  # [L] row of `Kit.hair_group`
    texture: NDArray[np.uint8]  # [L] row of `Kit.hair_texture`
    tint: NDArray[np.uint8]  # [L] 0 main colour, 1 second colour, 2 the picture's own
    point: Array  # [L,K,3] dm, root first
    normal: Array  # [L,K,3] outward
    size: Array  # [L,K,2] width and thickness, dm
    section: Array  # [L,4,2] closed cross-section, one unit wide


@dataclass(frozen=True)
class HairMesh:
    """A style that is a mesh, with numbered locks."""

    position: Array
    normal: Array
    uv: Array
    triangle: Index
    lock: Index  # [C]
    group: NDArray[np.uint8]  # [locks]


@dataclass(frozen=True, eq=False)
class Kit:
    """Everything that an anime character is made of."""

    path: Path
    head: Mesh
    wear: Mesh
    region: dict[str, int]
    scalp: Array  # [C] dm; hair grows where this is positive
    landmark: Index  # [70] corners: the 68-point set, then the left and right iris
    vertex: Index  # [C] corners that share a number are one point
    morph: dict[str, tuple[Index, Array]]  # corners, offsets
    joint: dict[str, Array]
    hair_style: tuple[str, ...]
    hair_group: tuple[str, ...]
    hair_texture: tuple[str, ...]
    locks: Locks
    swept: dict[str, HairMesh]
    _textures: dict[str, Texture] = field(default_factory=dict, repr=False, compare=False)

    def texture(self, name: str) -> Texture:
        """The picture `textures/<name>.webp`; decoded once."""
        if name not in self._textures:
            with Image.open(self.path / "textures" / f"{name}.webp") as image:
                self._textures[name] = np.asarray(image.convert("RGBA"))
        return self._textures[name]

    def iris_names(self) -> list[str]:
        """The irises that the kit has as pictures; `textures.iris_texture` draws more."""
        return sorted(p.stem.split(".", 1)[1] for p in (self.path / "textures").glob("iris.*.webp"))

    def dense(self, name: str) -> Array:
        """[C,3] the offsets of a morph at weight 1."""
        rows, delta = self.morph[name]
        moved = np.zeros_like(self.head.position)
        moved[rows] = delta
        return moved


def load(path: Path) -> Kit:
    """Reads the kit. Raises FileNotFoundError if it is missing."""
    with np.load(path / "head.npz", allow_pickle=False) as head:
        start = head["morph_start"]
        rows = [slice(int(a), int(b)) for a, b in itertools.pairwise(start)]
        morph = {
            str(name): (head["morph_vertex"][r].astype(np.int32), _floats(head["morph_delta"][r]))
            for name, r in zip(head["morph_name"], rows, strict=True)
        }
        region = {str(name): k for k, name in enumerate(head["region_name"])}
        scalp, landmark, vertex = _floats(head["scalp"]), head["landmark"], head["vertex"]
        joint = {str(n): _floats(p) for n, p in zip(head["joint_name"], head["joint"], strict=True)}
    with np.load(path / "hair.npz", allow_pickle=False) as hair:
        style, group, texture = (tuple(str(n) for n in hair[f"{k}_name"]) for k in ("style", "group", "texture"))
        locks = Locks(
            hair["style"],
            hair["group"],
            hair["texture"],
            hair["tint"],
            *(_floats(hair[key]) for key in ("point", "normal", "size", "section")),
        )
        swept = {
            name: HairMesh(
                _floats(hair[f"{name}.position"]),
                _floats(hair[f"{name}.normal"]),
                _fraction(hair[f"{name}.uv"]),
                hair[f"{name}.triangle"].astype(np.int32),
                hair[f"{name}.lock"].astype(np.int32),
                hair[f"{name}.group"],
            )
            for name in sorted({key.split(".")[0] for key in hair.files if "." in key})
        }
    return Kit(
        path,
        _mesh(path / "head.npz"),
        _mesh(path / "wear.npz"),
        region,
        scalp,
        landmark.astype(np.int32),
        vertex.astype(np.int32),
        morph,
        joint,
        style + tuple(swept),
        group,
        texture,
        locks,
        swept,
    )


def _floats(array: NDArray[np.generic]) -> Array:
    return array.astype(np.float32)


def _fraction(array: NDArray[np.generic]) -> Array:
    return _floats(array) / np.float32(65535)


def _mesh(path: Path) -> Mesh:
    with np.load(path, allow_pickle=False) as data:
        return Mesh(
            position=_floats(data["position"]),
            normal=_floats(data["normal"]),
            uv=_fraction(data["uv"]),
            triangle=data["triangle"].astype(np.int32),
            region=data["region"],
            skin_weight=_floats(data["skin_weight"]),
            canonical=_floats(data["canonical"]),
        )


def _step(low: float, high: float, x: Array) -> Array:
    """Smoothstep from `low` to `high`; falls if low > high."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


@dataclass(frozen=True)
class Shapes:
    """Offsets for each ARKit weight, and shapes that depend on several weights. Normals stay as authored."""

    move: Array  # [52,C,3] dm
    lips: Array  # [C,3] the part of jawOpen on the lips, which mouthClose reverses
    grin: tuple[Array, Array]  # left, right: from a closed to a smiling closed eye

    def apply(self, weights: Array) -> Array:
        """[C,3] the offsets for these [52] weights."""
        mixed = mix_weights(weights)
        used = np.flatnonzero(mixed.weights)
        move = np.tensordot(mixed.weights[used], self.move[used], 1) - mixed.shut * self.lips
        for amount, grin in zip(mixed.grin, self.grin, strict=True):
            if amount > 0.0:
                move += amount * grin
        return np.asarray(move, np.float32)


class _ShapeBuilder:
    """Collects the offsets of each shape."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.x, self.y, self.z = kit.head.position.T
        count = len(kit.head.position)
        self.part = {}
        for part, k in kit.region.items():
            self.part[part] = np.zeros(count, bool)
            self.part[part][kit.head.triangle[kit.head.region == k].ravel()] = True
        self.move = np.zeros((arkit.COUNT, count, 3), np.float32)
        far = np.hypot((self.x - _MOUTH[0]) / 0.34, (self.y - _MOUTH[1]) / 0.20)
        self.mouth = _step(1.9, 0.5, far) * (self.z > 0.4)
        self.inside = self.part["eye_white"] | self.part["iris"] | self.part["pupil"] | self.part["highlight"]
        self.hard = self.part["teeth"] | self.part["tongue"]
        self.jaw = _step(13.75, 13.2, self.y) * _step(0.0, 0.4, self.z) * ~self.upper_teeth()

    def upper_teeth(self) -> NDArray[np.bool_]:
        return np.asarray(self.part["teeth"] & (np.abs(self.kit.dense("lip_a")).max(1) == 0.0))

    def side(self, left: bool, soft: float) -> Array:
        return _step(-soft, soft, self.x if left else -self.x)

    def add(self, name: str, morph: str, amount: float, where: Array | None = None) -> None:
        mask = np.float32(amount) if where is None else (amount * where)[:, None].astype(np.float32)
        self.move[arkit.INDEX[name]] += self.kit.dense(morph) * mask

    def shift(self, name: str, xyz: tuple[float, float, float], where: Array) -> None:
        self.move[arkit.INDEX[name]] += np.outer(where, xyz).astype(np.float32)


def build_shapes(kit: Kit) -> Shapes:
    """The 52 ARKit shapes and their combinations, from the kit's morphs."""
    builder = _ShapeBuilder(kit)
    for side, left in (("Left", True), ("Right", False)):
        _eye(builder, side, left)
        _brow(builder, side, left)
        _half_mouth(builder, side, left)
    _mouth(builder)
    near_lips = (builder.mouth * _step(13.1, 13.36, builder.y) * ~builder.hard)[:, None].astype(np.float32)
    grin = kit.dense("eye_smile") - kit.dense("eye_close")
    grin[:, 1] += _arc(builder, "eye_smile", _LAUGH_ARC, -0.045) - _arc(builder, "eye_close", _CLOSED_ARC, 0.025)
    grins = [grin * builder.side(is_left, 0.05)[:, None] for is_left in (True, False)]
    return Shapes(builder.move, _JAW_LIPS * kit.dense("lip_a") * near_lips, (grins[0], grins[1]))


def _arc(builder: _ShapeBuilder, morph: str, middle: float, ends: float) -> Array:
    """[C] how far up corners move, so that lids closed by `morph` meet in an arc and not in a straight line."""
    closed_y = builder.y + builder.kit.dense(morph)[:, 1]
    across = np.clip((np.abs(builder.x) - _LID_MIDDLE) / _LID_HALF, -1.4, 1.4)
    arc = ends + (middle - ends) * (1.0 - across**2)
    beside = _step(1.75, 1.0, np.abs((np.abs(builder.x) - _LID_MIDDLE) / _LID_HALF))
    near = _step(0.26, 0.06, np.abs(closed_y - _CLOSED_Y)) * (builder.z > 0.5)
    return np.asarray(arc * beside * near * ~builder.inside, np.float32)


def _eye(builder: _ShapeBuilder, side: str, left: bool) -> None:
    half = builder.side(left, 0.05)
    upper, lower = half * (builder.y > _EYE_LINE), half * (builder.y <= _EYE_LINE)
    builder.add(f"eyeBlink{side}", "eye_close", 1.0, half)
    builder.shift(f"eyeBlink{side}", (0.0, 1.0, 0.0), half * _arc(builder, "eye_close", _CLOSED_ARC, 0.025))
    builder.add(f"eyeWide{side}", "eye_open", 1.35, half)
    builder.add(f"eyeSquint{side}", "eye_zitome", 0.55, upper)
    builder.add(f"eyeSquint{side}", "eye_smile", 0.20, lower)
    builder.add(f"cheekSquint{side}", "eye_smile", 0.28, lower)
    cheek = (
        half
        * np.exp(-(((np.abs(builder.x) - 0.5) / 0.25) ** 2) - ((builder.y - 13.75) / 0.16) ** 2)
        * (builder.z > 0.3)
    )
    builder.shift(f"cheekSquint{side}", (0.0, 0.03, 0.04), cheek * builder.part["skin"])
    ball = half * (builder.part["iris"] | builder.part["pupil"] | builder.part["highlight"])
    toward = {"In": "right" if left else "left", "Out": "left" if left else "right", "Up": "up", "Down": "down"}
    for way, morph in toward.items():
        builder.add(f"eyeLook{way}{side}", f"look_{morph}", 1.0, ball)
    builder.add(f"eyeLookDown{side}", "eye_close", 0.20, upper * ~(ball > 0))
    builder.add(f"eyeLookUp{side}", "eye_open", 0.45, upper * ~(ball > 0))


def _brow(builder: _ShapeBuilder, side: str, left: bool) -> None:
    half = builder.side(left, 0.05)
    brow, far = half * builder.part["brow"], np.abs(builder.x)
    builder.add(f"browDown{side}", "eye_brow_down", 1.0, half)
    builder.shift(f"browDown{side}", (-0.02 if left else 0.02, -0.035, 0.0), brow)
    builder.add(f"browDown{side}", "eye_angry", 0.35, half)
    builder.add("browInnerUp", "eye_brow_up", 1.0, half)
    builder.shift("browInnerUp", (0.0, 0.02, 0.0), brow)
    builder.shift(f"browOuterUp{side}", (0.0, 0.085, -0.02), brow * (0.25 + 0.75 * _step(0.25, 0.62, far)))
    builder.shift(f"browOuterUp{side}", (0.0, 0.02, 0.0), half * builder.part["eyeline"])
    builder.shift(f"noseSneer{side}", (0.0, -0.05, 0.0), brow * _step(0.6, 0.2, far))
    nose = np.exp(-((far - 0.06) ** 2) / 0.006 - ((builder.y - 13.78) ** 2) / 0.010) * half * builder.part["skin"]
    builder.shift(f"noseSneer{side}", (0.0, 0.05, 0.03), nose * (builder.z > 0.6))
    builder.add(f"noseSneer{side}", "lip_i", 0.35, builder.side(left, 0.12) * (builder.kit.dense("lip_i")[:, 1] > 0))


def _half_mouth(builder: _ShapeBuilder, side: str, left: bool) -> None:
    half, out = builder.side(left, 0.14), 1.0 if left else -1.0
    corner = (
        half
        * np.exp(-(((np.abs(builder.x) - 0.22) / 0.13) ** 2) - ((builder.y - 13.44) / 0.12) ** 2)
        * (builder.z > 0.5)
    )
    opening = builder.kit.dense("lip_i")[:, 1]
    builder.add(f"mouthSmile{side}", "lip_up", 2.2, half)
    builder.add(f"mouthSmile{side}", "mouth_wide", 0.45, half)
    builder.shift(f"mouthSmile{side}", (0.0, 0.030, 0.0), corner * ~builder.hard)
    builder.add(f"mouthFrown{side}", "lip_down", 1.15, half)
    builder.shift(f"mouthFrown{side}", (0.0, -0.022, 0.0), corner * ~builder.hard)
    builder.add(f"mouthDimple{side}", "mouth_wide", 0.85, half)
    builder.add(f"mouthDimple{side}", "lip_up", 0.8, half)
    builder.shift(f"mouthDimple{side}", (out * 0.035, 0.025, -0.03), corner * ~builder.hard)
    builder.add(f"mouthStretch{side}", "mouth_wide", 1.0, half)
    builder.add(f"mouthStretch{side}", "lip_down", 0.35, half)
    builder.add(f"mouthStretch{side}", "lip_i", 0.25, half)
    builder.add(f"mouthPress{side}", "mouth_wide", 0.55, half)
    builder.shift(f"mouthPress{side}", (out * 0.02, 0.045, -0.03), corner * ~builder.hard)
    builder.shift(
        f"mouthPress{side}", (0.0, -0.02, -0.02), half * builder.mouth * ~builder.hard - corner * ~builder.hard
    )
    builder.add(f"mouthUpperUp{side}", "lip_i", 1.9, half * (opening > 0))
    builder.shift(f"mouthUpperUp{side}", (out * 0.01, 0.0, 0.0), corner * ~builder.hard)
    builder.add(f"mouthLowerDown{side}", "lip_e", 0.75, half * (builder.kit.dense("lip_e")[:, 1] < 0))


def _mouth(builder: _ShapeBuilder) -> None:
    soft = builder.mouth * ~builder.hard
    centre = soft * np.exp(-((builder.x / 0.13) ** 2))
    builder.add("jawOpen", "lip_a", _JAW_LIPS)
    chin = builder.jaw * ~builder.hard * _step(13.40, 13.1, builder.y)
    builder.shift("jawOpen", (0.0, -0.05, -0.01), chin)
    builder.add("mouthClose", "mouth_short", 0.3)
    builder.shift("mouthClose", (0.0, 0.02, -0.01), centre)
    builder.add("mouthFunnel", "lip_o", 0.55)
    builder.add("mouthFunnel", "mouth_short", 0.35)
    builder.shift("mouthFunnel", (0.0, 0.0, 0.05), soft)
    builder.add("mouthPucker", "mouth_short", 1.25)
    builder.add("mouthPucker", "lip_u", 0.22)
    builder.shift("mouthPucker", (0.0, 0.01, 0.07), centre)
    for name, sign in (("Left", 1.0), ("Right", -1.0)):
        builder.shift(f"mouth{name}", (sign * 0.10, 0.0, 0.0), soft)
        builder.shift(f"jaw{name}", (sign * 0.11, 0.0, 0.0), builder.jaw)
    builder.shift("jawForward", (0.0, -0.03, 0.10), builder.jaw)
    builder.add("mouthRollLower", "mouth_short", 0.6)
    builder.shift("mouthRollLower", (0.0, 0.05, -0.03), centre)
    builder.add("mouthRollUpper", "mouth_short", 0.6)
    builder.shift("mouthRollUpper", (0.0, -0.05, -0.03), centre)
    builder.shift("mouthShrugLower", (0.0, 0.055, 0.02), centre)
    builder.shift("mouthShrugLower", (0.0, 0.04, 0.0), builder.jaw * ~builder.hard * _step(13.5, 13.2, builder.y))
    builder.shift("mouthShrugUpper", (0.0, 0.05, 0.03), centre)
    builder.add("cheekPuff", "cheek_pop", 1.0)
    builder.add("cheekPuff", "mouth_short", 0.4)
    builder.add("tongueOut", "lip_a", 0.45, (~builder.part["tongue"]).astype(np.float32))
    tongue = builder.part["tongue"] * _step(0.45, 0.96, builder.z)
    builder.shift("tongueOut", (0.0, 0.0, 0.33), tongue)
    builder.shift("tongueOut", (0.0, 0.055, 0.0), builder.part["tongue"] * _step(0.4, 0.7, builder.z))
    builder.shift("tongueOut", (0.0, -0.13, 0.0), builder.part["tongue"] * _step(0.72, 0.96, builder.z))
