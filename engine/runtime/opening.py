"""Opens a network by whichever runtime a build names."""

from __future__ import annotations

from omote.engine.weights import NetworkFile

from .build import Build, names
from .network import Network, RuntimeUnavailable


def open_network(file: NetworkFile, build: Build) -> Network:
    """Loaded and compiled; RuntimeUnavailable says in one line why it cannot run here, and the cure."""
    match build.runtime:
        case "openvino":
            from .openvino import OpenVinoNetwork

            return OpenVinoNetwork(file, build)
        case "onnxruntime":
            from .onnxruntime import OnnxRuntimeNetwork

            return OnnxRuntimeNetwork(file, build)
        case "tensorrt-rtx":
            from .tensorrt_rtx import TensorRtRtxNetwork

            return TensorRtRtxNetwork(file, build)
        case "tensorrt":
            from .tensorrt import TensorRtNetwork

            return TensorRtNetwork(file, build)
        case "pytorch" | "pytorch-compile":
            from .pytorch import PyTorchNetwork

            return PyTorchNetwork(file, build)
        case _:
            raise RuntimeUnavailable(f'no runtime "{build.runtime}": there are {", ".join(names())}')
