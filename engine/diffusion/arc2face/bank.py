"""What self-attention reads besides its own picture: the bank's keys and values, and the pictures drawn beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...data import BankRows
from .source import Source

if TYPE_CHECKING:
    from .unet import UNet


@dataclass(frozen=True)
class Bank:
    """Further keys and values for the self-attention of each block, in block order."""

    keys: tuple[Tensor, ...]  # [1|B,T,C] of each block, heads side by side
    values: tuple[Tensor, ...]  # [1|B,T,C]
    bias: tuple[Tensor, ...] = ()  # [1|B,T] added to these rows' logits, -inf takes a row out; () is 0 everywhere

    def __post_init__(self) -> None:
        if len(self.values) != len(self.keys) or len(self.bias) not in (0, len(self.keys)):
            found = f"{len(self.keys)} keys, {len(self.values)} values and {len(self.bias)} biases"
            raise ValueError(f"a bank must hold keys, values and (or none at all) a bias for each block, got {found}")

    def block(self, number: int) -> Source:
        """What the block of this number reads of it."""
        return Source(self.keys[number], self.values[number], self.bias[number] if self.bias else None)


@dataclass(frozen=True)
class Share:
    """How strongly each picture of a batch reads the others' own rows: 0 not at all, 1 as readily as its own.

    The training-free consistent attention of GEN-AFFECT (arXiv 2508.09461); log(strength) is added to the logits of
    the others' rows. A batch that stands for several conditions (guidance) is so many `groups`, one after the other,
    and nothing is read from one into another.
    """

    down: float
    up: float
    mid: float
    groups: int = 1

    def __post_init__(self) -> None:
        for name in ("down", "up", "mid"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"the strength {name} must be between 0 and 1, got {getattr(self, name)}")
        if self.groups < 1:
            raise ValueError(f"a batch holds one group or more, got {self.groups}")

    def strength(self, block: str) -> float:
        """That of the block of this name."""
        return {"down": self.down, "up": self.up, "mid": self.mid}[block.split("_", 1)[0]]


def bank_of(reader: UNet, rows: Sequence[Tensor]) -> Bank:
    """The bank that `reader` makes of what another UNet has `written`; with the reader's LoRAs, once they are fused."""
    blocks = reader.transformers
    if len(rows) != len(blocks):
        raise ValueError(f"this UNet has {len(blocks)} blocks that read a bank, got rows for {len(rows)}")
    pairs = list(zip(blocks, rows, strict=True))
    keys = tuple(block.attn1.to_k(row) for block, row in pairs)
    return Bank(keys, tuple(block.attn1.to_v(row) for block, row in pairs))


def joined(banks: Sequence[Bank]) -> Bank:
    """One bank with the rows of all, one after the other; ValueError for none, or for banks of different networks."""
    if not banks or len({len(bank.keys) for bank in banks}) != 1:
        found = ", ".join(str(len(bank.keys)) for bank in banks) or "no bank"
        raise ValueError(f"to join banks takes one or more, all with as many blocks, got {found}")
    numbers = range(len(banks[0].keys))
    blocks = [reduce(Source.and_then, [bank.block(number) for bank in banks]) for number in numbers]
    bias = tuple(block.bias for block in blocks if block.bias is not None)
    return Bank(tuple(block.key for block in blocks), tuple(block.value for block in blocks), bias)


def rows_of(bank: Bank) -> BankRows:
    """The bank in half precision, as a character keeps it; ValueError for more than one picture's, or past float16."""
    return BankRows(_halves(bank.keys), _halves(bank.values), tuple(_one(bias).numpy() for bias in bank.bias))


def _halves(parts: tuple[Tensor, ...]) -> tuple[NDArray[np.float16], ...]:
    halves = tuple(_one(part).half().numpy() for part in parts)
    if not all(np.isfinite(half).all() for half in halves):
        raise ValueError("a bank's rows must fit into float16, got some that do not: compute the reference in float32")
    return halves


def _one(part: Tensor) -> Tensor:
    if part.shape[0] != 1:
        raise ValueError(f"a character keeps the bank of one picture, got a batch of {part.shape[0]}")
    return part[0].detach().cpu().float()


def bank_from(rows: BankRows, device: torch.device | str, dtype: torch.dtype) -> Bank:
    """The bank that a character keeps, for a UNet on `device` that computes in `dtype`; biases in `dtype` too."""

    def there(parts: Sequence[NDArray[np.float16] | NDArray[np.float32]]) -> tuple[Tensor, ...]:
        return tuple(torch.tensor(part, dtype=dtype, device=device)[None] for part in parts)

    return Bank(there(rows.keys), there(rows.values), there(rows.bias))
