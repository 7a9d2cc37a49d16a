"""Losses between the pictures of student and teacher: in latents, for a face tracker, and for a face recogniser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from omote.bridge.errors import OmoteError

from ..training.landmark_loss import MARGIN, SIDE, LandmarkNet, PerceptualLoss
from .identity import RECOGNISER_SIDE, normalisation, recogniser_crop


@dataclass(frozen=True)
class Weights:
    """The weight of each term beside the distance of latents, which has 1."""

    perceptual: float = 0.2  # distance of the tracker's features
    expression: float = 1.0  # distance of the tracker's landmarks, in eye distances
    identity: float = 0.3  # one minus the cosine of the recogniser's embeddings


@dataclass(frozen=True)
class Terms:
    """The value of each loss; 0 if its network was left out."""

    latent: Tensor
    perceptual: Tensor
    expression: Tensor
    identity: Tensor

    def total(self, weights: Weights) -> Tensor:
        return (
            self.latent
            + weights.perceptual * self.perceptual
            + weights.expression * self.expression
            + weights.identity * self.identity
        )


class Losses(nn.Module):
    """The losses for one character, whose face has the same place in all pictures."""

    face: Tensor  # [1,256,256,2] the tracker's crop, in -1..1 of the picture
    aligned: Tensor  # [1,112,112,2] the recogniser's crop

    def __init__(
        self, points: Tensor, size: int, tiny: Any, tracker: PerceptualLoss | None, recogniser: nn.Module | None
    ) -> None:
        """`points` [478,2] are MediaPipe's, of the face at rest in a picture of `size` pixels."""
        super().__init__()
        self.tiny, self.tracker, self.recogniser = tiny, tracker, recogniser
        self.requires_grad_(False)
        low, high = points.amin(0), points.amax(0)
        side = (high - low).max() * MARGIN  # as MediaPipe crops a face
        crop = torch.cat([torch.eye(2) * side / SIDE, ((low + high - side) / 2)[:, None]], 1)
        self.register_buffer("face", _grid(crop, SIDE, size), persistent=False)
        back = recogniser_crop(points.numpy()).inverse()
        across, aside = back.turn.real, back.turn.imag
        crop = torch.tensor([[across, -aside, back.move.real], [aside, across, back.move.imag]])
        self.register_buffer("aligned", _grid(crop, RECOGNISER_SIDE, size), persistent=False)

    @classmethod
    def open(cls, points: Tensor, size: int, tiny: Any, landmarks: Path | None, recogniser: Path | None) -> Losses:
        """Loads MediaPipe's landmark network and a recogniser, if their files are given."""
        tracker = PerceptualLoss(LandmarkNet.load(landmarks)) if landmarks else None
        return cls(points, size, tiny, tracker, Recogniser.load(recogniser) if recogniser else None)

    def forward(self, drawn: Tensor, truth: Tensor) -> Terms:
        """The losses between latents [B,4,h,w]. Gradients reach only `drawn`."""
        latent, nothing = F.huber_loss(drawn, truth), drawn.new_zeros(())
        if self.tracker is None and self.recogniser is None:
            return Terms(latent, nothing, nothing, nothing)
        seen = self._decoded(drawn)
        with torch.no_grad():
            expected = self._decoded(truth)
        perceptual = expression = identity = nothing
        if self.tracker is not None:
            crops = (_sampled(one, self.face) * 0.5 + 0.5 for one in (seen, expected))
            perceptual, expression = self.tracker.between(*crops)
        if self.recogniser is not None:
            ours, theirs = (self.recogniser(_sampled(one, self.aligned)) for one in (seen, expected))
            identity = (1.0 - (ours * theirs).sum(1)).mean()
        return Terms(latent, perceptual, expression, identity)

    def _decoded(self, latents: Tensor) -> Tensor:
        """[B,3,S,S] in float32, whatever the decoder's precision."""
        pictures: Tensor = self.tiny.decode(latents.to(next(self.tiny.parameters(), latents).dtype)).sample
        return pictures.float()


