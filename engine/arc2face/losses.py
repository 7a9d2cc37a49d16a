"""How far a student's picture is from its teacher's: in latents, to a face tracker, and to a face recogniser."""

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
    """The weight of each term beside the latents' own distance."""

    perceptual: float = 0.2  # the tracker's features: edges, lids and lips
    expression: float = 1.0  # where the tracker sees its points, in eye distances
    identity: float = 0.3  # one minus the cosine between both embeddings


@dataclass(frozen=True)
class Terms:
    """One value each; 0 where its network was left out."""

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
    """Of one character, whose face stands in the same place in all pictures."""

    face: Tensor  # [1,256,256,2] where the tracker's crop lies, in -1..1 of the picture
    aligned: Tensor  # [1,112,112,2] the recogniser's

    def __init__(
        self, points: Tensor, size: int, tiny: Any, tracker: PerceptualLoss | None, recogniser: nn.Module | None
    ) -> None:
        """`points` [478,2] are those of the face at rest in a picture of `size` pixels."""
        super().__init__()
        self.tiny, self.tracker, self.recogniser = tiny, tracker, recogniser
        self.requires_grad_(False)
        low, high = points.amin(0), points.amax(0)
        side = (high - low).max() * MARGIN  # as MediaPipe cuts the face out
        crop = torch.cat([torch.eye(2) * side / SIDE, ((low + high - side) / 2)[:, None]], 1)
        self.register_buffer("face", _grid(crop, SIDE, size), persistent=False)
        back = recogniser_crop(points.numpy()).inverse()
        across, aside = back.turn.real, back.turn.imag
        crop = torch.tensor([[across, -aside, back.move.real], [aside, across, back.move.imag]])
        self.register_buffer("aligned", _grid(crop, RECOGNISER_SIDE, size), persistent=False)

    @classmethod
    def open(cls, points: Tensor, size: int, tiny: Any, landmarks: Path | None, recogniser: Path | None) -> Losses:
        """With MediaPipe's landmark network and a recogniser, where their files are given."""
        tracker = PerceptualLoss(LandmarkNet.load(landmarks)) if landmarks else None
        return cls(points, size, tiny, tracker, Recogniser.load(recogniser) if recogniser else None)

    def forward(self, drawn: Tensor, truth: Tensor) -> Terms:
        """Of latents [B,4,h,w]; gradients reach `drawn` alone."""
        latent, nothing = F.huber_loss(drawn, truth), drawn.new_zeros(())
        if self.tracker is None and self.recogniser is None:
            return Terms(latent, nothing, nothing, nothing)
        seen = self._decoded(drawn)
        with torch.no_grad():
            wanted = self._decoded(truth)
        perceptual = expression = identity = nothing
        if self.tracker is not None:
            crops = (_sampled(one, self.face) * 0.5 + 0.5 for one in (seen, wanted))
            perceptual, expression = self.tracker.between(*crops)
        if self.recogniser is not None:
            ours, theirs = (self.recogniser(_sampled(one, self.aligned)) for one in (seen, wanted))
            identity = (1.0 - (ours * theirs).sum(1)).mean()
        return Terms(latent, perceptual, expression, identity)

    def _decoded(self, latents: Tensor) -> Tensor:
        """[B,3,S,S] in float32, whatever the decoder computes in."""
        pictures: Tensor = self.tiny.decode(latents.to(next(self.tiny.parameters(), latents).dtype)).sample
        return pictures.float()


