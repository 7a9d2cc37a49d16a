"""Loads the anime pack: one head with its morphs, a torso, hair as locks, and a few pictures."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]
Index = NDArray[np.int32]
Texture = NDArray[np.uint8]  # [H,W,4], sRGB + straight alpha


@dataclass(frozen=True)
class Mesh:
    """Textured corners with their own normals; `region` names the triangles' parts."""

    position: Array  # [C,3] dm; x to the subject's left, y up, z forward
    normal: Array  # [C,3] authored, not derived
    uv: Array  # [C,2], v down
    triangle: Index  # [T,3]
    region: NDArray[np.uint8]  # [T]
    skin_weight: Array  # [C,2] how much a corner follows the skull and the neck
    canonical: Array  # [C,3] dm: where it lies on the human head of `kit/`


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
class Swept:
    """A style that is a mesh already; its locks are numbered."""

    position: Array
    normal: Array
    uv: Array
    triangle: Index
    lock: Index  # [C]
    group: NDArray[np.uint8]  # [locks]


@dataclass(frozen=True, eq=False)
class Kit:
    """Everything an anime character is made of."""

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
    swept: dict[str, Swept]
    _textures: dict[str, Texture] = field(default_factory=dict, repr=False, compare=False)

    def texture(self, name: str) -> Texture:
        """The picture `textures/<name>.webp`; decoded once."""
        if name not in self._textures:
            with Image.open(self.path / "textures" / f"{name}.webp") as image:
                self._textures[name] = np.asarray(image.convert("RGBA"))
        return self._textures[name]

    def iris_names(self) -> list[str]:
        """Irises that come as pictures; `paint.iris` draws more."""
        return sorted(p.stem.split(".", 1)[1] for p in (self.path / "textures").glob("iris.*.webp"))

    def dense(self, name: str) -> Array:
        """[C,3] what a morph adds to positions at weight 1."""
        rows, delta = self.morph[name]
        moved = np.zeros_like(self.head.position)
        moved[rows] = delta
        return moved


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


def load(path: Path) -> Kit:
    """Reads the pack; FileNotFoundError where it is missing."""
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
            name: Swept(
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
