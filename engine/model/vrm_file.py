"""Reads VRM 0.x and 1.0 models: meshes at rest with arms lowered, materials, expressions and terms of use."""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.bridge.errors import OmoteError, printable

Array = NDArray[np.float32]
Wide = NDArray[np.float64]
Index = NDArray[np.int64]
Rgba = NDArray[np.uint8]
Bind = tuple[int, int, float]  # a mesh, one of its morph targets, and the target's weight from 0 to 1

MOST_VRM_BYTES = 256 << 20
_MOST_ROWS = 4_000_000  # of one accessor
_MOST_NODES = 20_000
_MOST_TEXTURE_PX = 2048  # pixels on a side that are kept
_MOST_TEXTURE_READ = 8192 * 8192  # pixels that are decoded
_DM_PER_M = 10.0
_ARM_DEG = -74.0  # of a lowered arm, from the horizon
_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_TRIANGLES = (None, 4)
_PICTURES = ("PNG", "JPEG", "WEBP")
# Morph targets that are expressions by their own names where a model has no such expression: VRoid's and ARKit's.
_NAMED_TARGETS = frozenset(
    [f"fcl_mth_{vowel}" for vowel in "aiueo"]
    + ["fcl_eye_close", "jawopen", "mouthfunnel", "mouthpucker"]
    + [f"{name}{side}" for name in ("eyeblink", "mouthsmile") for side in ("left", "right")]
)
_UPPER_ARMS = {"leftUpperArm": 1.0, "rightUpperArm": -1.0}  # and the side to which each points


class VrmError(OmoteError, ValueError):
    """A file is no usable VRM model; the message says what was found, what was wanted and the cure."""


@dataclass(frozen=True, eq=False)
class Material:
    """How a part is painted; colours are sRGB, 0 to 1."""

    picture: Rgba | None  # [h,w,4]
    colour: Array  # [4] multiplies the picture
    shade: Array  # [3] of what faces away from the light, over the lit colour
    mode: str  # OPAQUE, MASK or BLEND
    cutoff: float  # alpha from which on MASK shows something
    is_double_sided: bool


@dataclass(frozen=True, eq=False)
class MeshPart:
    """One primitive of a mesh at rest, in dm: x to the character's left, y up, z forward."""

    mesh: int
    position: Array  # [N,3]
    normal: Array  # [N,3]
    uv: Array  # [N,2], v down
    triangle: Index  # [T,3] counter-clockwise from outside
    follows: Array  # [N,2] how much a vertex follows the head, and the neck without the head
    targets: Mapping[int, Array]  # [N,3] dm that morph targets add at weight 1
    material: Material


@dataclass(frozen=True)
class ModelTerms:
    """What a model's file says about its origin and use, in printable text."""

    title: str
    author: str
    stated: Mapping[str, str]  # by the names in `TERMS`, as the file states them

    @property
    def line(self) -> str:
        """Title, author and terms in one line."""
        terms = "; ".join(f"{TERMS[name]}: {value}" for name, value in self.stated.items())
        return f"{self.title} by {self.author}. {terms[:_LONGEST_LINE] or 'no terms of use in the file'}"


@dataclass(frozen=True, eq=False)
class VrmModel:
    """A model, from its shoulders up or whole."""

    terms: ModelTerms
    head: Array  # [3] dm: where the head turns
    parts: tuple[MeshPart, ...]
    expressions: Mapping[str, tuple[Bind, ...]]  # by lower-case names: VRM's presets, and the model's own

    def moved(self, part: MeshPart, expression: str, amount: float = 1.0) -> Array:
        """[N,3] the part's positions with an expression, "" for none."""
        position = part.position
        for mesh, target, weight in self.expressions.get(expression, ()):
            if mesh == part.mesh and target in part.targets:
                position = position + np.float32(weight * amount) * part.targets[target]
        return position


def read_vrm(path: Path) -> VrmModel:
    """The model in a file; VrmError if it cannot be used."""
    try:
        size = path.stat().st_size
        if size > MOST_VRM_BYTES:
            raise VrmError(f"{path} has {size >> 20} MB, a model has at most {MOST_VRM_BYTES >> 20} MB")
        data = path.read_bytes()
    except OSError as error:
        raise VrmError(f"cannot read {path} ({error.strerror or error}): give the path of a .vrm file") from error
    return opened_vrm(data, str(path))


