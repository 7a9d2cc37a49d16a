"""Exports Arc2Face to ONNX, and runs its modules by PyTorch with the same inputs, for GPUs without TensorRT.

Identity, strength of the expression and bank are inputs, so every character uses the same files. The UNet takes any
number of pictures at once. Its weights exceed the 2 GB limit of a message and lie beside the graph. The code for CUDA
follows the documentation and was never run on a GPU.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from onnxscript import optimizer
from safetensors.numpy import save_file
from torch import Tensor, nn

from ..face.flame_vectors import VECTOR_SIZE
from ..models import sha256_of
from ..runtime.pytorch import compiled_by_inductor
from ..runtime.session import Array, Build, ExportedGraph, Feeds, Outputs, RuntimeUnavailable, Session, check_feeds
from .networks import (
    BANK,
    DECODER,
    EVERY_PICTURE,
    EXPRESSION,
    REFERENCE_FILE,
    SLOTS,
    UNET,
    ExportedModel,
    Graph,
    Length,
    Recipe,
    reference_inputs,
)
from .pipeline import TOKENS, Arc2Face
from .processors import Bank, Reading, block_names, denoise
from .sampling import FewStep
from .schedulers import few_step_plans

Sizes = dict[str, tuple[int, ...]]
OPSET = 18
_BATCH = "batch"
_ANY_SIZE = 1 << 40
_RECORDS_AND_REPLAYS = 3  # the second call records CUDA graphs and the third replays them
_DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


class FlatUNet(nn.Module):
    """One call of the UNet. `rows` are the bank's keys of all blocks, then their values, then their biases."""

    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, x: Tensor, t: Tensor, tokens: Tensor, expression: Tensor, scale: Tensor, *rows: Tensor) -> Tensor:
        count = len(rows) // 3
        bank = Bank(rows[:count], rows[count : 2 * count], rows[2 * count :]) if rows else None
        return denoise(self.unet, x, t, tokens, Reading(expression, scale, bank))


class FlatDecoder(nn.Module):
    """Decodes to [1,S,S,3] uint8, which is a quarter of the bytes of float32."""

    def __init__(self, tiny: Any) -> None:
        super().__init__()
        self.tiny = tiny

    def forward(self, latents: Tensor) -> Tensor:
        levels: Tensor = ((self.tiny.decode(latents).sample + 1.0) * 127.5).round().clamp(0.0, 255.0)
        return levels.permute(0, 2, 3, 1).byte()


def unet_shapes(arc: Arc2Face, side: int, bank: tuple[int, ...]) -> Sizes:
    """The UNet's inputs by name, in order, for latents of this side; `bank` is the number of rows for each block."""
    unet, batch, count = arc.unet, SLOTS, arc.adapter.count
    cross, names = unet.config.cross_attention_dim, block_names(unet)
    shapes: Sizes = {
        "x": (batch, unet.config.in_channels, side, side),
        "t": (batch,),
        "tokens": (batch, TOKENS, cross),
        "expression": (batch, count, cross),
        "scale": (len(names),),
    }
    if not bank:
        return shapes
    widths = [unet.get_submodule(name).attn1.to_k.out_features for name in names]
    rows = [(1, length, width) for length, width in zip(bank, widths, strict=True)]
    parts = ("key", rows), ("value", rows), ("bias", [row[:2] for row in rows])
    return shapes | {f"{part}_{number:02}": shape for part, all_ in parts for number, shape in enumerate(all_)}


def export(arc: Arc2Face, recipe: Recipe, folder: Path) -> ExportedModel:
    """Writes the graphs of a model to this folder, and reads them back.

    ValueError unless the model is in f32 on the CPU and has the blocks of the bank.
    """
    if arc.dtype != torch.float32 or arc.device.type != "cpu":
        raise ValueError(f"the exported model must be in f32 on the CPU, got {arc.dtype} on {arc.device}")
    if len(recipe.bank) not in (0, arc.blocks):
        raise ValueError(
            f"the character's bank has {len(recipe.bank)} blocks, the weights have {arc.blocks}: make the character "
            "again with the installed weights"
        )
    folder.mkdir(parents=True, exist_ok=True)
    side = recipe.size // 8
    parts: dict[str, tuple[nn.Module, Sizes, str]] = {
        EXPRESSION: (arc.adapter, {"vectors": (1, VECTOR_SIZE)}, "tokens"),
        UNET: (FlatUNet(arc.unet), unet_shapes(arc, side, recipe.bank), "eps"),
        DECODER: (FlatDecoder(arc.tiny), {"latents": (1, arc.unet.config.in_channels, side, side)}, "pixels"),
    }
    outputs = {name: _computed(module, shapes) for name, (module, shapes, _) in parts.items()}
    graphs = {name: _written(*part, name, outputs[name], folder) for name, part in parts.items()}
    save_file(outputs, folder / REFERENCE_FILE)
    ExportedModel(folder, recipe, graphs, few_step_plans(cast("FewStep", recipe.sampler))).write()
    return ExportedModel.read(folder)


def _computed(module: nn.Module, shapes: Sizes) -> np.ndarray[Any, Any]:
    """The module's outputs for the reference inputs, one picture at a time to save memory."""
    tensors = {name: torch.from_numpy(array) for name, array in reference_inputs(shapes).items()}
    count = next(iter(shapes.values()))[0]
    with torch.inference_mode():
        one = [
            module(*(tensor if _is_shared(name) else tensor[k : k + 1] for name, tensor in tensors.items()))
            for k in range(count)
        ]
    return np.ascontiguousarray(torch.cat(one).numpy())


