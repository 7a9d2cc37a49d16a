"""Attention processors for diffusers' UNet: expression tokens, a bank of reference rows, and a shared picture.

The keyword `reading` says what each call attends to, so the UNet keeps no state between calls.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data import BankRows


@dataclass(frozen=True)
class Rows:
    """Keys and values for attention, and a bias on their logits."""

    key: Tensor  # [1|B,T,C] heads concatenated
    value: Tensor  # [1|B,T,C]
    bias: Tensor | None = None  # [1|B,T]; None is 0 everywhere

    def plus(self, other: Rows) -> Rows:
        """These rows, then the others."""
        bias = None
        if self.bias is not None or other.bias is not None:
            bias = _concatenated(self._logits(), other._logits())
        return Rows(_concatenated(self.key, other.key), _concatenated(self.value, other.value), bias)

    def _logits(self) -> Tensor:
        return self.key.new_zeros(self.key.shape[:2]) if self.bias is None else self.bias.to(self.key.dtype)


def _concatenated(one: Tensor, other: Tensor) -> Tensor:
    batch = max(one.shape[0], other.shape[0])
    return torch.cat([part.expand(batch, *part.shape[1:]) for part in (one, other)], 1)


@dataclass(frozen=True)
class Bank:
    """Further keys and values for the self-attention of each block, in block order: down, up, middle."""

    keys: tuple[Tensor, ...]  # [1|B,T,C] of each block
    values: tuple[Tensor, ...]  # [1|B,T,C]
    bias: tuple[Tensor, ...] = ()  # [1|B,T] added to the logits of these rows; () is 0 everywhere

    def __post_init__(self) -> None:
        if len(self.values) != len(self.keys) or len(self.bias) not in (0, len(self.keys)):
            found = f"{len(self.keys)} keys, {len(self.values)} values and {len(self.bias)} biases"
            raise ValueError(f"a bank must hold keys, values and optionally a bias for each block, got {found}")

    def block(self, number: int) -> Rows:
        return Rows(self.keys[number], self.values[number], self.bias[number] if self.bias else None)


@dataclass(frozen=True)
class Reading:
    """What the blocks attend to besides the picture itself. Each block picks its part by its number."""

    expression: Tensor | None = None  # [B,n,D]
    scale: Tensor | None = None  # [N] the strength of the expression in each block; None is 1
    bank: Bank | None = None
    share: float = 0.0  # weight of the batch's first picture in every other: 0 none, 1 as much as its own rows
    recorded: dict[int, Tensor] | None = None  # filled with the input of each block's self-attention


class SelfAttention:
    """A picture attends to itself, to the bank's rows and, with a share, to the first picture of the batch.

    log(share) is added to the logits of the first picture's rows. The first picture attends only to itself, so no
    picture depends on the size of the batch.
    """

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        reading: Reading = Reading(),  # a frozen value
    ) -> Tensor:
        if reading.recorded is not None:
            reading.recorded[self.number] = hidden_states
        rows = Rows(attn.to_k(hidden_states), attn.to_v(hidden_states))
        if reading.share > 0.0:
            bias = rows.key.new_full(rows.key.shape[:2], math.log(reading.share))
            bias[0] = -math.inf
            rows = rows.plus(Rows(rows.key[:1], rows.value[:1], bias))
        if reading.bank is not None:
            rows = rows.plus(reading.bank.block(self.number))
        out: Tensor = attn.to_out[0](attended(attn.to_q(hidden_states), rows, attn.heads))
        return out


class ExpressionAttention(nn.Module):
    """A picture attends to the identity's tokens and, separately, to the expression's tokens.

    Decoupled cross-attention (IP-Adapter, arXiv 2308.06721): attn(q, K, V) + scale attn(q, K', V').
    """

    def __init__(self, number: int, key: nn.Linear | None = None, value: nn.Linear | None = None) -> None:
        super().__init__()
        self.number = number
        self.to_k_ip, self.to_v_ip = key, value

    def __call__(  # not `forward`: diffusers inspects the names of these arguments
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        reading: Reading = Reading(),
    ) -> Tensor:
        query = attn.to_q(hidden_states)
        found = attended(query, Rows(attn.to_k(encoder_hidden_states), attn.to_v(encoder_hidden_states)), attn.heads)
        if reading.expression is not None:
            if self.to_k_ip is None or self.to_v_ip is None:
                raise ValueError("expression tokens need the expression adapter, which this UNet does not have")
            rows = Rows(self.to_k_ip(reading.expression), self.to_v_ip(reading.expression))
            strength = 1.0 if reading.scale is None else reading.scale[self.number]
            found = found + strength * attended(query, rows, attn.heads)
        out: Tensor = attn.to_out[0](found)
        return out


def attended(query: Tensor, rows: Rows, heads: int) -> Tensor:
    """[B,Q,C] attention of the queries [B,Q,C] over the rows."""
    query, key, value = (_by_head(part, heads) for part in (query, rows.key, rows.value))
    mask = None if rows.bias is None else rows.bias[:, None, None, :].to(query.dtype)
    return F.scaled_dot_product_attention(query, key, value, mask).transpose(1, 2).flatten(2)


def _by_head(rows: Tensor, heads: int) -> Tensor:
    return rows.reshape(rows.shape[0], rows.shape[1], heads, -1).transpose(1, 2)


def block_names(unet: Any) -> tuple[str, ...]:
    """The transformer blocks of a UNet in the order of diffusers' processors, which the adapters' keys follow."""
    return tuple(name.removesuffix(".attn1.processor") for name in unet.attn_processors if ".attn1." in name)


def install(unet: Any, pairs: Mapping[int, tuple[nn.Linear, nn.Linear]] | None = None) -> None:
    """Installs our processors in each block, with the keys and values of an expression adapter if there are any."""
    processors: dict[str, Any] = {}
    for number, name in enumerate(block_names(unet)):
        processors[f"{name}.attn1.processor"] = SelfAttention(number)
        processors[f"{name}.attn2.processor"] = ExpressionAttention(number, *(pairs or {}).get(number, ()))
    unet.set_attn_processor(processors)


def denoise(
    unet: Any, x: Tensor, t: Tensor, tokens: Tensor, reading: Reading, residuals: Mapping[str, Any] | None = None
) -> Tensor:
    """The noise [B,4,h,w] in x [B,4,h,w] at timesteps t [B], for identity tokens [B,77,D].

    `residuals` are a ControlNet's, by the names of the UNet's arguments.
    """
    if reading.bank is not None and len(reading.bank.keys) != len(block_names(unet)):
        count = len(reading.bank.keys)
        raise ValueError(f"the bank belongs to a UNet with {count} blocks, this one has {len(block_names(unet))}")
    noise: Tensor = unet(
        x, t, tokens, cross_attention_kwargs={"reading": reading}, return_dict=False, **(residuals or {})
    )[0]
    return noise


def bank_of(unet: Any, rows: Sequence[Tensor]) -> Bank:
    """The bank for `unet`, from inputs of self-attention [1|B,T,C] recorded in another UNet. Fuse its LoRAs first."""
    blocks = [unet.get_submodule(name).attn1 for name in block_names(unet)]
    if len(rows) != len(blocks):
        raise ValueError(f"this UNet needs rows for {len(blocks)} blocks, got {len(rows)}")
    pairs = list(zip(blocks, rows, strict=True))
    return Bank(tuple(block.to_k(row) for block, row in pairs), tuple(block.to_v(row) for block, row in pairs))


def joined(banks: Sequence[Bank]) -> Bank:
    """One bank with the rows of all of them in turn; all must belong to the same UNet."""
    if len({len(bank.keys) for bank in banks}) != 1:
        raise ValueError(f"only banks of one UNet can be joined, got {[len(bank.keys) for bank in banks]} blocks")
    blocks = [reduce(Rows.plus, [bank.block(number) for bank in banks]) for number in range(len(banks[0].keys))]
    bias = tuple(block.bias for block in blocks if block.bias is not None)
    return Bank(tuple(block.key for block in blocks), tuple(block.value for block in blocks), bias)


def rows_of(bank: Bank) -> BankRows:
    """The bank in half precision, as stored in a character; ValueError for a batch, or a number beyond float16."""
    return BankRows(_halves(bank.keys), _halves(bank.values), tuple(_one(bias).numpy() for bias in bank.bias))


def _halves(parts: tuple[Tensor, ...]) -> tuple[NDArray[np.float16], ...]:
    halves = tuple(_one(part).half().numpy() for part in parts)
    if not all(np.isfinite(half).all() for half in halves):
        raise ValueError("some of the bank's numbers do not fit into float16: compute the reference in float32")
    return halves


def _one(part: Tensor) -> Tensor:
    if part.shape[0] != 1:
        raise ValueError(f"a character stores the bank of one picture, got a batch of {part.shape[0]}")
    return part[0].detach().cpu().float()


def bank_from(rows: BankRows, device: torch.device | str, dtype: torch.dtype) -> Bank:
    """A character's bank, for a UNet on `device` that computes in `dtype`."""

    def there(parts: Sequence[NDArray[Any]]) -> tuple[Tensor, ...]:
        return tuple(torch.tensor(part, dtype=dtype, device=device)[None] for part in parts)

    return Bank(there(rows.keys), there(rows.values), there(rows.bias))
