"""Number by number against diffusers' and transformers' own modules, and the authors' arithmetic, on random weights."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, LCMScheduler, StableDiffusionImg2ImgPipeline
from photoreal_parity import CLOSE, PARTS, Parity, apart
from torch import Tensor

from omote.engine.arc2face.pipeline import Arc2Face, open_arc2face
from omote.engine.arc2face.processors import Bank, Reading, bank_from, bank_of, denoise, joined, rows_of
from omote.engine.arc2face.schedulers import dpm_solver, few_step_plan
from tests.arc2face import peers
from tests.arc2face.published import Layout, write_adapter

PIXELS, STEPS = 64, 3  # `make parity-photoreal` has 128 and 25
T = torch.tensor([999.0])


@pytest.fixture(scope="module")
def parity(published: Path) -> Parity:
    return Parity(published, "small", PIXELS, STEPS)


@pytest.fixture(scope="module")
def arc(published: Path) -> Arc2Face:
    return open_arc2face(published, has_pose=True)


@pytest.fixture(scope="module")
def bank(arc: Arc2Face, parity: Parity) -> Bank:
    return arc.bank(parity.photo, parity.tokens)


@pytest.mark.parametrize("part", PARTS)
def test_numbers_are_those_of_diffusers_and_the_authors(parity: Parity, part: str) -> None:
    rows = dict(getattr(parity, part)())
    assert rows and max(rows.values()) <= CLOSE, rows


@pytest.mark.parametrize("layout", ["linear", "faceid"])
def test_numbers_are_the_same_in_other_layouts_of_the_adapter(published: Path, tmp_path: Path, layout: Layout) -> None:
    folder = shutil.copytree(published, tmp_path / "published", copy_function=os.link)
    (folder / "exp_adapter/exp_adapter.bin").unlink()
    write_adapter(folder, layout)
    (row,) = Parity(folder, "small", PIXELS, STEPS).unconditional()
    assert row[1] <= CLOSE


def test_a_draft_begins_as_in_diffusers_image_to_image(published: Path, parity: Parity, arc: Arc2Face) -> None:
    vae = AutoencoderKL.from_pretrained(published / "vae")
    pipeline = peers.pipeline(published, kind=StableDiffusionImg2ImgPipeline, vae=vae)
    given = {"num_inference_steps": 4, "guidance_scale": 3.0, "negative_prompt_embeds": parity.empty}
    draft = {"image": arc.latents(parity.photo[None]), "strength": 0.5, "generator": torch.Generator().manual_seed(6)}
    expected = peers.latents(pipeline, None, parity.vectors[:1], parity.tokens, **given, **draft)
    plain = open_arc2face(published, reference_scale=0.0)
    noise = torch.randn(parity.noise.shape, generator=torch.Generator().manual_seed(6))
    how: dict[str, Any] = {"steps": 4, "start": parity.photo}
    found = plain.generate(parity.tokens, parity.vectors[:1], noise, strength=0.5, **how)
    assert apart(found, expected) <= CLOSE
    assert torch.equal(  # nothing is left to draw
        plain.generate(parity.tokens, parity.vectors[:1], noise, strength=0.0, **how), arc.latents(parity.photo[None])
    )


def test_each_input_changes_the_picture(parity: Parity, arc: Arc2Face, bank: Bank) -> None:
    """Otherwise the comparisons above could not fail."""

    def drawn(number: int = 0, **how: Any) -> Tensor:
        return arc.generate(parity.tokens, parity.vectors[number : number + 1], parity.noise, steps=1, **how)

    plain, control = drawn(), np.ascontiguousarray(parity.photo[:, ::-1])
    for how in ({"number": 1}, {"bank": bank}, {"control": control}, {"scale": 0.5}, {"guidance": 1.0}):
        assert apart(drawn(**how), plain) > 100 * CLOSE, how
    pair = arc.generate(parity.tokens, parity.vectors[:2], parity.noise, steps=1, share=0.6)
    assert apart(pair[1:], drawn(1)) > 100 * CLOSE >= apart(pair[:1], plain)


def unposed(arc: Arc2Face, tokens: Tensor, vectors: Tensor) -> Tensor:
    """A picture for the ControlNet, which is not there."""
    control = np.zeros((PIXELS, PIXELS, 3), np.uint8)
    return replace(arc, controlnet=None).generate(tokens, vectors, torch.zeros(4, 8, 8), control=control)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda arc: arc.tokens(np.zeros((1, 24), np.float32)), r"finite and not all zero, got \[1, 24\]"),
        (lambda arc: arc.tokens(np.full((1, 24), np.nan, np.float32)), "finite and not all zero"),
        (lambda arc: arc.tokens(np.ones((1, 33), np.float32)), "at most 32 numbers, got 33"),
        (lambda arc: few_step_plan("lcm", 0), '"lcm" takes 1 to 8 steps, got 0'),
        (lambda arc: few_step_plan("lcm", 9), '"lcm" takes 1 to 8 steps, got 9'),
        (lambda arc: few_step_plan("student", 3), '"student" takes 1, 2 or 4 steps, got 3'),
        (lambda arc: few_step_plan("ddim", 1), 'no few-step sampler "ddim"'),
        (lambda arc: dpm_solver(lambda x, t: x, torch.zeros(1), 1000), "takes 1 to 999 steps, got 1000"),
        (lambda arc: bank_of(arc.unet, []), "rows for 16 blocks, got 0"),
        (lambda arc: rows_of(Bank((torch.full((1, 2, 4), 1e5),), (torch.zeros(1, 2, 4),))), "float16"),
        (lambda arc: rows_of(Bank((torch.zeros(2, 2, 4),), (torch.zeros(2, 2, 4),))), "got a batch of 2"),
        (lambda arc: Bank((torch.zeros(1, 2, 4),), ()), "got 1 keys, 0 values and 0 biases"),
        (lambda arc: joined([Bank((), ()), Bank((T,), (T,))]), r"only banks of one UNet can be joined, got \[0, 1\]"),
        (lambda arc: denoise(arc.unet, T, T, T, Reading(bank=Bank((T,), (T,)))), "belongs to a UNet with 1 blocks"),
        (lambda arc: unposed(arc, torch.zeros(1, 1, 32), torch.zeros(1, 55)), "the ControlNet is not loaded"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_refused(arc: Arc2Face, use: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        use(arc)


def test_the_student_s_step_gives_the_clean_part_of_the_noise() -> None:
    (step,) = few_step_plan("student", 1)
    alpha = float(LCMScheduler.from_config(peers.SCHEDULE).alphas_cumprod[999])
    clean, eps = np.random.default_rng(0).standard_normal((2, 8))
    np.testing.assert_allclose(step.after(alpha**0.5 * clean + (1.0 - alpha) ** 0.5 * eps, eps), clean, atol=1e-5)


def test_strength_of_the_expression_is_that_of_each_block(parity: Parity, arc: Arc2Face) -> None:
    one, other = (arc.generate(parity.tokens, v[None], parity.noise, steps=1, scale=0.0) for v in parity.vectors[:2])
    assert torch.equal(one, other)
    only_third = torch.zeros(arc.blocks).index_fill_(0, torch.tensor([3]), 1.0)
    adapted = arc.adapter(parity.vectors[:1])
    with torch.no_grad():
        third, none, nothing = (
            denoise(arc.unet, parity.noise, T, parity.tokens, reading)
            for reading in (Reading(adapted, only_third), Reading(adapted, 0.0 * only_third), Reading())
        )
    assert apart(third, nothing) > 100 * CLOSE >= apart(none, nothing)
    bare: Any = open_arc2face  # a UNet without the adapter refuses its tokens
    unet = bare(lambda name: parity.folder / name).reader()
    with pytest.raises(ValueError, match="expression tokens need the expression adapter"):
        denoise(unet, parity.noise, T, parity.tokens, Reading(adapted))


def test_decoders_are_diffusers(published: Path, parity: Parity, arc: Arc2Face) -> None:
    full, tiny = AutoencoderKL.from_pretrained(published / "vae"), AutoencoderTiny.from_pretrained(published / "taesd")
    with torch.no_grad():
        expected = full.decode(parity.noise / full.config.scaling_factor).sample, tiny.decode(parity.noise).sample
    for is_tiny, pixels in zip((False, True), expected, strict=True):
        picture = arc.picture(parity.noise, tiny=is_tiny)
        levels = ((pixels + 1.0) * 127.5).round().clamp(0.0, 255.0).permute(0, 2, 3, 1).numpy()
        assert picture.shape == (1, PIXELS, PIXELS, 3) and picture.std() > 5.0
        assert np.abs(picture - levels).max() <= 1.0  # a half may round to either side


def test_a_bias_weighs_single_rows_and_sharing_is_a_softmax_over_both_pictures_rows(
    parity: Parity, arc: Arc2Face, bank: Bank
) -> None:
    def biased(number: int) -> Reading:
        """The bank with its block of this number alone read."""
        bias = [torch.full(key.shape[:2], 0.0 if k == number else -1e4) for k, key in enumerate(bank.keys)]
        return Reading(bank=replace(bank, bias=tuple(bias)))

    block = peers.blocks_of(arc.unet)[0].attn1  # where nothing before it has been shared
    rows = torch.randn(2, 9, block.to_q.in_features, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        none, third, plain = (
            denoise(arc.unet, parity.noise, T, parity.tokens, one) for one in (biased(99), biased(3), Reading())
        )
        assert apart(third, plain) > 100 * CLOSE >= apart(none, plain)
        found = block(rows, reading=Reading(share=0.3))
        assert apart(found[1], peers.Concatenating(rows[:1], float(np.log(0.3)))(block, rows)[1]) <= CLOSE
        assert apart(found[0], peers.Concatenating(None)(block, rows)[0]) <= CLOSE


def test_banks_are_joined_and_kept_in_halves(parity: Parity, arc: Arc2Face, bank: Bank) -> None:
    flipped = np.ascontiguousarray(parity.photo[::-1])
    both = arc.bank(np.stack([parity.photo, flipped]), parity.tokens)
    pair = joined([bank, arc.bank(flipped, parity.tokens)])
    assert max(map(apart, both.keys, pair.keys)) <= CLOSE
    back = bank_from(rows_of(bank), "cpu", torch.float32)
    assert max(map(apart, back.keys, bank.keys)) <= 2**-11


def test_anchors_are_every_second_row_and_column_of_what_each_expression_holds(
    parity: Parity, arc: Arc2Face, bank: Bank
) -> None:
    def anchors(*numbers: int) -> Bank:
        return arc.anchor_bank(parity.tokens, parity.vectors[list(numbers)], parity.noise[0], 999, bank)

    pair, alone = anchors(0, 1), anchors(1)
    for keys, own, rows in zip(pair.keys, alone.keys, bank.keys, strict=True):
        assert own.shape[1] == (-(-round(rows.shape[1] ** 0.5) // 2)) ** 2
        assert apart(keys[:, own.shape[1] :], own) <= CLOSE
    assert apart(alone.keys[3], anchors(0).keys[3]) > 100 * CLOSE


def test_half_precision_draws_nearly_the_same(published: Path, parity: Parity, arc: Arc2Face) -> None:
    half = open_arc2face(published, dtype=torch.bfloat16)
    found, exact = (one.generate(parity.tokens, parity.vectors[:1], parity.noise, steps=4) for one in (half, arc))
    assert found.dtype == torch.float32
    assert float((found - exact).square().mean().sqrt() / exact.std()) < 0.1
