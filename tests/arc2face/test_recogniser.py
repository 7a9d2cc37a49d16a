"""The recogniser in torch is held against ONNX Runtime, which executes the same file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from omote.engine.arc2face.losses import Recogniser, RecogniserError
from omote.engine.runtime.onnxruntime import session
from omote.engine.runtime.session import Build

_WIDTH, _SIZE = 4, 16


def _constants(rng: np.random.Generator) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    shapes = {
        "conv.weight": (_WIDTH, 3, 3, 3),
        "conv.bias": (_WIDTH,),
        **{f"norm.{name}": (_WIDTH,) for name in ("weight", "bias", "mean", "variance")},
        "slope": (_WIDTH, 1, 1),
        "short.weight": (_WIDTH, 3, 1, 1),
        "gemm.weight": (_SIZE, _WIDTH * 28 * 28),
        "gemm.bias": (_SIZE,),
    }
    made = {name: rng.normal(0.0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    made["norm.variance"] = np.abs(made["norm.variance"]) + np.float32(0.5)
    return made


def _like_arcface(path: Path, extra: str | None = None) -> Path:
    """A block of the kind that ArcFace is built of: norm, PReLU, strides, a sum, and a matrix at the end."""
    made = _constants(np.random.default_rng(3))
    nodes = [
        helper.make_node("Conv", ["data", "conv.weight", "conv.bias"], ["a"], strides=[4, 4], pads=[1, 1, 0, 0]),
        helper.make_node(
            "BatchNormalization",
            ["a", *(f"norm.{n}" for n in ("weight", "bias", "mean", "variance"))],
            ["b"],
            epsilon=2e-5,
        ),
        helper.make_node("PRelu", ["b", "slope"], ["c"]),
        helper.make_node("Conv", ["data", "short.weight"], ["d"], strides=[4, 4]),
        helper.make_node("Add", ["c", "d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("Gemm", ["f", "gemm.weight", "gemm.bias"], ["g"], transB=1),
        helper.make_node(extra or "Identity", ["g"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "recogniser",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", _SIZE])],
        [numpy_helper.from_array(value, name) for name, value in made.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def test_it_sees_whom_onnx_runtime_sees(tmp_path: Path) -> None:
    path = _like_arcface(tmp_path / "arcface.onnx")
    faces = np.random.default_rng(5).uniform(-1.0, 1.0, (2, 3, 112, 112)).astype(np.float32)
    (expected,) = session(path, Build("onnxruntime", "f32")).run(None, {"data": faces})
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = Recogniser.load(path)(torch.from_numpy(faces)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)  # sums of 3,136 products in single precision


def test_a_side_of_zero_stays_as_it_is_when_numbers_are_laid_out_anew(tmp_path: Path) -> None:
    nodes = [helper.make_node("Reshape", ["data", "shape"], ["out"])]
    graph = helper.make_graph(
        nodes,
        "recogniser",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["n", 3, 2, 2])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 12])],
        [numpy_helper.from_array(np.array([0, -1], np.int64), "shape")],
    )
    path = tmp_path / "reshaped.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    faces = torch.ones(2, 3, 2, 2)
    torch.testing.assert_close(Recogniser.load(path)(faces), torch.full((2, 12), 12**-0.5))


def test_gradients_reach_the_picture(tmp_path: Path) -> None:
    faces = torch.rand(1, 3, 112, 112, requires_grad=True)
    Recogniser.load(_like_arcface(tmp_path / "arcface.onnx"))(faces)[0, 0].backward()
    assert faces.grad is not None and float(faces.grad.abs().sum()) > 0.0


def test_an_operator_that_we_do_not_execute_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecogniserError, match="operator Sigmoid"):
        Recogniser.load(_like_arcface(tmp_path / "arcface.onnx", extra="Sigmoid"))


def test_a_file_that_is_no_recogniser_is_refused(tmp_path: Path) -> None:
    (tmp_path / "not.onnx").write_bytes(b"\xff" * 64)
    with pytest.raises(RecogniserError, match=r"not\.onnx is no ONNX file"):
        Recogniser.load(tmp_path / "not.onnx")
