"""Rows that attention reads: its own picture's, a bank's, and those of pictures drawn beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Source:
    """Keys and values of rows that one or all pictures of a batch read, and what is added to their logits."""

    key: Tensor  # [1|B,T,C] heads side by side
    value: Tensor  # [1|B,T,C]
    bias: Tensor | None = None  # [1|B,T]; None is 0 everywhere

    def and_then(self, other: Source | None) -> Source:
        """The rows of both, one after the other."""
        if other is None:
            return self
        bias = None
        if self.bias is not None or other.bias is not None:
            bias = _side_by_side(self._readiness(), other._readiness())
        return Source(_side_by_side(self.key, other.key), _side_by_side(self.value, other.value), bias)

    def _readiness(self) -> Tensor:
        return self.key.new_zeros(self.key.shape[:2]) if self.bias is None else self.bias.to(self.key.dtype)

    def of_picture(self, which: int) -> Source:
        """What that picture of the batch reads."""
        bias = None if self.bias is None else _of_picture(self.bias, which)
        return Source(_of_picture(self.key, which), _of_picture(self.value, which), bias)

    def shared(self, strength: float, groups: int) -> Iterator[Source]:
        """For each picture of the batch the rows of its whole group, log(strength) added to the others'."""
        batch, length, channels = self.key.shape
        if batch % groups:
            raise ValueError(f"a batch of {batch} pictures does not fall into {groups} equal groups")
        count = batch // groups
        of_group = (1, count * length, channels)
        own = torch.eye(count, dtype=torch.bool, device=self.key.device).repeat_interleave(length, 1)
        bias = torch.where(own, 0.0, math.log(strength)).to(self.key.dtype)
        for first in range(0, batch, count):
            key, value = (part[first : first + count].reshape(of_group) for part in (self.key, self.value))
            yield from (Source(key, value, bias[place : place + 1]) for place in range(count))


def _side_by_side(one: Tensor, other: Tensor) -> Tensor:
    batch = max(one.shape[0], other.shape[0])
    return torch.cat([part.expand(batch, *part.shape[1:]) for part in (one, other)], 1)


def _of_picture(part: Tensor, which: int) -> Tensor:
    return part[which : which + 1] if part.shape[0] > 1 else part
