"""A student of one step: its pairs, its training, and the whole command on random weights in the published layout."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from omote.engine.arc2face import student
from omote.engine.arc2face.character import save
from omote.engine.arc2face.files import NonCommercialError, Published
from omote.engine.arc2face.loading import fuse, read_lora
from omote.engine.arc2face.losses import Losses, RecogniserError
from omote.engine.arc2face.pipeline import Arc2Face, open_arc2face
from omote.engine.arc2face.processors import Reading, denoise
from omote.engine.arc2face.sampling import few_steps, noises_between
from omote.engine.arc2face.schedulers import few_step_plan, signal_share
from omote.engine.arc2face.student import (
    STUDENT,
    CheckpointError,
    Pairs,
    PairsError,
    Plan,
    Student,
    Teacher,
    main,
    taught,
    train,
)
from omote.engine.arc2face.vectors import STAND_IN_NEUTRAL
from omote.engine.data import PhotorealCharacter
from omote.engine.face.flame_map import FlameMap
from omote.engine.model.kinds import Settings
from omote.studio.cli import train as train_command
from omote.studio.cli.train import STAGES, TrainingError
from tests.arc2face import tiny
from tests.arc2face.flat import flat_character
from tests.arc2face.home import flame_map
from tests.arc2face.published import DIMENSIONS, write_recogniser

SIZE = 64
POINTS = torch.rand(478, 2, generator=torch.Generator().manual_seed(4)) * 20.0 + 20.0


class Counting:
    """A teacher whose latents repeat the vector's first number; counts them, and fails at one of them."""

    def __init__(self, name: str = "a", fails_at: int | None = None) -> None:
        self.name, self.fails_at, self.drawn = name, fails_at, list[int]()

    def digest(self, plan: Plan) -> str:
        return f"{self.name} {plan.teacher_steps} {plan.seed}"

    def pair(self, plan: Plan, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        if self.fails_at in numbers:
            raise KeyboardInterrupt
        self.drawn += numbers
        vectors = torch.stack([torch.full((55,), float(number)) for number in numbers])
        return vectors, vectors[:, :1, None, None].expand(-1, 4, 2, 2)


def pairs_of(teacher: Counting, run: Path, count: int) -> Pairs:
    return taught(cast(Teacher, teacher), Plan(run, pairs=count))


def test_pairs_are_kept_as_they_come_and_only_missing_ones_are_drawn(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        pairs_of(Counting(fails_at=9), tmp_path, 12)
    teacher = Counting()
    pairs = pairs_of(teacher, tmp_path, 12)
    assert teacher.drawn == [8, 9, 10, 11] and pairs.vectors.shape == (12, 55)
    assert pairs.vectors[:, 0].tolist() == list(range(12))
    torch.testing.assert_close(pairs.latents, pairs.vectors[:, :1, None, None].expand(-1, 4, 2, 2))


def test_pairs_of_another_teacher_and_damaged_ones_are_named_with_the_cure(tmp_path: Path) -> None:
    pairs_of(Counting(), tmp_path, 4)
    with pytest.raises(PairsError, match="another teacher"):
        pairs_of(Counting("b"), tmp_path, 4)
    path = tmp_path / "pairs" / "000002.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(PairsError, match=r"000002\.safetensors is damaged .*: delete it"):
        pairs_of(Counting(), tmp_path, 4)


class Plain(nn.Module):
    """A decoder whose pictures are the latents."""

    def decode(self, latents: Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=latents)


def drawing(unet: Any) -> Any:
    """One step of the tiny UNet; the vector replaces the identity's tokens."""
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(7))

    def draw(vectors: Tensor, truth: Tensor | None = None, number: int = 0, steps: int = 1) -> Tensor:
        tokens = vectors[:, : tiny.CROSS, None].transpose(1, 2).expand(-1, 3, -1)
        count = len(vectors)
        return denoise(unet, noise.expand(count, -1, -1, -1), torch.full((count,), 999.0), tokens, Reading())

    return draw


def toy_pairs() -> Pairs:
    """The teacher is the same UNet with other matrices, so a student can get there."""
    teacher = tiny.unet()
    with torch.no_grad():
        for parameter in teacher.up_blocks[1].parameters():
            parameter.mul_(1.3)
        vectors = torch.randn(12, 55, generator=torch.Generator().manual_seed(9))
        return Pairs(vectors, drawing(teacher)(vectors))


def toy_student(run: Path, steps: int, pairs: Pairs, rank: int = 8) -> Student:
    unet = tiny.unet()
    losses = Losses(POINTS, SIZE, Plain(), None, None)
    return Student(Plan(run, steps=steps, rate=3e-3, rank=rank), unet, drawing(unet), pairs, losses)


def test_a_student_comes_nearer_to_faces_that_it_never_learned_from(tmp_path: Path) -> None:
    one = toy_student(tmp_path, 40, toy_pairs())
    before = float(one.judged().latent)
    train(one)
    assert float(one.judged().latent) < 0.9 * before


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(tmp_path: Path) -> None:
    pairs = toy_pairs()
    whole = toy_student(tmp_path / "whole", 6, pairs)
    for _ in range(6):
        whole.advance()
    begun = toy_student(tmp_path / "cut", 6, pairs)
    for _ in range(3):
        begun.advance()
    begun.save()
    gone_on = toy_student(tmp_path / "cut", 6, pairs)
    assert gone_on.resume() and gone_on.step == 3
    train(gone_on)
    for name, ours in gone_on.learned().items():
        torch.testing.assert_close(ours, whole.learned()[name], rtol=0.0, atol=0.0)


def test_what_was_learned_is_read_as_any_lora_is_and_draws_the_same(tmp_path: Path) -> None:
    one, fused = toy_student(tmp_path, 3, toy_pairs()), tiny.unet()
    train(one)
    one.export(tmp_path / "student.safetensors")
    lora = read_lora(tmp_path / "student.safetensors")
    assert lora.ranks and not any(name.endswith(("attn1.to_k", "attn1.to_v")) for name in lora.ranks)
    fuse(fused, lora, 1.0)
    vectors = torch.randn(2, 55, generator=torch.Generator().manual_seed(11))
    with torch.no_grad():
        draws = (drawing(tiny.unet()), one.draw, drawing(fused))
        plain, ours, theirs = (draw(vectors, vectors, 0, 1) for draw in draws)
    assert float((ours - plain).abs().max()) > 1e-5
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)  # sums in another order


