"""Runs an engine through CUDA: the GPU, a stream, memory on both sides, and one execution context."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote.bridge.errors import OmoteError

from ..hardware import gpu_names
from .session import Array, ExportedGraph, Feeds, Outputs, RuntimeUnavailable


class CudaError(OmoteError, RuntimeError):
    """A call of CUDA failed; the message is CUDA's own."""


@dataclass(frozen=True)
class CudaGpu:
    """A GPU, by name and compute capability."""

    name: str
    capability: str  # "sm89"


def first_gpu() -> CudaGpu:
    """Selects the first GPU for the calling thread; RuntimeUnavailable without a GPU or the bindings of CUDA."""
    if not gpu_names():
        raise RuntimeUnavailable("no NVIDIA GPU is here, or no driver for it: choose --runtime openvino")
    try:
        _checked_result(_cuda_bindings().cudaSetDevice(0))
        properties = _checked_result(_cuda_bindings().cudaGetDeviceProperties(0))
    except ImportError as error:
        raise RuntimeUnavailable(
            f"the bindings of CUDA cannot be loaded ({error}): pip install omote[nvidia]"
        ) from error
    except CudaError as error:
        raise RuntimeUnavailable(f"CUDA cannot use the GPU ({error}): install a newer driver") from error
    name = properties.name.decode(errors="replace").rstrip("\0")
    return CudaGpu(name, f"sm{properties.major}{properties.minor}")


class Stream:
    """A CUDA stream: its work runs in order, and beside the work of other streams."""

    def __init__(self) -> None:
        self._stream = _checked_result(
            _cuda_bindings().cudaStreamCreateWithFlags(_cuda_bindings().cudaStreamNonBlocking)
        )
        weakref.finalize(self, _cuda_bindings().cudaStreamDestroy, self._stream).atexit = False

    @property
    def handle(self) -> int:
        return int(self._stream)

    def wait(self) -> None:
        """Returns when all its work is done. The bindings release the interpreter's lock meanwhile."""
        _checked_result(_cuda_bindings().cudaStreamSynchronize(self._stream))

    def copy(self, to: int, source: int, size: int) -> None:
        """Copies `size` bytes from one address to another, each on the host or on the GPU."""
        kind = _cuda_bindings().cudaMemcpyKind.cudaMemcpyDefault
        _checked_result(_cuda_bindings().cudaMemcpyAsync(to, source, size, kind, self._stream))

    def recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """Records what `work` puts on this stream; the result launches all of it at once."""
        cuda = _cuda_bindings()
        # Capture this thread alone: another one may be compiling the next network meanwhile.
        _checked_result(
            cuda.cudaStreamBeginCapture(self._stream, cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal)
        )
        try:
            work()
        finally:
            graph = _checked_result(cuda.cudaStreamEndCapture(self._stream))
        launched = _checked_result(cuda.cudaGraphInstantiate(graph, 0))
        _checked_result(cuda.cudaGraphDestroy(graph))
        weakref.finalize(self, cuda.cudaGraphExecDestroy, launched).atexit = False
        return lambda: _checked_result(cuda.cudaGraphLaunch(launched, self._stream))


class PinnedArray:
    """One array on both sides: pinned memory on the host, so that copies are direct, and as much on the GPU."""

    def __init__(self, shape: tuple[int, ...], kind: str = "float32") -> None:
        self._size = prod(shape) * np.dtype(kind).itemsize
        self._pinned = _checked_result(_cuda_bindings().cudaMallocHost(self._size))
        pinned = (ctypes.c_byte * self._size).from_address(self._pinned)
        # Tied to the pinned memory and not to this object: a picture may outlive the engine that drew it.
        weakref.finalize(pinned, _cuda_bindings().cudaFreeHost, self._pinned).atexit = False
        self.host: NDArray[Any] = np.ctypeslib.as_array(pinned).view(kind).reshape(shape)
        self.host[...] = 0
        self.device = int(_checked_result(_cuda_bindings().cudaMalloc(self._size)))
        weakref.finalize(self, _cuda_bindings().cudaFree, self.device).atexit = False

    def send(self, stream: Stream) -> None:
        stream.copy(self.device, self._pinned, self._size)

    def fetch(self, stream: Stream) -> None:
        stream.copy(self._pinned, self.device, self._size)


def _cuda_bindings() -> Any:
    from cuda.bindings import runtime

    return runtime


def _checked_result(returned: tuple[Any, ...]) -> Any:
    """The value that a call of CUDA returned besides its error code; CudaError if that is not 0."""
    code, *values = returned
    if int(code) != 0:
        message = _cuda_bindings().cudaGetErrorString(code)[1]
        raise CudaError(f"CUDA error {int(code)}: {message.decode()}")
    return values[0] if values else None


class EngineContext:
    """One engine's execution context with memory for its inputs and outputs; from one thread at a time."""

    def __init__(self, context: Any, graph: ExportedGraph, *, recorded: bool) -> None:
        """Runs once, so that all that the first call initializes is ready.

        `recorded` records the copies and kernels of a call as one CUDA graph; TensorRT-RTX does so by itself. Standing
        inputs are sent only when they are another array than last time.
        """
        self._context, self._stream, self._standing = context, Stream(), graph.standing
        self._inputs = {name: PinnedArray(shape) for name, shape in graph.shapes.items()}
        self._outputs = {name: PinnedArray(output.shape, output.type) for name, output in graph.outputs.items()}
        self._sent: dict[str, Array] = {}
        for name, pair in (*self._inputs.items(), *self._outputs.items()):
            _check_engine_shape(context, name, pair)
            context.set_tensor_address(name, pair.device)
        for pair in self._inputs.values():
            pair.send(self._stream)
        self._enqueue()
        self._stream.wait()
        self._recorded = self._stream.recorded(self._enqueue) if recorded else None

    def run(self, feeds: Feeds) -> Outputs:
        """The outputs, in pinned memory: valid until the next call."""
        for name, pair in self._inputs.items():
            array = feeds[name]
            if name not in self._standing:
                pair.host[...] = array
            elif self._sent.get(name) is not array:
                pair.host[...] = array
                pair.send(self._stream)
                self._sent[name] = array
        if self._recorded:
            self._recorded()
        else:
            self._enqueue()
        self._stream.wait()
        return {name: pair.host for name, pair in self._outputs.items()}

    def _enqueue(self) -> None:
        for name, pair in self._inputs.items():
            if name not in self._standing:
                pair.send(self._stream)
        if not self._context.execute_async_v3(self._stream.handle):
            raise CudaError("the engine could not be enqueued: the log says why")
        for pair in self._outputs.values():
            pair.fetch(self._stream)


def _check_engine_shape(context: Any, name: str, pair: PinnedArray) -> None:
    """Refuses an engine that was compiled for other sizes: it would read and write beyond this memory."""
    found, wanted = tuple(context.engine.get_tensor_shape(name)), pair.host.dtype
    if found != pair.host.shape or wanted.itemsize != context.engine.get_tensor_bytes_per_component(name):
        kind = "f32" if wanted == np.float32 else wanted.name
        raise RuntimeUnavailable(
            f"the engine has {name} of {found}, wanted {pair.host.shape} in {kind}: omote compile --again"
        )
