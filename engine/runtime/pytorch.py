"""Runs the denoiser by PyTorch: eager on a CPU in f32 is the reference of all runtimes, compiled is for GPUs.

What is written here for CUDA was written from the documentation and never run on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from omote.engine.weights import NetworkFile

from .build import Build
from .network import Array, Inputs, RuntimeUnavailable

if TYPE_CHECKING:
    import torch

_BUILDS = 64  # sizes, batches and precisions that one process may compile
# The same arrays from picture to picture, and never written to: they stay on the device.
_STANDING = frozenset(("x", "texture", "identity", "bank", "present"))
_FROM_EXTRA = "pip install 'omote[training]', or choose --runtime openvino"
Draw = Callable[..., "torch.Tensor"]


class PyTorchNetwork:
    """The shipped weights in the module that they were trained in, on the first GPU where there is one."""

    def __init__(self, file: NetworkFile, build: Build) -> None:
        try:
            import torch
        except ImportError as error:
            raise RuntimeUnavailable(f"PyTorch cannot be loaded ({error}): {_FROM_EXTRA}") from error
        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._precision = _arithmetic(build.precision, self._device)
        if build.threads and self._device == "cpu":
            torch.set_num_threads(build.threads)
        self._draw: Draw = _module(file).to(self._device)
        self._sent: dict[str, tuple[Array, torch.Tensor]] = {}
        runs = "pytorch"
        if build.runtime == "pytorch-compile":
            shapes = file.shapes(build.size, build.batch)
            runs = self._compile(Inputs(**{name: np.zeros(shape, np.float32) for name, shape in shapes.items()}))
        self.name = f"{runs} {self._device} {build.precision}"

    def run(self, inputs: Inputs) -> Array:
        tensors = [self._on_device(name, array) for name, array in vars(inputs).items()]
        with self._torch.inference_mode(), self._cast():
            return np.asarray(self._draw(*tensors).float().cpu().numpy())

    def _on_device(self, name: str, array: Array) -> torch.Tensor:
        before = self._sent.get(name)
        if before is not None and before[0] is array and name in _STANDING:
            return before[1]
        tensor = self._torch.from_numpy(array).to(self._device)
        self._sent[name] = (array, tensor)
        return tensor

    def _cast(self) -> AbstractContextManager[object]:
        if self._precision is None:
            return nullcontext()
        return self._torch.autocast(self._device, self._precision)

    def _compile(self, inputs: Inputs) -> str:
        """Takes the first compiler that draws; its name, or RuntimeUnavailable with the last one's reason."""
        eager = self._draw
        reasons = []
        for compiler in (_stable_fast, _inductor) if self._device == "cuda" else (_inductor,):
            try:
                self._draw, name = compiler(eager, self._device)
                for _ in range(3):  # CUDA graphs are recorded in the second call and replayed in the third
                    self.run(inputs)
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


def _module(file: NetworkFile) -> torch.nn.Module:
    """The denoiser with the weights of the shipped file."""
    try:
        from omote.engine.diffusion.denoiser import Denoiser, Shape
        from omote.engine.diffusion.flat import Flat
        from omote.engine.diffusion.shipped import network
    except ImportError as error:
        raise RuntimeUnavailable(f"the shipped weights cannot be read ({error}): {_FROM_EXTRA}") from error
    shape = Shape(size=file.size, grid=file.size // 2, texture=file.texture[0], identity=file.identity)
    denoiser = Flat(Denoiser(shape)).eval()
    missing, unknown = denoiser.load_state_dict(network(file.path), strict=False)
    # The rows that a picture gives to a bank come with the character: no export has that part.
    if unknown or not all(name.startswith("denoiser.remember.") for name in missing):
        odd = (*unknown, *(name for name in missing if not name.startswith("denoiser.remember.")))
        raise RuntimeUnavailable(f"{file.file} holds no weights of this module ({odd[0]}): choose --runtime openvino")
    return denoiser


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
