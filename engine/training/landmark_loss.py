"""A differentiable landmark loss: MediaPipe's landmark network in torch, read from its TensorFlow Lite file."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from omote.bridge.errors import OmoteError

# Where in canonical position (channels 0 to 2 of the geometry) the face lies: fitted to the box of the points that the
# network finds on rendered pictures. On 40 of them box sides then agree within 3 percent, middles within 2 pixels.
_ASIDE, _CHIN, _BROW, _FRONT = 0.24, 0.08, 0.72, 0.20
_COVERED = 6
MARGIN = 1.5  # MediaPipe's: the crop's side for a face box of side 1

RIGHT_IRIS, LEFT_IRIS = range(468, 473), range(473, 478)  # the subject's; the middle comes first
# fmt: off
LIPS = (0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181, 185, 191, 267, 269, 270, 291,
        308, 310, 311, 312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415)
LIDS = (7, 33, 133, 144, 145, 153, 154, 155, 157, 158, 159, 160, 161, 163, 173, 246, 249, 263, 362, 373, 374, 380, 381,
        382, 384, 385, 386, 387, 388, 390, 398, 466)
BROWS = (46, 52, 53, 55, 63, 65, 66, 70, 105, 107, 276, 282, 283, 285, 293, 295, 296, 300, 334, 336)
# fmt: on
_SPEAKING_WEIGHT = 4.0  # of a point that shows expression; of the others 1
_DEPTH_WEIGHT = 0.5  # of z, which the network guesses, against x and y, which it sees
_SMALLEST_EYE_DISTANCE_PX = 20.0  # of the crop; a face from the front has about 60
_QUIETEST = 0.1  # a channel that is nearly silent counts as if it had this much of its layer's mean magnitude


class PerceptualLoss(nn.Module):
    """Feature and landmark loss of drawn pictures; differentiable in `drawn` alone."""

    point_weight: Tensor  # [478,3], mean 1

    def __init__(self, net: LandmarkNet) -> None:
        super().__init__()
        self.net = net
        weight = torch.ones(POINTS, 3)
        weight[[*LIPS, *LIDS, *BROWS, *RIGHT_IRIS, *LEFT_IRIS]] = _SPEAKING_WEIGHT
        weight[:, 2] *= _DEPTH_WEIGHT
        self.register_buffer("point_weight", weight / weight.mean(), persistent=False)

    def forward(self, drawn: Tensor, truth: Tensor, geometry: Tensor) -> tuple[Tensor, Tensor]:
        """Two scalars, both 0 where `drawn` is `truth` and about 0.4 and 0.1 for another expression.

        `drawn` and `truth` [B,4,S,S] are straight RGBA in -1..1, `geometry` [B,10,G,G] the maps of both.
        """
        grid = crop_grid(geometry)
        return self.between(cropped(drawn, grid), cropped(truth, grid))

    def between(self, drawn: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """The same of crops [B,3,256,256], RGB in 0..1, the face in the middle as MediaPipe would cut it out."""
        with torch.no_grad():
            wanted = self.net(truth)
        seen = self.net(drawn)
        layers = [_relative(a, b) for a, b in zip(seen.features, wanted.features, strict=True)]
        return torch.stack(layers).mean(), self._landmark_loss(seen.landmarks, wanted.landmarks, wanted.presence)

    def _landmark_loss(self, seen: Tensor, wanted: Tensor, presence: Tensor) -> Tensor:
        """Mean distance in eye distances, over pictures on whose truth there is a face."""
        eye_distance = (wanted[:, LEFT_IRIS[0]] - wanted[:, RIGHT_IRIS[0]]).norm(dim=1)
        away = ((seen - wanted).abs() * self.point_weight).mean((1, 2))
        in_eyes: Tensor = presence * away / eye_distance.clamp_min(_SMALLEST_EYE_DISTANCE_PX)
        return in_eyes.mean()


def crop_grid(geometry: Tensor) -> Tensor:
    """[B,256,256,2] where MediaPipe would cut the face out, in -1..1 of the picture; all of it where no face shows."""
    x, y, z = geometry[:, :3].float().unbind(1)
    is_face = (geometry[:, _COVERED] > 0.5) & (x.abs() < _ASIDE) & (y > _CHIN) & (y < _BROW) & (z > _FRONT)
    side = geometry.shape[-1]
    low, high = torch.stack([_extent(is_face.any(axis), side) for axis in (1, 2)], 2)  # [B,2] x, y
    half = (high - low).amax(1) / 2 * MARGIN
    step = (torch.arange(SIDE, device=geometry.device) + 0.5) / SIDE * 2.0 - 1.0
    middle = (low + high) / 2
    across = middle[:, :1] + half[:, None] * step
    down = middle[:, 1:] + half[:, None] * step
    shape = (len(geometry), SIDE, SIDE)
    return torch.stack([across[:, None, :].expand(shape), down[:, :, None].expand(shape)], -1)


def _extent(is_face: Tensor, side: int) -> Tensor:
    """[2,B] first and last edge, -1..1, of what is true in [B,side]; where nothing is, the crop becomes the picture."""
    number = torch.arange(side, device=is_face.device).expand_as(is_face)
    first = torch.where(is_face, number, side).amin(1)
    last = torch.where(is_face, number + 1, 0).amax(1)
    is_empty = first >= last
    low, high = first / side * 2.0 - 1.0, last / side * 2.0 - 1.0
    return torch.stack([low.masked_fill(is_empty, -1.0 / MARGIN), high.masked_fill(is_empty, 1.0 / MARGIN)])


def cropped(picture: Tensor, grid: Tensor) -> Tensor:
    """[B,3,256,256] RGB 0..1 of straight RGBA [B,4,S,S] -1..1, laid on mid-grey, which also lies outside."""
    with torch.autocast(picture.device.type, enabled=False):
        picture = picture.float()
        on_grey = picture[:, :3] * (picture[:, 3:] * 0.5 + 0.5)
        return F.grid_sample(on_grey, grid, align_corners=False) * 0.5 + 0.5


def _relative(seen: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of [B,C,S,S] in units of each channel's mean magnitude."""
    seen, wanted = seen.float(), wanted.float()
    magnitude = wanted.abs().mean((0, 2, 3), keepdim=True)
    magnitude = torch.maximum(magnitude, _QUIETEST * magnitude.mean() + 1e-6)
    return ((seen - wanted).abs() / magnitude).mean()


