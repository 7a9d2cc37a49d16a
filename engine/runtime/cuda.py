"""The little of CUDA that an engine wants: the GPU, a stream, memory on both sides, a graph of what is done each time.

Never run on a GPU: written from NVIDIA's documentation of the CUDA runtime and its Python bindings, as are the
networks that use it, `enqueue.py`, `tensorrt_rtx.py` and `tensorrt.py`. What runs without one is tested: engines are
really compiled and read back.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .gpu import gpu_names
from .session import RuntimeUnavailable


class CudaError(RuntimeError):
    """The GPU did not do what it was asked; the message is CUDA's own."""


@dataclass(frozen=True)
class Gpu:
    """The GPU that is used, the first that CUDA names."""

    name: str
    capability: str  # "sm89"


def first_gpu() -> Gpu:
    """RuntimeUnavailable where there is no GPU, or no bindings to ask it by; sets it for the calling thread."""
    if not gpu_names():
        raise RuntimeUnavailable("no NVIDIA GPU is here, or no driver for it: choose --runtime openvino")
    try:
        _done(_runtime().cudaSetDevice(0))
        properties = _done(_runtime().cudaGetDeviceProperties(0))
    except ImportError as error:
        raise RuntimeUnavailable(
            f"the bindings of CUDA cannot be loaded ({error}): pip install omote[nvidia]"
        ) from error
    except CudaError as error:
        raise RuntimeUnavailable(f"CUDA cannot use the GPU ({error}): install a newer driver") from error
    name = properties.name.decode(errors="replace").rstrip("\0")
    return Gpu(name, f"sm{properties.major}{properties.minor}")


class Stream:
    """What is put on it happens in order, beside what other streams do."""

    def __init__(self) -> None:
        self._stream = _done(_runtime().cudaStreamCreateWithFlags(_runtime().cudaStreamNonBlocking))
        weakref.finalize(self, _runtime().cudaStreamDestroy, self._stream).atexit = False

    @property
    def handle(self) -> int:
        return int(self._stream)

    def wait(self) -> None:
        """Returns when all that was put on it has happened. The bindings let other threads run meanwhile."""
        _done(_runtime().cudaStreamSynchronize(self._stream))

    def copy(self, to: int, source: int, size: int) -> None:
        """`size` bytes from one address to another, on whichever side each of them is."""
        kind = _runtime().cudaMemcpyKind.cudaMemcpyDefault
        _done(_runtime().cudaMemcpyAsync(to, source, size, kind, self._stream))

    def recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """What `work` puts on this stream, as one launch; nothing of it happens before that is called."""
        cuda = _runtime()
        # Of this thread alone: another one may be compiling the next network meanwhile.
        _done(cuda.cudaStreamBeginCapture(self._stream, cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal))
        try:
            work()
        finally:
            graph = _done(cuda.cudaStreamEndCapture(self._stream))
        launched = _done(cuda.cudaGraphInstantiate(graph, 0))
        _done(cuda.cudaGraphDestroy(graph))
        weakref.finalize(self, cuda.cudaGraphExecDestroy, launched).atexit = False
        return lambda: _done(cuda.cudaGraphLaunch(launched, self._stream))


class Paired:
    """One array on both sides: pinned memory here, so that a copy needs no detour, and as much on the GPU."""

    def __init__(self, shape: tuple[int, ...], kind: str = "float32") -> None:
        self._size = prod(shape) * np.dtype(kind).itemsize
        self._near = _done(_runtime().cudaMallocHost(self._size))
        pinned = (ctypes.c_byte * self._size).from_address(self._near)
        # With the pinned memory itself, not with this object: a picture may still be read when its painter is gone.
        weakref.finalize(pinned, _runtime().cudaFreeHost, self._near).atexit = False
        self.host: NDArray[Any] = np.ctypeslib.as_array(pinned).view(kind).reshape(shape)
        self.host[...] = 0
        self.device = int(_done(_runtime().cudaMalloc(self._size)))
        weakref.finalize(self, _runtime().cudaFree, self.device).atexit = False

    def send(self, stream: Stream) -> None:
        stream.copy(self.device, self._near, self._size)

    def fetch(self, stream: Stream) -> None:
        stream.copy(self._near, self.device, self._size)


def _runtime() -> Any:
    from cuda.bindings import runtime

    return runtime


def _done(answer: tuple[Any, ...]) -> Any:
    """What a call of CUDA gave beside its error code; CudaError where that is one."""
    code, *given = answer
    if int(code) != 0:
        said = _runtime().cudaGetErrorString(code)[1]
        raise CudaError(f"CUDA error {int(code)}: {said.decode()}")
    return given[0] if given else None
