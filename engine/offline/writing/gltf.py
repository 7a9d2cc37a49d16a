"""A binary glTF (.glb): the character's head, ARKit's shapes as morph targets, and the performance as an animation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omote.engine.offline.picture_file import Pictures
from omote.engine.offline.script import Script

from . import digital_source
from .blendshapes import JOINTS, HeadMesh, Motion, Shape, check, head_mesh, motion
from .glb import TRIANGLES, VERTICES, Buffer, Json
from .unfinished import unfinished
from .writer import Tell

ANIMATION = "performance"
_HEAD_BYTES, _PICTURE_BYTES = 2_500_000, 4 * (1 + 52 + 4 + 4 + 3)
_MESH, _BODY, _NECK, _HEAD = range(4)  # nodes
_PACKET = {  # XMP, as glTF has it: the extension KHR_xmp_json_ld
    "@context": {"Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"},
    "@id": "",
    "Iptc4xmpExt:DigitalSourceType": digital_source.GENERATED,
}


@dataclass(frozen=True)
class Gltf:
    """Metres, +Y up, the face to +Z; the head of the first of the cast, in its shape, at the exact times of pictures.

    The head has no texture of its own: its parts have plain colours. It turns on joints, its eyes by their eyeLook
    shapes, and its place is the body joint's.
    """

    path: Path

    def check(self, script: Script, size: int) -> None:
        check(script, self.path.name)

    def bytes_of(self, script: Script, size: int) -> int:
        return _HEAD_BYTES + _PICTURE_BYTES * len(script)

    def write(self, script: Script, pictures: Pictures, tell: Tell) -> None:
        times_s = np.array([script.time_s(index) for index in range(len(script))], np.float32)
        content = _packed(head_mesh(script.cast[0]), motion(script), times_s)
        with unfinished(self.path) as path:
            path.write_bytes(content)
        tell(len(script))


def _packed(mesh: HeadMesh, moves: Motion, times_s: NDArray[np.float32]) -> bytes:
    buffer = Buffer()
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
                "generator": digital_source.creator(),
                "copyright": mesh.licence,
                "extensions": {"KHR_xmp_json_ld": {"packet": 0}},
            },
            "extensionsUsed": ["KHR_xmp_json_ld"],
            "extensions": {"KHR_xmp_json_ld": {"packets": [_PACKET]}},
            "scene": 0,
            "scenes": [{"nodes": [_MESH, _BODY]}],
            "nodes": _nodes(mesh),
            "meshes": [head],
            "materials": [{"name": "plain", "pbrMetallicRoughness": plain, "doubleSided": True}],
            "skins": [_skin(buffer, mesh)],
            "animations": [_animation(buffer, moves, times_s)],
        }
    )


def _primitive(buffer: Buffer, mesh: HeadMesh) -> Json:
    follows = np.pad(mesh.follows, ((0, 0), (0, 1)))
    joints = np.where(follows > 0.0, np.arange(4), 0).astype(np.uint8)  # what has no share is 0
    attributes = {
        "POSITION": buffer.add(mesh.vertex, VERTICES, has_range=True),
        "NORMAL": buffer.add(mesh.normal, VERTICES),
        "TEXCOORD_0": buffer.add(mesh.uv, VERTICES),
        "COLOR_0": buffer.add(mesh.colour, VERTICES),
        "JOINTS_0": buffer.add(joints, VERTICES),
        "WEIGHTS_0": buffer.add(follows, VERTICES),
    }
    return {
        "attributes": attributes,
        "indices": buffer.add(mesh.triangle.astype(np.uint16).reshape(-1), TRIANGLES),
        "material": 0,
        "targets": [_target(buffer, shape, len(mesh.vertex)) for shape in mesh.shapes],
    }


def _target(buffer: Buffer, shape: Shape, count: int) -> Json:
    return {
        "POSITION": buffer.add_sparse(count, shape.vertex, shape.moved, has_range=True),
        "NORMAL": buffer.add_sparse(count, shape.vertex, shape.bent, has_range=False),
    }


def _nodes(mesh: HeadMesh) -> list[Json]:
    # A skinned mesh stands where its joints are, and where its own node is says nothing.
    nodes: list[Json] = [{"name": mesh.name, "mesh": 0, "skin": 0}]
    parent = np.zeros(3, np.float32)
    for number, (name, place) in enumerate(zip(JOINTS, mesh.joint, strict=True)):
        node: Json = {"name": name, "translation": (place - parent).tolist()}
        nodes.append(node if name == JOINTS[-1] else node | {"children": [_BODY + number + 1]})
        parent = place
    return nodes


def _skin(buffer: Buffer, mesh: HeadMesh) -> Json:
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(JOINTS), 1, 1))
    inverse[:, 3, :3] = -mesh.joint  # glTF's matrices go by columns
    return {
        "inverseBindMatrices": buffer.add(inverse.reshape(-1, 16)),
        "skeleton": _BODY,
        "joints": [_BODY, _NECK, _HEAD],
    }


def _animation(buffer: Buffer, moves: Motion, times_s: NDArray[np.float32]) -> Json:
    shown = buffer.add(times_s, has_range=True)
    driven = (
        (_MESH, "weights", moves.weights.reshape(-1)),
        (_NECK, "rotation", moves.neck),
        (_HEAD, "rotation", moves.head),
        (_BODY, "translation", moves.translation),
    )
    samplers = [{"input": shown, "output": buffer.add(values), "interpolation": "LINEAR"} for _, _, values in driven]
    channels = [
        {"sampler": number, "target": {"node": node, "path": path}} for number, (node, path, _) in enumerate(driven)
    ]
    return {"name": ANIMATION, "samplers": samplers, "channels": channels}
