"""What is sent to a GPU and when, with a CUDA that lives in ordinary memory: no machine of the checks has a GPU."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from math import prod
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from omote.engine.runtime import cuda
from omote.engine.runtime.enqueue import Enqueue
from omote.engine.runtime.exported import ExportedGraph
from omote.engine.runtime.network import Array, Inputs, RuntimeUnavailable
from omote.engine.weights import networks

SHAPES = networks()[-1].shapes(8)


class Kind(IntEnum):
    cudaMemcpyDefault = 4  # noqa: N815


class Mode(IntEnum):
    cudaStreamCaptureModeThreadLocal = 1  # noqa: N815


@dataclass
class OrdinaryMemory:
    """NVIDIA's `cuda.bindings.runtime`, as far as it is used: each call answers (code, what it gives)."""

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


@dataclass
class SumsUp:
    """An execution context whose engine adds the mean of every input to `x`."""

    gpu: OrdinaryMemory
    addresses: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=lambda: {**SHAPES, "denoised": SHAPES["x"]})

    @property
    def engine(self) -> Any:
        return SimpleNamespace(get_tensor_shape=self.shapes.__getitem__, get_tensor_bytes_per_component=lambda name: 4)

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def execute_async_v3(self, stream: int) -> bool:
        self.gpu.put(self._sum)
        return True

    def _sum(self) -> None:
        there = {name: self._at(name) for name in self.shapes}
        there["denoised"][...] = there["x"] + sum(there[name].mean() for name in SHAPES)

    def _at(self, name: str) -> Array:
        floats = (ctypes.c_float * prod(self.shapes[name])).from_address(self.addresses[name])
        there: Array = np.ctypeslib.as_array(floats).reshape(self.shapes[name])
        return there


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> OrdinaryMemory:
    ordinary = OrdinaryMemory()
    monkeypatch.setattr(cuda, "_runtime", lambda: ordinary)
    return ordinary


def some_inputs(seed: int) -> Inputs:
    rng = np.random.default_rng(seed)
    return Inputs(**{name: rng.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()})


def expected(inputs: Inputs) -> Array:
    picture: Array = inputs.x + sum(array.mean() for array in vars(inputs).values())
    return picture


@pytest.mark.parametrize("recorded", [True, False])
def test_each_picture_is_of_what_was_given_last(gpu: OrdinaryMemory, recorded: bool) -> None:
    enqueue = Enqueue(SumsUp(gpu), SHAPES, recorded=recorded)
    first, second = some_inputs(1), some_inputs(2)
    for inputs in (first, second, replace(second, face=first.face), first.at(second.x, second.t), first):
        np.testing.assert_array_equal(enqueue.run(inputs), expected(inputs))


@pytest.mark.parametrize("recorded", [True, False])
def test_what_stands_is_sent_once_and_what_is_written_anew_each_time(gpu: OrdinaryMemory, recorded: bool) -> None:
    enqueue = Enqueue(SumsUp(gpu), SHAPES, recorded=recorded)
    inputs = some_inputs(1)
    enqueue.run(inputs)
    gpu.copied.clear()
    inputs.geometry[...] += 1.0  # the same buffers with another pose, as a painter has them
    inputs.face[...] -= 1.0
    np.testing.assert_array_equal(enqueue.run(inputs), expected(inputs))
    moving = ("t", "geometry", "uv", "face", "light")
    assert gpu.copied == [4 * prod(SHAPES[name]) for name in (*moving, "x")]  # the last is the picture, on its way back


def test_an_engine_of_another_size_is_never_given_memory(gpu: OrdinaryMemory) -> None:
    context = SumsUp(gpu)
    context.shapes["geometry"] = (1, 10, 8, 8)
    with pytest.raises(RuntimeUnavailable, match=r"the engine has geometry of \(1, 10, 8, 8\), wanted \(1, 10, 4, 4\)"):
        Enqueue(context, SHAPES, recorded=True)


@pytest.mark.parametrize("recorded", [True, False])
def test_all_memory_is_given_back_at_once_but_a_picture_that_is_still_read(gpu: OrdinaryMemory, recorded: bool) -> None:
    enqueue = Enqueue(SumsUp(gpu), SHAPES, recorded=recorded)
    picture = enqueue.run(some_inputs(1))
    kept = picture.copy()
    del enqueue
    assert len(gpu.memory) == 1
    np.testing.assert_array_equal(picture, kept)
    del picture
    assert not gpu.memory


def test_an_exported_graph_has_a_picture_of_its_own_type_and_names_what_stands(gpu: OrdinaryMemory) -> None:
    shapes = {"latents": (1, 3), "bank": (1, 5)}
    graph = ExportedGraph(Path("any.onnx"), "", shapes, "rgb", (1, 2, 3), frozenset({"bank"}), "uint8")
    enqueue = Enqueue.of(FillsWithTheSum(gpu, graph), graph, recorded=True)
    feeds = {name: np.full(shape, 4.0, np.float32) for name, shape in shapes.items()}
    enqueue.fed(feeds)
    gpu.copied.clear()
    feeds["latents"] = np.full((1, 3), 5.0, np.float32)
    picture = enqueue.fed(feeds)
    np.testing.assert_array_equal(picture, np.full((1, 2, 3), 3 * 5 + 5 * 4, np.uint8))
    assert gpu.copied == [4 * 3, 6]  # the latents, and the picture's six bytes


@dataclass
class FillsWithTheSum:
    """An execution context whose engine fills its picture of bytes with the sum of all inputs."""

    gpu: OrdinaryMemory
    graph: ExportedGraph
    addresses: dict[str, int] = field(default_factory=dict)

    @property
    def engine(self) -> Any:
        shapes = {**self.graph.shapes, self.graph.output: self.graph.output_shape}
        bytes_of = {**dict.fromkeys(self.graph.shapes, 4), self.graph.output: 1}
        return SimpleNamespace(get_tensor_shape=shapes.__getitem__, get_tensor_bytes_per_component=bytes_of.__getitem__)

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def execute_async_v3(self, stream: int) -> bool:
        self.gpu.put(self._fill)
        return True

    def _fill(self) -> None:
        total = sum(
            np.ctypeslib.as_array((ctypes.c_float * prod(shape)).from_address(self.addresses[name])).sum()
            for name, shape in self.graph.shapes.items()
        )
        picture = (ctypes.c_uint8 * prod(self.graph.output_shape)).from_address(self.addresses[self.graph.output])
        np.ctypeslib.as_array(picture)[...] = int(total)