SIDE = 256  # pixels of the crop that the network sees
POINTS = 478
_MEMBER = "face_landmarks_detector.tflite"
_FEATURE_SIDES = (64, 32, 16, 8)


class LandmarkOutput(NamedTuple):
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
            graph = read_graph(archive.read(_MEMBER))
        wanted = [(1, SIDE, SIDE, 3), (1, 1, 1, POINTS * 3), (1, 1, 1, 1)]
        found = [graph.shape[n] for n in (graph.inputs[0], *graph.outputs[:2])]
        if found != wanted:
            raise GraphError(f"{_MEMBER} in {path} maps {found[0]} to {found[1:]}, wanted {wanted[0]} to {wanted[1:]}")
        return cls(graph)

    def forward(self, picture: Tensor) -> LandmarkOutput:
        """`picture` [B,3,256,256] RGB 0..1, the face upright in the middle and two thirds of the width."""
        value = {self._input: picture.contiguous(memory_format=torch.channels_last)}
        for step, layer, reads in zip(self._steps, self.layers, self._reads, strict=True):
            if step.outputs[0] in self._outputs:
                with torch.autocast(picture.device.type, enabled=False):
                    value[step.outputs[0]] = layer(*(value[n].float() for n in reads))
            else:
                value[step.outputs[0]] = layer(*(value[n] for n in reads))
        landmarks, presence = (value[n] for n in self._outputs)
        return LandmarkOutput(
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


Array = NDArray[Any]

_IDENTIFIER = b"TFL3"


class GraphError(OmoteError):
    """The file is no TensorFlow Lite graph that we can execute; the message says what was found."""


@dataclass(frozen=True)
class Operator:
    """One step of a graph; tensors are named by their number, -1 stands for none."""

    kind: str  # as in TensorFlow Lite's schema: "CONV_2D"
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    stride: int = 1
    is_padded_same: bool = False
    is_rectified: bool = False  # a ReLU is fused behind it


@dataclass(frozen=True)
class Graph:
    """The only subgraph of a file."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shape: dict[int, tuple[int, ...]]  # of every tensor, NHWC
    constant: dict[int, Array]  # weights in float32 (kept as float16 in the file), indices in int32
    operators: tuple[Operator, ...]  # without those that only widen constants


def read_graph(content: bytes) -> Graph:
    """The graph of a file; GraphError where it is none, or has more than one subgraph."""
    import tflite

    if content[4:8] != _IDENTIFIER:
        raise GraphError(f"these {len(content)} bytes begin {content[:8]!r}: no TensorFlow Lite file")
    model = tflite.Model.GetRootAs(content, 0)
    if model.SubgraphsLength() != 1:
        raise GraphError(f"the file has {model.SubgraphsLength()} subgraphs, wanted 1")
    graph = model.Subgraphs(0)
    shape, constant = {}, {}
    for number in range(graph.TensorsLength()):
        tensor = graph.Tensors(number)
        shape[number] = tuple(int(n) for n in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
        buffer = model.Buffers(tensor.Buffer())
        if buffer.DataLength():
            constant[number] = _array(buffer, tensor.Type(), shape[number])
    operators = []
    for operator in (_operator(model, graph.Operators(k)) for k in range(graph.OperatorsLength())):
        if operator.kind == "DEQUANTIZE" and operator.inputs[0] in constant:
            constant[operator.outputs[0]] = constant[operator.inputs[0]].astype(np.float32)
        else:
            operators.append(operator)
    inputs, outputs = (tuple(int(n) for n in numbers) for numbers in (graph.InputsAsNumpy(), graph.OutputsAsNumpy()))
    return Graph(inputs, outputs, shape, constant, tuple(operators))


def _array(buffer: Any, kind: int, shape: tuple[int, ...]) -> Array:
    from tflite import TensorType

    types = {TensorType.FLOAT32: np.float32, TensorType.FLOAT16: np.float16, TensorType.INT32: np.int32}
    if kind not in types:
        raise GraphError(f"a constant has the tensor type {kind}, wanted float32, float16 or int32")
    return np.frombuffer(buffer.DataAsNumpy().tobytes(), types[kind]).reshape(shape)


def _operator(model: Any, operator: Any) -> Operator:
    import tflite

    code = model.OperatorCodes(operator.OpcodeIndex())
    kind = _kinds()[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    inputs = tuple(int(n) for n in operator.InputsAsNumpy())
    outputs = tuple(int(n) for n in operator.OutputsAsNumpy())
    table = {
        "CONV_2D": tflite.Conv2DOptions,
        "DEPTHWISE_CONV_2D": tflite.DepthwiseConv2DOptions,
        "MAX_POOL_2D": tflite.Pool2DOptions,
    }.get(kind)
    if table is None:
        return Operator(kind, inputs, outputs)
    options, raw = table(), operator.BuiltinOptions()
    options.Init(raw.Bytes, raw.Pos)
    activation = options.FusedActivationFunction()
    if activation not in (tflite.ActivationFunctionType.NONE, tflite.ActivationFunctionType.RELU):
        raise GraphError(f"{kind} has the fused activation {activation}, wanted none or ReLU")
    if options.StrideW() != options.StrideH():
        raise GraphError(f"{kind} strides {options.StrideW()} by {options.StrideH()}, wanted a square")
    is_padded_same = options.Padding() == tflite.Padding.SAME
    is_rectified = activation == tflite.ActivationFunctionType.RELU
    return Operator(kind, inputs, outputs, options.StrideW(), is_padded_same, is_rectified)


def _kinds() -> dict[int, str]:
    from tflite import BuiltinOperator

    return {number: name for name, number in vars(BuiltinOperator).items() if isinstance(number, int)}
