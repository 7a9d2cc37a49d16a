"""The whole course on random weights in the published layout: the command, run, cut off, and run again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from omote.engine.data import PhotorealCharacter
from omote.engine.diffusion.arc2face.lora import fuse, read_lora
from omote.engine.diffusion.arc2face.pipeline import open_arc2face
from omote.engine.photoreal.character_file import save_photoreal
from omote.engine.photoreal.flame_map import FlameMap
from omote.engine.photoreal.licences import NonCommercialError
from omote.engine.photoreal.vector import STAND_IN_NEUTRAL
from omote.engine.testing.arc2face import flat_character
from omote.engine.training.photoreal.course import Course
from omote.engine.training.photoreal.losses import Losses
from omote.engine.training.photoreal.pairs import PART
from omote.engine.training.photoreal.student import Plan
from omote.engine.training.photoreal.train import STUDENT, main
from tests.engine.arc2face.published import DIMENSIONS, write_published

SIZE = 64


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(tmp_path_factory.mktemp("published"))


def _character(folder: Path) -> PhotorealCharacter:
    rng = np.random.default_rng(1)
    embedding = rng.normal(size=(1, DIMENSIONS["small"].embedding)).astype(np.float32)
    tokens = open_arc2face(folder).tokens(embedding)[0].numpy()
    points = (rng.uniform(0.25, 0.75, (478, 2)) * SIZE).astype(np.float32)
    return replace(flat_character("me", SIZE), tokens=tokens, neutral=STAND_IN_NEUTRAL.copy(), points=points)


def _map() -> FlameMap:
    expression = np.random.default_rng(2).normal(size=(52, 50)).astype(np.float32)
    explained, apart = np.ones(52, np.float32), np.ones(2, np.float32)
    return FlameMap(expression, np.array([0.3, 0.1, -0.1], np.float32), explained, apart, "0" * 64)


def test_the_student_that_was_trained_is_read_as_the_sampler_of_its_name(folder: Path, tmp_path: Path) -> None:
    character, run = tmp_path / "me.omote", tmp_path / "run"
    save_photoreal(_character(folder), character)
    _map().save(tmp_path / "map.safetensors")
    options = [
        *("--character", str(character), "--run", str(run), "--photoreal", str(folder)),
        *("--flame-map", str(tmp_path / "map.safetensors"), "--allow-noncommercial", "--no-expression"),
        *("--pairs", "6", "--teacher-steps", "2", "--rank", "2", "--device", "cpu"),
    ]
    main([*options, "--steps", "2"])
    main([*options, "--steps", "4"])  # goes on
    facts = json.loads((run / "facts.json").read_text())
    assert facts["steps"] == 4 and facts["held_out"] == 1 and facts["held_out_after"]["identity"] != 0.0
    with Image.open(run / "sheet.png") as sheet:
        assert sheet.size == (SIZE, 2 * SIZE)  # the teacher's above the student's
    unet = open_arc2face(folder).unet
    assert fuse(unet, read_lora(run / STUDENT), 1.0) > 0


def test_weights_for_research_are_refused_unless_that_was_said(folder: Path, tmp_path: Path) -> None:
    character = tmp_path / "me.omote"
    save_photoreal(_character(folder), character)
    with pytest.raises(NonCommercialError, match="allow_noncommercial = true"):
        main(["--character", str(character), "--run", str(tmp_path / "run"), "--photoreal", str(folder)])


def test_a_lesson_is_a_plausible_face_and_the_same_for_its_number(folder: Path) -> None:
    course = Course.of(open_arc2face(folder), "m", _character(folder), _map(), 2)
    one, same = (course.ask(np.random.default_rng([0, 3])) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    assert one.shape == (55,) and (one != course.ask(np.random.default_rng([0, 4]))).any()


def test_the_student_begins_as_the_teachers_own_weights_in_one_step(folder: Path, tmp_path: Path) -> None:
    course = Course.of(open_arc2face(folder), "m", _character(folder), _map(), 2)
    vectors = torch.from_numpy(np.stack([course.ask(np.random.default_rng(n)) for n in range(2)]))
    with torch.no_grad():
        alone = course.draw(vectors)
        wanted = course.arc.generate(
            course.character.tokens[None],
            vectors,
            course.character.noise[None],
            steps=1,
            guidance=1.0,
            sampler="student",
            bank=course.bank,
        )
        torch.testing.assert_close(alone, wanted)
        pairs = course.pairs(tmp_path, 4, 0, lambda done: None)
        losses = Losses(torch.from_numpy(course.character.points), SIZE, course.arc.tiny, None, None)
        course.student(Plan(tmp_path, rank=2), pairs, losses)
        torch.testing.assert_close(course.draw(vectors), wanted)
    assert len(pairs) == 4 < PART


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--pairs", "3"), "--pairs must be 4 or more, got 3"),
        (("--rank", "0"), "--rank must be 1 or more, got 0"),
        (("--teacher-steps", "0"), "--teacher-steps must be 1 or more, got 0"),
        (("--minutes", "nan"), "must be above 0, got 0.0001 and nan"),
    ],
)
def test_numbers_that_teach_nothing_are_refused(
    option: tuple[str, str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--character", "me", "--run", str(tmp_path), *option])
    assert says in capsys.readouterr().err
