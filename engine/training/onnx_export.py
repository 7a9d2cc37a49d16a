"""Writes the trained denoiser and its encoder as ONNX."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from ..face.correspondence import GEOMETRY, GRID, TRUST
from ..model.denoiser import (
    REFERENCE,
    STATE,
    WEIGHTS,
    Denoiser,
    FlatDenoiser,
    lit_normals,
    log_irradiance,
)
from ..model.networks import DENOISER_INPUTS, DENOISER_OUTPUTS, ENCODER_INPUTS, ENCODER_OUTPUTS

_OPSET = 18
_HALVED_FROM = 256  # smaller weights stay in single precision


class ExportedEncoder(nn.Module):
    """Encodes references, as a batch of pictures and lights, into inputs of the denoiser."""

    def __init__(self, net: Denoiser) -> None:
        super().__init__()
        self.encoder = net.encoder

    def forward(self, rgba: Tensor, geometry: Tensor, light: Tensor, style: Tensor) -> tuple[Tensor, ...]:
        lit = log_irradiance(light, lit_normals(geometry, style))
        picture = torch.cat([rgba, lit, torch.ones_like(rgba[:, :1])], 1)
        return picture, *self.encoder(picture, geometry)


def export(net: Denoiser, folder: Path) -> None:
    """Writes `denoiser.onnx` for one character and any number of references, `encoder.onnx`, and PyTorch's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    s, g = net.config, GRID
    fine, coarse = s.features
    references = (
        torch.rand(1, 2, REFERENCE, g, g),
        torch.rand(1, 2, fine, g // 2, g // 2),
        torch.rand(1, 2, coarse, g // 4, g // 4),
        torch.rand(1, 2, s.identity_width),
        torch.rand(1, 2, g, g, 2),
        torch.rand(1, 2, TRUST, g, g),
        torch.ones(1, 2),
    )
    wanted = (torch.rand(1, GEOMETRY, g, g), torch.rand(1, s.face_size), torch.rand(1, 27), torch.eye(2)[:1])
    several = {name: {1: "references"} for name in DENOISER_INPUTS[-7:]} | {
        f"drawn_{k}": {1: "references"} for k in ("share", "place")
    }
    example = (torch.randn(1, 4, STATE, STATE), torch.ones(1), *wanted, *references)
    path = folder / "denoiser.onnx"
    _write(FlatDenoiser(net), example, path, list(DENOISER_INPUTS), list(DENOISER_OUTPUTS), several)

    read = (torch.rand(2, 4, g, g), torch.rand(2, GEOMETRY, g, g), torch.rand(2, 27), torch.eye(2))
    several = {name: {0: "references"} for name in (*ENCODER_INPUTS, *ENCODER_OUTPUTS)}
    path = folder / "encoder.onnx"
    _write(ExportedEncoder(net), read, path, list(ENCODER_INPUTS), list(ENCODER_OUTPUTS), several)
    half = Denoiser.from_config(net.config)
    half.load_state_dict(net.state_dict())
    half.half().save_pretrained(folder / WEIGHTS)


def _write(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    inputs: list[str],
    outputs: list[str],
    open_axes: dict[str, dict[int, str]],
) -> None:
    module = module.eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    torch.onnx.export(
        module,
        example,
        str(path),
        input_names=inputs,
        output_names=outputs,
        dynamic_axes=open_axes,
        opset_version=_OPSET,
        dynamo=False,
    )
    model = onnx.load(path)
    halve(model)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def halve(model: onnx.ModelProto) -> None:
    """Stores large weights as float16 behind a Cast, which runtimes fold away on loading."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < _HALVED_FROM:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT, name=f"{name}.cast"))
    # Equal weights are stored once and copied by Identity nodes, which must also precede the nodes that read them.
    names = {tensor.name.removesuffix(".half") for tensor in graph.initializer}
    copies = [node for node in graph.node if node.op_type == "Identity" and node.input[0] in names]
    nodes = [*casts, *copies, *(node for node in graph.node if node not in copies)]
    del graph.node[:]
    graph.node.extend(nodes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of a training run")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    net = Denoiser()
    net.load_state_dict(torch.load(args.run / "checkpoint.pt", weights_only=True)["ema"])
    export(net, args.out)


if __name__ == "__main__":
    main()