def opened_vrm(data: bytes, name: str) -> VrmModel:
    """The model in untrusted bytes; `name` is for messages."""
    with _refusals(name):
        return _VrmReader(data).model()


def model_terms(data: bytes, name: str) -> ModelTerms:
    """The terms in untrusted bytes, which may end after the file's JSON; VrmError if they cannot be read."""
    with _refusals(name):
        _, end = _checked_start(data)
        if end > len(data):
            raise VrmError(f"it ends after {len(data)} of {end} bytes of its JSON: copy it again")
        words = json.loads(data[20:end])
        return _terms(*_extension(words.get("extensions") or {}))


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Errors within it become a VrmError about the file of this name."""
    try:
        yield
    except VrmError as error:
        raise VrmError(f"{name} cannot be used: {error}") from error
    except (
        *(ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError),
        *(struct.error, OSError, Image.DecompressionBombError, MemoryError),
    ) as error:
        raise VrmError(
            f"{name} is no VRM model, or a damaged one ({type(error).__name__}: {printable(str(error), 120)}): "
            "export it again as VRM 0.x or 1.0"
        ) from error


def _checked_start(data: bytes) -> tuple[int, int]:
    """The length of a binary glTF file, and where its JSON ends."""
    if len(data) < 20 or data[:4] != b"glTF":
        raise VrmError("it does not start like a binary glTF file; wanted a .vrm file")
    version, length, json_length = struct.unpack("<III", data[4:16])
    if version != 2:
        raise VrmError(f"it is glTF {version}; wanted glTF 2")
    if data[16:20] != b"JSON":
        raise VrmError("its first part is not JSON")
    return length, 20 + json_length


def _extension(extensions: Mapping[str, Any]) -> tuple[bool, Mapping[str, Any]]:
    """Whether a model is VRM 1.0, and VRM's own part of its JSON."""
    is_new = "VRMC_vrm" in extensions
    if not is_new and "VRM" not in extensions:
        raise VrmError("it is glTF without VRM's extension; wanted VRM 0.x or 1.0, as VRoid Studio exports it")
    return is_new, extensions["VRMC_vrm" if is_new else "VRM"]


