"""Any exported network with named inputs, run by whichever runtime a build names: arrays in by name, one array out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from omote.engine.weights import NetworkFile

from .build import Build
from .network import Array, RuntimeUnavailable

Shapes = Mapping[str, tuple[int, ...]]
Feeds = Mapping[str, Array]

# Of the shipped networks: a character's texture is two thirds of all bytes that go in.
SHIPPED_STANDING = frozenset(("x", "texture", "identity", "bank", "present"))
SHIPPED_OUTPUT = "denoised"
IN_GRAPHS = ("openvino", "onnxruntime", "tensorrt-rtx", "tensorrt")  # the runtimes that read an ONNX file


@dataclass(frozen=True)
class ExportedGraph:
    """An ONNX file, its weights in it or beside it, and the shapes in which it is to run."""

    path: Path
    sha256: str  # of the file and of what lies beside it
    shapes: Shapes  # of the inputs by name, all float32; they fix what the file leaves open
    output: str
    output_shape: tuple[int, ...]
    standing: frozenset[str]  # inputs that go to a GPU only when they are another array than in the call before
    output_type: str = "float32"  # or "uint8"


class Session(Protocol):
    """Loaded and compiled when constructed; used from one thread at a time."""

    name: str  # for the status line: "openvino cpu bf16"

    def run(self, feeds: Feeds) -> NDArray[Any]:
        """The output, valid until the next call. Whoever calls must not write into a standing input in place."""
        ...


def open_session(graph: ExportedGraph, build: Build) -> Session:
    """Compiled for this machine; RuntimeUnavailable says in one line why not, and the cure."""
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


def shipped_graph(file: NetworkFile, build: Build) -> ExportedGraph:
    """A shipped network in the shapes of this build."""
    shapes = file.shapes(build.size, build.batch)
    return ExportedGraph(file.path, file.sha256, shapes, SHIPPED_OUTPUT, shapes["x"], SHIPPED_STANDING)


def require_fed(feeds: Feeds, shapes: Shapes) -> None:
    """ValueError unless each input is given in its shape, and nothing else is."""
    if odd := sorted(set(feeds) ^ set(shapes)):
        raise ValueError(f"inputs must be {', '.join(sorted(shapes))}; {odd[0]} is missing or unknown")
    for name, wanted in shapes.items():
        if feeds[name].shape != wanted:
            raise ValueError(f"{name} must be {list(wanted)}, got {list(feeds[name].shape)}")
