"""A transformer block of Stable Diffusion 1.5: its picture reads itself and the bank, then the tokens, then thinks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .bank import Bank
from .source import Source


@dataclass(frozen=True)
class Reading:
    """What all transformer blocks read besides their own picture; each finds its own by its number."""

    tokens: Tensor  # [B,77,D] the identity
    expression: Tensor | None = None  # [B,n,D]
    scale: Tensor | None = None  # [N] how strongly each block reads the expression; None is 1
    bank: Bank | None = None
    strengths: tuple[float, ...] = ()  # [N] with which each block reads the other pictures; () is not at all
    groups: int = 1  # of pictures that read each other
    written: dict[int, Tensor] | None = None  # filled with what each block's self-attention reads


def attended(query: Tensor, key: Tensor, value: Tensor, heads: int, bias: Tensor | None = None) -> Tensor:
    """[B,Q,C] what the queries [B,Q,C] find among the rows [B,T,C]; bias [B,T] is added to all logits of a row."""
    query, key, value = (_by_head(part, heads) for part in (query, key, value))
    mask = None if bias is None else bias[:, None, None, :].to(query.dtype)
    return F.scaled_dot_product_attention(query, key, value, mask).transpose(1, 2).flatten(2)


def _by_head(rows: Tensor, heads: int) -> Tensor:
    return rows.reshape(rows.shape[0], rows.shape[1], heads, -1).transpose(1, 2)


class SelfAttention(nn.Module):
    """Each place of a picture reads the other places, the bank's rows and, where asked, the batch's other pictures."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(channels, channels, bias=False)
        self.to_v = nn.Linear(channels, channels, bias=False)
        self.to_out = nn.Sequential(nn.Linear(channels, channels))

    def forward(self, rows: Tensor, reading: Reading, number: int) -> Tensor:
        query, own = self.to_q(rows), Source(self.to_k(rows), self.to_v(rows))
        bank = None if reading.bank is None else reading.bank.block(number)
        strength = reading.strengths[number] if reading.strengths else 0.0
        if strength > 0.0:
            found = self._together(query, own.shared(strength, reading.groups), bank)
        else:
            found = self._read(query, own.and_then(bank))
        out: Tensor = self.to_out(found)
        return out

    def _together(self, query: Tensor, sources: Iterable[Source], bank: Source | None) -> Tensor:
        """One picture after the other: side by side they would take the memory of all that they read for each."""
        found = []
        for which, source in enumerate(sources):
            more = None if bank is None else bank.of_picture(which)
            found.append(self._read(query[which : which + 1], source.and_then(more)))
        return torch.cat(found)

    def _read(self, query: Tensor, source: Source) -> Tensor:
        return attended(query, source.key, source.value, self.heads, source.bias)


class CrossAttention(nn.Module):
    """Each place of a picture reads the identity's tokens and, in an attention of their own, the expression's.

    Decoupled cross-attention (IP-Adapter, arXiv 2308.06721): attn(q, K, V) + scale attn(q, K', V').
    """

    def __init__(self, channels: int, cross: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(cross, channels, bias=False)
        self.to_v = nn.Linear(cross, channels, bias=False)
        self.to_out = nn.Sequential(nn.Linear(channels, channels))
        self.to_k_ip: nn.Linear | None = None
        self.to_v_ip: nn.Linear | None = None

    def forward(self, rows: Tensor, reading: Reading, number: int) -> Tensor:
        query, tokens = self.to_q(rows), reading.tokens
        found = attended(query, self.to_k(tokens), self.to_v(tokens), self.heads)
        if reading.expression is not None:
            strength = 1.0 if reading.scale is None else reading.scale[number]
            found = found + strength * self._expressed(query, reading.expression)
        out: Tensor = self.to_out(found)
        return out

    def _expressed(self, query: Tensor, expression: Tensor) -> Tensor:
        if self.to_k_ip is None or self.to_v_ip is None:
            raise ValueError("expression tokens were given to a UNet without the expression adapter: install it first")
        return attended(query, self.to_k_ip(expression), self.to_v_ip(expression), self.heads)


class Geglu(nn.Module):
    """Half of a projection, gated by the GELU of the other half (Shazeer 2020, arXiv 2002.05202)."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, 2 * inner)

    def forward(self, rows: Tensor) -> Tensor:
        hidden, gate = self.proj(rows).chunk(2, -1)
        gated: Tensor = hidden * F.gelu(gate)
        return gated


class FeedForward(nn.Module):
    """Each place of a picture on its own, through four times its width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(Geglu(channels, 4 * channels), nn.Identity(), nn.Linear(4 * channels, channels))

    def forward(self, rows: Tensor) -> Tensor:
        out: Tensor = self.net(rows)
        return out


class TransformerBlock(nn.Module):
    """Self-attention, cross-attention and feed-forward on rows [B,T,C], each a residual with a norm before it."""

    def __init__(self, channels: int, cross: int, heads: int, number: int) -> None:
        super().__init__()
        self.number = number  # in block order
        self.norm1 = nn.LayerNorm(channels)
        self.attn1 = SelfAttention(channels, heads)
        self.norm2 = nn.LayerNorm(channels)
        self.attn2 = CrossAttention(channels, cross, heads)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = FeedForward(channels)

    def forward(self, rows: Tensor, reading: Reading) -> Tensor:
        seen = self.norm1(rows)
        if reading.written is not None:
            reading.written[self.number] = seen
        rows = rows + self.attn1(seen, reading, self.number)
        rows = rows + self.attn2(self.norm2(rows), reading, self.number)
        out: Tensor = rows + self.ff(self.norm3(rows))
        return out


class Transformer(nn.Module):
    """One transformer block on a picture [B,C,h,w], as a residual."""

    def __init__(self, channels: int, cross: int, heads: int, groups: int, number: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(channels, cross, heads, number)])
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, reading: Reading) -> Tensor:
        h = self.proj_in(self.norm(x))
        rows = self.transformer_blocks[0](h.flatten(2).transpose(1, 2), reading)
        out: Tensor = x + self.proj_out(rows.transpose(1, 2).reshape(x.shape))
        return out
