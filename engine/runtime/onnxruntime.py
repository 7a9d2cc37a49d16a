"""Runs networks by ONNX Runtime on a CPU: the extra for machines on which OpenVINO does not run well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .session import (
    Build,
    ExportedGraph,
    Feeds,
    Outputs,
    RuntimeUnavailable,
    Shapes,
    check_feeds,
    forbid_onnxruntime_telemetry,
)

_ERRORS = 3  # the severity from which on it logs


class OnnxRuntimeSession:
    """An exported graph on the CPU."""

    def __init__(self, graph: ExportedGraph, build: Build) -> None:
        self._session = session(graph.path, build)
        self._shapes, self._names = graph.shapes, tuple(graph.outputs)
        self.name = "onnxruntime cpu f32"
        _check_file_shapes(self._session, graph.shapes)

    def run(self, feeds: Feeds) -> Outputs:
        check_feeds(feeds, self._shapes)
        found = self._session.run(list(self._names), dict(feeds))
        return {name: np.asarray(one) for name, one in zip(self._names, found, strict=True)}


def session(path: Path, build: Build) -> Any:
    """ONNX Runtime's session of an ONNX file."""
    forbid_onnxruntime_telemetry()
    try:
        import onnxruntime
    except ImportError as error:
        raise RuntimeUnavailable(f"ONNX Runtime cannot be loaded ({error}): pip install omote[onnxruntime]") from error
    onnxruntime.disable_telemetry_events()  # by default its wheels report to Microsoft on Windows
    try:
        onnxruntime.set_default_logger_severity(_ERRORS)  # it warns of unused constants
        options = onnxruntime.SessionOptions()
        if build.threads:
            options.intra_op_num_threads = build.threads
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no narrower common class
        raise RuntimeUnavailable(f"ONNX Runtime cannot run {path.name} here ({error}): try openvino") from error


def _check_file_shapes(opened: Any, shapes: Shapes) -> None:
    """RuntimeUnavailable unless the file takes inputs of these shapes; lengths that it leaves open always fit."""
    file_shapes = {each.name: each.shape for each in opened.get_inputs()}
    for name, wanted in shapes.items():
        found = file_shapes.get(name, [])
        if len(found) != len(wanted) or any(isinstance(a, int) and a != b for a, b in zip(found, wanted, strict=True)):
            raise RuntimeUnavailable(f"the graph takes {name} of {found}, wanted {list(wanted)}: export it again")
