"""Runs any exported network once in a while: what goes in and comes out is the caller's affair."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .build import Build
from .network import Array, RuntimeUnavailable
from .onnxruntime import session
from .openvino import compiled_model


class Graph(Protocol):
    """Loaded and compiled when constructed."""

    def outputs(self, inputs: object) -> tuple[Array, ...]:
        """All outputs in the network's order; `inputs` is a dataclass whose fields are called as the network's."""
        ...


class OpenVinoGraph:
    """An ONNX file compiled for this machine's CPU."""

    def __init__(self, path: Path) -> None:
        self._request = compiled_model(path, Build()).create_infer_request()

    def outputs(self, inputs: object) -> tuple[Array, ...]:
        return _owned(self._request.infer(vars(inputs)).values())


class OnnxRuntimeGraph:
    """An ONNX file in a session on the CPU."""

    def __init__(self, path: Path) -> None:
        self._session = session(path, Build("onnxruntime", "f32"))

    def outputs(self, inputs: object) -> tuple[Array, ...]:
        return _owned(self._session.run(None, vars(inputs)))


def open_graph(path: Path, runtime: str) -> Graph:
    """The network in this file; RuntimeUnavailable where it cannot run here."""
    match runtime:
        case "openvino":
            return OpenVinoGraph(path)
        case "onnxruntime":
            return OnnxRuntimeGraph(path)
        case _:
            raise RuntimeUnavailable(f'no runtime "{runtime}": there are openvino, onnxruntime')


def _owned(outputs: Any) -> tuple[Array, ...]:
    return tuple(np.array(output, np.float32) for output in outputs)
