"""Networks in half precision: the same picture, with the types in which a GPU should compute."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.engine import FlameParams, studio_light
from omote.engine.model.networks import denoiser_graph, denoiser_shapes
from omote.engine.model.renderer import Renderer
from omote.engine.models import shipped_networks
from omote.engine.runtime.half_precision import half_precision_model
from omote.engine.runtime.session import Array, ExportedGraph, OutputSpec, RuntimeUnavailable
from omote.engine.runtime.tensorrt_engine import engine_folder
from omote.engine.testing.drawing import CopyingNetworks, painted_character

from .test_session import WIDTH, expected
from .test_session import feeds as small_feeds
from .test_session import graph as small_graph

onnx = pytest.importorskip("onnx")
GRAPH = denoiser_graph(shipped_networks(), 1)
HALF, SINGLE = 10, 1  # ONNX's numbers of the types


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


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
    return renderer.inputs(renderer.prepare(painted_character()), FlameParams.neutral(), studio_light())[0]


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


# A small graph, with its weights inside or beside it.


def test_a_norm_stays_single_and_weights_beside_the_graph_stay_beside(tmp_path: Path) -> None:
    with half_precision_model(small_graph(tmp_path, beside=True)) as network:
        assert isinstance(network, Path)
        assert network.with_name("levels.onnx.data").stat().st_size >= 2 * WIDTH * WIDTH
        assert network.stat().st_size < 2 * WIDTH * WIDTH
        model = onnx.load(network)
    assert not any(engine_folder().iterdir())  # gigabytes are not left behind
    typed = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.value_info
    types = {value.name: value.type.tensor_type.elem_type for value in typed}
    assert [types[name] for name in ("product", "normal")] == [HALF, SINGLE]
    (weight,) = (tensor for tensor in model.graph.initializer if tensor.dims == [WIDTH, WIDTH])
    assert weight.data_type == HALF
    with half_precision_model(small_graph(tmp_path)) as inside:
        assert isinstance(inside, bytes)


def test_folders_of_killed_processes_are_removed(tmp_path: Path) -> None:
    old, young = engine_folder() / "half-old", engine_folder() / "half-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    with half_precision_model(small_graph(tmp_path, beside=True)):
        pass
    assert list(engine_folder().iterdir()) == [young]  # which another process is writing


def test_without_room_the_error_has_the_cure(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file where a folder should be")
    with (
        pytest.raises(RuntimeUnavailable, match=r"cannot be written to .*make room"),
        half_precision_model(small_graph(tmp_path, beside=True)),
    ):
        pass


def test_weights_elsewhere_than_beside_the_graph_are_refused(tmp_path: Path) -> None:
    made = small_graph(tmp_path, beside=True)
    model = onnx.load(made.path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = "../levels.data" if entry.key == "location" else entry.value
    made.path.write_bytes(model.SerializeToString())
    with (
        pytest.raises(RuntimeUnavailable, match=r"lie in \.\./levels\.data, wanted beside it"),
        half_precision_model(made),
    ):
        pass


@pytest.mark.parametrize("beside", [False, True])
def test_half_computes_the_same_levels(tmp_path: Path, beside: bool) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    with half_precision_model(small_graph(tmp_path, beside=beside)) as network:
        given = str(network) if isinstance(network, Path) else network
        session = onnxruntime.InferenceSession(given, providers=["CPUExecutionProvider"])
        levels = session.run(None, small_feeds())[0]
    # The product is rounded to 11 bits, and the norm, which makes 20 levels of one deviation, stretches that.
    assert np.abs(levels - expected(small_feeds())).max() <= 1.0
