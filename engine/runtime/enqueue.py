"""Feeds an engine on the GPU: what is new goes there, the picture comes back, and nothing is allocated in between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .cuda import CudaError, Paired, Stream
from .network import Array, Inputs, RuntimeUnavailable

OUTPUT = "denoised"
# Sent only when they are another array than last time: whoever draws must not write into these in place. A character's
# texture is two thirds of all bytes that go in.
_STANDING = ("x", "texture", "identity", "bank", "present")


class Enqueue:
    """One engine's execution context with memory for its inputs and its picture; from one thread at a time."""

    def __init__(self, context: Any, shapes: Mapping[str, tuple[int, ...]], *, recorded: bool) -> None:
        """Runs once, so that whatever is made at the first call is made now.

        `recorded` makes one CUDA graph of each call's copies and kernels; without, the library does so by itself.
        """
        self._context, self._stream = context, Stream()
        self._inputs = {name: Paired(shape) for name, shape in shapes.items()}
        self._picture = Paired(shapes["x"])
        self._sent: dict[str, Array] = {}
        for name, pair in (*self._inputs.items(), (OUTPUT, self._picture)):
            _require(context, name, pair)
            context.set_tensor_address(name, pair.device)
        for pair in self._inputs.values():
            pair.send(self._stream)
        self._draw()
        self._stream.wait()
        self._recorded = self._stream.recorded(self._draw) if recorded else None

    def run(self, inputs: Inputs) -> Array:
        """The picture, in pinned memory: valid until the next call."""
        for name, pair in self._inputs.items():
            array: Array = getattr(inputs, name)
            if name not in _STANDING:
                pair.host[...] = array
            elif self._sent.get(name) is not array:
                pair.host[...] = array
                pair.send(self._stream)
                self._sent[name] = array
        if self._recorded:
            self._recorded()
        else:
            self._draw()
        self._stream.wait()
        return self._picture.host

    def _draw(self) -> None:
        for name, pair in self._inputs.items():
            if name not in _STANDING:
                pair.send(self._stream)
        if not self._context.execute_async_v3(self._stream.handle):
            raise CudaError("the engine could not be enqueued: the log says why")
        self._picture.fetch(self._stream)


def _require(context: Any, name: str, pair: Paired) -> None:
    """The engine writes and reads as much as it was compiled for: never beyond the memory that is here."""
    found = tuple(context.engine.get_tensor_shape(name))
    if found != pair.host.shape or np.dtype(np.float32).itemsize != context.engine.get_tensor_bytes_per_component(name):
        raise RuntimeUnavailable(
            f"the engine has {name} of {found}, wanted {pair.host.shape} in f32: omote compile --again"
        )
