"""Group normalisation that trains as torch's and leaves as ONNX in a form that keeps a picture's layout."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GroupNorm(nn.GroupNorm):
    """`nn.GroupNorm`, but for the export.

    Torch exports a group as a reshaped picture, which between convolutions that keep channels last costs two copies of
    the picture a norm: an eighth of the time of the whole network. Here only channel sums are ever reshaped.
    """

    def forward(self, x: Tensor) -> Tensor:
        return self.by_channel(x) if torch.onnx.is_in_onnx_export() else super().forward(x)

    def by_channel(self, x: Tensor) -> Tensor:
        """[B,C,H,W] the same numbers from the mean and the spread of each channel.

        A channel is centred before it is squared, so that nothing cancels in bf16; what its mean is rounded to is
        taken and given back. Spread of a group = mean of its channels' spreads + spread of their means (Chan et al.
        1979).
        """
        mean = x.mean((2, 3), keepdim=True)
        centred = x - mean
        rms = torch.linalg.vector_norm(centred, dim=(2, 3), keepdim=True) * (x.shape[2] * x.shape[3]) ** -0.5
        group = (-1, self.num_groups, self.num_channels // self.num_groups)
        apart = mean.reshape(group) - mean.reshape(group).mean(2, keepdim=True)
        variance = (rms.reshape(group).square() + apart.square()).mean(2, keepdim=True)
        gain = self.weight.reshape(group) * torch.rsqrt(variance + self.eps)
        offset = self.bias.reshape(group) + apart * gain
        each = (-1, self.num_channels, 1, 1)
        return centred * gain.reshape(each) + offset.reshape(each)
