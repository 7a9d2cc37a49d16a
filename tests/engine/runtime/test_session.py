"""Any exported graph with named inputs runs by every runtime that reads ONNX, and goes to a GPU in half precision."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.engine.hardware import gpu_names
from omote.engine.runtime.dispatch import open_session
from omote.engine.runtime.half_precision import half_precision_model
from omote.engine.runtime.session import Array, Build, ExportedGraph, OutputSpec, RuntimeUnavailable, shapes_digest
from omote.engine.runtime.tensorrt_engine import engine_folder, read_engine, read_engine_label

onnx = pytest.importorskip("onnx")
CPU = ("openvino-f32", "onnxruntime")
HALF, SINGLE = 10, 1  # ONNX's numbers of the types
WIDTH = 64


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def graph(folder: Path, batch: int = 2, *, beside: bool = False) -> ExportedGraph:
    """levels = clip(norm(x W) + bank): `bank` stands, the batch is left open, the output is of 8 bits."""
    helper, kinds = onnx.helper, onnx.TensorProto
    rng = np.random.default_rng(0)
    weights = {
        "weight": (rng.standard_normal((WIDTH, WIDTH)) / WIDTH).astype(np.float32),
        "gain": np.full(WIDTH, 20.0, np.float32),
        "shift": np.full(WIDTH, 100.0, np.float32),
        "low": np.array(0.0, np.float32),
        "high": np.array(255.0, np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "weight"], ["product"]),
        helper.make_node("LayerNormalization", ["product", "gain", "shift"], ["normal"]),
        helper.make_node("Add", ["normal", "bank"], ["sum"]),
        helper.make_node("Clip", ["sum", "low", "high"], ["level"]),
        helper.make_node("Round", ["level"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["levels"], to=kinds.UINT8),
    ]
    inputs = [
        helper.make_tensor_value_info("x", kinds.FLOAT, ["batch", WIDTH]),
        helper.make_tensor_value_info("bank", kinds.FLOAT, [1, WIDTH]),
    ]
    output = helper.make_tensor_value_info("levels", kinds.UINT8, ["batch", WIDTH])
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    made = helper.make_graph(nodes, "levels of a norm", inputs, [output], tensors)
    path = folder / "levels.onnx"
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save_model(model, str(path), save_as_external_data=beside, location="levels.data", size_threshold=1024)
    shapes = {"x": (batch, WIDTH), "bank": (1, WIDTH)}
    return ExportedGraph(path, "ab" * 32, shapes, {"levels": OutputSpec((batch, WIDTH), "uint8")}, frozenset({"bank"}))


def feeds(batch: int = 2, seed: int = 1) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    shapes = {"x": (batch, WIDTH), "bank": (1, WIDTH)}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def expected(given: dict[str, Array]) -> Array:
    product = given["x"] @ (np.random.default_rng(0).standard_normal((WIDTH, WIDTH)) / WIDTH).astype(np.float32)
    normal = (product - product.mean(1, keepdims=True)) / np.sqrt(product.var(1, keepdims=True) + 1e-5)
    return np.asarray(np.clip(normal * 20.0 + 100.0 + given["bank"], 0, 255), np.float32)


@pytest.mark.parametrize("runtime", CPU)
@pytest.mark.parametrize("beside", [False, True])
def test_arrays_go_in_by_name_and_the_output_comes_in_its_own_type(tmp_path: Path, runtime: str, beside: bool) -> None:
    session = open_session(graph(tmp_path, beside=beside), Build.named(runtime))
    for seed in (1, 2):
        given = feeds(seed=seed)
        levels = session.run(given)["levels"]
        assert levels.dtype == np.uint8
        assert levels.shape == (2, WIDTH)
        assert np.abs(levels - expected(given)).max() <= 0.51  # half a level, and what f32 rounds
    assert session.name == {"openvino-f32": "openvino cpu f32", "onnxruntime": "onnxruntime cpu f32"}[runtime]


@pytest.mark.parametrize("runtime", CPU)
def test_the_same_file_runs_with_another_batch(tmp_path: Path, runtime: str) -> None:
    session = open_session(graph(tmp_path, batch=3), Build.named(runtime))
    assert session.run(feeds(batch=3))["levels"].shape == (3, WIDTH)


@pytest.mark.parametrize("runtime", CPU)
def test_what_is_not_given_in_its_shape_is_named(tmp_path: Path, runtime: str) -> None:
    session = open_session(graph(tmp_path), Build.named(runtime))
    with pytest.raises(ValueError, match=r"x must be \[2, 64\], got \[3, 64\]"):
        session.run(feeds(batch=3))
    with pytest.raises(ValueError, match="inputs must be bank, x; bank is missing or unknown"):
        session.run({"x": feeds()["x"]})
    with pytest.raises(ValueError, match="tokens is missing or unknown"):
        session.run({**feeds(), "tokens": feeds()["x"]})


@pytest.mark.parametrize("runtime", CPU)
def test_a_file_for_other_shapes_is_refused_when_it_is_opened(tmp_path: Path, runtime: str) -> None:
    wanted = replace(graph(tmp_path), shapes={"x": (2, 32), "bank": (1, 32)})
    with pytest.raises(RuntimeUnavailable) as caught:
        open_session(wanted, Build.named(runtime))
    assert "\n" not in str(caught.value)


def test_a_build_that_no_exported_graph_has_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match="pytorch reads no exported graph"):
        open_session(graph(tmp_path), Build.named("pytorch"))


def test_a_graph_may_have_several_outputs(tmp_path: Path) -> None:
    made = graph(tmp_path)
    model = onnx.load(made.path)
    model.graph.output.append(onnx.helper.make_tensor_value_info("product", SINGLE, ["batch", WIDTH]))
    onnx.save(model, made.path)
    both = replace(made, outputs={**made.outputs, "product": OutputSpec((2, WIDTH))})
    for runtime in CPU:
        found = open_session(both, Build.named(runtime)).run(feeds())
        assert {name: (one.shape, str(one.dtype)) for name, one in found.items()} == {
            "levels": ((2, WIDTH), "uint8"),
            "product": ((2, WIDTH), "float32"),
        }


@pytest.mark.skipif(bool(gpu_names()), reason="an NVIDIA GPU is here")
@pytest.mark.parametrize("runtime", ["tensorrt-rtx", "tensorrt"])
def test_without_a_gpu_the_reason_is_one_line_with_the_cure(tmp_path: Path, runtime: str) -> None:
    with pytest.raises(RuntimeUnavailable, match=r"no NVIDIA GPU is here.*--runtime openvino"):
        open_session(graph(tmp_path), Build.named(runtime))


def test_half_keeps_a_norm_single_and_weights_that_lie_beside_stay_beside(tmp_path: Path) -> None:
    with half_precision_model(graph(tmp_path, beside=True)) as network:
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
    with half_precision_model(graph(tmp_path)) as inside:
        assert isinstance(inside, bytes)


def test_halves_that_were_cut_off_are_swept_when_the_next_ones_are_written(tmp_path: Path) -> None:
    old, young = engine_folder() / "half-old", engine_folder() / "half-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    with half_precision_model(graph(tmp_path, beside=True)):
        pass
    assert list(engine_folder().iterdir()) == [young]  # which another process is writing


def test_halves_without_a_place_are_told_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file where a folder should be")
    with (
        pytest.raises(RuntimeUnavailable, match=r"cannot be written to .*make room"),
        half_precision_model(graph(tmp_path, beside=True)),
    ):
        pass


def test_weights_elsewhere_than_beside_the_graph_are_refused(tmp_path: Path) -> None:
    made = graph(tmp_path, beside=True)
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
    with half_precision_model(graph(tmp_path, beside=beside)) as network:
        given = str(network) if isinstance(network, Path) else network
        session = onnxruntime.InferenceSession(given, providers=["CPUExecutionProvider"])
        levels = session.run(None, feeds())[0]
    # The product is rounded to 11 bits, and the norm, which makes 20 levels of one deviation, stretches that.
    assert np.abs(levels - expected(feeds())).max() <= 1.0


@pytest.mark.parametrize("beside", [False, True])
def test_an_engine_is_compiled_for_a_gpu_that_is_not_here(tmp_path: Path, beside: bool) -> None:
    library: Any = pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is made for x86-64 alone")
    from omote.engine.runtime import tensorrt_rtx

    made = graph(tmp_path, beside=beside)
    path = tensorrt_rtx.compile_ahead(made, ("sm89",), tmp_path)
    label = read_engine_label(path)
    assert (label.make.network, label.make.shapes, label.targets) == ("ab" * 32, shapes_digest(made.shapes), ("sm89",))
    engine = read_engine(path, label.make, "sm89")
    assert label.make.library == f"tensorrt-rtx {library.__version__}"
    assert "malformed" not in (tensorrt_rtx.engine_objection(engine) or "")
