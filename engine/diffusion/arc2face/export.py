"""Writes Arc2Face as ONNX: one step of the UNet, the expression's tokens and the small decoder, with what they compute.

Who is drawn, the strength of the expression and the bank are inputs, so a change of identity needs no other file. The
UNet takes any number of pictures at once; weights that pass a message's 2 GB lie beside the graph.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor, nn

from ...photoreal import graph_parity
from ...photoreal.exported_model import (
    DECODER,
    EXPRESSION,
    REFERENCE_FILE,
    UNET,
    ExportedModel,
    GraphFile,
    Length,
    sha256_of,
)
from ...photoreal.recipe import Recipe
from .flat import (
    FlatDecoder,
    FlatExpression,
    FlatUNet,
    Sizes,
    decoder_shapes,
    expression_shapes,
    unet_shapes,
)
from .pipeline import Arc2Face

OPSET = 18
_BATCH = "batch"
_EVERY_PICTURE = ("x", "t", "expression")  # the UNet's inputs that are new at each call
_PIXELS = 8  # on a side, of one latent
_ANY_SIZE = 1 << 40


def export(arc: Arc2Face, recipe: Recipe, folder: Path) -> ExportedModel:
    """Writes the graphs of a model on the CPU in f32 to this folder, and reads them back.

    ValueError where the model computes in something else, or the bank is not of its blocks.
    """
    if arc.dtype != torch.float32 or arc.device.type != "cpu":
        raise ValueError(f"what is exported must be f32 on the CPU, got {arc.dtype} on {arc.device}")
    if len(recipe.bank) not in (0, len(arc.unet.shape.blocks)):
        found = f"{len(recipe.bank)} blocks, and the weights have {len(arc.unet.shape.blocks)}"
        raise ValueError(f"the character's bank is of {found}: make the character again with the weights that are here")
    folder.mkdir(parents=True, exist_ok=True)
    outputs, graphs = {}, {}
    for name, (module, shapes, output) in _parts(arc, recipe).items():
        outputs[name] = _computed(module, shapes)
        graphs[name] = _written(module, name, shapes, output, outputs[name], folder)
    save_file(outputs, folder / REFERENCE_FILE)
    ExportedModel(folder, recipe, graphs).write()
    return ExportedModel.read(folder)


def _parts(arc: Arc2Face, recipe: Recipe) -> dict[str, tuple[nn.Module, Sizes, str]]:
    """Of each graph the module, the shapes of its inputs, and the name of its output."""
    side = recipe.size // _PIXELS
    of_unet = unet_shapes(arc.unet, arc.adapter.tokens, side, graph_parity.SLOTS, recipe.bank, recipe.biased)
    return {
        EXPRESSION: (FlatExpression(arc.adapter), expression_shapes(), "tokens"),
        UNET: (FlatUNet(arc.unet), of_unet, "eps"),
        DECODER: (FlatDecoder(arc.tiny), decoder_shapes(arc.unet, side), "pixels"),
    }


def _computed(module: nn.Module, shapes: Sizes) -> np.ndarray[Any, Any]:
    """What the module makes of the reference's inputs, one picture at a time: four at once take four times the room."""
    tensors = {name: torch.from_numpy(array) for name, array in graph_parity.inputs(shapes).items()}
    count = next(iter(shapes.values()))[0]
    with torch.inference_mode():
        made = [module(*(_one(name, tensor, k) for name, tensor in tensors.items())) for k in range(count)]
    return np.ascontiguousarray(torch.cat(made).numpy())


def _one(name: str, tensor: Tensor, number: int) -> Tensor:
    return tensor if _is_shared(name) else tensor[number : number + 1]


def _is_shared(name: str) -> bool:
    """Whether this input of the UNet is one for all pictures of a batch."""
    return name == "scale" or name.startswith(("key_", "value_", "bias_"))


def _written(
    module: nn.Module, name: str, shapes: Sizes, output: str, made: np.ndarray[Any, Any], folder: Path
) -> GraphFile:
    program = _program(module, shapes, output, has_batch=name == UNET)
    path = folder / f"{name}.onnx"
    program.save(path, external_data=name == UNET)
    files = sorted(folder.glob(f"{path.name}*"))
    lengths: dict[str, tuple[Length, ...]] = {
        one: (None, *shape[1:]) if name == UNET and not _is_shared(one) else shape for one, shape in shapes.items()
    }
    return GraphFile(
        file=path.name,
        sha256=sha256_of(files),
        sizes={each.name: each.stat().st_size for each in files},
        inputs=lengths,
        standing=tuple(one for one in shapes if name == UNET and one not in _EVERY_PICTURE),
        output=output,
        output_shape=((None if name == UNET else 1), *made.shape[1:]),
        output_type=str(made.dtype),
    )


def _program(module: nn.Module, shapes: Sizes, output: str, *, has_batch: bool) -> Any:
    """torch's ONNX program. Two pictures stand for any number: of one the exporter thinks that it never changes."""
    tensors = tuple(
        torch.zeros(shape if _is_shared(name) or not has_batch else (2, *shape[1:])) for name, shape in shapes.items()
    )
    open_axes = _open_axes(tuple(shapes)) if has_batch else None
    with _quietly(), torch.no_grad():
        traced = torch.export.export(module.eval(), tensors, dynamic_shapes=open_axes, strict=False)
        program = torch.onnx.export(
            traced,
            tensors,
            dynamo=True,
            input_names=list(shapes),
            output_names=[output],
            opset_version=OPSET,
            optimize=False,  # its rewriting rules take minutes, and what they find each runtime finds by itself
            verify=False,
        )
    assert program is not None
    _fold(program.model)
    _strip(program.model)
    return program


def _open_axes(names: tuple[str, ...]) -> dict[str, Any]:
    """By the arguments' names: all rows of a bank are one argument, where there are some."""
    batch = torch.export.Dim(_BATCH, min=1, max=64)
    rows = tuple(None for name in names if name.startswith(("key_", "value_", "bias_")))
    axes: dict[str, Any] = {name: None if _is_shared(name) else {0: batch} for name in names[: len(names) - len(rows)]}
    return axes | ({"rows": rows} if rows else {})


def _fold(model: Any) -> None:
    """Computes what depends on no input: transposed weights above all, and shapes."""
    from onnxscript import optimizer

    optimizer.fold_constants(model, input_size_limit=_ANY_SIZE, output_size_limit=_ANY_SIZE)
    optimizer.remove_unused_nodes(model)


def _strip(model: Any) -> None:
    """Takes out what says where on this machine each line of code was, and names the batch as we do."""
    batch = str(model.graph.inputs[0].shape[0])
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
    for value in (*model.graph.inputs, *(made for node in model.graph.all_nodes() for made in node.outputs)):
        value.metadata_props.clear()
        if value.shape is not None:
            value.shape = type(value.shape)([_named(length, batch) for length in value.shape])
    model.metadata_props.clear()
    model.graph.metadata_props.clear()


def _named(length: Any, batch: str) -> int | str | None:
    """A number, the batch, or (None) what is made of it."""
    if isinstance(length, int):
        return length
    return _BATCH if str(length) == batch else None


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporter's progress, and its warnings of what it does not need."""
    exporter = logging.getLogger("torch.onnx")
    before, exporter.level = exporter.level, logging.ERROR
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter.setLevel(before)
