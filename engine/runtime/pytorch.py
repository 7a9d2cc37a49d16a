"""Runs a module by PyTorch as a session: eager, or compiled for GPUs.

What is written here for CUDA was written from the documentation and never run on a GPU.
"""

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
    """The module of which a graph was exported, on the first GPU where there is one."""

    def __init__(self, module: torch.nn.Module, graph: ExportedGraph, build: Build) -> None:
        """`module` takes the graph's inputs in their order and gives its outputs in theirs."""
        import torch

        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._precision = _arithmetic(build.precision, self._device)
        if build.threads and self._device == "cpu":
            torch.set_num_threads(build.threads)
        self._shapes, self._names, self._standing = graph.shapes, tuple(graph.outputs), graph.standing
        self._draw: Draw = module.eval().to(self._device)
        self._sent: dict[str, tuple[Array, torch.Tensor]] = {}
        runs = "pytorch"
        if build.runtime == "pytorch-compile":
            runs = self._compile({name: np.zeros(shape, np.float32) for name, shape in graph.shapes.items()})
        self.name = f"{runs} {self._device} {build.precision}"

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

    def _compile(self, feeds: Feeds) -> str:
        """Takes the first compiler that draws; its name, or RuntimeUnavailable with the last one's reason."""
        eager = self._draw
        reasons = []
        for compiler in (_stable_fast, _inductor) if self._device == "cuda" else (_inductor,):
            try:
                self._draw, name = compiler(eager, self._device)
                for _ in range(3):  # CUDA graphs are recorded in the second call and replayed in the third
                    self.run(feeds)
                return name
            except Exception as error:  # compilers raise anything
                reasons.append(_first_line(error))
        raise RuntimeUnavailable(
            f"PyTorch cannot compile the network here ({reasons[-1]}): install a C++ compiler, or choose pytorch"
        )


def _arithmetic(precision: str, device: str) -> torch.dtype | None:
    import torch

    if precision == "f16" and device == "cpu":
        raise RuntimeUnavailable("PyTorch draws in f16 on a GPU only, and finds none: choose --runtime pytorch-f32")
    return {"f32": None, "bf16": torch.bfloat16, "f16": torch.float16}[precision]


def _inductor(eager: Draw, device: str) -> tuple[Draw, str]:
    return compiled_by_inductor(eager, device), "pytorch-compile"


def compiled_by_inductor(eager: Any, device: str) -> Any:
    """The same function for one shape of its inputs, compiled when it is first called."""
    import torch
    import torch._dynamo

    mode = "reduce-overhead" if device == "cuda" else "default"  # the former replays CUDA graphs
    # All builds share one function, and torch runs it uncompiled, in silence, once it has been compiled for so many.
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, _BUILDS)
    return torch.compile(eager, mode=mode, dynamic=False, fullgraph=True)


def _stable_fast(eager: Draw, device: str) -> tuple[Draw, str]:
    """Used where somebody has installed it and it works; its development has stopped."""
    from sfast.compilers.diffusion_pipeline_compiler import CompilationConfig, compile_unet

    settings = CompilationConfig.Default()
    settings.enable_cuda_graph = True
    return compile_unet(eager, settings), "pytorch stable-fast"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
