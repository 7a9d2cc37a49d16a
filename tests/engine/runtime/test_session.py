"""Any exported graph with named inputs runs by every runtime that reads ONNX."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.engine.hardware import gpu_names
from omote.engine.runtime.dispatch import open_session
from omote.engine.runtime.session import Array, Build, ExportedGraph, OutputSpec, RuntimeUnavailable

onnx = pytest.importorskip("onnx")
CPU = ("openvino-f32", "onnxruntime")
FLOAT = 1  # ONNX's number of the type
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
def test_a_graph_runs_by_name_and_gives_its_own_type(tmp_path: Path, runtime: str, beside: bool) -> None:
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
def test_feeds_of_other_names_or_shapes_are_refused(tmp_path: Path, runtime: str) -> None:
    session = open_session(graph(tmp_path), Build.named(runtime))
    with pytest.raises(ValueError, match=r"x must be \[2, 64\], got \[3, 64\]"):
        session.run(feeds(batch=3))
    with pytest.raises(ValueError, match="inputs must be bank, x; bank is missing or unknown"):
        session.run({"x": feeds()["x"]})
    with pytest.raises(ValueError, match="tokens is missing or unknown"):
        session.run({**feeds(), "tokens": feeds()["x"]})


@pytest.mark.parametrize("runtime", CPU)
def test_a_file_for_other_shapes_is_refused_when_opened(tmp_path: Path, runtime: str) -> None:
    wanted = replace(graph(tmp_path), shapes={"x": (2, 32), "bank": (1, 32)})
    with pytest.raises(RuntimeUnavailable) as caught:
        open_session(wanted, Build.named(runtime))
    assert "\n" not in str(caught.value)


def test_a_runtime_that_reads_no_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match="pytorch reads no exported graph"):
        open_session(graph(tmp_path), Build.named("pytorch"))


def test_a_graph_may_have_several_outputs(tmp_path: Path) -> None:
    made = graph(tmp_path)
    model = onnx.load(made.path)
    model.graph.output.append(onnx.helper.make_tensor_value_info("product", FLOAT, ["batch", WIDTH]))
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
