"""Feeds an engine on the GPU: what is new goes there, the picture comes back, and nothing is allocated in between."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cuda import CudaError, Paired, Stream
from .exported import SHIPPED_OUTPUT, SHIPPED_STANDING, ExportedGraph, Feeds, Shapes
from .network import Array, Inputs, RuntimeUnavailable


class Enqueue:
    """One engine's execution context with memory for its inputs and its picture; from one thread at a time."""

    def __init__(
        self,
        context: Any,
        shapes: Shapes,
        *,
        recorded: bool,
        output: str = SHIPPED_OUTPUT,
        picture: Paired | None = None,
        standing: frozenset[str] = SHIPPED_STANDING,
    ) -> None:
        """Runs once, so that whatever is made at the first call is made now.

        `recorded` makes one CUDA graph of each call's copies and kernels; without, the library does so by itself.
        `standing` inputs are sent only when they are another array than last time: whoever draws must not write into
        these in place. The picture has the shape of `x` unless memory for it is given.
        """
        self._context, self._stream, self._standing = context, Stream(), standing
        self._inputs = {name: Paired(shape) for name, shape in shapes.items()}
        self._picture = picture or Paired(shapes["x"])
        self._sent: dict[str, Array] = {}
        for name, pair in (*self._inputs.items(), (output, self._picture)):
            _require(context, name, pair)
            context.set_tensor_address(name, pair.device)
        for pair in self._inputs.values():
            pair.send(self._stream)
        self._draw()
        self._stream.wait()
        self._recorded = self._stream.recorded(self._draw) if recorded else None

    @classmethod
    def of(cls, context: Any, graph: ExportedGraph, *, recorded: bool) -> Enqueue:
        """For the engine of an exported graph."""
        picture = Paired(graph.output_shape, graph.output_type)
        return cls(
            context, graph.shapes, recorded=recorded, output=graph.output, picture=picture, standing=graph.standing
        )

    def run(self, inputs: Inputs) -> Array:
        """The picture, in pinned memory: valid until the next call."""
        return self.fed(vars(inputs))

    def fed(self, feeds: Feeds) -> NDArray[Any]:
        """The same of inputs by name."""
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
        return self._picture.host

    def _draw(self) -> None:
        for name, pair in self._inputs.items():
            if name not in self._standing:
                pair.send(self._stream)
        if not self._context.execute_async_v3(self._stream.handle):
            raise CudaError("the engine could not be enqueued: the log says why")
        self._picture.fetch(self._stream)


def _require(context: Any, name: str, pair: Paired) -> None:
    """The engine writes and reads as much as it was compiled for: never beyond the memory that is here."""
    found, wanted = tuple(context.engine.get_tensor_shape(name)), pair.host.dtype
    if found != pair.host.shape or wanted.itemsize != context.engine.get_tensor_bytes_per_component(name):
        kind = "f32" if wanted == np.float32 else wanted.name
        raise RuntimeUnavailable(
            f"the engine has {name} of {found}, wanted {pair.host.shape} in {kind}: omote compile --again"
        )
