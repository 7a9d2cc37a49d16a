"""The bank and the shared attention, held against attention over concatenated rows written out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from omote.engine.diffusion.arc2face.bank import Bank, Share, bank_from, bank_of, joined, rows_of
from omote.engine.diffusion.arc2face.lora import Lora, Pair, fuse
from omote.engine.diffusion.arc2face.unet import UNet
from tests.engine.arc2face.twins import TOLERANCE, Sizes, apart, blocks_of, ours, question, theirs

Told = tuple[Tensor, Tensor, Tensor]


class Concatenated:
    """In place of diffusers' self-attention: a softmax over all rows that a picture reads, one picture a time."""

    def __init__(self, more: Tensor | None, readiness: Tensor | None, strength: float, groups: int) -> None:
        self.more = more  # [B,R,C] not yet projected, as the published reference adapter keeps them
        self.readiness = readiness  # [B,R]
        self.strength = strength
        self.groups = groups

    def __call__(self, attn: Any, hidden_states: Tensor, **_: object) -> Tensor:
        return torch.stack([self.one(attn, hidden_states, which) for which in range(len(hidden_states))])

    def one(self, attn: Any, rows: Tensor, which: int) -> Tensor:
        read, bias = self.sources(rows, which)
        heads = [
            part(source).split(rows.shape[2] // attn.heads, -1) for part, source in self.parts(attn, rows, which, read)
        ]
        out = []
        for query, key, value in zip(*heads, strict=True):
            logits = query @ key.T / math.sqrt(query.shape[1]) + bias
            out.append(logits.softmax(-1) @ value)
        projected: Tensor = attn.to_out[0](torch.cat(out, -1))
        return projected

    def parts(self, attn: Any, rows: Tensor, which: int, read: Tensor) -> list[tuple[Any, Tensor]]:
        return [(attn.to_q, rows[which]), (attn.to_k, read), (attn.to_v, read)]

    def sources(self, rows: Tensor, which: int) -> tuple[Tensor, Tensor]:
        read, bias = [rows[which]], [torch.zeros(rows.shape[1])]
        members = len(rows) // self.groups
        others = [n for n in range(len(rows)) if n // members == which // members and n != which]
        for other in others if self.strength else []:
            read.append(rows[other])
            bias.append(torch.full((rows.shape[1],), math.log(self.strength)))
        if self.more is not None:
            more = self.more.expand(len(rows), -1, -1)[which]
            read.append(more)
            bias.append(torch.zeros(len(more)) if self.readiness is None else self.readiness[which])
        return torch.cat(read), torch.cat(bias)


def concatenated(
    peer: Any,
    asked: Told,
    rows: Sequence[Tensor] = (),
    readiness: Sequence[Tensor] = (),
    strengths: Sequence[float] = (),
    groups: int = 1,
) -> Tensor:
    """What diffusers' UNet says when its self-attention reads by concatenation."""
    before = [block.attn1.processor for block in blocks_of(peer)]
    for number, block in enumerate(blocks_of(peer)):
        more, ready = (part[number] if part else None for part in (rows, readiness))
        block.attn1.processor = Concatenated(more, ready, strengths[number] if strengths else 0.0, groups)
    said: Tensor = peer(*asked).sample
    for block, processor in zip(blocks_of(peer), before, strict=True):
        block.attn1.processor = processor
    return said


@pytest.fixture(scope="module")
def peer() -> Any:
    return theirs(Sizes())


@pytest.fixture(scope="module")
def unet(peer: Any) -> UNet:
    return ours(peer)


def asked(batch: int, seed: int = 1) -> Told:
    what = question(batch, seed=seed)
    return what.x, what.t, what.tokens


def reference(unet: UNet, batch: int = 1, seed: int = 9) -> tuple[Tensor, ...]:
    """Rows that another picture has written at timestep 0."""
    x, t, tokens = asked(batch, seed)
    return unet.written(x, torch.zeros_like(t), tokens)


def test_concatenation_by_hand_without_a_bank_is_diffusers_own(peer: Any) -> None:
    assert apart(concatenated(peer, asked(2)), peer(*asked(2)).sample) <= TOLERANCE


@pytest.mark.parametrize("batch", [1, 2])
def test_bank_is_concatenation_of_what_the_reference_wrote(peer: Any, unet: UNet, batch: int) -> None:
    """Keys and values projected once are those of rows concatenated at every step; at batch 1 too."""
    rows = reference(unet)
    found = unet(*asked(batch), bank=bank_of(unet, rows))
    assert apart(found, concatenated(peer, asked(batch), rows)) <= TOLERANCE
    assert apart(found, peer(*asked(batch)).sample) > 100 * TOLERANCE


def test_each_picture_of_a_batch_may_have_a_bank_of_its_own(peer: Any, unet: UNet) -> None:
    rows = reference(unet, batch=2)
    found = unet(*asked(2), bank=bank_of(unet, rows))
    assert apart(found, concatenated(peer, asked(2), rows)) <= TOLERANCE


def test_bias_weighs_single_rows_of_single_pictures(peer: Any, unet: UNet) -> None:
    rows = reference(unet)
    bias = tuple(torch.randn(2, row.shape[1], generator=torch.Generator().manual_seed(3)) for row in rows)
    bank = bank_of(unet, rows)
    found = unet(*asked(2), bank=Bank(bank.keys, bank.values, bias))
    assert apart(found, concatenated(peer, asked(2), rows, bias)) <= TOLERANCE


def test_only_the_half_of_guidance_that_is_told_who_it_is_sees_the_bank(peer: Any, unet: UNet) -> None:
    rows = reference(unet)
    bank = bank_of(unet, rows)
    unseen = torch.tensor([[-math.inf], [0.0]])
    found = unet(*asked(2), bank=Bank(bank.keys, bank.values, tuple(unseen.expand(-1, row.shape[1]) for row in rows)))
    assert apart(found[:1], peer(*asked(2)).sample[:1]) <= TOLERANCE
    assert apart(found[1:], concatenated(peer, asked(2), rows)[1:]) <= TOLERANCE


def test_joined_banks_are_read_side_by_side(peer: Any, unet: UNet) -> None:
    one, other = reference(unet, seed=9), reference(unet, seed=10)
    bank = joined([bank_of(unet, one), bank_of(unet, other)])
    rows = [torch.cat(pair, 1) for pair in zip(one, other, strict=True)]
    assert apart(unet(*asked(2), bank=bank), concatenated(peer, asked(2), rows)) <= TOLERANCE


def test_joined_keeps_the_bias_of_the_bank_that_has_one(unet: UNet) -> None:
    one, other = bank_of(unet, reference(unet, seed=9)), bank_of(unet, reference(unet, seed=10, batch=2))
    half = Bank(other.keys, other.values, tuple(key.new_full(key.shape[:2], -math.inf) for key in other.keys))
    assert apart(unet(*asked(2), bank=joined([one, half])), unet(*asked(2), bank=one)) <= TOLERANCE


def test_none_and_banks_of_different_networks_cannot_be_joined(unet: UNet) -> None:
    with pytest.raises(ValueError, match="no bank"):
        joined([])
    with pytest.raises(ValueError, match="11, 0"):
        joined([bank_of(unet, reference(unet)), Bank((), ())])


def test_bank_is_projected_with_the_readers_loras(peer: Any) -> None:
    reader, rows = ours(peer), reference(ours(peer))
    name = "down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_k"
    fuse(reader, Lora("toy", {name: Pair(torch.ones(1, 16), torch.ones(16, 1), 1.0)}), 0.5)
    plain, changed = bank_of(ours(peer), rows), bank_of(reader, rows)
    assert torch.allclose(changed.keys[0], plain.keys[0] + 0.5 * rows[0].sum(-1, keepdim=True), atol=1e-5)
    assert torch.equal(changed.keys[1], plain.keys[1])
    assert torch.equal(changed.values[0], plain.values[0])


def test_rows_of_another_network_make_no_bank(unet: UNet) -> None:
    with pytest.raises(ValueError, match="11 blocks that read a bank, got rows for 3"):
        bank_of(unet, reference(unet)[:3])


def test_bank_without_a_value_for_each_key_is_refused() -> None:
    row = torch.zeros(1, 2, 4)
    with pytest.raises(ValueError, match="2 keys, 1 values and 0 biases"):
        Bank((row, row), (row,))


def test_bank_of_half_numbers_comes_back_as_it_was_kept(unet: UNet) -> None:
    bank = bank_of(unet, reference(unet))
    kept = rows_of(Bank(bank.keys, bank.values, tuple(key.new_full(key.shape[:2], -0.25) for key in bank.keys)))
    assert [row.dtype for row in (kept.keys[0], kept.values[0], kept.bias[0])] == [np.float16, np.float16, np.float32]
    assert kept.keys[0].shape == (128, 16)
    back = bank_from(kept, "cpu", torch.float32)
    again = rows_of(back)
    for one, other in zip(kept.keys + kept.values + kept.bias, again.keys + again.values + again.bias, strict=True):
        assert np.array_equal(one, other)
    # Half the distance between two float16 at the size of a number: 2^-11 of it.
    assert all(apart(one, other) <= 2**-11 for one, other in zip(back.keys, bank.keys, strict=True))


def test_only_the_bank_of_one_picture_is_kept(unet: UNet) -> None:
    with pytest.raises(ValueError, match="a batch of 2"):
        rows_of(bank_of(unet, reference(unet, batch=2)))


def test_rows_past_half_precision_are_refused() -> None:
    row = torch.full((1, 2, 4), 1e5)
    with pytest.raises(ValueError, match="float16"):
        rows_of(Bank((row,), (row,)))


@pytest.mark.parametrize(("down", "up", "mid"), [(1.0, 1.0, 1.0), (0.3, 0.7, 1.0), (0.0, 1.0, 0.5)])
def test_shared_attention_is_concatenation_of_the_batch(
    peer: Any, unet: UNet, down: float, up: float, mid: float
) -> None:
    strengths = [down] * 4 + [up] * 6 + [mid]
    found = unet(*asked(3), share=Share(down, up, mid))
    assert apart(found, concatenated(peer, asked(3), strengths=strengths)) <= TOLERANCE


def test_no_strength_is_no_sharing_to_the_last_bit(unet: UNet) -> None:
    assert torch.equal(unet(*asked(3), share=Share(0.0, 0.0, 0.0)), unet(*asked(3)))


def test_a_picture_alone_has_nobody_to_read(unet: UNet) -> None:
    assert apart(unet(*asked(1), share=Share(1.0, 1.0, 1.0)), unet(*asked(1))) <= TOLERANCE


def test_sharing_and_a_bank_are_read_together(peer: Any, unet: UNet) -> None:
    rows = reference(unet)
    found = unet(*asked(2), bank=bank_of(unet, rows), share=Share(0.5, 0.5, 0.5))
    assert apart(found, concatenated(peer, asked(2), rows, strengths=[0.5] * 11)) <= TOLERANCE


def test_sharing_leaves_each_picture_its_own_bank_and_bias(peer: Any, unet: UNet) -> None:
    rows, source = reference(unet, batch=2), torch.Generator().manual_seed(3)
    bias = tuple(torch.randn(2, row.shape[1], generator=source) for row in rows)
    bank = bank_of(unet, rows)
    found = unet(*asked(2), bank=Bank(bank.keys, bank.values, bias), share=Share(0.5, 1.0, 0.1))
    strengths = [0.5] * 4 + [1.0] * 6 + [0.1]
    assert apart(found, concatenated(peer, asked(2), rows, bias, strengths)) <= TOLERANCE


def test_groups_of_a_batch_read_nothing_of_each_other(peer: Any, unet: UNet) -> None:
    found = unet(*asked(4), share=Share(1.0, 1.0, 1.0, groups=2))
    assert apart(found, concatenated(peer, asked(4), strengths=[1.0] * 11, groups=2)) <= TOLERANCE
    x, t, tokens = asked(4)
    x = torch.cat([x[:2], x[2:] + 1.0])
    assert torch.equal(unet(x, t, tokens, share=Share(1.0, 1.0, 1.0, groups=2))[:2], found[:2])


def test_groups_that_do_not_divide_the_batch_are_refused(unet: UNet) -> None:
    with pytest.raises(ValueError, match="a batch of 3 pictures does not fall into 2"):
        unet(*asked(3), share=Share(1.0, 1.0, 1.0, groups=2))


@pytest.mark.parametrize("wrong", [-0.1, 1.5, math.nan])
def test_strength_beyond_none_and_full_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="the strength up must be between 0 and 1"):
        Share(0.0, wrong, 0.0)
