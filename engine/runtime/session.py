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
    """What a graph gives under one name."""

    shape: tuple[int, ...]
    type: str = "float32"  # or "uint8"


@dataclass(frozen=True)
class ExportedGraph:
    """An ONNX file, its weights in it or beside it, and the shapes in which it is to run."""

    path: Path
    sha256: str  # of the file and of what lies beside it
    shapes: Shapes  # of the inputs by name, all float32; they fix what the file leaves open
    outputs: Mapping[str, OutputSpec]  # by name, in the file's order
    standing: frozenset[str] = frozenset()  # inputs that go to a GPU only when they are another array than before
    is_cached: bool = False  # whether OpenVINO keeps what it compiles for the next start


class Session(Protocol):
    """Loaded and compiled when constructed; used from one thread at a time."""

    name: str  # for the status line: "openvino cpu bf16"

    def run(self, feeds: Feeds) -> Outputs:
        """The outputs, valid until the next call. Callers must not write into a standing input in place."""
        ...


def check_feeds(feeds: Feeds, shapes: Shapes) -> None:
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


# Each runtime's precisions, the one first that it takes when nothing is said ("" leaves it to the machine).
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
    """Everything but shapes that is fixed when a network is compiled."""

    runtime: str = "openvino"
    precision: str = ""  # "" is the best that keeps the picture: bf16 where the processor has it
    threads: int | None = None  # of the processor; None leaves it to the runtime

    @classmethod
    def named(cls, name: str, threads: int | None = None) -> Self:
        """Of a name as `--runtime` takes it, "openvino" or "openvino-f32"; ValueError says which there are."""
        for runtime, precisions in PRECISIONS.items():
            for precision in precisions:
                if name in (runtime, f"{runtime}-{precision}"):
                    chosen = precisions[0] if name == runtime else precision
                    return cls(runtime, chosen, threads)
        raise ValueError(f'no runtime "{name}": there are {", ".join(runtime_names())}')

    @property
    def name(self) -> str:
        """What `named` takes."""
        return f"{self.runtime}-{self.precision}" if self.precision else self.runtime


def runtime_names() -> tuple[str, ...]:
    """Every runtime by itself, then with each precision."""
    with_precision = (f"{runtime}-{one}" for runtime, precisions in PRECISIONS.items() for one in precisions if one)
    return (*RUNTIMES, *with_precision)


def forbid_openvino_telemetry() -> None:
    """From now on `import openvino` sends nothing and writes nothing; RuntimeError where it is too late for that.

    Left alone, `import openvino` imports its model converter, and that posts an event to Google Analytics, with a
    client id that it keeps in the home folder, asking nobody (2026.4, openvino/tools/ovc/__init__.py). It looks for
    the package `openvino_telemetry` and does without where there is none; None in `sys.modules` says so.
    """
    if sys.modules.get("openvino_telemetry") is not None:
        raise RuntimeError(
            "OpenVINO was imported before its usage reports were forbidden: call telemetry.forbid() first"
        )
    # typeshed has no None here, the import system does: "if the value is None, ModuleNotFoundError is raised".
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


def forbid_onnxruntime_telemetry() -> None:
    """From now on `import onnxruntime` makes no device id and no store of events, and sends nothing.

    Left alone, its wheels for Linux and macOS do all that while they are imported (1.32), before they can be told by a
    call. They read this once. On Windows, and before 1.32, `disable_telemetry_events` is all there is.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
