"""Any exported network, run by whichever runtime a build names: arrays in by name, arrays out by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .build import Build

Array = NDArray[np.float32]
Shapes = Mapping[str, tuple[int, ...]]
Feeds = Mapping[str, Array]
Outputs = Mapping[str, NDArray[Any]]

IN_GRAPHS = ("openvino", "onnxruntime", "tensorrt-rtx", "tensorrt")  # the runtimes that read an ONNX file


class RuntimeUnavailable(Exception):
    """A runtime cannot run here; the message says why and what to install or choose."""


@dataclass(frozen=True)
class Output:
    """What a graph gives under one name."""

    shape: tuple[int, ...]
    type: str = "float32"  # or "uint8"


@dataclass(frozen=True)
class ExportedGraph:
    """An ONNX file, its weights in it or beside it, and the shapes in which it is to run."""

    path: Path
    sha256: str  # of the file and of what lies beside it
    shapes: Shapes  # of the inputs by name, all float32; they fix what the file leaves open
    outputs: Mapping[str, Output]  # by name, in the file's order
    standing: frozenset[str] = frozenset()  # inputs that go to a GPU only when they are another array than before
    is_cached: bool = False  # whether OpenVINO keeps what it compiles for the next start


class Session(Protocol):
    """Loaded and compiled when constructed; used from one thread at a time."""

    name: str  # for the status line: "openvino cpu bf16"

    def run(self, feeds: Feeds) -> Outputs:
        """The outputs, valid until the next call. Callers must not write into a standing input in place."""
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


def require_fed(feeds: Feeds, shapes: Shapes) -> None:
    """ValueError unless each input is given in its shape, and nothing else is."""
    if feeds.keys() != shapes.keys():
        odd = min(set(feeds) ^ set(shapes))
        raise ValueError(f"inputs must be {', '.join(sorted(shapes))}; {odd} is missing or unknown")
    for name, wanted in shapes.items():
        if feeds[name].shape != wanted:
            raise ValueError(f"{name} must be {list(wanted)}, got {list(feeds[name].shape)}")


def shapes_digest(shapes: Shapes) -> str:
    """The same for the same shapes, in hex."""
    told = json.dumps({name: list(shape) for name, shape in shapes.items()}, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
