"""Tiny networks with the interface of the shipped ones, a small prior, and an artist who draws what a texture holds."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from omote.engine.face import atlas
from omote.engine.face.head import open_head
from omote.engine.face.maps import MapMaker
from omote.engine.identity.drawing import sampled
from omote.engine.identity.looks import Looks
from omote.engine.identity.making import Maker
from omote.engine.identity.networks import ExportedNetworks
from omote.engine.identity.prior import Prior
from omote.engine.nouns import AnyCharacter, Array, Character, FlameParams, Portrait, Signal, Stamp
from omote.engine.roles import Counts
from omote.engine.weights.makers import MakerFile, MakerFiles

MODEL = "tiny 1"
IDENTITY, ROWS, WIDTH, TEXTURE = 64, 256, 128, 16


def constant(name: str, value: np.ndarray) -> onnx.TensorProto:
    return numpy_helper.from_array(value, name)


def saved(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[int]],
    outputs: dict[str, list[int]],
    constants: list[onnx.TensorProto],
) -> MakerFile:
    def described(named: dict[str, list[int]]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in named.items()]

    graph = helper.make_graph(nodes, "tiny", described(inputs), described(outputs), constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return MakerFile(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), MODEL)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> MakerFiles:
    """An encoder whose identity and rows are mean colours, a completion that copies what it is shown."""
    folder, rng = tmp_path_factory.mktemp("networks"), np.random.default_rng(0)

    def random(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    node = helper.make_node
    encoder = saved(
        folder / "encoder.onnx",
        [
            node("ReduceMean", ["picture", "square"], ["colour"], keepdims=0),
            node("MatMul", ["colour", "to_identity"], ["identity"]),
            node("AveragePool", ["picture"], ["coarse"], kernel_shape=[16, 16], strides=[16, 16]),
            node("Reshape", ["coarse", "three_by_rows"], ["flat"]),
            node("Transpose", ["flat"], ["in_rows"], perm=[0, 2, 1]),
            node("MatMul", ["in_rows", "to_width"], ["rows"]),
            node("ReduceMean", ["geometry", "square"], ["attributes"], keepdims=0),
        ],
        {"picture": [1, 3, 256, 256], "geometry": [1, 10, 128, 128]},
        {"identity": [1, IDENTITY], "rows": [1, ROWS, WIDTH], "attributes": [1, 10]},
        [
            constant("square", np.array([2, 3])),
            constant("to_identity", random(3, IDENTITY)),
            constant("three_by_rows", np.array([1, 3, ROWS])),
            constant("to_width", random(3, WIDTH)),
        ],
    )
    widen = np.zeros((TEXTURE, 4, 1, 1), np.float32)
    widen[:4, :, 0, 0] = np.eye(4)
    completion = saved(
        folder / "completion.onnx",
        [
            node("Conv", ["lifted", "widen"], ["wide"]),
            node("MatMul", ["identity", "to_texture"], ["common"]),
            node("Reshape", ["common", "column"], ["everywhere"]),
            node("Add", ["wide", "everywhere"], ["texture"]),
        ],
        {"lifted": [1, 4, atlas.HEIGHT, atlas.WIDTH], "identity": [1, IDENTITY]},
        {"texture": [1, TEXTURE, atlas.HEIGHT, atlas.WIDTH]},
        [
            constant("widen", widen),
            constant("to_texture", np.concatenate([np.zeros((IDENTITY, 4)), random(IDENTITY, 12)], 1).astype("f")),
            constant("column", np.array([1, TEXTURE, 1, 1])),
        ],
    )
    return MakerFiles(encoder, completion)


@pytest.fixture(scope="session")
def networks(files: MakerFiles) -> ExportedNetworks:
    return ExportedNetworks.open("onnxruntime", files)


class TextureArtist:
    """Draws the first three channels of a character's texture on the head, opaque, and nothing beside it."""

    size, steps, runtime = 256, 1, "texture"
    counts = Counts()

    def check(self, character: AnyCharacter) -> None:
        """Every character has a texture."""

    def way(self, first: AnyCharacter, last: AnyCharacter) -> tuple[AnyCharacter, ...]:
        """A cut."""
        return (last,)

    def draw(
        self,
        params: FlameParams,
        character: AnyCharacter,
        light: Array,
        *,
        stamp: Stamp | None = None,
        signal: Signal | None = None,
        presence: float = 1.0,
    ) -> Portrait:
        assert isinstance(character, Character)
        maps = MapMaker(open_head().shaped(character.shape)).draw(params)
        colour = np.clip(sampled(character.texture[:3], maps.uv) * 127.5 + 127.5, 0.0, 255.0)
        rgba = np.concatenate([colour, maps.geometry[6, ..., None] * 255.0], 2).astype(np.uint8)
        rgba = rgba.repeat(2, 0).repeat(2, 1)
        moment = stamp or Stamp(0, time.perf_counter_ns(), time.time_ns())
        return Portrait(moment, rgba, signal, params, presence, light)


@pytest.fixture
def artist() -> TextureArtist:
    return TextureArtist()


@pytest.fixture(scope="session")
def looks() -> Looks:
    """Two hairstyles, one of them with its mirror image, on texels of the face: each colour dyes a part of its own."""
    texel = np.array([row * 64 + column for row in range(20, 44) for column in range(20, 44)])
    band = (texel // 64 - 20) // 5  # five, of five texels each
    dye = np.zeros((3, 5, len(texel), 3))
    for k in range(3):
        for c in range(5):
            dye[k, (c + k) % 5, band == c] = 1.5
    base = np.full((3, len(texel), 3), -0.75)
    for k in range(3):
        base[k, (texel % 64 - 20) // 8 == k] = -0.5  # a parting
    return Looks(
        styles=("bob02", "short01", "short01"),
        is_mirrored=np.array([False, False, True]),
        texel=texel,
        base=base,
        dye=dye,
        usual=np.full((5, 3), 0.5),
    )


@pytest.fixture(scope="session")
def prior(looks: Looks) -> Prior:
    rng, people, size = np.random.default_rng(2), 20, open_head().shape_size
    colours, style = rng.random((people, 5, 3)), rng.integers(0, 3, people)
    seen = looks.base[style] + np.einsum("pmtc,pmc->ptc", looks.dye[style], colours)
    return Prior(
        model=MODEL,
        looks=looks,
        identity=rng.standard_normal((people, IDENTITY)),
        shape=rng.standard_normal((people, size)) * 0.5,
        sex=rng.integers(0, 2, people),
        seen=np.round(seen * 127.0).astype(np.int8),
        style=style,
        colours=colours,
        mean=np.stack([np.full(size, -0.1), np.full(size, 0.1)]),
        factor=np.eye(size)[:30],
        reading=np.eye(size)[:2] * 0.2,
        at_rest=np.full(2, 0.5),
    )


@pytest.fixture
def maker(prior: Prior, networks: ExportedNetworks, artist: TextureArtist) -> Maker:
    return Maker(prior, networks, artist)
