"""Photoreal characters in the few steps that they were made for, by tiny networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.arc2face.files import NonCommercialError
from omote.engine.arc2face.offline import FewSteps, Photoreal, shown
from omote.engine.arc2face.renderer import Options, PhotorealRenderer
from omote.engine.data import PhotorealCharacter, SourceFile
from omote.engine.face.flame_map import FlameMap
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model.kinds import Settings
from omote.engine.offline.animation import Animation, RenderError, split_chunks
from omote.engine.offline.render import RenderSettings
from omote.engine.offline.render_options import resolve_settings
from tests.arc2face.flat import flat_character, flat_networks

CAST, SIZE = ("me", "you"), 64


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two characters, and a map."""
    monkeypatch.setenv("OMOTE_CHARACTERS", str(tmp_path))
    for seed, name in enumerate(CAST):
        save_photoreal(flat_character(name, SIZE, seed), tmp_path / f"{name}.omote")
    expression, jaw = np.random.default_rng(0).standard_normal((52, 50), np.float32), np.full(3, 0.2, np.float32)
    FlameMap(expression, jaw, np.ones(52, np.float32), np.ones(2, np.float32), "0" * 64).save(tmp_path / "map")
    return tmp_path


def settings_of(home: Path, cast: Sequence[str] = CAST, size: int | None = None, steps: int = 1) -> RenderSettings:
    settings = Settings(home / "published", home / "map", size=size, steps=steps, runtime="openvino-f32")
    return resolve_settings(cast, settings, 1)


def hand(table: RenderSettings) -> FewSteps:
    """One that nothing was drawn with, by networks without weights."""
    people = tuple(one for one in table.cast if isinstance(one, PhotorealCharacter))
    assert isinstance(table.photoreal, Photoreal)
    to_flame = table.photoreal.to_flame.flame
    renderer = PhotorealRenderer(flat_networks(SIZE), Options(table.steps), to_flame, steadies=False)
    return FewSteps(people, table.size, renderer)


def restricted(path: Path) -> Path:
    """A character with a non-commercial part."""
    part = SourceFile("arcface.onnx", "0" * 64, "for research only", False)
    save_photoreal(replace(flat_character("them", SIZE), parts=(part,)), path)
    return path


def script(count: int = 6) -> Animation:
    """A jaw that opens, of one until a cut, then of the other."""
    way = np.linspace(0.0, 1.0, count)
    faces = np.stack([from_weights(arkit.weights({"jawOpen": float(k)})).vector() for k in way])
    shares = np.zeros((count, 2), np.float32)
    shares[: count // 2, 0] = shares[count // 2 :, 1] = 1.0
    lights = np.repeat(studio_light()[None], count, 0)
    return Animation(Fraction(30), faces, lights, np.ones(count, np.float32), CAST, shares)


def test_chunks_are_the_same_bytes_in_any_order(home: Path) -> None:
    table, clip = settings_of(home, size=48), script()
    worker = hand(table)
    drawn = [np.stack(list(worker.pictures(chunk))) for chunk in split_chunks(clip, 2)]
    assert drawn[0].shape == (2, 48, 48, 4)
    for chunk, expected in reversed(list(zip(split_chunks(clip, 2), drawn, strict=True))):
        np.testing.assert_array_equal(np.stack(list(hand(table).pictures(chunk))), expected)


def test_a_cut_shows_the_other_at_once(home: Path) -> None:
    clip = script()
    clip.faces[:] = clip.faces[0]
    (chunk,) = split_chunks(clip)
    drawn = list(hand(settings_of(home)).pictures(chunk))
    np.testing.assert_array_equal(drawn[0], drawn[2])
    np.testing.assert_array_equal(drawn[3], drawn[5])
    assert (drawn[2] != drawn[3]).any()


def test_a_face_is_drawn_exactly_however_little_it_moved(home: Path) -> None:
    clip = script(3)
    clip.faces[:], clip.shares[:] = clip.faces[0], (1.0, 0.0)
    clip.faces[1, 50] += np.float32(0.3)
    clip.faces[2, 50] += np.float32(0.3) + np.float32(0.004)  # the live path treats this as a tracker's noise
    (chunk,) = split_chunks(clip)
    worker = hand(settings_of(home))
    list(worker.pictures(chunk))
    assert worker.renderer.counts.drawn == 3


def test_their_own_size_is_drawn_and_any_other_written(home: Path) -> None:
    assert (settings_of(home).drawn_size, settings_of(home, size=300).drawn_size) == (SIZE, SIZE)
    assert "enlarged to 300" in settings_of(home, size=300).remark


def test_steps_that_the_sampler_cannot_take_are_refused(home: Path) -> None:
    one_step: PhotorealCharacter = replace(flat_character("student", SIZE), sampler="student")
    save_photoreal(one_step, home / "student.omote")
    with pytest.raises(
        RenderError, match='"student" takes 1, 2 or 4 steps, got 3; pictures in more than 8 steps are guided'
    ):
        settings_of(home, ("student",), steps=3)


def test_a_mixture_with_a_photo_is_refused_before_any_work(home: Path) -> None:
    clip = script()
    clip.shares[2] = 0.5
    with pytest.raises(RenderError, match=r"picture 2 is to show a mixture of me and you.*by a cut"):
        settings_of(home).check(clip)
    with pytest.raises(RenderError, match="hana is not photoreal and me is"):
        settings_of(home, ("me", "hana"))


def test_characters_of_different_weights_are_not_drawn_in_one_rendering(home: Path) -> None:
    save_photoreal(replace(flat_character("other", SIZE), model="f" * 64), home / "other.omote")
    with pytest.raises(RenderError, match="other and me need different weights"):
        settings_of(home, ("me", "other"))


def test_what_the_files_do_not_allow_is_refused(home: Path) -> None:
    with pytest.raises(NonCommercialError, match=r"arcface\.onnx is not for commercial use"):
        settings_of(home, (str(restricted(home / "them.omote")),))


def test_a_mixture_that_comes_to_be_drawn_all_the_same_is_refused() -> None:
    assert shown(np.array([0.0, 1.0], np.float32)) == 1
    with pytest.raises(RenderError, match="cannot be mixed in one picture, got 2"):
        shown(np.array([0.5, 0.5], np.float32))


def test_the_key_depends_on_character_and_map(home: Path) -> None:
    table = settings_of(home)
    assert isinstance(table.photoreal, Photoreal)
    to_flame = replace(table.photoreal.to_flame, jaw_rad=table.photoreal.to_flame.jaw_rad * np.float32(0.5))
    assert settings_of(home).key == table.key
    assert settings_of(home, ("you",)).key != settings_of(home, ("me",)).key
    assert replace(table, photoreal=replace(table.photoreal, to_flame=to_flame)).key != table.key
