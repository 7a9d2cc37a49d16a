"""Opens a network by the chosen runtime, and imports only that one."""

from __future__ import annotations

from .session import Build, ExportedGraph, RuntimeUnavailable, Session

IN_GRAPHS = ("openvino", "onnxruntime", "tensorrt-rtx", "tensorrt")  # the runtimes that read an ONNX file


def open_session(graph: ExportedGraph, build: Build) -> Session:
    """The network compiled for this machine; RuntimeUnavailable says in one line why not, and the cure."""
    match build.runtime:
        case "openvino":
            from .openvino import OpenVinoSession

            return OpenVinoSession(graph, build)
        case "onnxruntime":
            from .onnxruntime import OnnxRuntimeSession

            return OnnxRuntimeSession(graph, build)
        case "tensorrt-rtx":
            from .tensorrt_rtx import TensorRtRtxSession

            return TensorRtRtxSession(graph, build)
        case "tensorrt":
            from .tensorrt import TensorRtSession

            return TensorRtSession(graph, build)
        case _:
            raise RuntimeUnavailable(f"{build.runtime} reads no exported graph: choose one of {', '.join(IN_GRAPHS)}")