def _is_shared(name: str) -> bool:
    """Whether all pictures of a batch share this input of the UNet."""
    return name == "scale" or name.startswith(BANK)


def _written(
    module: nn.Module, shapes: Sizes, output: str, name: str, made: np.ndarray[Any, Any], folder: Path
) -> Graph:
    is_unet, path = name == UNET, folder / f"{name}.onnx"
    _program(module, shapes, output, has_batch=is_unet).save(path, external_data=is_unet)
    files = sorted(folder.glob(f"{path.name}*"))
    inputs: dict[str, tuple[Length, ...]] = {
        one: (None, *shape[1:]) if is_unet and not _is_shared(one) else shape for one, shape in shapes.items()
    }
    return Graph(
        file=path.name,
        sha256=sha256_of(*files),
        files=tuple(each.name for each in files),
        inputs=inputs,
        standing=tuple(one for one in shapes if is_unet and one not in EVERY_PICTURE),
        output=output,
        output_shape=((None if is_unet else 1), *made.shape[1:]),
        output_type=str(made.dtype),
    )


def _program(module: nn.Module, shapes: Sizes, output: str, *, has_batch: bool) -> Any:
    """torch's ONNX program. A batch of two is traced, since the exporter would take a batch of one for a constant."""
    tensors = tuple(
        torch.zeros(shape if _is_shared(name) or not has_batch else (2, *shape[1:])) for name, shape in shapes.items()
    )
    axes: dict[str, Any] | None = None
    if has_batch:  # the rows of the bank are one argument
        batch = torch.export.Dim(_BATCH, min=1, max=63)  # from 64 on diffusers upsamples differently
        rows = tuple(None for name in shapes if name.startswith(BANK))
        axes = {name: None if name == "scale" else {0: batch} for name in shapes if not name.startswith(BANK)}
        axes |= {"rows": rows} if rows else {}
    with _quietly(), torch.no_grad():
        traced = torch.export.export(module.eval(), tensors, dynamic_shapes=axes, strict=False)
        program: Any = torch.onnx.export(
            traced,
            tensors,
            dynamo=True,
            input_names=list(shapes),
            output_names=[output],
            opset_version=OPSET,
            optimize=False,  # the rewriting rules take minutes, and each runtime optimizes by itself
            verify=False,
        )
    # Folds transposed weights and shapes, which depend on no input.
    optimizer.fold_constants(program.model, input_size_limit=_ANY_SIZE, output_size_limit=_ANY_SIZE)
    optimizer.remove_unused_nodes(program.model)
    _strip(program.model)
    return program


def _strip(model: Any) -> None:
    """Removes paths and stack traces of this machine, and renames the batch dimension."""
    batch = str(model.graph.inputs[0].shape[0])
    nodes = list(model.graph)
    for node in nodes:
        node.metadata_props.clear()
        node.doc_string = None
    for value in (*model.graph.inputs, *(made for node in nodes for made in node.outputs)):
        value.metadata_props.clear()
        if value.shape is not None:
            named = [_BATCH if str(length) == batch else None for length in value.shape]
            lengths = zip(value.shape, named, strict=True)
            value.shape = type(value.shape)([one if isinstance(one, int) else name for one, name in lengths])
    model.metadata_props.clear()
    model.graph.metadata_props.clear()


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Silences the exporter's progress and warnings."""
    exporter = logging.getLogger("torch.onnx")
    before, exporter.level = exporter.level, logging.ERROR
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter.setLevel(before)


class EagerSession:
    """One flat module on a device. Use it from the thread that opened it, to which CUDA graphs belong."""

    def __init__(self, module: nn.Module, graph: ExportedGraph, build: Build, device: str) -> None:
        if build.precision == "f16" and device == "cpu":
            raise RuntimeUnavailable("PyTorch needs a GPU for f16 and finds none: choose --runtime pytorch-f32")
        self._device, self._dtype = torch.device(device), _DTYPES[build.precision]
        self._shapes, self._standing = graph.shapes, graph.standing
        (self._output,) = graph.outputs
        self._sent: dict[str, tuple[Array, Tensor]] = {}
        self.name = f"{build.runtime} {device} {build.precision}"
        try:
            there: Any = module.to(self._device, self._dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        except RuntimeError as error:  # the GPU is too small, or too old for this PyTorch
            raise RuntimeUnavailable(f"PyTorch cannot use {device} ({error}): choose --runtime openvino") from error
        self._module = there.eval()
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
        # bf16 cannot represent all timesteps up to 999.
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
        except Exception as error:  # a compiler can raise anything
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RuntimeUnavailable(
                f"PyTorch cannot compile the network here ({reason}): install a C++ compiler, or choose pytorch"
            ) from error


def open_eager(arc: Arc2Face, name: str, graph: ExportedGraph, build: Build, device: str | None = None) -> Session:
    """The UNet or the decoder with the inputs of its exported graph, by default on the first GPU.

    The session moves the module of `arc` to its device. RuntimeUnavailable if that fails.
    """
    modules: dict[str, nn.Module] = {UNET: FlatUNet(arc.unet), DECODER: FlatDecoder(arc.tiny)}
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if build.threads and device == "cpu":
        torch.set_num_threads(build.threads)
    return EagerSession(modules[name], graph, build, device)