def _sampled(pictures: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(pictures, grid.expand(len(pictures), -1, -1, -1), align_corners=False)


def _grid(to_picture: Tensor, side: int, size: int) -> Tensor:
    """[1,side,side,2] for `grid_sample`: the middle of each pixel of a crop, by [2,3] in pixels of the picture."""
    at = torch.arange(side) + 0.5
    rows, columns = torch.meshgrid(at, at, indexing="ij")
    crop = torch.stack([columns, rows, torch.ones_like(rows)], -1)
    return (crop @ to_picture.T.to(crop.dtype) / size * 2.0 - 1.0)[None]


class RecogniserError(OmoteError, ValueError):
    """The file is no recogniser that can be executed; the message says what was found."""


class Recogniser(nn.Module):
    """An ArcFace network's ONNX file in torch, through which gradients pass."""

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
        self._said = [{one.name: helper.get_attribute_value(one) for one in node.attribute} for node in self._nodes]
        self._input = next(one.name for one in graph.input if one.name not in constant)
        self._output = graph.output[0].name
        if unknown := sorted({node.op_type for node in self._nodes} - set(_OPERATORS)):
            raise RecogniserError(f"the recogniser has the operator {unknown[0]}, which is not supported")
        self._slot = {name: f"constant_{number}" for number, name in enumerate(constant)}
        for name, value in constant.items():
            self.register_buffer(self._slot[name], torch.from_numpy(np.array(value)), persistent=False)

    @classmethod
    def load(cls, path: Path) -> Recogniser:
        """RecogniserError where the file is none, or has operators that ArcFace has not."""
        import onnx

        try:
            model = onnx.load(path)
            onnx.checker.check_model(model)
            return cls(model.graph, *normalisation(path))
        except RecogniserError:
            raise
        except Exception as error:  # what onnx raises has no other common class
            raise RecogniserError(
                f"{path} is no ONNX file of a recogniser ({error or type(error).__name__})"
            ) from error

    def forward(self, faces: Tensor) -> Tensor:
        """[B,E] unit vectors of faces [B,3,112,112], RGB in -1..1, aligned as ArcFace's training was."""
        value = {self._input: ((faces + 1.0) * 127.5 - self._mean) / self._spread}
        for node, said in zip(self._nodes, self._said, strict=True):
            given = [self._read(value, name) for name in node.input]
            value[node.output[0]] = _OPERATORS[node.op_type](given, said)
        return F.normalize(value[self._output].flatten(1), dim=1)

    def _read(self, value: dict[str, Tensor], name: str) -> Tensor | None:
        if not name:
            return None
        found: Tensor = value[name] if name in value else getattr(self, self._slot[name])
        return found


def _conv(given: list[Any], said: dict[str, Any]) -> Tensor:
    x, weight, bias = (*given, None)[:3]
    top, left, bottom, right = said.get("pads", (0, 0, 0, 0))
    x = F.pad(x, (left, right, top, bottom))
    strides, dilations = said.get("strides", (1, 1)), said.get("dilations", (1, 1))
    return F.conv2d(x, weight, bias, strides, 0, dilations, said.get("group", 1))


def _norm(given: list[Any], said: dict[str, Any]) -> Tensor:
    x, weight, bias, mean, variance = given
    return F.batch_norm(x, mean, variance, weight, bias, eps=said.get("epsilon", 1e-5))


def _gemm(given: list[Any], said: dict[str, Any]) -> Tensor:
    a, b, c = (*given, None)[:3]
    a, b = a.T if said.get("transA") else a, b.T if said.get("transB") else b
    product: Tensor = said.get("alpha", 1.0) * (a @ b)
    return product if c is None else product + said.get("beta", 1.0) * c


def _reshape(given: list[Any], said: dict[str, Any]) -> Tensor:
    """ONNX says 0 for a side that stays as it is."""
    x, wanted = given
    reshaped: Tensor = x.reshape([int(n) or x.shape[k] for k, n in enumerate(wanted)])
    return reshaped


_OPERATORS: dict[str, Any] = {
    "Conv": _conv,
    "BatchNormalization": _norm,
    "PRelu": lambda given, said: torch.where(given[0] > 0, given[0], given[0] * given[1]),
    "Gemm": _gemm,
    "MatMul": lambda given, said: given[0] @ given[1],
    "Relu": lambda given, said: F.relu(given[0]),
    "Add": lambda given, said: given[0] + given[1],
    "Sub": lambda given, said: given[0] - given[1],
    "Mul": lambda given, said: given[0] * given[1],
    "Div": lambda given, said: given[0] / given[1],
    "Flatten": lambda given, said: given[0].flatten(said.get("axis", 1)),
    "Reshape": _reshape,
    "Dropout": lambda given, said: given[0],
    "Identity": lambda given, said: given[0],
    "GlobalAveragePool": lambda given, said: given[0].mean((2, 3), keepdim=True),
}