@pytest.fixture(scope="module")
def arc(published: Path) -> Arc2Face:
    return open_arc2face(published, reference_scale=0.0)


@pytest.fixture(scope="module")
def me(arc: Arc2Face) -> PhotorealCharacter:
    rng = np.random.default_rng(1)
    tokens = arc.tokens(rng.normal(size=(1, DIMENSIONS["small"].embedding)).astype(np.float32))[0].numpy()
    points = (rng.uniform(0.25, 0.75, (478, 2)) * SIZE).astype(np.float32)
    return replace(flat_character("me", SIZE), tokens=tokens, neutral=STAND_IN_NEUTRAL.copy(), points=points)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_the_student_learns_the_latents_that_its_sampler_meets(
    arc: Arc2Face, me: PhotorealCharacter, steps: int
) -> None:
    """If every step but the last predicts the teacher's latent, the last one trains on what sampling gives it."""
    teacher = Teacher(arc, "", me, None, cast(FlameMap, None))
    vectors, truth = torch.randn(1, 55), torch.randn(1, 4, SIZE // 8, SIZE // 8)
    plan, noise = few_step_plan("student", steps), torch.from_numpy(me.noise)[None]
    between = [torch.from_numpy(between) for between in noises_between(me.noise.shape, steps)]

    def predict(x: Tensor, timestep: int) -> Tensor:
        share = signal_share(timestep)
        if timestep != plan[-1].timestep:
            eps: Tensor = (x - share**0.5 * truth) / (1.0 - share) ** 0.5
            return eps
        tokens, t = torch.from_numpy(me.tokens)[None], torch.full((1,), float(timestep))
        return denoise(arc.unet, x, t, tokens, Reading(arc.adapter(vectors)))

    with torch.no_grad():
        sampled = few_steps(predict, noise, plan, between)
        trained = teacher.clean(vectors, truth, steps - 1, steps)
    torch.testing.assert_close(trained, sampled, rtol=1e-3, atol=1e-3)


@pytest.fixture
def settings(published: Path, me: PhotorealCharacter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("OMOTE_MODELS", str(tmp_path / "models"))
    flame_map().save(tmp_path / "map.safetensors")
    save(me, tmp_path / "me.omote")
    return Settings(published, tmp_path / "map.safetensors", allow_noncommercial=True)


def options(tmp_path: Path, *more: str) -> list[str]:
    arguments = ["--character", str(tmp_path / "me.omote"), "--run", str(tmp_path / "run"), "--no-expression"]
    return [*arguments, "--pairs", "4", "--teacher-steps", "1", "--rank", "2", "--device", "cpu", *more]


def test_the_command_trains_goes_on_and_leaves_a_lora_a_sheet_and_figures(settings: Settings, tmp_path: Path) -> None:
    main(options(tmp_path, "--steps", "1"), settings)
    main(options(tmp_path, "--steps", "2", "--student-steps", "4"), settings)
    run, facts = tmp_path / "run", json.loads((tmp_path / "run" / "facts.json").read_text())
    assert facts["steps"] == 2 and facts["held_out"] == 1 and facts["held_out_after"]["identity"] != 0.0
    with Image.open(run / "sheet.png") as sheet:
        assert sheet.size == (SIZE, 2 * SIZE)  # the teacher's above the student's
    assert read_lora(run / STUDENT).ranks


@pytest.fixture
def _no_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student, "taught", lambda *_: pytest.fail("a pair was drawn"))


def with_sigmoid(graph: onnx.GraphProto) -> None:
    graph.node[1].op_type = "Sigmoid"


def with_fewer_channels(graph: onnx.GraphProto) -> None:
    """Every operator is known, but the first weights do not fit a picture of three channels."""
    first = next(one for one in graph.initializer if len(one.dims) == 4)
    first.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(first)[:, :2], first.name))


