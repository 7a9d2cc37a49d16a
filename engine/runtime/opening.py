"""Opens a network by whichever runtime a build names."""

from __future__ import annotations

from omote.engine.weights import NetworkFile

from . import parity
from .build import Build, names
from .network import Network, RuntimeUnavailable


def open_network(file: NetworkFile, build: Build) -> Network:
    """Compiled, and seen to draw the reference's picture; RuntimeUnavailable says in one line why not, and the cure."""
    network = compiled(file, build)
    parity.require(network, file, build)
    return network


def compiled(file: NetworkFile, build: Build) -> Network:
    """Loaded and compiled, whatever it draws; RuntimeUnavailable where it cannot run here."""
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
