"""Runs a module by PyTorch as a session: eager, or compiled by Inductor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from .session import Array, Build, ExportedGraph, Feeds, Outputs, RuntimeUnavailable, check_feeds

if TYPE_CHECKING:
    import torch

_BUILDS = 64  # shapes and precisions that one process may compile
Draw = Callable[..., "tuple[torch.Tensor, ...]"]


class PyTorchSession:
    """The module of an exported graph, on the first GPU if there is one, else on the CPU."""

    def __init__(self, module: torch.nn.Module, graph: ExportedGraph, build: Build) -> None:
        """`module` takes the graph's inputs and returns its outputs, both in the graph's order."""
        import torch

        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._precision = _autocast_type(build.precision, self._device)
        if build.threads and self._device == "cpu":
            torch.set_num_threads(build.threads)
        self._shapes, self._names, self._standing = graph.shapes, tuple(graph.outputs), graph.standing
        self._draw: Draw = module.eval().to(self._device)
        self._sent: dict[str, tuple[Array, torch.Tensor]] = {}
        if build.runtime == "pytorch-compile":
            self._compile({name: np.zeros(shape, np.float32) for name, shape in graph.shapes.items()})
        self.name = f"{build.runtime} {self._device} {build.precision}"

    def run(self, feeds: Feeds) -> Outputs:
        check_feeds(feeds, self._shapes)
        tensors = [self._on_device(name, feeds[name]) for name in self._shapes]
        with self._torch.inference_mode(), self._cast():
            found = self._draw(*tensors)
            return {name: one.float().cpu().numpy() for name, one in zip(self._names, found, strict=True)}

    def _on_device(self, name: str, array: Array) -> torch.Tensor:
        before = self._sent.get(name)
        if before is not None and before[0] is array and name in self._standing:
            return before[1]
        tensor = self._torch.from_numpy(array).to(self._device)
        self._sent[name] = (array, tensor)
        return tensor

    def _cast(self) -> AbstractContextManager[object]:
        if self._precision is None:
            return nullcontext()
        return self._torch.autocast(self._device, self._precision)

    def _compile(self, feeds: Feeds) -> None:
        """Compiles for one shape of the inputs; RuntimeUnavailable if that fails."""
        self._draw = compiled_by_inductor(self._draw, self._device)
        try:
            for _ in range(3):  # CUDA graphs are recorded in the second call and replayed in the third
                self.run(feeds)
        except Exception as error:  # compilers raise anything
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RuntimeUnavailable(
                f"PyTorch cannot compile the network here ({reason}): install a C++ compiler, or choose pytorch"
            ) from error


def _autocast_type(precision: str, device: str) -> torch.dtype | None:
    import torch

    if precision == "f16" and device == "cpu":
        raise RuntimeUnavailable("PyTorch draws in f16 on a GPU only, and there is none: choose --runtime pytorch-f32")
    return {"f32": None, "bf16": torch.bfloat16, "f16": torch.float16}[precision]


def compiled_by_inductor(eager: Any, device: str) -> Any:
    """The function for one shape of its inputs, compiled at the first call."""
    import torch
    import torch._dynamo

    mode = "reduce-overhead" if device == "cuda" else "default"  # the former replays CUDA graphs
    # All builds share one function; after this many compilations torch would silently run it uncompiled.
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, _BUILDS)
    return torch.compile(eager, mode=mode, dynamic=False, fullgraph=True)
