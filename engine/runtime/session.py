"""The one session protocol for compiled networks: exported graph, build, feeds and outputs; and no usage reports."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from omote.bridge.errors import OmoteError

Array = NDArray[np.float32]
Shapes = Mapping[str, tuple[int, ...]]
Feeds = Mapping[str, Array]
Outputs = Mapping[str, NDArray[Any]]


class RuntimeUnavailable(OmoteError):
    """A runtime cannot run here; the message says why and what to install or choose."""


@dataclass(frozen=True)
class OutputSpec:
    """One output of a graph."""

    shape: tuple[int, ...]
    type: str = "float32"  # or "uint8"


@dataclass(frozen=True)
class ExportedGraph:
    """An ONNX file, with its weights inside or beside it, and the shapes in which it runs."""

    path: Path
    sha256: str  # of the file and its weights
    shapes: Shapes  # of the inputs by name, all float32; they fix lengths that the file leaves open
    outputs: Mapping[str, OutputSpec]  # by name, in the file's order
    standing: frozenset[str] = frozenset()  # inputs that are sent to a GPU only when they are another array than before
    is_cached: bool = False  # whether OpenVINO keeps the compiled network for the next start


class Session(Protocol):
    """A compiled network; run it from one thread at a time."""

    name: str  # for the status line: "openvino cpu bf16"

    def run(self, feeds: Feeds) -> Outputs:
        """The outputs, valid until the next call. Callers must not write into a standing input in place."""
        ...


def check_feeds(feeds: Feeds, shapes: Shapes) -> None:
    """ValueError unless the feeds are exactly these inputs, in these shapes."""
    if feeds.keys() != shapes.keys():
        odd = min(set(feeds) ^ set(shapes))
        raise ValueError(f"inputs must be {', '.join(sorted(shapes))}; {odd} is missing or unknown")
    for name, wanted in shapes.items():
        if feeds[name].shape != wanted:
            raise ValueError(f"{name} must be {list(wanted)}, got {list(feeds[name].shape)}")


def shapes_digest(shapes: Shapes) -> str:
    """sha256 of the shapes, in hex."""
    text = json.dumps({name: list(shape) for name, shape in shapes.items()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# Each runtime's precisions, the default first; "" leaves the choice to the runtime.
PRECISIONS: dict[str, tuple[str, ...]] = {
    "openvino": ("", "f32", "bf16"),
    "onnxruntime": ("f32",),
    "tensorrt-rtx": ("f16",),
    "tensorrt": ("f16",),
    "pytorch": ("f32", "bf16", "f16"),
    "pytorch-compile": ("f32", "bf16", "f16"),
}
RUNTIMES = tuple(PRECISIONS)
AUTO = "auto"  # the fastest of the runtimes that this machine has


@dataclass(frozen=True)
class Build:
    """How a network is compiled, apart from its shapes."""

    runtime: str = "openvino"
    precision: str = ""  # "": bf16 if the processor has it, else f32
    threads: int | None = None  # of the processor; None leaves it to the runtime

    @classmethod
    def named(cls, name: str, threads: int | None = None) -> Self:
        """From a name as `--runtime` takes it: "openvino" or "openvino-f32"; ValueError for any other name."""
        for runtime, precisions in PRECISIONS.items():
            for precision in precisions:
                if name in (runtime, f"{runtime}-{precision}"):
                    chosen = precisions[0] if name == runtime else precision
                    return cls(runtime, chosen, threads)
        raise ValueError(f'no runtime "{name}": there are {", ".join(runtime_names())}')

    @property
    def name(self) -> str:
        """As `named` takes it."""
        return f"{self.runtime}-{self.precision}" if self.precision else self.runtime


def runtime_names() -> tuple[str, ...]:
    """All names that `Build.named` takes: each runtime alone, then with each precision."""
    with_precision = (f"{runtime}-{one}" for runtime, precisions in PRECISIONS.items() for one in precisions if one)
    return (*RUNTIMES, *with_precision)


def forbid_openvino_telemetry() -> None:
    """Keeps `import openvino` from sending or writing anything; RuntimeError if it was imported already.

    By default `import openvino` imports its model converter, which posts an event to Google Analytics without asking,
    with a client id that it keeps in the home folder (2026.4, openvino/tools/ovc/__init__.py). Without the package
    `openvino_telemetry` it does not; None in `sys.modules` hides that package.
    """
    if sys.modules.get("openvino_telemetry") is not None:
        raise RuntimeError(
            "OpenVINO was imported before its usage reports were forbidden: call forbid_openvino_telemetry() first"
        )
    # typeshed allows no None here, but the import system does: it then raises ModuleNotFoundError.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


def forbid_onnxruntime_telemetry() -> None:
    """Keeps `import onnxruntime` from making a device id or a store of events, and from sending anything.

    By default its wheels for Linux and macOS do all that during the import (1.32), before a call could stop them; they
    read this variable once. On Windows, and before 1.32, only `disable_telemetry_events` exists.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
