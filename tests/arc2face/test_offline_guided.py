"""Photoreal characters at full quality: sets that are drawn at once, of small published weights."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.arc2face.character import read as read_photoreal
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.arc2face.files import NonCommercialError, files_for, published
from omote.engine.data import BankRows
from omote.engine.face.flame_map import FlameMap
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model.kinds import Settings
from omote.engine.offline import render
from omote.engine.offline.animation import Animation, RenderError, single_character_animation, split_chunks
from omote.engine.offline.render import RenderSettings, draw_chunk
from omote.engine.offline.render_options import resolve_settings
from omote.engine.tensor_file import CharacterError
from tests.arc2face.flat import flat_character
from tests.arc2face.published import write_published

STEPS = 9  # one more than few


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Published files, a FLAME map and a character of them."""
    folder = tmp_path_factory.mktemp("set")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMOTE_MODELS", str(folder / "models"))
        write_published(folder / "arc2face")
        rng = np.random.default_rng(0)
        expression, jaw = rng.standard_normal((52, 50), np.float32), np.array([0.3, 0.1, -0.1], np.float32)
        ones, apart = np.ones(52, np.float32), np.ones(2, np.float32)
        FlameMap(expression, jaw, ones, apart, "0" * 64).save(folder / "map.safetensors")
        rows = np.zeros((1, 8), np.float16)  # of the few-step weights, not used here
        parts = published(folder / "arc2face").parts(files_for("lcm"))
        me = replace(flat_character("me", 64), bank=BankRows((rows,), (rows,)), parts=parts, reference_scale=0.8)
        save_photoreal(me, folder / "me.omote")
        yield folder
    render._opened.clear()


def settings_of(
    home: Path, steps: int = STEPS, runtime: str = "pytorch-f32", *, path: Path | None = None, allow: bool = True
) -> RenderSettings:
    settings = Settings(home / "arc2face", home / "map.safetensors", allow, 64, steps, runtime)
    return resolve_settings((str(path or home / "me.omote"),), settings, 1)


def script(jaws: list[float]) -> Animation:
    faces = np.stack([from_weights(arkit.weights({"jawOpen": jaw})).vector() for jaw in jaws])
    return single_character_animation(Fraction(30), faces, studio_light(), "me")


def test_a_chunk_is_the_same_bytes_whatever_was_drawn_before_it(home: Path) -> None:
    table, clip = settings_of(home), script([0.0, 0.3, 0.6])
    first, second = split_chunks(clip, 2)
    drawn = draw_chunk(table, first), draw_chunk(table, second)
    assert len(set(drawn[0] + drawn[1])) == 3
    render._opened.clear()
    assert draw_chunk(pickle.loads(pickle.dumps(table)), second) == drawn[1]


def test_a_picture_depends_on_its_face_alone(home: Path) -> None:
    """Not on the faces that are drawn in the same call, nor on the others of the script."""
    table = settings_of(home)
    several = [
        file for chunk in split_chunks(script([0.0, 0.3, 0.6, 0.9, 0.3]), 5) for file in draw_chunk(table, chunk)
    ]
    assert several[1] == several[4] and len(set(several)) == 4
    (alone,) = (file for chunk in split_chunks(script([0.3])) for file in draw_chunk(table, chunk))
    assert several[1] == alone


def test_a_face_that_is_held_is_the_same_picture(home: Path) -> None:
    table = settings_of(home)
    first, *others = [file for chunk in split_chunks(script([0.3] * 7), 5) for file in draw_chunk(table, chunk)]
    assert {first} == set(others)


def test_impossible_settings_are_refused_before_any_work(home: Path, tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="more than 8 steps run in PyTorch: use --runtime pytorch-f32"):
        settings_of(home, runtime="onnxruntime")
    with pytest.raises(RenderError, match="--steps must be from 1 to 999"):
        settings_of(home, 1000)
    with pytest.raises(NonCommercialError, match="allow_noncommercial = true"):
        settings_of(home, allow=False)
    character = read_photoreal(home / "me.omote")
    parts = tuple(replace(part, sha256="ab" * 32) for part in character.parts)
    save_photoreal(replace(character, parts=parts), tmp_path / "other.omote")
    with pytest.raises(CharacterError, match="was made with another"):
        settings_of(home, runtime="openvino", path=tmp_path / "other.omote")
