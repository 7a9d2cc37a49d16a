"""Writes the trained denoiser and its encoder as ONNX."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from omote.engine.face.correspondence import GEOMETRY, GRID, TRUST
from omote.engine.model.denoiser import (
    REFERENCE,
    STATE,
    Denoiser,
    Layers,
    References,
    Wanted,
    lit_normals,
    log_irradiance,
)
from omote.engine.model.networks import DenoiserInputs, Encoded, EncoderInputs

from .export import halve

_OPSET = 18


class ExportedEncoder(nn.Module):
    """References as pictures and light in, what the denoiser reads of them out; the references are the batch."""

    def __init__(self, net: Denoiser) -> None:
        super().__init__()
        self.encoder = net.encoder

    def forward(self, rgba: Tensor, geometry: Tensor, light: Tensor, style: Tensor) -> tuple[Tensor, ...]:
        lit = log_irradiance(light, lit_normals(geometry, style))
        picture = torch.cat([rgba, lit, torch.ones_like(rgba[:, :1])], 1)
        return picture, *self.encoder(picture, geometry)


class ExportedDenoiser(nn.Module):
    """The denoiser with plain tensors, in the order of `DenoiserInputs`."""

    def __init__(self, net: Denoiser) -> None:
        super().__init__()
        self.net = net

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        geometry: Tensor,
        face: Tensor,
        light: Tensor,
        style: Tensor,
        picture: Tensor,
        fine: Tensor,
        coarse: Tensor,
        identity: Tensor,
        place: Tensor,
        trust: Tensor,
        present: Tensor,
    ) -> tuple[Tensor, ...]:
        references = References(picture, (fine, coarse), identity, place, trust, present)
        return tuple(self.net(x, t, Wanted(geometry, face, light, style), references))


def export(net: Denoiser, folder: Path) -> None:
    """Writes `denoiser.onnx`, for one character and any number of references, and `encoder.onnx`."""
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
    names = [field.name for field in fields(DenoiserInputs)]
    several = {name: {1: "references"} for name in names[-7:]} | {
        f"drawn_{k}": {1: "references"} for k in ("share", "place")
    }
    example = (torch.randn(1, 4, STATE, STATE), torch.ones(1), *wanted, *references)
    _write(
        ExportedDenoiser(net), example, folder / "denoiser.onnx", names, [f"drawn_{k}" for k in Layers._fields], several
    )

    read = (torch.rand(2, 4, g, g), torch.rand(2, GEOMETRY, g, g), torch.rand(2, 27), torch.eye(2))
    names, outputs = [field.name for field in fields(EncoderInputs)], [f"read_{k}" for k in Encoded._fields]
    several = {name: {0: "references"} for name in (*names, *outputs)}
    _write(ExportedEncoder(net), read, folder / "encoder.onnx", names, outputs, several)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="a training run's folder")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    net = Denoiser()
    net.load_state_dict(torch.load(args.run / "checkpoint.pt", weights_only=True)["ema"])
    export(net, args.out)


if __name__ == "__main__":
    main()
