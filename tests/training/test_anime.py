"""Anime characters: pictures, labels, shards, and the head that coincides with them."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("numba")

from omote.bridge import arkit
from omote.engine.face.anime_head import anime_head
from omote.engine.face.rasterizer import Camera
from omote.engine.face.retarget import from_weights
from omote.engine.training.anime import dataset, hairstyles
from omote.engine.training.anime.character import (
    COLLARS,
    HEADWEAR,
    HELD_OUT,
    MARKS,
    SHADINGS,
    Hair,
    sample_character,
)
from omote.engine.training.anime.dataset import FACES, VOWELS, anchor_poses, sample_pose
from omote.engine.training.anime.figure import Figure
from omote.engine.training.anime.head import shape_of
from omote.engine.training.anime.kit import Kit, load
from omote.engine.training.anime.rasterize import LABEL_EYE, LABEL_HAIR, LABEL_MOUTH, LABEL_NONE, LABEL_OTHER
from omote.engine.training.anime.render import render
from omote.engine.training.faces.dataset import ANCHOR, REFERENCE, VARIED
from omote.engine.training.faces.light import studio
from omote.engine.training.faces.render import camera, project

from .kit import ANIME_KIT, needs_kit

pytestmark = needs_kit

FRONT = np.zeros(3, np.float32)


@pytest.fixture(scope="module")
def kit() -> Kit:
    return load(ANIME_KIT)


@pytest.fixture(scope="module")
def figure(kit: Kit) -> Figure:
    return Figure(kit, sample_character(kit, 1))


def _parts(kit: Kit, seed: int, is_held_out: bool) -> dict[str, str | None]:
    character = sample_character(kit, seed, is_held_out)
    return {
        "front": character.hair.front,
        "side": character.hair.side,
        "back": character.hair.back,
        "iris": character.iris,
        "headwear": character.headwear,
        "shading": character.drawing_style.shading,
    }


def test_the_same_seed_gives_the_same_character(kit: Kit) -> None:
    assert sample_character(kit, 5) == sample_character(kit, 5)
    assert sample_character(kit, 5) != sample_character(kit, 6)


def test_only_held_out_characters_have_held_out_parts(kit: Kit) -> None:
    for seed in range(400):
        for part, name in _parts(kit, seed, False).items():
            assert name not in HELD_OUT[part]
    count = sum(any(n in HELD_OUT[k] for k, n in _parts(kit, seed, True).items()) for seed in range(100))
    assert count > 80


@pytest.mark.slow
def test_every_part_can_be_worn(kit: Kit) -> None:
    base = sample_character(kit, 1)
    made = [replace(base, hair=Hair(front, "short", "bob", seed=3)) for front in hairstyles.FRONTS]
    made += [replace(base, hair=Hair("straight", side, "short", seed=3)) for side in hairstyles.SIDES]
    made += [replace(base, hair=Hair("straight", "none", back, seed=3)) for back in hairstyles.BACKS]
    made += [replace(base, headwear=kind) for kind in HEADWEAR]
    made += [replace(base, collar=kind) for kind in COLLARS]
    made += [replace(base, mark=kind) for kind in MARKS]
    for character in made:
        posed = Figure(kit, character).pose(arkit.weights({}), FRONT)
        assert np.isfinite(posed.vertex).all()
        assert np.abs(posed.vertex - (0.0, 13.5, 0.0)).max() < 6.0  # dm: nothing flies away


@pytest.mark.slow
@pytest.mark.parametrize("shading", SHADINGS)
def test_every_way_of_shading_draws_a_picture(kit: Kit, shading: str) -> None:
    seed = next(k for k in range(1000) if sample_character(kit, k, True).drawing_style.shading == shading)
    picture = render(Figure(kit, sample_character(kit, seed, True)), arkit.weights({}), FRONT, studio(), 64)
    solid = picture.rgba[picture.rgba[..., 3] > 250][:, :3].astype(float)
    assert len(solid) > 600
    assert solid.std() > 15.0


def test_labels_name_what_a_pixel_shows(figure: Figure) -> None:
    picture = render(figure, arkit.weights({"jawOpen": 1.0}), FRONT, studio(), 128)
    material, alpha = picture.material, picture.rgba[..., 3]
    assert material.max() <= LABEL_OTHER
    assert ((material != LABEL_NONE) == (alpha >= 128)).all()
    for x, y in picture.landmarks[68:].astype(int):
        assert material[y, x] == LABEL_EYE
    x, y = picture.landmarks[[62, 66]].mean(0).astype(int)
    assert material[y, x] == LABEL_MOUTH
    assert (material == LABEL_HAIR).mean() > 0.1


def test_a_closed_eye_shows_no_iris(figure: Figure) -> None:
    picture = render(figure, arkit.weights({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}), FRONT, studio(), 128)
    assert (picture.material == LABEL_EYE).sum() == 0


def test_weights_outside_their_range_are_refused(figure: Figure) -> None:
    with pytest.raises(ValueError, match="expression must be"):
        render(figure, np.full(52, 1.5, np.float32), FRONT, studio(), 32)


def test_the_posed_head_coincides_with_the_picture(kit: Kit) -> None:
    """Measured over 30 characters: median 0.03 pixels at 512, 90th percentile 0.23, brows 1.1."""
    head, errors = anime_head(), []
    named = [*FACES.values(), *VOWELS.values()]
    for seed in range(6):
        figure = Figure(kit, sample_character(kit, 800 + seed))
        shaped = head.shaped(shape_of(kit, figure.character))
        eye, scale = camera(figure.center, figure.head_height, 512)
        for k in range(4):
            weights = arkit.weights(named[(4 * seed + k) % len(named)])
            turn = np.random.default_rng([seed, k]).uniform(-0.5, 0.5, 3).astype(np.float32)
            true = project(figure.pose(weights, turn).landmark, eye, scale, 512)[:, :2]
            posed = head.landmarks(head.pose(shaped, from_weights(weights, None, turn)))
            errors.append(np.linalg.norm(Camera.framing(shaped).project(posed, 512)[:, :2] - true, axis=1))
    assert np.median(errors) < 0.1
    assert np.quantile(errors, 0.9) < 1.5


def test_sampled_poses_are_plausible_weights() -> None:
    for k in range(200):
        weights, turn, _ = sample_pose(np.random.default_rng(k))
        assert weights.shape == (52,)
        assert weights.min() >= 0.0
        assert weights.max() <= 1.0
        assert np.abs(np.degrees(turn)).max() < 46.0


def test_a_shard_begins_each_character_with_its_anchors(tmp_path: Path) -> None:
    spec = dataset.AnimeDatasetSpec(ANIME_KIT, tmp_path, people=2, per_person=6, size=32, supersampling=1, seed=5)
    shard = dataset.draw_shard(spec, 0)
    assert shard == dataset.draw_shard(spec, 0)
    with np.load(io.BytesIO(shard.labels), allow_pickle=False) as rows:
        assert rows["kind"].tolist() == [REFERENCE, *[ANCHOR] * 4, VARIED] * 2
        assert rows["style"].tolist() == [dataset.ANIME_STYLE] * 12
        assert rows["material"].shape == (12, 32, 32)
        np.testing.assert_array_equal(rows["weights"][0], np.zeros(52))
        assert rows["weights"][1, arkit.INDEX["jawOpen"]] > 0.7
        assert rows["weights"][2, arkit.INDEX["eyeBlinkLeft"]] == 1.0
        np.testing.assert_allclose(np.degrees(rows["head_rotation"][3:5, 1]), [-30.0, 30.0], atol=1e-4)
    with tarfile.open(fileobj=io.BytesIO(shard.pictures)) as tar:
        names = tar.getnames()
        member = tar.extractfile(names[0])
        assert member is not None
        assert Image.open(io.BytesIO(member.read())).mode == "RGBA"
    assert names[:2] == ["000000-000.webp", "000000-001.webp"]
    assert len(anchor_poses()) == 5


def test_a_folder_without_the_kit_is_named(tmp_path: Path) -> None:
    spec = dataset.AnimeDatasetSpec(tmp_path, tmp_path, people=1, per_person=1, size=32, supersampling=1, seed=5)
    with pytest.raises(FileNotFoundError, match="is no anime kit"):
        dataset.draw_shard(spec, 0)
