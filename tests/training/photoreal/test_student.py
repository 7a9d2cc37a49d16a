"""A toy task on a tiny UNet: the teacher is the same UNet with other matrices, so a student can get there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from omote.engine.diffusion.arc2face.lora import fuse, read_lora
from omote.engine.diffusion.arc2face.unet import UNet
from omote.engine.diffusion.arc2face.unet_shape import UNetShape
from omote.engine.training.photoreal.losses import Losses
from omote.engine.training.photoreal.low_rank import LowRank
from omote.engine.training.photoreal.pairs import Pairs
from omote.engine.training.photoreal.student import OneStep, Plan, Student, train

SHAPE = UNetShape(channels=(16, 32), layers=1, heads=2, cross=24, groups=8, attends=(True, False))
POINTS = torch.rand(478, 2, generator=torch.Generator().manual_seed(4)) * 20.0 + 20.0


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _unet(seed: int = 0) -> UNet:
    torch.manual_seed(seed)
    return UNet(SHAPE).eval()


def _noise(count: int) -> Tensor:
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(7)).expand(count, -1, -1, -1)


def _draw(unet: nn.Module) -> OneStep:
    """The identity's tokens stand for what is asked for."""

    def draw(vectors: Tensor) -> Tensor:
        tokens = vectors[:, :24, None].transpose(1, 2).expand(-1, 3, -1)
        drawn: Tensor = unet(_noise(len(vectors)), torch.full((len(vectors),), 999.0), tokens)
        return drawn

    return draw


def _pairs() -> Pairs:
    teacher = _unet()
    with torch.no_grad():
        for parameter in teacher.mid_block.parameters():
            parameter.mul_(1.3)
        vectors = torch.randn(12, 55, generator=torch.Generator().manual_seed(9))
        return Pairs(vectors, _draw(teacher)(vectors))


def _student(run: Path, steps: int, pairs: Pairs) -> Student:
    unet = _unet()
    losses = Losses(POINTS, 64, nn.Identity(), None, None)
    return Student(Plan(run, steps, rate=3e-3, rank=8), unet, _draw(unet), pairs, losses)


def test_a_student_comes_nearer_to_faces_that_it_never_learned_from(tmp_path: Path) -> None:
    student = _student(tmp_path, 60, _pairs())
    before = float(student.judged().latent)
    train(student)
    assert float(student.judged().latent) < 0.8 * before


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(tmp_path: Path) -> None:
    pairs = _pairs()
    whole = _student(tmp_path / "whole", 6, pairs)
    for _ in range(6):
        whole.advance()
    begun = _student(tmp_path / "cut", 6, pairs)
    for _ in range(3):
        begun.advance()
    begun.save()
    gone_on = _student(tmp_path / "cut", 6, pairs)
    assert gone_on.resume() and gone_on.step == 3
    train(gone_on)
    for ours, theirs in zip(gone_on.changes.parameters(), whole.changes.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0.0, atol=0.0)


def test_a_checkpoint_of_another_rank_is_refused(tmp_path: Path) -> None:
    pairs, unet = _pairs(), _unet()
    _student(tmp_path, 1, pairs).save()
    losses = Losses(POINTS, 64, nn.Identity(), None, None)
    other = Student(Plan(tmp_path, 1, rank=4), unet, _draw(unet), pairs, losses)
    with pytest.raises(ValueError, match="is of rank 8, --rank is 4"):
        other.resume()


def test_what_was_learned_is_read_as_any_lora_is_and_draws_the_same(tmp_path: Path) -> None:
    unet, fused = _unet(), _unet()
    changes = LowRank(unet, 4)
    with torch.no_grad():
        for up in changes.up:
            up.normal_(std=0.05)
    changes.save(tmp_path / "student.safetensors", {})
    changes.attached(unet)
    assert fuse(fused, read_lora(tmp_path / "student.safetensors"), 1.0) == len(changes.names)
    vectors = torch.randn(2, 55, generator=torch.Generator().manual_seed(11))
    with torch.no_grad():
        plain, ours, theirs = (_draw(one)(vectors) for one in (_unet(), unet, fused))
    assert float((ours - plain).abs().max()) > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)  # sums in another order


def test_nothing_that_a_bank_is_projected_by_is_learned() -> None:
    names = LowRank(_unet(), 2).names
    assert names and not any(name.endswith(("attn1.to_k", "attn1.to_v")) for name in names)
