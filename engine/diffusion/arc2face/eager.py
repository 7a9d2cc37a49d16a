"""Runs Arc2Face's loaded modules by PyTorch as they are, or compiled: for GPUs without TensorRT, and to compare with.

What is written here for CUDA was written from the documentation and never run on a GPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...photoreal.exported_model import DECODER, UNET
from ...runtime.pytorch import compiled_by_inductor
from ...runtime.session import Array, Build, ExportedGraph, Feeds, Outputs, RuntimeUnavailable, Session, check_feeds
from .flat import FlatDecoder, FlatUNet
from .pipeline import Arc2Face

_RECORDS_AND_REPLAYS = 3  # CUDA graphs are recorded in the second call and replayed in the third
_LAYOUT = torch.channels_last  # as tensor cores want their convolutions
_DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


class EagerSession:
    """One flat module on a device; used from the thread that opened it, to which CUDA graphs belong."""

    def __init__(self, module: nn.Module, graph: ExportedGraph, build: Build, device: str) -> None:
        self._device, self._dtype = torch.device(device), dtype_of(build.precision, device)
        self._shapes, self._standing = graph.shapes, graph.standing
        (self._output,) = graph.outputs
        self._module: Any = _placed(module, self._device, self._dtype)
        self._sent: dict[str, tuple[Array, Tensor]] = {}
        self.name = f"{build.runtime} {device} {build.precision}"
        if build.runtime == "pytorch-compile":
            self._compile()

    def run(self, feeds: Feeds) -> Outputs:
        check_feeds(feeds, self._shapes)
        tensors = [self._there(name, feeds[name]) for name in self._shapes]
        with torch.inference_mode():
            made = self._module(*tensors)
            return {self._output: (made.float() if made.is_floating_point() else made).cpu().numpy()}

    def _there(self, name: str, array: Array) -> Tensor:
        before = self._sent.get(name)
        if name in self._standing and before is not None and before[0] is array:
            return before[1]
        # Timesteps are whole numbers up to 999, of which bf16 has only every fourth.
        dtype = torch.float32 if name == "t" else self._dtype
        tensor = torch.from_numpy(np.ascontiguousarray(array)).to(self._device, dtype)
        if name in self._standing:
            self._sent[name] = (array, tensor)
        return tensor

    def _compile(self) -> None:
        self._module = compiled_by_inductor(self._module, self._device.type)
        zeros = {name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()}
        try:
            for _ in range(_RECORDS_AND_REPLAYS):
                self.run(zeros)
        except Exception as error:  # compilers raise anything
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RuntimeUnavailable(
                f"PyTorch cannot compile the network here ({said}): install a C++ compiler, or choose pytorch"
            ) from error


def _placed(module: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    try:
        there: nn.Module = module.to(device, dtype, memory_format=_LAYOUT).eval()  # type: ignore[call-overload]
    except RuntimeError as error:  # a GPU that is too small, or too old for this PyTorch
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RuntimeUnavailable(f"PyTorch cannot draw on {device} ({said}): choose --runtime openvino") from error
    return there


def open_eager(arc: Arc2Face, name: str, graph: ExportedGraph, build: Build, device: str | None = None) -> Session:
    """The UNet or the decoder with the inputs of its exported graph; on the first GPU unless another device is named.

    The session has the module for itself: `arc` is moved to where it runs. RuntimeUnavailable where that cannot be.
    """
    modules: dict[str, nn.Module] = {UNET: FlatUNet(arc.unet), DECODER: FlatDecoder(arc.tiny)}
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if build.threads and device == "cpu":
        torch.set_num_threads(build.threads)
    return EagerSession(modules[name], graph, build, device)


def dtype_of(precision: str, device: str) -> torch.dtype:
    """RuntimeUnavailable for halves on a CPU, where they take longer than all else."""
    if precision == "f16" and device == "cpu":
        raise RuntimeUnavailable("PyTorch draws in f16 on a GPU only, and finds none: choose --runtime pytorch-f32")
    return _DTYPES[precision]