class _VrmReader:
    """Reads one file."""

    def __init__(self, data: bytes) -> None:
        import pygltflib  # slow to import

        length, _ = _checked_start(data)
        if length > len(data):
            raise VrmError(f"it ends after {len(data)} of {length} bytes: copy it again")
        self._gltf = pygltflib.GLTF2.load_from_bytes(data[:length])
        self._data = bytes(self._gltf.binary_blob() or b"")
        self._is_new, self._vrm = _extension(self._gltf.extensions or {})
        self._nodes: Sequence[Any] = self._gltf.nodes
        if len(self._nodes) > _MOST_NODES:
            raise VrmError(f"it has {len(self._nodes)} nodes, at most {_MOST_NODES} are read")
        self._parent = {child: k for k, node in enumerate(self._nodes) for child in node.children or ()}
        self._bones = self._humanoid()
        self._world = self._at_rest()

    def model(self) -> VrmModel:
        expressions = self._named_targets() | dict(self._expressions())
        used = {(mesh, target) for binds in expressions.values() for mesh, target, _ in binds}
        parts = tuple(
            part for k, node in enumerate(self._nodes) if node.mesh is not None for part in self._parts(k, used)
        )
        if not parts:
            raise VrmError("there is no mesh in it")
        head = self._world[self._bones["head"]][:3, 3].astype(np.float32)
        return VrmModel(_terms(self._is_new, self._vrm), head, parts, expressions)

    # The skeleton.

    def _humanoid(self) -> dict[str, int]:
        """Nodes by the names of VRM's bones."""
        bones = self._vrm["humanoid"]["humanBones"]
        rows = bones.items() if isinstance(bones, dict) else ((one["bone"], one) for one in bones)
        bones = {str(name): int(one["node"]) for name, one in rows}
        if "head" not in bones:
            raise VrmError('its skeleton has no "head"')
        if not all(0 <= node < len(self._nodes) for node in bones.values()):
            raise VrmError("its skeleton names nodes that are not there")
        return bones

    def _at_rest(self) -> list[Wide]:
        """[4,4] from each node to our space: dm, facing forward, arms lowered."""
        side = 1.0 if self._is_new else -1.0  # models of VRM 0.x look along -z
        ours = np.diag([side * _DM_PER_M, _DM_PER_M, side * _DM_PER_M, 1.0])
        world: dict[int, Wide] = {}
        for start in range(len(self._nodes)):
            chain = [start]
            while chain[-1] in self._parent and self._parent[chain[-1]] not in world:
                chain.append(self._parent[chain[-1]])
                if len(chain) > len(self._nodes):
                    raise VrmError("its nodes contain each other")
            for k in reversed(chain):
                if k not in world:
                    world[k] = (world[self._parent[k]] if k in self._parent else ours) @ _local(self._nodes[k])
        found = [world[k] for k in range(len(self._nodes))]
        for bone, way in _UPPER_ARMS.items():
            self._lower(found, bone, way)
        return found

    def _lower(self, world: list[Wide], bone: str, way: float) -> None:
        """Lowers an arm, which models hold out."""
        elbow = bone.replace("Upper", "Lower")
        if bone not in self._bones or elbow not in self._bones:
            return
        start, end = (world[self._bones[name]][:3, 3] for name in (bone, elbow))
        across, up = (end - start)[:2]
        if way * across <= 0.0:
            return
        turn = way * (math.radians(_ARM_DEG) - math.atan2(up, way * across))
        around = np.eye(4)
        around[:2, :2] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
        there, back = np.eye(4), np.eye(4)
        there[:3, 3], back[:3, 3] = start, -start
        moved = there @ around @ back
        for node in self._below(self._bones[bone]):
            world[node] = moved @ world[node]

    def _below(self, node: int) -> set[int]:
        """A node and all its descendants."""
        found, waiting = set(), [node]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self._nodes[one].children or ()
        return found

    # Meshes.

    def _parts(self, node: int, used: set[tuple[int, int]]) -> Iterator[MeshPart]:
        mesh = self._nodes[node].mesh
        skin = self._nodes[node].skin
        below_head = self._below(self._bones["head"])
        below_neck = self._below(self._bones["neck"]) if "neck" in self._bones else below_head
        for primitive in self._gltf.meshes[mesh].primitives:
            if primitive.mode not in _TRIANGLES or primitive.attributes.POSITION is None:
                continue
            position = self._rows(primitive.attributes.POSITION, 3)
            count = len(position)
            if primitive.indices is None:
                triangle = np.arange(count // 3 * 3, dtype=np.int64).reshape(-1, 3)
            else:
                row = self._rows(primitive.indices, 1)[:, 0].astype(np.int64)
                triangle = row[: len(row) // 3 * 3].reshape(-1, 3)
            if not len(triangle):
                continue
            if triangle.max() >= count or triangle.min() < 0:
                raise VrmError("a triangle has a corner that does not exist")
            matrix, joints, weights = self._skinned(node, skin, primitive.attributes, count)
            in_head, in_neck = ((np.isin(joints, list(below)) * weights).sum(1) for below in (below_head, below_neck))
            turned = matrix[:, :3, :3]
            normal = (
                self._rows(primitive.attributes.NORMAL, 3)
                if primitive.attributes.NORMAL is not None
                else np.zeros_like(position)
            )
            if len(normal) != count:
                raise VrmError("a mesh has another number of normals than of corners")
            normal = np.einsum("nij,nj->ni", turned, normal)
            normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
            uv = np.zeros((count, 2))
            if primitive.attributes.TEXCOORD_0 is not None:
                uv = self._rows(primitive.attributes.TEXCOORD_0, 2)
            targets = {}
            for k, target in enumerate(primitive.targets or ()):
                row_of = target.get("POSITION") if isinstance(target, dict) else target.POSITION
                if (mesh, k) in used and row_of is not None:
                    moved = self._rows(row_of, 3)
                    if len(moved) != count:
                        raise VrmError("a morph target has another number of rows than its mesh has corners")
                    targets[k] = np.einsum("nij,nj->ni", turned, moved).astype(np.float32)
            if len(uv) != count:
                raise VrmError("a mesh has another number of texture coordinates than of corners")
            yield MeshPart(
                mesh,
                (np.einsum("nij,nj->ni", turned, position) + matrix[:, :3, 3]).astype(np.float32),
                normal.astype(np.float32),
                uv.astype(np.float32),
                triangle,
                np.stack([in_head, np.maximum(in_neck - in_head, 0.0)], 1).astype(np.float32),
                targets,
                self._material(primitive.material),
            )

    def _skinned(self, node: int, skin: int | None, attributes: Any, count: int) -> tuple[Wide, Index, Wide]:
        """[N,4,4] from a mesh's corners to our space; the nodes [N,J] that each follows, and how much [N,J]."""
        if skin is None or attributes.JOINTS_0 is None or attributes.WEIGHTS_0 is None:
            matrix = np.broadcast_to(self._world[node], (count, 4, 4))
            return matrix, np.full((count, 1), node), np.ones((count, 1))
        bones = np.array(self._gltf.skins[skin].joints, np.int64)
        inverse = np.broadcast_to(np.eye(4), (len(bones), 4, 4))
        if (stored := self._gltf.skins[skin].inverseBindMatrices) is not None:
            inverse = self._rows(stored, 16).reshape(-1, 4, 4).transpose(0, 2, 1)  # column by column in the file
        if len(inverse) < len(bones):
            raise VrmError("a skin has fewer bind matrices than joints")
        at = self._rows(attributes.JOINTS_0, 4).astype(np.int64)
        weight = self._rows(attributes.WEIGHTS_0, 4)
        if len(at) != count or len(weight) != count or at.max(initial=0) >= len(bones):
            raise VrmError("a mesh follows joints that do not exist")
        weight = weight / np.maximum(weight.sum(1, keepdims=True), 1e-9)
        each = np.array([self._world[bone] for bone in bones]) @ inverse[: len(bones)]
        matrix = np.zeros((count, 4, 4))
        for k in range(4):
            matrix += weight[:, k, None, None] * each[at[:, k]]
        return matrix, bones[at], weight

    def _rows(self, accessor: int, width: int) -> Wide:
        """[n,width] the numbers behind an accessor."""
        one = self._gltf.accessors[accessor]
        if _WIDTHS.get(one.type) != width or not 0 <= one.count <= _MOST_ROWS:
            raise VrmError(f"an accessor holds {one.count} rows of {one.type}, wanted {width} numbers a row")
        dtype = np.dtype(_COMPONENTS[one.componentType])
        rows = np.zeros((one.count, width))
        if one.bufferView is not None:
            rows = self._view(one.bufferView, one.byteOffset or 0, one.count, width, dtype).astype(np.float64)
        if one.normalized and dtype.kind in "iu":
            rows = rows / np.iinfo(dtype).max
        if one.sparse is not None and one.sparse.count:
            few = one.sparse
            count = int(few.count)
            kind = np.dtype(_COMPONENTS[few.indices.componentType])
            at = self._view(few.indices.bufferView, few.indices.byteOffset or 0, count, 1, kind)[:, 0].astype(np.int64)
            if count > one.count or at.min() < 0 or at.max() >= one.count:
                raise VrmError("a sparse accessor names rows that do not exist")
            rows[at] = self._view(few.values.bufferView, few.values.byteOffset or 0, count, width, dtype)
        if not np.isfinite(rows).all() or np.abs(rows).max(initial=0.0) > 1e9:
            raise VrmError("it holds numbers that are not finite")
        return rows

    def _view(self, view: int, offset: int, count: int, width: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        one = self._gltf.bufferViews[view]
        step = one.byteStride or width * dtype.itemsize
        first = (one.byteOffset or 0) + offset
        if one.buffer != 0 or min(view, offset, one.byteOffset or 0) < 0 or step < width * dtype.itemsize:
            raise VrmError("its buffers are not laid out as glTF says; only what lies in the file itself is read")
        if count and first + step * (count - 1) + width * dtype.itemsize > len(self._data):
            raise VrmError("it is cut off, or its buffers overlap its end")
        return (
            np.ndarray((count, width), dtype, self._data, first, (step, dtype.itemsize))
            if count
            else np.zeros((0, width))
        )

    # What it looks like.

    def _material(self, k: int | None) -> Material:
        if k is None:
            return Material(None, np.ones(4, np.float32), np.ones(3, np.float32), "OPAQUE", 0.5, True)
        one = self._gltf.materials[k]
        plain = one.pbrMetallicRoughness
        colour, picture = np.ones(4), None
        if plain is not None:
            colour = np.append(
                _srgb(np.array((plain.baseColorFactor or [1.0] * 4)[:3])), (plain.baseColorFactor or [1.0] * 4)[3]
            )
            if plain.baseColorTexture is not None and plain.baseColorTexture.index is not None:
                picture = self._picture(plain.baseColorTexture.index)
        shade = colour[:3]
        mode, cutoff, both = one.alphaMode or "OPAQUE", one.alphaCutoff or 0.5, bool(one.doubleSided)
        if toon := (one.extensions or {}).get("VRMC_materials_mtoon"):
            shade = _srgb(np.array(toon.get("shadeColorFactor", [1.0, 1.0, 1.0]), np.float64))
        old = self._vrm.get("materialProperties") if not self._is_new else None
        if old and k < len(old) and "MToon" in str(old[k].get("shader")):
            vectors, floats, textures = (
                old[k].get(f"{kind}Properties") or {} for kind in ("vector", "float", "texture")
            )
            colour = np.array(vectors.get("_Color", colour), np.float64)
            shade = np.array(vectors.get("_ShadeColor", colour), np.float64)[:3]
            mode = {0: "OPAQUE", 1: "MASK"}.get(int(floats.get("_BlendMode", 0)), "BLEND")
            cutoff, both = float(floats.get("_Cutoff", cutoff)), int(floats.get("_CullMode", 2)) != 2
            if picture is None and "_MainTex" in textures:
                picture = self._picture(int(textures["_MainTex"]))
        shaded = np.clip(shade, 0.0, 1.0) / np.maximum(colour[:3], 1e-3)
        return Material(
            picture,
            np.clip(colour, 0.0, 1.0).astype(np.float32),
            np.clip(shaded, 0.0, 1.0).astype(np.float32),
            mode,
            cutoff,
            both,
        )

    def _picture(self, texture: int) -> Rgba | None:
        """[h,w,4] a texture's pixels; None where its file lies elsewhere."""
        source = self._gltf.textures[texture].source
        if source is None or self._gltf.images[source].bufferView is None:
            return None
        view = self._gltf.bufferViews[self._gltf.images[source].bufferView]
        first = view.byteOffset or 0
        with Image.open(io.BytesIO(self._data[first : first + view.byteLength]), formats=_PICTURES) as image:
            if image.width * image.height > _MOST_TEXTURE_READ:
                raise VrmError(f"a texture has {image.width} x {image.height} pixels: scale it down")
            solid = image.convert("RGBA")
            solid.thumbnail((_MOST_TEXTURE_PX, _MOST_TEXTURE_PX))
            return np.asarray(solid)

    def _named_targets(self) -> dict[str, tuple[Bind, ...]]:
        """Morph targets that are expressions by their own names, which exporters keep in extras."""
        found: dict[str, tuple[Bind, ...]] = {}
        for k, mesh in enumerate(self._gltf.meshes):
            extras = [mesh.extras, *(one.extras for one in mesh.primitives)]
            names = next((one["targetNames"] for one in extras if isinstance(one, dict) and "targetNames" in one), None)
            for target, name in enumerate(names if isinstance(names, list) else ()):
                if (low := str(name).lower().rpartition(".")[2]) in _NAMED_TARGETS:
                    found[low] = (*found.get(low, ()), (k, target, 1.0))
        return found

    def _expressions(self) -> Iterator[tuple[str, tuple[Bind, ...]]]:
        if self._is_new:
            expressions = self._vrm.get("expressions") or {}
            for name, one in [*(expressions.get("custom") or {}).items(), *(expressions.get("preset") or {}).items()]:
                rows = one.get("morphTargetBinds") or ()
                binds = tuple(
                    (int(self._nodes[row["node"]].mesh), int(row["index"]), float(row["weight"])) for row in rows
                )
                yield str(name).lower(), binds
            return
        for one in (self._vrm.get("blendShapeMaster") or {}).get("blendShapeGroups") or ():
            binds = tuple(
                (int(row["mesh"]), int(row["index"]), float(row["weight"]) / 100.0) for row in one.get("binds") or ()
            )
            yield str(one.get("name", "")).lower(), binds
            if (preset := str(one.get("presetName", "unknown")).lower()) != "unknown":
                yield preset, binds


# What the terms of use are about, by our names: in words that follow "Title by Author.".
TERMS = {
    "licence": "licence",
    "licence_text": "its text",
    "copyright": "copyright",
    "others": "licences of others",
    "users": "may be used by",
    "commercial": "commercial use",
    "credit": "credit",
    "changes": "changes",
    "redistribution": "redistribution",
    "violent": "violent use",
    "sexual": "sexual use",
    "political": "political or religious use",
    "hateful": "antisocial or hateful use",
    "further": "further terms",
}
# What VRM's fields may say besides free text, in lower case.
TERM_VALUES = (
    *("yes", "no", "allow", "disallow", "required", "unnecessary", "prohibited"),
    *("allowmodification", "allowmodificationredistribution"),
    *("everyone", "onlyauthor", "onlyseparatelylicensedperson", "explicitlylicensedperson"),
    *("personalnonprofit", "personalprofit", "corporation"),
)
_TERMS_0 = {
    "licenseName": "licence",
    "otherLicenseUrl": "licence_text",
    "allowedUserName": "users",
    "commercialUssageName": "commercial",
    "violentUssageName": "violent",
    "sexualUssageName": "sexual",
    "otherPermissionUrl": "further",
}
_TERMS_1 = {
    "licenseUrl": "licence",
    "copyrightInformation": "copyright",
    "thirdPartyLicenses": "others",
    "avatarPermission": "users",
    "commercialUsage": "commercial",
    "creditNotation": "credit",
    "modification": "changes",
    "allowRedistribution": "redistribution",
    "allowExcessivelyViolentUsage": "violent",
    "allowExcessivelySexualUsage": "sexual",
    "allowPoliticalOrReligiousUsage": "political",
    "allowAntisocialOrHateUsage": "hateful",
    "otherLicenseUrl": "further",
}
_LONGEST_NAME, _LONGEST_TERM, _LONGEST_LINE = 60, 200, 1000  # letters


def _terms(is_new: bool, vrm: Mapping[str, Any]) -> ModelTerms:
    """Title, author and the terms of use, as the file states them."""
    meta = vrm.get("meta") or {}
    title = meta.get("name" if is_new else "title") or "a VRM model"
    author = meta.get("authors") if is_new else meta.get("author")
    named = ", ".join(map(str, author)) if isinstance(author, list) else str(author or "unknown")
    stated = {
        name: printable(_said(meta[key]), _LONGEST_TERM)
        for key, name in (_TERMS_1 if is_new else _TERMS_0).items()
        if meta.get(key) not in (None, "", [])
    }
    return ModelTerms(printable(str(title), _LONGEST_NAME), printable(named, _LONGEST_NAME), stated)


def _said(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _local(node: Any) -> Wide:
    """[4,4] a node's own transform."""
    if node.matrix is not None:
        return np.array(node.matrix, np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    x, y, z, w = node.rotation or (0.0, 0.0, 0.0, 1.0)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= np.array(node.scale or (1.0, 1.0, 1.0))
    matrix[:3, 3] = node.translation or (0.0, 0.0, 0.0)
    if not np.isfinite(matrix).all():
        raise VrmError("a node is placed at numbers that are not finite")
    return matrix


def _srgb(linear: Wide) -> Wide:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0) ** (1 / 2.4) - 0.055)
