"""Runs networks by ONNX Runtime on a CPU: the extra for machines that OpenVINO does not like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote.engine.weights import NetworkFile

from . import telemetry
from .build import Build
from .exported import ExportedGraph, Feeds, Shapes, require_fed
from .network import Array, Inputs, RuntimeUnavailable

_ERRORS = 3


class OnnxRuntimeNetwork:
    """A shipped network in a session on the CPU."""

    def __init__(self, file: NetworkFile, build: Build) -> None:
        self._session = session(file.path, build, {"batch": build.batch, "size": build.size, "grid": build.size // 2})
        self.name = "onnxruntime cpu f32"

    def run(self, inputs: Inputs) -> Array:
        return np.asarray(self._session.run(None, vars(inputs))[0], np.float32)


class OnnxRuntimeSession:
    """An exported graph in a session on the CPU."""

    def __init__(self, graph: ExportedGraph, build: Build) -> None:
        self._session = session(graph.path, build)
        self._shapes = graph.shapes
        self.name = "onnxruntime cpu f32"
        _require_shapes(self._session, graph.shapes)

    def run(self, feeds: Feeds) -> NDArray[Any]:
        require_fed(feeds, self._shapes)
        return np.asarray(self._session.run(None, dict(feeds))[0])


def session(path: Path, build: Build, dimensions: dict[str, int] | None = None) -> Any:
    """ONNX Runtime's session of an ONNX file; `dimensions` fixes by name what the file leaves open."""
    telemetry.forbid_onnxruntime()
    try:
        import onnxruntime
    except ImportError as error:
        raise RuntimeUnavailable(f"ONNX Runtime cannot be loaded ({error}): pip install omote[onnxruntime]") from error
    onnxruntime.disable_telemetry_events()  # on Windows its wheels report to Microsoft unless told not to
    try:
        onnxruntime.set_default_logger_severity(_ERRORS)  # it warns of constants that nobody reads
        options = onnxruntime.SessionOptions()
        if build.threads:
            options.intra_op_num_threads = build.threads
        for name, number in (dimensions or {}).items():
            options.add_free_dimension_override_by_name(name, number)
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no other common class
        raise RuntimeUnavailable(f"ONNX Runtime cannot run {path.name} here ({error}): try openvino") from error


def _require_shapes(opened: Any, shapes: Shapes) -> None:
    """RuntimeUnavailable unless the file takes such inputs; what it leaves open fits any length."""
    takes = {each.name: each.shape for each in opened.get_inputs()}
    for name, wanted in shapes.items():
        found = takes.get(name, [])
        if len(found) != len(wanted) or any(isinstance(a, int) and a != b for a, b in zip(found, wanted, strict=True)):
            raise RuntimeUnavailable(f"the graph takes {name} of {found}, wanted {list(wanted)}: export it again")
