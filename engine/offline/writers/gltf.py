"""Writes a binary glTF: head mesh, morph targets and animation."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..animation import Animation
from ..output import OnProgress, atomic_output
from ..pictures import PictureFolder
from . import xmp
from .blendshapes import JOINTS, BlendShape, HeadMesh, HeadMotion, head_mesh, head_motion, require_arkit_faces

Json = dict[str, Any]

_HEAD_BYTES, _PICTURE_BYTES = 2_500_000, 4 * (1 + 52 + 4 + 4 + 3)
_MESH, _BODY, _NECK, _HEAD = range(4)  # nodes
_MAGIC, _VERSION, _JSON, _BINARY = b"glTF", 2, b"JSON", b"BIN\0"
_ALIGNMENT = 4
_KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
_TYPES = {"uint8": 5121, "uint16": 5123, "uint32": 5125, "float32": 5126}  # of OpenGL
_VERTICES, _TRIANGLES = 34962, 34963  # targets of a buffer view, of OpenGL
_XMP = {  # in the extension KHR_xmp_json_ld
    "@context": {"Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"},
    "@id": "",
    "Iptc4xmpExt:DigitalSourceType": xmp.GENERATED,
}


@dataclass(frozen=True)
class GltfWriter:
    """The head of the first character in its shape, in metres, +Y up, facing +Z, keyed at the times of the pictures.

    It has no texture: its parts have plain colours. The head turns on joints and the eyes by their eyeLook shapes. The
    body joint moves all of it.
    """

    path: Path

    def check(self, animation: Animation, size: int) -> None:
        require_arkit_faces(animation, self.path.name)

    def max_bytes(self, animation: Animation, size: int) -> int:
        return _HEAD_BYTES + _PICTURE_BYTES * len(animation)

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: OnProgress) -> None:
        times_s = np.array([animation.time_s(index) for index in range(len(animation))], np.float32)
        content = _packed(head_mesh(animation.cast[0]), head_motion(animation), times_s)
        with atomic_output(self.path) as path:
            path.write_bytes(content)
        on_progress(len(animation))


def _packed(mesh: HeadMesh, motion: HeadMotion, times_s: NDArray[np.float32]) -> bytes:
    buffer = _Buffer()
    names = [shape.name for shape in mesh.shapes]
    head = {
        "name": mesh.name,
        "primitives": [_primitive(buffer, mesh)],
        "weights": [0.0] * len(names),
        "extras": {"targetNames": names},
    }
    plain = {"baseColorFactor": [1.0, 1.0, 1.0, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.6}
    return buffer.packed(
        {
            "asset": {
                "version": "2.0",
                "generator": xmp.creator(),
                "copyright": mesh.licence,
                "extensions": {"KHR_xmp_json_ld": {"packet": 0}},
            },
            "extensionsUsed": ["KHR_xmp_json_ld"],
            "extensions": {"KHR_xmp_json_ld": {"packets": [_XMP]}},
            "scene": 0,
            "scenes": [{"nodes": [_MESH, _BODY]}],
            "nodes": _nodes(mesh),
            "meshes": [head],
            "materials": [{"name": "plain", "pbrMetallicRoughness": plain, "doubleSided": True}],
            "skins": [_skin(buffer, mesh)],
            "animations": [_animation(buffer, motion, times_s)],
        }
    )


def _primitive(buffer: _Buffer, mesh: HeadMesh) -> Json:
    weights = np.pad(mesh.joint_weight, ((0, 0), (0, 1)))
    joints = np.where(weights > 0.0, np.arange(4), 0).astype(np.uint8)  # 0 for a joint without weight
    attributes = {
        "POSITION": buffer.add(mesh.vertex, _VERTICES, has_range=True),
        "NORMAL": buffer.add(mesh.normal, _VERTICES),
        "TEXCOORD_0": buffer.add(mesh.uv, _VERTICES),
        "COLOR_0": buffer.add(mesh.colour, _VERTICES),
        "JOINTS_0": buffer.add(joints, _VERTICES),
        "WEIGHTS_0": buffer.add(weights, _VERTICES),
    }
    return {
        "attributes": attributes,
        "indices": buffer.add(mesh.triangle.astype(np.uint16).reshape(-1), _TRIANGLES),
        "material": 0,
        "targets": [_target(buffer, shape, len(mesh.vertex)) for shape in mesh.shapes],
    }


def _target(buffer: _Buffer, shape: BlendShape, count: int) -> Json:
    return {
        "POSITION": buffer.add_sparse(count, shape.vertex, shape.offset, has_range=True),
        "NORMAL": buffer.add_sparse(count, shape.vertex, shape.normal_offset, has_range=False),
    }


def _nodes(mesh: HeadMesh) -> list[Json]:
    # The node of a skinned mesh has no effect on its place: the joints decide it.
    nodes: list[Json] = [{"name": mesh.name, "mesh": 0, "skin": 0}]
    parent = np.zeros(3, np.float32)
    for number, (name, place) in enumerate(zip(JOINTS, mesh.joint, strict=True)):
        node: Json = {"name": name, "translation": (place - parent).tolist()}
        nodes.append(node if name == JOINTS[-1] else node | {"children": [_BODY + number + 1]})
        parent = place
    return nodes


def _skin(buffer: _Buffer, mesh: HeadMesh) -> Json:
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(JOINTS), 1, 1))
    inverse[:, 3, :3] = -mesh.joint  # glTF stores matrices by columns
    return {
        "inverseBindMatrices": buffer.add(inverse.reshape(-1, 16)),
        "skeleton": _BODY,
        "joints": [_BODY, _NECK, _HEAD],
    }


def _animation(buffer: _Buffer, motion: HeadMotion, times_s: NDArray[np.float32]) -> Json:
    times = buffer.add(times_s, has_range=True)
    channels = (
        (_MESH, "weights", motion.weights.reshape(-1)),
        (_NECK, "rotation", motion.neck),
        (_HEAD, "rotation", motion.head),
        (_BODY, "translation", motion.translation),
    )
    return {
        "name": "performance",
        "samplers": [
            {"input": times, "output": buffer.add(values), "interpolation": "LINEAR"} for _, _, values in channels
        ],
        "channels": [
            {"sampler": number, "target": {"node": node, "path": path}}
            for number, (node, path, _) in enumerate(channels)
        ],
    }


class _Buffer:
    """The binary part of the file. Each array becomes an accessor, and the JSON refers to it by its index."""

    def __init__(self) -> None:
        self._accessors: list[Json] = []
        self._views: list[Json] = []
        self._content = bytearray()

    def add(self, numbers: NDArray[np.generic], target: int | None = None, *, has_range: bool = False) -> int:
        """[n] or [n,k] as they are; with `has_range` the accessor has a minimum and a maximum, which some must have."""
        rows = numbers.reshape(len(numbers), -1)
        accessor = self._accessor(len(rows), rows) | {"bufferView": self._view(rows, target)}
        if has_range:
            accessor |= _range(rows)
        return self._append(accessor)

    def add_sparse(self, count: int, at: NDArray[np.int64], numbers: NDArray[np.float32], *, has_range: bool) -> int:
        """[count,k] zeros, except these rows [m,k] at these ascending indices [m]."""
        sparse = {
            "count": len(at),
            "indices": {"bufferView": self._view(at.astype(np.uint16), None), "componentType": _TYPES["uint16"]},
            "values": {"bufferView": self._view(numbers, None)},
        }
        accessor = self._accessor(count, numbers) | {"sparse": sparse}
        if has_range:
            zeros = np.zeros((int(len(at) < count), numbers.shape[1]), np.float32)
            accessor |= _range(np.concatenate([numbers, zeros]))
        return self._append(accessor)

    def packed(self, document: Json) -> bytes:
        """The whole file: this JSON with the accessors, and the binary part."""
        found = document | {
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": len(self._content)}],
        }
        text = json.dumps(found, separators=(",", ":")).encode()
        text += b" " * (-len(text) % _ALIGNMENT)
        content = bytes(self._content) + bytes(-len(self._content) % _ALIGNMENT)
        length = 12 + 8 + len(text) + 8 + len(content)
        head = struct.pack("<4sII", _MAGIC, _VERSION, length)
        chunks = struct.pack("<I4s", len(text), _JSON) + text + struct.pack("<I4s", len(content), _BINARY) + content
        return head + chunks

    def _append(self, accessor: Json) -> int:
        self._accessors.append(accessor)
        return len(self._accessors) - 1

    def _accessor(self, count: int, rows: NDArray[np.generic]) -> Json:
        return {"componentType": _TYPES[rows.dtype.name], "count": count, "type": _KINDS[rows.shape[1]]}

    def _view(self, rows: NDArray[np.generic], target: int | None) -> int:
        self._content += bytes(-len(self._content) % _ALIGNMENT)
        content = np.ascontiguousarray(rows).astype(rows.dtype.newbyteorder("<"), copy=False).tobytes()
        view: Json = {"buffer": 0, "byteOffset": len(self._content), "byteLength": len(content)}
        self._content += content
        self._views.append(view if target is None else view | {"target": target})
        return len(self._views) - 1


def _range(rows: NDArray[Any]) -> Json:
    return {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
