"""VRM models for tests: a drawn character of the kit as VRM 0.x or 1.0, and a small one made of squares."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.bridge import arkit

_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
_KINDS = {"float32": 5126, "uint32": 5125, "uint16": 5123}
META_0 = {"title": "Test", "author": "Nobody", "licenseName": "CC0", "commercialUssageName": "Allow"}
META_1 = {
    "name": "Test",
    "authors": ["Nobody"],
    "licenseUrl": "https://vrm.dev/licenses/1.0/",
    "commercialUsage": "corporation",
}


class Glb:
    """A binary glTF file that grows."""

    def __init__(self) -> None:
        self.blob = bytearray()
        self.json: dict[str, Any] = {"asset": {"version": "2.0"}, "scene": 0}
        for name in ("accessors", "bufferViews", "meshes", "nodes", "materials", "textures", "images", "skins"):
            self.json[name] = []

    def view(self, data: bytes) -> int:
        self.blob += b"\0" * (-len(self.blob) % 4)
        self.json["bufferViews"].append({"buffer": 0, "byteOffset": len(self.blob), "byteLength": len(data)})
        self.blob += data
        return len(self.json["bufferViews"]) - 1

    def rows(self, array: NDArray[Any]) -> int:
        rows = np.ascontiguousarray(array).reshape(len(array), -1)
        one = {
            "bufferView": self.view(rows.tobytes()),
            "componentType": _KINDS[rows.dtype.name],
            "count": len(rows),
            "type": _TYPES[rows.shape[1]],
        }
        self.json["accessors"].append(one)
        return len(self.json["accessors"]) - 1

    def material(self, colour: tuple[float, ...], picture: NDArray[np.uint8] | None = None, **further: Any) -> int:
        plain: dict[str, Any] = {"baseColorFactor": [*colour, 1.0][:4]}
        if picture is not None:
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "PNG")
            self.json["images"].append({"bufferView": self.view(file.getvalue()), "mimeType": "image/png"})
            self.json["textures"].append({"source": len(self.json["images"]) - 1})
            plain["baseColorTexture"] = {"index": len(self.json["textures"]) - 1}
        self.json["materials"].append({"pbrMetallicRoughness": plain, **further})
        return len(self.json["materials"]) - 1

    def written(self) -> bytes:
        words = {key: value for key, value in self.json.items() if value != []}
        words["buffers"] = [{"byteLength": len(self.blob)}]
        text = json.dumps(words).encode()
        text += b" " * (-len(text) % 4)
        body = bytes(self.blob) + b"\0" * (-len(self.blob) % 4)
        parts = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body
        return struct.pack("<4sII", b"glTF", 2, 12 + len(parts)) + parts


def add_skeleton(glb: Glb, neck: NDArray[Any], head: NDArray[Any], way: float) -> None:
    """Hips, neck, head and arms held out as nodes 0 to 4, metres; `way` is 1 for VRM 1.0, -1 for 0.x."""
    turned = np.array([way, 1.0, way])
    places = [np.zeros(3), neck * turned, (head - neck) * turned, (0.2 * way, neck[1] - 0.1, 0.0)]
    glb.json["nodes"] += [
        {"name": "hips", "children": [1, 3]},
        {"name": "neck", "translation": list(map(float, places[1])), "children": [2]},
        {"name": "head", "translation": list(map(float, places[2]))},
        {"name": "arm", "translation": list(map(float, places[3])), "children": [4]},
        {"name": "elbow", "translation": [0.3 * way, 0.0, 0.0]},
    ]


PRESETS = ("blink", "aa", "ih", "ou", "ee", "oh", "happy")
BONES = {"hips": 0, "neck": 1, "head": 2, "leftUpperArm": 3, "leftLowerArm": 4}


def extended(glb: Glb, version: int, expressions: dict[str, list[tuple[int, int, float]]]) -> None:
    """VRM's extension; an expression's rows are a node with a mesh, a morph target and its weight."""
    glb.json["scenes"] = [{"nodes": [0, *range(5, len(glb.json["nodes"]))]}]
    if version == 1:
        named: dict[str, dict[str, Any]] = {"preset": {}, "custom": {}}
        for name, rows in expressions.items():
            binds = [{"node": n, "index": k, "weight": w} for n, k, w in rows]
            named["preset" if name in PRESETS else "custom"][name] = {"morphTargetBinds": binds}
        said: dict[str, Any] = {
            "specVersion": "1.0",
            "meta": META_1,
            "humanoid": {"humanBones": {name: {"node": node} for name, node in BONES.items()}},
            "expressions": named,
        }
        glb.json["extensions"] = {"VRMC_vrm": said}
        return
    old = {"blink": "blink", "aa": "a", "ih": "i", "ou": "u", "ee": "e", "oh": "o", "happy": "joy"}
    groups = [
        {
            "name": name.upper() if name in PRESETS else name,
            "presetName": old.get(name, "unknown"),
            "binds": [{"mesh": glb.json["nodes"][n]["mesh"], "index": k, "weight": 100.0 * w} for n, k, w in rows],
        }
        for name, rows in expressions.items()
    ]
    bones = [{"bone": name, "node": node} for name, node in BONES.items()]
    glb.json["extensions"] = {
        "VRM": {"meta": META_0, "humanoid": {"humanBones": bones}, "blendShapeMaster": {"blendShapeGroups": groups}}
    }


def squares(version: int = 1, **changed: Any) -> Glb:
    """A head of one square with a morph target, 1.5 m above the ground."""
    glb, way = Glb(), 1.0 if version == 1 else -1.0
    add_skeleton(glb, np.array([0.0, 1.4, 0.0]), np.array([0.0, 1.5, 0.0]), way)
    place = np.array([[-0.1, 1.5, 0.1], [0.1, 1.5, 0.1], [0.1, 1.7, 0.1], [-0.1, 1.7, 0.1]], np.float32) * (way, 1, way)
    attributes = {
        "POSITION": glb.rows(place.astype(np.float32)),
        "NORMAL": glb.rows(np.array([[0.0, 0.0, way]] * 4, np.float32)),
        "TEXCOORD_0": glb.rows(np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)),
        "JOINTS_0": glb.rows(np.zeros((4, 4), np.uint16)),
        "WEIGHTS_0": glb.rows(np.array([[1, 0, 0, 0]] * 4, np.float32)),
    }
    bind = np.eye(4, dtype=np.float32)
    bind[3, :3] = -np.array([0.0, 1.5, 0.0])  # column by column
    glb.json["skins"].append({"joints": [2], "inverseBindMatrices": glb.rows(bind.reshape(1, 16))})
    picture = np.zeros((2, 2, 4), np.uint8)
    picture[:] = (255, 0, 0, 255)
    picture[0] = (0, 0, 255, 255)
    primitive = {
        "attributes": attributes,
        "indices": glb.rows(np.array([0, 1, 2, 0, 2, 3], np.uint32)[:, None]),
        "material": glb.material((1.0, 1.0, 1.0, 1.0), picture),
        "targets": [{"POSITION": glb.rows(np.array([[0.0, -0.01, 0.0]] * 4, np.float32))}],
    }
    glb.json["meshes"].append({"primitives": [primitive]})
    glb.json["nodes"].append({"mesh": 0, "skin": 0})
    extended(glb, version, {"blink": [(5, 0, 1.0)]})
    glb.json.update(changed)
    return glb


def drawn_model(
    figure: Any, version: int, shapes: Mapping[str, Mapping[str, float]], *, are_only_targets: bool = False
) -> bytes:
    """A character of the kit; `shapes` are expressions by their names in the file, as ARKit weights.

    If they `are_only_targets`, the model has morph targets of these names and no expressions.
    """
    from omote.engine.training.anime.rasterize import BODY, BROW, HAIR, IRIS, LASH, SKIN

    front = np.zeros(3, np.float32)
    rest = figure.pose(arkit.weights({}), front)
    posed = [figure.pose(arkit.weights(dict(one)), front).vertex for one in shapes.values()]
    glb, way, textures = Glb(), 1.0 if version == 1 else -1.0, figure.textures
    joint = figure.kit.joint
    add_skeleton(glb, joint["neck"] / 10.0, joint["head"] / 10.0, way)
    bind = np.tile(np.eye(4, dtype=np.float32), (3, 1, 1))
    for k, place in enumerate((np.zeros(3), joint["neck"], joint["head"])):
        bind[k, 3, :3] = -place / 10.0 * (way, 1.0, way)
    glb.json["skins"].append({"joints": [0, 1, 2], "inverseBindMatrices": glb.rows(bind.reshape(3, 16))})
    primitives = []
    for material, picture in sorted(set(zip(figure.material.tolist(), figure.picture.tolist(), strict=True))):
        chosen = (figure.material == material) & (figure.picture == picture)
        triangle, colour = figure.triangle[chosen], figure.color[chosen].mean(0)
        corner, index = np.unique(triangle, return_inverse=True)
        texture, further = None, {}
        if picture >= 0 and material != HAIR:
            start, width, height = textures.texture[picture]
            texture = textures.texel[start : start + 4 * width * height].reshape(height, width, 4).copy()
        if material in (SKIN, BODY):
            colour = textures.skin
            further = _shaded(textures.skin_shade)
        if material == HAIR:
            colour, further = textures.hair[0, 1], _shaded(textures.hair_shade)
        if material == IRIS:
            colour = np.ones(3)
        if material in (IRIS, LASH, BROW):
            further = further | {"alphaMode": "BLEND"}
        linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4).clip(0.0, 1.0)
        weight = figure._skin_weight[corner]
        share = np.zeros((len(corner), 4), np.float32)
        share[:, 2], share[:, 1] = weight[:, 0], weight[:, 1]
        share[:, 0] = np.clip(1.0 - weight.sum(1), 0.0, 1.0)
        turned = np.array([way / 10.0, 0.1, way / 10.0])
        attributes = {
            "POSITION": glb.rows((rest.vertex[corner] * turned).astype(np.float32)),
            "NORMAL": glb.rows((rest.normal[corner] * (way, 1.0, way)).astype(np.float32)),
            "TEXCOORD_0": glb.rows(figure.uv[corner][:, :2].astype(np.float32)),
            "JOINTS_0": glb.rows(np.tile(np.array([0, 1, 2, 0], np.uint16), (len(corner), 1))),
            "WEIGHTS_0": glb.rows(share),
        }
        targets = [
            {"POSITION": glb.rows(((one[corner] - rest.vertex[corner]) * turned).astype(np.float32))} for one in posed
        ]
        primitives.append(
            {
                "attributes": attributes,
                "indices": glb.rows(index.reshape(-1, 1).astype(np.uint32)),
                "material": glb.material(tuple(map(float, linear)), texture, doubleSided=True, **further),
                "targets": targets,
            }
        )
    glb.json["meshes"].append({"primitives": primitives, "extras": {"targetNames": list(shapes)}})
    glb.json["nodes"].append({"mesh": 0, "skin": 0})
    extended(glb, version, {} if are_only_targets else {name: [(5, k, 1.0)] for k, name in enumerate(shapes)})
    return glb.written()


def _shaded(shade: NDArray[Any]) -> dict[str, Any]:
    return {
        "extensions": {"VRMC_materials_mtoon": {"specVersion": "1.0", "shadeColorFactor": [float(v) for v in shade]}}
    }