@pytest.mark.usefixtures("_no_pairs")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [(with_sigmoid, "operator Sigmoid"), (with_fewer_channels, r"can be executed \(.*channels.*--no-identity")],
)
def test_a_recogniser_that_cannot_be_executed_is_found_before_the_first_pair(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[onnx.GraphProto], None],
    message: str,
) -> None:
    path = tmp_path / "odd.onnx"
    write_recogniser(path, 24)
    model = onnx.load(path)
    spoil(model.graph)
    onnx.save(model, path)
    usual = Published.path
    monkeypatch.setattr(Published, "path", lambda one, name: path if name == "arcface.onnx" else usual(one, name))
    with pytest.raises(RecogniserError, match=message):
        main(options(tmp_path), settings)


@pytest.mark.usefixtures("_no_pairs")
@pytest.mark.parametrize(
    ("rank", "cut", "message"), [(8, 0, "has rank 8, --rank is 2"), (2, 99, r"checkpoint\.pt is damaged .*: delete it")]
)
def test_a_checkpoint_that_cannot_be_continued_is_found_before_the_first_pair(
    settings: Settings, tmp_path: Path, rank: int, cut: int, message: str
) -> None:
    toy_student(tmp_path / "run", 1, toy_pairs(), rank).save()
    path = tmp_path / "run" / student.CHECKPOINT
    path.write_bytes(path.read_bytes()[: -cut or None])
    with pytest.raises(CheckpointError, match=message):
        main(options(tmp_path), settings)


@pytest.mark.usefixtures("_no_pairs")
def test_all_losses_are_computed_once_before_the_first_pair(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(losses: Losses, drawn: Tensor, truth: Tensor) -> None:
        raise ValueError(f"no losses of {list(drawn.shape)}")

    monkeypatch.setattr(Losses, "forward", broken)
    with pytest.raises(ValueError, match=r"no losses of \[1, 4, 8, 8\]"):
        main(options(tmp_path), settings)


@pytest.mark.parametrize("name", STAGES["arc2face"][2])
def test_a_library_that_is_missing_is_named_with_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omote.studio.cli.train.find_spec", lambda one: None if one == name else find_spec(one))
    with pytest.raises(TrainingError, match=rf"needs {name}: pip install 'omote\[photoreal\]'"):
        train_command.run("arc2face", None, [])


def test_what_the_command_needs_is_in_the_extra_that_it_names() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    extra = " ".join(project["project"]["optional-dependencies"]["photoreal"])
    assert all(name in extra for name in STAGES["arc2face"][2])


def test_weights_for_research_and_ordinary_characters_are_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NonCommercialError, match="allow_noncommercial = true"):
        main(options(tmp_path), replace(settings, allow_noncommercial=False))
    with pytest.raises(ValueError, match='"hana" is not photoreal'):
        main([*options(tmp_path), "--character", "hana"], settings)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--pairs", "3"), "--pairs must be 4 or more, got 3"),
        (("--rank", "0"), "--rank must be 1 or more, got 0"),
        (("--minutes", "nan"), "must be above 0, got 0.0001 and nan"),
    ],
)
def test_numbers_that_teach_nothing_are_refused(
    option: tuple[str, str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--character", "me", "--run", str(tmp_path), *option], Settings())
    assert message in capsys.readouterr().err
