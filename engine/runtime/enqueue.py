"""Feeds an engine on the GPU: what is new goes there, the outputs come back, and nothing is allocated in between."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cuda import CudaError, Paired, Stream
from .session import Array, ExportedGraph, Feeds, Outputs, RuntimeUnavailable


class Enqueue:
    """One engine's execution context with memory for its inputs and outputs; from one thread at a time."""

    def __init__(self, context: Any, graph: ExportedGraph, *, recorded: bool) -> None:
        """Runs once, so that whatever is made at the first call is made now.

        `recorded` makes one CUDA graph of each call's copies and kernels; without, the library does so by itself.
        Standing inputs are sent only when they are another array than last time.
        """
        self._context, self._stream, self._standing = context, Stream(), graph.standing
        self._inputs = {name: Paired(shape) for name, shape in graph.shapes.items()}
        self._outputs = {name: Paired(output.shape, output.type) for name, output in graph.outputs.items()}
        self._sent: dict[str, Array] = {}
        for name, pair in (*self._inputs.items(), *self._outputs.items()):
            _require(context, name, pair)
            context.set_tensor_address(name, pair.device)
        for pair in self._inputs.values():
            pair.send(self._stream)
        self._draw()
        self._stream.wait()
        self._recorded = self._stream.recorded(self._draw) if recorded else None

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
            self._draw()
        self._stream.wait()
        return {name: pair.host for name, pair in self._outputs.items()}

    def _draw(self) -> None:
        for name, pair in self._inputs.items():
            if name not in self._standing:
                pair.send(self._stream)
        if not self._context.execute_async_v3(self._stream.handle):
            raise CudaError("the engine could not be enqueued: the log says why")
        for pair in self._outputs.values():
            pair.fetch(self._stream)


def _require(context: Any, name: str, pair: Paired) -> None:
    """The engine writes and reads as much as it was compiled for: never beyond the memory that is here."""
    found, wanted = tuple(context.engine.get_tensor_shape(name)), pair.host.dtype
    if found != pair.host.shape or wanted.itemsize != context.engine.get_tensor_bytes_per_component(name):
        kind = "f32" if wanted == np.float32 else wanted.name
        raise RuntimeUnavailable(
            f"the engine has {name} of {found}, wanted {pair.host.shape} in {kind}: omote compile --again"
        )
