"""MediaPipe's face landmark network in torch: it reads a face's 478 points off a picture, and can be differentiated."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .tflite import Array, Graph, GraphError, Operator, read

SIDE = 256  # pixels of the crop that the network sees
POINTS = 478
_MEMBER = "face_landmarks_detector.tflite"
_FEATURE_SIDES = (64, 32, 16, 8)


class Seen(NamedTuple):
    """What the network makes of a batch of crops."""

    landmarks: Tensor  # [B,478,3] x right, y down, z away from the camera, in pixels of the crop
    presence: Tensor  # [B] 0 to 1: is this a face
    features: list[Tensor]  # [B,C,S,S] the last activations at S = 64, 32, 16 and 8


class LandmarkNet(nn.Module):
    """Google's weights, frozen: gradients reach the picture only.

    Under autocast all but the heads run in the lower precision: bfloat16 keeps no fraction of a point at 200 pixels.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self._outputs = graph.outputs[:2]
        self._steps = _leading_to(graph, self._outputs)
        self.layers = nn.ModuleList(_layer(graph, step) for step in self._steps)
        self._reads = [[n for n in step.inputs if n not in graph.constant] for step in self._steps]
        self._input, self._features = graph.inputs[0], _last_at(graph, self._steps)
        self.requires_grad_(False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """From `face_landmarker.task`; GraphError where the network in it is not the one we know."""
        with zipfile.ZipFile(path) as archive:
            graph = read(archive.read(_MEMBER))
        wanted = [(1, SIDE, SIDE, 3), (1, 1, 1, POINTS * 3), (1, 1, 1, 1)]
        found = [graph.shape[n] for n in (graph.inputs[0], *graph.outputs[:2])]
        if found != wanted:
            raise GraphError(f"{_MEMBER} in {path} maps {found[0]} to {found[1:]}, wanted {wanted[0]} to {wanted[1:]}")
        return cls(graph)

    def forward(self, picture: Tensor) -> Seen:
        """`picture` [B,3,256,256] RGB 0..1, the face upright in the middle and two thirds of the width."""
        value = {self._input: picture.contiguous(memory_format=torch.channels_last)}
        for step, layer, reads in zip(self._steps, self.layers, self._reads, strict=True):
            if step.outputs[0] in self._outputs:
                with torch.autocast(picture.device.type, enabled=False):
                    value[step.outputs[0]] = layer(*(value[n].float() for n in reads))
            else:
                value[step.outputs[0]] = layer(*(value[n] for n in reads))
        landmarks, presence = (value[n] for n in self._outputs)
        return Seen(
            landmarks.reshape(-1, POINTS, 3), presence.reshape(-1).sigmoid(), [value[n] for n in self._features]
        )


class _Conv(nn.Module):
    def __init__(self, weight: Array, bias: Array, step: Operator, groups: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.from_numpy(weight)), nn.Parameter(torch.from_numpy(bias))
        self.stride, self.groups, self.is_rectified = step.stride, groups, step.is_rectified
        # As TensorFlow pads an even side: what does not divide goes right and below.
        total = weight.shape[-1] - step.stride if step.is_padded_same else 0
        self.before, self.after = total // 2, total - total // 2

    def forward(self, x: Tensor) -> Tensor:
        padding = self.before
        if self.before != self.after:
            x, padding = F.pad(x, (self.before, self.after) * 2), 0
        x = F.conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)
        return F.relu(x) if self.is_rectified else x


class _PRelu(nn.Module):
    """Written out: torch.prelu's backward also makes the slope's gradient, and both are slow in bfloat16 on a CPU."""

    below: Tensor  # [1,C,1,1] slope of what is negative
    rest: Tensor  # [1,C,1,1]

    def __init__(self, slope: Array) -> None:
        super().__init__()
        self.register_buffer("below", torch.from_numpy(slope.reshape(1, -1, 1, 1).copy()))
        self.register_buffer("rest", 1.0 - self.below)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.below.to(x.dtype) + F.relu(x) * self.rest.to(x.dtype)


class _Add(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b


class _MoreChannels(nn.Module):
    """Zeros behind the channels that are there."""

    def __init__(self, more: int) -> None:
        super().__init__()
        self.more = more

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, (0, 0, 0, 0, 0, self.more))


def _layer(graph: Graph, step: Operator) -> nn.Module:
    match step.kind:
        case "CONV_2D":  # [out,h,w,in]
            weight, bias = (graph.constant[n] for n in step.inputs[1:])
            return _Conv(weight.transpose(0, 3, 1, 2).copy(), bias.copy(), step, 1)
        case "DEPTHWISE_CONV_2D":  # [1,h,w,out]
            weight, bias = (graph.constant[n] for n in step.inputs[1:])
            return _Conv(weight.transpose(3, 0, 1, 2).copy(), bias.copy(), step, weight.shape[3])
        case "PRELU":
            return _PRelu(graph.constant[step.inputs[1]])
        case "ADD":
            return _Add()
        case "MAX_POOL_2D":
            return nn.MaxPool2d(step.stride)
        case "PAD":
            ((_, _), (_, _), (_, _), (_, more)) = graph.constant[step.inputs[1]].tolist()
            return _MoreChannels(more)
        case _:
            raise GraphError(f"the landmark network has the operator {step.kind}, which we do not execute")


def _leading_to(graph: Graph, outputs: tuple[int, ...]) -> tuple[Operator, ...]:
    """The operators, in order, on which these tensors depend."""
    wanted, steps = set(outputs), []
    for step in reversed(graph.operators):
        if wanted & set(step.outputs):
            wanted |= set(step.inputs)
            steps.append(step)
    return tuple(reversed(steps))


def _last_at(graph: Graph, steps: tuple[Operator, ...]) -> tuple[int, ...]:
    """The last tensor of each side of `_FEATURE_SIDES`."""
    last = {graph.shape[step.outputs[0]][1]: step.outputs[0] for step in steps}
    return tuple(last[side] for side in _FEATURE_SIDES)
