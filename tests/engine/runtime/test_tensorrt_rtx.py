"""The shipped network is compiled for GPUs that are not here, and the engine is read back."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine.hardware import gpu_names
from omote.engine.model.networks import denoiser_graph
from omote.engine.models import shipped_networks
from omote.engine.runtime import tensorrt_rtx
from omote.engine.runtime.half_precision import half_precision_model
from omote.engine.runtime.session import RuntimeUnavailable, shapes_digest
from omote.engine.runtime.tensorrt_engine import EngineSpec, read_engine, read_engine_label

from .test_session import graph

GRAPH = denoiser_graph(shipped_networks(), 2)
TARGETS = ("sm86", "sm89", "sm120")
needs_compiler = pytest.mark.skipif(
    sys.platform != "linux", reason="the checks' environment has TensorRT-RTX on Linux only"
)
without_gpu = pytest.mark.skipif(bool(gpu_names()), reason="an NVIDIA GPU is here")


@pytest.fixture(scope="module")
def library() -> Any:
    return pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is made for x86-64 alone")


@pytest.fixture(scope="module")
def path(library: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One engine for three generations of GPUs."""
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    return tensorrt_rtx.compile_ahead(GRAPH, TARGETS, tmp_path_factory.mktemp("engines"), noon)


@needs_compiler
def test_the_label_has_spec_targets_and_time(library: Any, path: Path) -> None:
    label = read_engine_label(path)
    assert label.make == EngineSpec(
        GRAPH.sha256, "f16", shapes_digest(GRAPH.shapes), f"tensorrt-rtx {library.__version__}"
    )
    assert (label.targets, label.made) == (TARGETS, "2026-11-22T12:00:00+00:00")
    assert len(read_engine(path, label.make, "sm120")) == path.stat().st_size


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("target", ["sm75", "sm86"])
def test_every_convolution_of_the_network_is_in_the_engine(library: Any, target: str) -> None:
    """In half precision, whole; and so is every linear layer. sm75 refuses matrix products in single precision."""
    onnx = pytest.importorskip("onnx")
    engine = tensorrt_rtx.engine_of(GRAPH, (target,))
    assert "malformed" not in (tensorrt_rtx.engine_objection(engine) or "")
    with half_precision_model(GRAPH) as network:
        assert isinstance(network, bytes)
        model = onnx.load_from_string(network)
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    kernels = {node.name: weights[node.input[1]] for node in model.graph.node if node.op_type in ("Conv", "Gemm")}
    assert len(kernels) > 80
    assert {kernel.dtype for kernel in kernels.values()} == {np.dtype(np.float16)}
    assert [name for name, kernel in kernels.items() if not is_in(kernel, engine)] == []


def is_in(kernel: NDArray[Any], engine: bytes) -> bool:
    """Whether a kernel [O,I,...] is there whole, in an order in which TensorRT-RTX keeps them.

    As it is, or with the input channels last, which are filled up with zeros to an even number or to eight; small
    ones are laid out for the GPU's products, an input channel here and an input channel there.
    """
    last, first = np.moveaxis(kernel, 1, -1), np.moveaxis(kernel, 0, -1)
    if any(one.tobytes() in engine for one in (kernel, last, filled(last, 2), filled(last, 8))):
        return True
    return len(kernel) > 1 and all(channel.tobytes() in engine for channel in first.reshape(-1, len(kernel)))


def filled(kernel: NDArray[Any], multiple: int) -> NDArray[Any]:
    """With zeros behind the last axis, so that its length is such a multiple."""
    return np.pad(kernel, [(0, 0)] * (kernel.ndim - 1) + [(0, -kernel.shape[-1] % multiple)])


@needs_compiler
@without_gpu
def test_the_library_accepts_format_and_version_and_misses_only_the_gpu(path: Path) -> None:
    engine = path.read_bytes()
    assert "CUDA driver" in (tensorrt_rtx.engine_objection(engine) or "")
    assert (tensorrt_rtx.engine_objection(b"PK" + engine[2:]) or "").startswith("malformed engine")


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (("sm99",), 'no target "sm99": there are sm75, .* and current'),
        (("sm86", "current"), 'targets are "current" alone or some of'),
        ((), 'targets are "current" alone or some of'),
    ],
)
def test_unknown_targets_are_refused(library: Any, targets: tuple[str, ...], message: str) -> None:
    with pytest.raises(RuntimeUnavailable, match=message):
        tensorrt_rtx.engine_of(GRAPH, targets)


@needs_compiler
def test_weights_beside_a_graph_are_compiled(library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    engine = tensorrt_rtx.engine_of(graph(tmp_path, beside=True), ("sm89",))
    assert "malformed" not in (tensorrt_rtx.engine_objection(engine) or "")


@without_gpu
def test_compiling_for_this_machine_needs_its_gpu(library: Any) -> None:
    with pytest.raises(RuntimeUnavailable, match="no NVIDIA GPU is here"):
        tensorrt_rtx.engine_of(GRAPH, (tensorrt_rtx.CURRENT,))
