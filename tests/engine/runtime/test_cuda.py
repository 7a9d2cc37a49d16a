"""What is sent to a GPU and when, with a CUDA in ordinary memory, since the checks run without a GPU."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from math import prod
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from omote.engine.runtime import cuda
from omote.engine.runtime.cuda import EngineContext
from omote.engine.runtime.session import Array, ExportedGraph, OutputSpec, RuntimeUnavailable

SHAPES = {"x": (1, 4, 8, 8), "t": (1,), "geometry": (1, 10, 4, 4), "face": (1, 64), "bank": (1, 3, 5)}
GRAPH = ExportedGraph(
    Path("any.onnx"), "", SHAPES, {"picture": OutputSpec((1, 4, 8, 8)), "levels": OutputSpec((2, 3), "uint8")},
    frozenset({"x", "bank"}),
)  # fmt: skip


class Kind(IntEnum):
    cudaMemcpyDefault = 4  # noqa: N815


class Mode(IntEnum):
    cudaStreamCaptureModeThreadLocal = 1  # noqa: N815


@dataclass
class OrdinaryMemory:
    """NVIDIA's `cuda.bindings.runtime`, as far as it is used: each call returns (code, value)."""

    cudaMemcpyKind: type[Kind] = Kind  # noqa: N815
    cudaStreamCaptureMode: type[Mode] = Mode  # noqa: N815
    cudaStreamNonBlocking: int = 1  # noqa: N815
    memory: dict[int, Any] = field(default_factory=dict)
    copied: list[int] = field(default_factory=list)  # sizes, in order
    recording: list[Callable[[], None]] | None = None

    def cudaMalloc(self, size: int) -> tuple[int, int]:  # noqa: N802
        block = (ctypes.c_byte * size)()
        self.memory[ctypes.addressof(block)] = block
        return 0, ctypes.addressof(block)

    cudaMallocHost = cudaMalloc  # noqa: N815

    def cudaFree(self, address: int) -> tuple[int]:  # noqa: N802
        del self.memory[address]
        return (0,)

    cudaFreeHost = cudaFree  # noqa: N815

    def cudaStreamCreateWithFlags(self, flags: int) -> tuple[int, int]:  # noqa: N802
        return 0, 7

    def cudaStreamDestroy(self, stream: int) -> tuple[int]:  # noqa: N802
        return (0,)

    cudaStreamSynchronize = cudaGraphDestroy = cudaGraphExecDestroy = cudaStreamDestroy  # noqa: N815

    def put(self, work: Callable[[], None]) -> None:
        if self.recording is None:
            work()
        else:
            self.recording.append(work)

    def cudaMemcpyAsync(self, to: int, source: int, size: int, kind: Kind, stream: int) -> tuple[int]:  # noqa: N802
        def copy() -> None:
            self.copied.append(size)
            ctypes.memmove(to, source, size)

        self.put(copy)
        return (0,)

    def cudaStreamBeginCapture(self, stream: int, mode: Mode) -> tuple[int]:  # noqa: N802
        self.recording = []
        return (0,)

    def cudaStreamEndCapture(self, stream: int) -> tuple[int, Any]:  # noqa: N802
        recorded, self.recording = self.recording, None
        return 0, recorded

    def cudaGraphInstantiate(self, graph: Any, flags: int) -> tuple[int, Any]:  # noqa: N802
        return 0, graph

    def cudaGraphLaunch(self, graph: Any, stream: int) -> tuple[int]:  # noqa: N802
        for work in graph:
            work()
        return (0,)


def outputs() -> dict[str, tuple[int, ...]]:
    return {name: output.shape for name, output in GRAPH.outputs.items()}


@dataclass
class SummingContext:
    """An execution context whose engine adds the mean of every input to `x`, and gives 7 in bytes."""

    gpu: OrdinaryMemory
    addresses: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=lambda: {**SHAPES, **outputs()})

    @property
    def engine(self) -> Any:
        bytes_of = {name: 1 if name == "levels" else 4 for name in self.shapes}
        return SimpleNamespace(
            get_tensor_shape=self.shapes.__getitem__, get_tensor_bytes_per_component=bytes_of.__getitem__
        )

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def execute_async_v3(self, stream: int) -> bool:
        self.gpu.put(self._sum)
        return True

    def _sum(self) -> None:
        there = {name: self._at(name) for name in self.shapes if name != "levels"}
        there["picture"][...] = there["x"] + sum(there[name].mean() for name in SHAPES)
        ctypes.memset(self.addresses["levels"], 7, prod(self.shapes["levels"]))

    def _at(self, name: str) -> Array:
        floats = (ctypes.c_float * prod(self.shapes[name])).from_address(self.addresses[name])
        there: Array = np.ctypeslib.as_array(floats).reshape(self.shapes[name])
        return there


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> OrdinaryMemory:
    ordinary = OrdinaryMemory()
    monkeypatch.setattr(cuda, "_cuda_bindings", lambda: ordinary)
    return ordinary


def some_feeds(seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}


def expected(feeds: dict[str, Array]) -> Array:
    picture: Array = feeds["x"] + sum(array.mean() for array in feeds.values())
    return picture


@pytest.mark.parametrize("recorded", [True, False])
def test_each_picture_is_of_the_last_feeds(gpu: OrdinaryMemory, recorded: bool) -> None:
    enqueue = EngineContext(SummingContext(gpu), GRAPH, recorded=recorded)
    first, second = some_feeds(1), some_feeds(2)
    for feeds in (first, second, {**second, "face": first["face"]}, {**first, "x": second["x"]}, first):
        found = enqueue.run(feeds)
        np.testing.assert_array_equal(found["picture"], expected(feeds))
        np.testing.assert_array_equal(found["levels"], np.full((2, 3), 7, np.uint8))


@pytest.mark.parametrize("recorded", [True, False])
def test_standing_inputs_are_sent_once_and_the_others_each_time(gpu: OrdinaryMemory, recorded: bool) -> None:
    enqueue = EngineContext(SummingContext(gpu), GRAPH, recorded=recorded)
    feeds = some_feeds(1)
    enqueue.run(feeds)
    gpu.copied.clear()
    feeds["geometry"][...] += 1.0  # the same buffers with another pose
    feeds["face"][...] -= 1.0
    np.testing.assert_array_equal(enqueue.run(feeds)["picture"], expected(feeds))
    moving = [4 * prod(SHAPES[name]) for name in ("t", "geometry", "face")]
    assert gpu.copied == [*moving, 4 * prod(SHAPES["x"]), 6]  # the last two are the outputs, on their way back


def test_an_engine_of_another_size_is_never_given_memory(gpu: OrdinaryMemory) -> None:
    context = SummingContext(gpu)
    context.shapes["geometry"] = (1, 10, 8, 8)
    with pytest.raises(RuntimeUnavailable, match=r"the engine has geometry of \(1, 10, 8, 8\), wanted \(1, 10, 4, 4\)"):
        EngineContext(context, GRAPH, recorded=True)


@pytest.mark.parametrize("recorded", [True, False])
def test_all_memory_is_freed_but_that_of_a_picture_that_is_still_read(gpu: OrdinaryMemory, recorded: bool) -> None:
    enqueue = EngineContext(SummingContext(gpu), GRAPH, recorded=recorded)
    picture = enqueue.run(some_feeds(1))["picture"]
    kept = picture.copy()
    del enqueue
    assert len(gpu.memory) == 1
    np.testing.assert_array_equal(picture, kept)
    del picture
    assert not gpu.memory
