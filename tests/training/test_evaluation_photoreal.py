"""Photoreal characters go through the same evaluation, drawn by networks whose pictures are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.engine import models
from omote.engine.nouns import FLAME_BASIS, FlameParams, PhotorealCharacter
from omote.engine.photoreal.animator import PhotorealAnimator
from omote.engine.photoreal.character_file import save_photoreal
from omote.engine.photoreal.flat_character import flat_character
from omote.engine.photoreal.flat_networks import flat_networks
from omote.engine.training.evaluation import report
from omote.engine.training.evaluation.drawing import Animated
from omote.engine.training.evaluation.request import Request, carry_out
from omote.engine.training.evaluation.scenes import expressions, rest
from omote.engine.training.evaluation.subjects import EvaluationError, characters

SIZE = 128


def to_flame(params: FlameParams) -> FlameParams:
    """The same numbers, said to be in FLAME's basis."""
    return replace(params, basis=FLAME_BASIS)


def artist(character: PhotorealCharacter) -> PhotorealAnimator:
    return PhotorealAnimator(flat_networks(SIZE), "lcm", 1, to_flame)


@pytest.fixture
def me(tmp_path: Path) -> Path:
    path = tmp_path / "me.omote"
    save_photoreal(flat_character("me", SIZE), path)
    return path


@pytest.fixture(scope="module")
def tracker() -> None:
    pytest.importorskip("mediapipe")
    try:
        models.fetch(models.FACE_LANDMARKER)
    except models.ModelError as error:
        pytest.skip(str(error))


def test_a_photoreal_character_is_measured_against_its_photo(me: Path, tracker: None) -> None:
    folder = me.parent / "evaluation"
    found = carry_out(Request(folder, (str(me),), pictures=2, frames=2), artist)
    (one,) = found.subjects
    assert (found.drawer, one.figures.group) == ("lcm, 1 step, flat", "me")
    assert found.groups[0].portrayal.pictures == 23
    assert found.groups[0].portrayal.found == 0.0  # the flat networks draw no face
    assert found.groups[0].portrayal.appearance.contrast > 0.0
    assert found.groups[0].steadiness.is_still == 1.0
    assert not found.students
    assert not found.consistency
    record = json.loads((folder / report.RECORD).read_text())
    assert record["groups"][0]["portrayal"]["similarity"] is None
    with Image.open(folder / one.sheet) as sheet:
        assert sheet.width > SIZE
    assert "Portrayal" in (folder / report.PAGE).read_text(encoding="utf-8")


def test_the_head_of_a_photoreal_character_is_where_its_points_are(me: Path) -> None:
    (subject,) = characters((str(me),), None)
    mask = subject.heads(rest(), SIZE)[0]
    assert isinstance(subject.character, PhotorealCharacter)
    column, row = subject.character.points.mean(0).astype(int)
    assert mask[row, column]
    assert 0.02 < mask.mean() < 0.7
    assert subject.photo is subject.character.reference


def test_pictures_that_are_no_sequence_know_nothing_of_each_other() -> None:
    drawer, me = Animated("flat", artist(flat_character("me", SIZE))), flat_character("me", SIZE)
    scene = expressions()
    forward = drawer.draw(me, scene)
    backward = drawer.draw(me, replace(scene, shots=scene.shots[::-1]))[::-1]
    np.testing.assert_array_equal(forward, backward)


def test_open_and_photoreal_characters_are_not_evaluated_in_one(me: Path, tracker: None) -> None:
    for request, words in (
        (Request(me.parent / "out", (str(me), "hana")), "the open kind's hana"),
        (Request(me.parent / "out", (str(me),), steps=(1, 2)), "several --steps"),
        (Request(me.parent / "out", (str(me),), network=me.parent), "--network"),
        (Request(me.parent / "out", (str(me),), truth=me.parent), "--truth"),
        (Request(me.parent / "out", (str(me),), is_baseline=True), "--baseline"),
    ):
        with pytest.raises(EvaluationError, match=words):
            carry_out(request, artist)


def test_a_recogniser_that_is_none_is_refused(me: Path) -> None:
    pytest.importorskip("onnxruntime")
    wrong = me.parent / "wrong.onnx"
    wrong.write_bytes(b"no network")
    with pytest.raises(EvaluationError, match="--recogniser"):
        carry_out(Request(me.parent / "out", (str(me),), recogniser=wrong), artist)


def test_a_folder_without_pictures_is_no_set_of_real_faces(me: Path, tracker: None) -> None:
    pytest.importorskip("dlib")
    (me.parent / "real").mkdir()
    with pytest.raises(EvaluationError, match="holds no pictures"):
        carry_out(Request(me.parent / "out", (str(me),), real=me.parent / "real"), artist)
