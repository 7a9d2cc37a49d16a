"""The shipped network in half precision: the same picture, with the types that a GPU should compute in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine import DEFAULT_CHARACTER, from_weights, load_character, studio_light
from omote.engine.diffusion import sampler
from omote.engine.diffusion.conditioning import face_row
from omote.engine.face.light import whitened
from omote.engine.look import Look
from omote.engine.runtime.build import Build
from omote.engine.runtime.exported import ExportedGraph, shipped_graph
from omote.engine.runtime.half import halved
from omote.engine.runtime.network import Array, Inputs
from omote.engine.weights import networks

onnx = pytest.importorskip("onnx")
FILE = networks()[-1]
HALF, SINGLE = 10, 1  # ONNX's numbers of the types


def read(graph: ExportedGraph) -> Any:
    with halved(graph) as network:
        assert isinstance(network, bytes)
        return onnx.load_from_string(network)


@pytest.fixture(scope="module")
def model() -> Any:
    return read(shipped_graph(FILE, Build(size=256)))


def inputs_of_a_smile() -> Inputs:
    """What the shipped network is given for a half open smile, turned a little."""
    look = Look.of(load_character(DEFAULT_CHARACTER), FILE)
    params = from_weights(arkit.weights({"jawOpen": 0.5, "mouthSmileLeft": 0.8, "eyeBlinkRight": 0.6}))
    maps = look.maker(128).draw(params)
    return Inputs(
        x=sampler.fixed_noise(256),
        t=np.ones(1, np.float32),
        geometry=maps.geometry[None],
        uv=maps.uv[None],
        texture=look.texture,
        face=face_row(params)[None],
        light=whitened(studio_light())[0][None],
        identity=look.identity,
        bank=look.bank,
        present=look.present,
    )


def test_half_draws_the_picture_of_single(model: Any) -> None:
    """Measured: 80 dB. 60 dB is half a level of 255, and far from what a sum that overflows or a bent norm leaves.

    On a CPU, ONNX Runtime rounds what is half wherever a tensor is handed on, and computes in single in between.
    """
    onnxruntime = pytest.importorskip("onnxruntime")
    single = drawn(onnxruntime, FILE.path.read_bytes())
    half = drawn(onnxruntime, model.SerializeToString())
    assert np.abs(half - single).max() > 0  # else nothing was rounded
    assert 10 * np.log10(4 / np.mean((half - single) ** 2)) > 60


def drawn(onnxruntime: Any, network: bytes) -> Array:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # would drop the rounding
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    picture: Array = session.run(None, vars(inputs_of_a_smile()))[0]
    return picture


def test_products_are_half_and_what_needs_range_or_bits_is_single(model: Any) -> None:
    typed = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.value_info
    types = {value.name: value.type.tensor_type.elem_type for value in typed}
    found: dict[str, set[int]] = {}
    for node in model.graph.node:
        if kind := types.get(node.output[0]):
            found.setdefault(node.op_type, set()).add(kind)
    assert [found[product] for product in ("Conv", "Gemm", "MatMul", "Softmax")] == [{HALF}] * 4
    singles = ("ReduceL2", "ReduceMean", "Sub", "GridSample", "Sin", "Cos", "Sqrt")
    assert [found[single] for single in singles] == [{SINGLE}] * len(singles)


def test_inputs_and_picture_stay_single_with_the_shapes_that_are_asked_for() -> None:
    model = read(shipped_graph(FILE, Build(size=512, batch=2)))
    assert {value.name: shape(value) for value in model.graph.input} == FILE.shapes(512, batch=2)
    (picture,) = model.graph.output
    assert (picture.name, shape(picture)) == ("denoised", (2, 4, 512, 512))
    assert {value.type.tensor_type.elem_type for value in (*model.graph.input, picture)} == {SINGLE}


def shape(value: Any) -> tuple[int, ...]:
    return tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)


def test_what_is_too_large_for_a_half_is_the_largest_half_and_a_mask_stays_infinite(tmp_path: Path) -> None:
    helper, kinds = onnx.helper, onnx.TensorProto
    weights = np.array([[1e6, -1e6, -np.inf, 0.5]], np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weights"], ["y"])],
        "one product",
        [helper.make_tensor_value_info("x", kinds.FLOAT, [1, 1])],
        [helper.make_tensor_value_info("y", kinds.FLOAT, ["rows", "columns"])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), tmp_path / "product.onnx")
    half = read(ExportedGraph(tmp_path / "product.onnx", "", {"x": (1, 1)}, "y", (1, 4), frozenset()))
    (tensor,) = half.graph.initializer
    assert onnx.numpy_helper.to_array(tensor).tolist() == [[65504.0, -65504.0, -np.inf, 0.5]]