def _sampled(pictures: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(pictures, grid.expand(len(pictures), -1, -1, -1), align_corners=False)


def _grid(to_picture: Tensor, side: int, size: int) -> Tensor:
    """[1,side,side,2] for `grid_sample`: pixel centres of a crop; `to_picture` [2,3] leads to the picture's pixels."""
    at = torch.arange(side) + 0.5
    rows, columns = torch.meshgrid(at, at, indexing="ij")
    crop = torch.stack([columns, rows, torch.ones_like(rows)], -1)
    return (crop @ to_picture.T.to(crop.dtype) / size * 2.0 - 1.0)[None]


class RecogniserError(OmoteError, ValueError):
    """The file is not a recogniser that can be executed."""


class Recogniser(nn.Module):
    """Executes ArcFace's ONNX file in torch, so that gradients pass through it."""

    def __init__(self, graph: Any, mean: float, spread: float) -> None:
        super().__init__()
        from onnx import helper, numpy_helper

        self._mean, self._spread = mean, spread
        constant = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        constant |= {
            node.output[0]: numpy_helper.to_array(node.attribute[0].t)
            for node in graph.node
            if node.op_type == "Constant"
        }
        self._nodes = [node for node in graph.node if node.op_type != "Constant"]
        self._attributes = [
            {one.name: helper.get_attribute_value(one) for one in node.attribute} for node in self._nodes
        ]
        self._input = next(one.name for one in graph.input if one.name not in constant)
        self._output = graph.output[0].name
        if unknown := sorted({node.op_type for node in self._nodes} - set(_OPERATORS)):
            raise RecogniserError(f"the recogniser has the operator {unknown[0]}, which is not supported")
        self._slot = {name: f"constant_{number}" for number, name in enumerate(constant)}
        for name, value in constant.items():
            self.register_buffer(self._slot[name], torch.from_numpy(np.array(value)), persistent=False)

    @classmethod
    def load(cls, path: Path) -> Recogniser:
        """RecogniserError for another file, for operators that ArcFace does not use, and if it cannot be executed."""
        import onnx

        try:
            model = onnx.load(path)
            onnx.checker.check_model(model)
            found = cls(model.graph, *normalisation(path))
            with torch.no_grad():
                found(torch.zeros(1, 3, RECOGNISER_SIDE, RECOGNISER_SIDE))
            return found
        except RecogniserError:
            raise
        except Exception as error:  # onnx's errors have no common class
            raise RecogniserError(
                f"{path} is no ONNX file of a recogniser that can be executed ({error or type(error).__name__}): "
                "use InsightFace's, or leave it out with --no-identity"
            ) from error

    def forward(self, faces: Tensor) -> Tensor:
        """[B,E] unit embeddings of aligned faces [B,3,112,112], RGB in -1..1."""
        value = {self._input: ((faces + 1.0) * 127.5 - self._mean) / self._spread}
        for node, attributes in zip(self._nodes, self._attributes, strict=True):
            inputs = [self._read(value, name) for name in node.input]
            value[node.output[0]] = _OPERATORS[node.op_type](inputs, attributes)
        return F.normalize(value[self._output].flatten(1), dim=1)

    def _read(self, value: dict[str, Tensor], name: str) -> Tensor | None:
        if not name:
            return None
        found: Tensor = value[name] if name in value else getattr(self, self._slot[name])
        return found


def _conv(inputs: list[Any], attributes: dict[str, Any]) -> Tensor:
    x, weight, bias = (*inputs, None)[:3]
    top, left, bottom, right = attributes.get("pads", (0, 0, 0, 0))
    x = F.pad(x, (left, right, top, bottom))
    strides, dilations = attributes.get("strides", (1, 1)), attributes.get("dilations", (1, 1))
    return F.conv2d(x, weight, bias, strides, 0, dilations, attributes.get("group", 1))


def _norm(inputs: list[Any], attributes: dict[str, Any]) -> Tensor:
    x, weight, bias, mean, variance = inputs
    return F.batch_norm(x, mean, variance, weight, bias, eps=attributes.get("epsilon", 1e-5))


def _gemm(inputs: list[Any], attributes: dict[str, Any]) -> Tensor:
    a, b, c = (*inputs, None)[:3]
    a, b = a.T if attributes.get("transA") else a, b.T if attributes.get("transB") else b
    product: Tensor = attributes.get("alpha", 1.0) * (a @ b)
    return product if c is None else product + attributes.get("beta", 1.0) * c


def _reshape(inputs: list[Any], attributes: dict[str, Any]) -> Tensor:
    """In ONNX a length of 0 keeps the input's."""
    x, shape = inputs
    reshaped: Tensor = x.reshape([int(n) or x.shape[k] for k, n in enumerate(shape)])
    return reshaped


_OPERATORS: dict[str, Any] = {
    "Conv": _conv,
    "BatchNormalization": _norm,
    "PRelu": lambda inputs, attributes: torch.where(inputs[0] > 0, inputs[0], inputs[0] * inputs[1]),
    "Gemm": _gemm,
    "MatMul": lambda inputs, attributes: inputs[0] @ inputs[1],
    "Relu": lambda inputs, attributes: F.relu(inputs[0]),
    "Add": lambda inputs, attributes: inputs[0] + inputs[1],
    "Sub": lambda inputs, attributes: inputs[0] - inputs[1],
    "Mul": lambda inputs, attributes: inputs[0] * inputs[1],
    "Div": lambda inputs, attributes: inputs[0] / inputs[1],
    "Flatten": lambda inputs, attributes: inputs[0].flatten(attributes.get("axis", 1)),
    "Reshape": _reshape,
    "Dropout": lambda inputs, attributes: inputs[0],
    "Identity": lambda inputs, attributes: inputs[0],
    "GlobalAveragePool": lambda inputs, attributes: inputs[0].mean((2, 3), keepdim=True),
}
