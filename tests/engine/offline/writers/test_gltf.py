"""glTF files, read back by another library and posed with its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import Character
from omote.engine.face.head import EYE, SKULL, open_head
from omote.engine.face.retarget import from_weights
from omote.engine.model.character_file import load_any_character
from omote.engine.offline.writers.gltf import GltfWriter

pygltflib = pytest.importorskip("pygltflib")

Made = Callable[..., Any]
TYPES = {5121: np.uint8, 5123: np.uint16, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def ignore(done: int) -> None:
    """Takes the progress of a writer."""


class Scene:
    """A file as the specification of glTF 2.0 reads it."""

    def __init__(self, path: Path) -> None:
        self.gltf = pygltflib.GLTF2().load_binary(str(path))
        self._content = self.gltf.binary_blob()

    def numbers(self, index: int) -> Any:
        """[n,k] of an accessor, with its sparse rows."""
        accessor = self.gltf.accessors[index]
        width = WIDTHS[accessor.type]
        if accessor.bufferView is None:
            rows = np.zeros((accessor.count, width), TYPES[accessor.componentType])
        else:
            rows = self._view(accessor.bufferView, accessor.componentType, width)
        if accessor.sparse:
            sparse = accessor.sparse
            at = self._view(sparse.indices.bufferView, sparse.indices.componentType, 1)[:, 0]
            assert (np.diff(at.astype(int)) > 0).all() and len(at) == sparse.count
            rows[at] = self._view(sparse.values.bufferView, accessor.componentType, width)
        assert len(rows) == accessor.count
        if accessor.min:
            assert rows.min(0).tolist() == accessor.min and rows.max(0).tolist() == accessor.max
        return rows

    def _view(self, index: int, kind: int, width: int) -> Any:
        view = self.gltf.bufferViews[index]
        assert view.byteOffset % 4 == 0
        part = self._content[view.byteOffset : view.byteOffset + view.byteLength]
        return np.frombuffer(part, TYPES[kind]).reshape(-1, width).copy()

    def channel(self, path: str, node: str) -> tuple[Any, Any]:
        """Times and values of what motion this of that node."""
        (animation,) = self.gltf.animations
        (found,) = [
            one
            for one in animation.channels
            if one.target.path == path and self.gltf.nodes[one.target.node].name == node
        ]
        sampler = animation.samplers[found.sampler]
        assert sampler.interpolation == "LINEAR"
        return self.numbers(sampler.input)[:, 0], self.numbers(sampler.output)

    def posed(self, picture: int) -> Any:
        """[N,3] metres: morph targets first, then the skin, as the specification orders."""
        (primitive,) = self.gltf.meshes[0].primitives
        vertex = self.numbers(primitive.attributes.POSITION).astype(np.float64)
        weights = self.channel("weights", "hana")[1].reshape(-1, 52)[picture]
        for weight, target in zip(weights, primitive.targets, strict=True):
            vertex += weight * self.numbers(target["POSITION"] if isinstance(target, dict) else target.POSITION)
        skin, world = self.gltf.skins[0], self._world(picture)
        inverse = self.numbers(skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
        joints, shares = self.numbers(primitive.attributes.JOINTS_0), self.numbers(primitive.attributes.WEIGHTS_0)
        matrices = np.stack([world[joint] @ inverse[k] for k, joint in enumerate(skin.joints)])
        mixed = (matrices[joints] * shares[..., None, None]).sum(1)
        return np.einsum("nij,nj->ni", mixed, np.column_stack([vertex, np.ones(len(vertex))]))[:, :3]

    def _world(self, picture: int) -> dict[int, Any]:
        found: dict[int, Any] = {}

        def go(index: int, parent: Any) -> None:
            node = self.gltf.nodes[index]
            local = np.eye(4)
            local[:3, 3] = node.translation or 0.0
            if node.name == "body":
                local[:3, 3] = self.channel("translation", "body")[1][picture]
            elif node.name in ("neck", "head"):
                local[:3, :3] = matrix(self.channel("rotation", node.name)[1][picture])
            found[index] = parent @ local
            for child in node.children or []:
                go(child, found[index])

        for root in self.gltf.scenes[0].nodes:
            go(root, np.eye(4))
        return found


def matrix(quaternion: Any) -> Any:
    x, y, z, w = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def test_its_head_is_the_open_head_in_every_picture(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(4)
    GltfWriter(tmp_path / "x.glb").write(made.animation, made.pictures, ignore)
    scene, hana, head = Scene(tmp_path / "x.glb"), load_any_character("hana"), open_head()
    assert isinstance(hana, Character)
    shaped = head.shaped(hana.shape)
    for picture in range(4):
        params = made.animation.params(picture)
        wanted = (head.pose(shaped, params) - shaped.anchor[SKULL]) * 0.1 + params.translation
        apart_mm = 1000 * np.linalg.norm(scene.posed(picture) - wanted, axis=1)
        assert apart_mm[head.region != EYE].max() < 0.5  # the joints' shares, which had to be made whole
        assert apart_mm.max() < 2.5  # eyeballs go straight where they should turn


def test_a_face_at_rest_is_exact(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1)
    animation = replace(made.animation, faces=from_weights(np.zeros(52, np.float32)).vector()[None])
    GltfWriter(tmp_path / "x.glb").write(animation, made.pictures, ignore)
    scene = Scene(tmp_path / "x.glb")
    (primitive,) = scene.gltf.meshes[0].primitives
    assert np.abs(scene.posed(0) - scene.numbers(primitive.attributes.POSITION)).max() < 1e-6


def test_shapes_have_arkits_names_and_times_are_those_of_the_pictures(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(5, Fraction(30000, 1001))
    GltfWriter(tmp_path / "x.glb").write(made.animation, made.pictures, ignore)
    scene = Scene(tmp_path / "x.glb")
    (mesh,) = scene.gltf.meshes
    assert mesh.extras["targetNames"] == list(arkit.NAMES)
    assert len(mesh.primitives[0].targets) == len(mesh.weights) == 52
    assert scene.gltf.animations[0].name == "performance"
    for path, node in (("weights", "hana"), ("rotation", "neck"), ("rotation", "head"), ("translation", "body")):
        times, values = scene.channel(path, node)
        assert times.tolist() == [np.float32(index * 1001 / 30000) for index in range(5)]
        assert len(values) == (5 * 52 if path == "weights" else 5)


def test_the_file_names_the_licence_and_a_model_as_its_source(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1)
    GltfWriter(tmp_path / "x.glb").write(made.animation, made.pictures, ignore)
    gltf = Scene(tmp_path / "x.glb").gltf
    for word in ("Apache-2.0", "MakeHuman", "CC0", "ICT-FaceKit"):
        assert word in gltf.asset.copyright
    (packet,) = gltf.extensions["KHR_xmp_json_ld"]["packets"]
    assert packet["Iptc4xmpExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert gltf.asset.extensions == {"KHR_xmp_json_ld": {"packet": 0}}
