"""Photoreal characters at full quality: sets that are drawn at once, of small published weights."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from omote.bridge import arkit
from omote.engine.data import BankRows
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model.character_file import CharacterError
from omote.engine.offline import render
from omote.engine.offline.animation import Animation, RenderError, single_character_animation, split_chunks
from omote.engine.offline.render import RenderSettings, draw_chunk
from omote.engine.offline.render_options import PhotorealPaths, resolve_settings
from omote.engine.photoreal.character_file import read_photoreal, save_photoreal
from omote.engine.photoreal.files import published
from omote.engine.photoreal.flame_map import FlameMap
from omote.engine.photoreal.licences import NonCommercialError
from omote.engine.photoreal.published_file import files_for
from omote.engine.photoreal.sheet import ALONE
from omote.engine.testing.arc2face import flat_character
from tests.engine.arc2face.published import write_published

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
        rows = np.zeros((1, 8), np.float16)  # of the few steps' weights, which are not asked here
        parts = published(folder / "arc2face").parts(files_for("lcm"))
        me = replace(flat_character("me", 64), bank=BankRows((rows,), (rows,)), parts=parts)
        save_photoreal(me, folder / "me.omote")
        yield folder
    render._opened.clear()


def easel(home: Path, steps: int = STEPS, runtime: str = "pytorch-f32", *, allow: bool = True) -> RenderSettings:
    files = PhotorealPaths(home / "arc2face", home / "map.safetensors", allow_noncommercial=allow)
    return resolve_settings((str(home / "me.omote"),), 64, steps, runtime, 1, files)


def script(jaws: list[float]) -> Animation:
    faces = np.stack([from_weights(arkit.weights({"jawOpen": jaw})).vector() for jaw in jaws])
    return single_character_animation(Fraction(30), faces, studio_light(), "me")


def test_a_chunk_is_the_same_bytes_whatever_was_drawn_before_it(home: Path) -> None:
    table, told = easel(home), script([0.0, 0.3, 0.6])
    first, second = split_chunks(told, 2)
    drawn = draw_chunk(table, first), draw_chunk(table, second)
    assert len(set(drawn[0] + drawn[1])) == 3
    render._opened.clear()
    assert draw_chunk(pickle.loads(pickle.dumps(table)), second) == drawn[1]


def test_pictures_read_their_neighbours_beyond_the_chunk_and_the_anchors_of_the_script(home: Path) -> None:
    table = easel(home)
    *_, last = split_chunks(script([0.0, 0.4, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16]), 7)
    assert not {face.tobytes() for face in last.before.faces} <= {face.tobytes() for face in last.anchors}
    (drawn,) = draw_chunk(table, last)
    (without,) = draw_chunk(
        table, replace(last, before=replace(last.before, faces=last.before.faces[:0], shares=last.before.shares[:0]))
    )
    (other,) = draw_chunk(table, replace(last, anchors=last.anchors[:1]))
    assert len({drawn, without, other}) == 3
    assert table.photoreal is not None
    apart = replace(table, photoreal=replace(table.photoreal, share=ALONE))
    assert apart.key != table.key
    (alone,) = draw_chunk(apart, last)
    assert alone != drawn


def test_a_face_that_is_held_is_the_same_picture(home: Path) -> None:
    table = easel(home)
    first, *others = [file for chunk in split_chunks(script([0.3] * 7), 5) for file in draw_chunk(table, chunk)]
    assert {first} == set(others)


def test_what_cannot_be_is_said_before_any_work(home: Path, tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="more than 8 steps are drawn by PyTorch: --runtime pytorch-f32"):
        easel(home, runtime="onnxruntime")
    with pytest.raises(RenderError, match="--steps must be from 1 to 999"):
        easel(home, 1000)
    with pytest.raises(NonCommercialError, match="allow_noncommercial = true"):
        easel(home, allow=False)
    character = read_photoreal(home / "me.omote")
    parts = tuple(replace(part, sha256="ab" * 32) for part in character.parts)
    save_photoreal(replace(character, parts=parts), tmp_path / "other.omote")
    with pytest.raises(CharacterError, match="was made from another"):
        resolve_settings(
            (str(tmp_path / "other.omote"),),
            64,
            STEPS,
            "openvino",
            1,
            PhotorealPaths(home / "arc2face", home / "map.safetensors", True),
        )
