"""The shipped network in half precision: the same picture, with the types that a GPU should compute in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.engine import FlameParams, studio_light
from omote.engine.model.networks import denoiser_graph, denoiser_shapes
from omote.engine.model.renderer import Renderer
from omote.engine.models import shipped_networks
from omote.engine.runtime.half_precision import half_precision_model
from omote.engine.runtime.session import Array, ExportedGraph, OutputSpec
from omote.engine.testing.drawing import CopyingNetworks, painted_character

onnx = pytest.importorskip("onnx")
GRAPH = denoiser_graph(shipped_networks(), 1)
HALF, SINGLE = 10, 1  # ONNX's numbers of the types


def read(graph: ExportedGraph) -> Any:
    with half_precision_model(graph) as network:
        assert isinstance(network, bytes)
        return onnx.load_from_string(network)


@pytest.fixture(scope="module")
def model() -> Any:
    return read(GRAPH)


def feeds() -> dict[str, Array]:
    """Of a head at rest whose reference has no features."""
    renderer = Renderer(CopyingNetworks())
    return renderer.inputs(renderer.look(painted_character()), FlameParams.neutral(), studio_light())[0]


def test_half_gives_the_layers_of_single(model: Any) -> None:
    """A place may be off by a 50th of a pixel of 512; all else by what 11 bits leave after some thirty layers.

    On a CPU, ONNX Runtime rounds what is half wherever a tensor is handed on, and computes in single in between.
    """
    onnxruntime = pytest.importorskip("onnxruntime")
    single = given(onnxruntime, GRAPH.path.read_bytes())
    half = given(onnxruntime, model.SerializeToString())
    assert np.abs(half["drawn_paint"] - single["drawn_paint"]).max() > 0  # else nothing was rounded
    assert np.abs(half["drawn_place"] - single["drawn_place"]).max() < 1e-4
    for name in ("drawn_share", "drawn_gain", "drawn_paint"):
        assert np.square(half[name] - single[name]).mean() < 1e-4, name


def given(onnxruntime: Any, network: bytes) -> dict[str, Array]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # would drop the rounding
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    return dict(zip(GRAPH.outputs, session.run(list(GRAPH.outputs), feeds()), strict=True))


def test_products_are_half_and_what_needs_range_or_bits_is_single(model: Any) -> None:
    typed = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.value_info
    types = {value.name: value.type.tensor_type.elem_type for value in typed}
    found: dict[str, set[int]] = {}
    for node in model.graph.node:
        if kind := types.get(node.output[0]):
            found.setdefault(node.op_type, set()).add(kind)
    assert [found[product] for product in ("Conv", "Gemm")] == [{HALF}] * 2
    singles = ("Sub", "GridSample", "Sin", "Cos", "Sqrt")
    assert [found[single] for single in singles if single in found] == [{SINGLE} for one in singles if one in found]


def test_inputs_and_layers_stay_single_with_the_shapes_that_are_asked_for() -> None:
    model = read(denoiser_graph(shipped_networks(), 3))
    assert {value.name: shape(value) for value in model.graph.input} == denoiser_shapes(3)
    wanted = {name: output.shape for name, output in denoiser_graph(shipped_networks(), 3).outputs.items()}
    assert {value.name: shape(value) for value in model.graph.output} == wanted
    assert {value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)} == {SINGLE}


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
    half = read(ExportedGraph(tmp_path / "product.onnx", "", {"x": (1, 1)}, {"y": OutputSpec((1, 4))}))
    (tensor,) = half.graph.initializer
    assert onnx.numpy_helper.to_array(tensor).tolist() == [[65504.0, -65504.0, -np.inf, 0.5]]
