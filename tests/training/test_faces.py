"""Rendered people: pictures, materials, hair, light and poses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("numba")

from omote.bridge import arkit
from omote.engine.face.light import harmonic_basis, relit_levels
from omote.engine.training.faces import dataset, haircut, light, rasterize
from omote.engine.training.faces.__main__ import detail_psnr
from omote.engine.training.faces.expression import PERFORMED, sample_performed, sample_wide_rotation
from omote.engine.training.faces.figure import Figure
from omote.engine.training.faces.kit import Kit, load
from omote.engine.training.faces.person import BEARDS, sample_person
from omote.engine.training.faces.render import Label, Picture, render

from .kit import KIT, needs_kit

REST = arkit.weights({})
AHEAD = np.zeros(3, np.float32)


@pytest.fixture(scope="module")
def kit() -> Kit:
    return load(KIT)


def labelled(picture: Picture, name: str) -> NDArray[np.bool_]:
    return np.asarray(picture.material == rasterize.LABELS.index(name))


# Pictures.


@needs_kit
def test_every_pixel_is_labelled_and_only_what_is_there(kit: Kit) -> None:
    person = replace(sample_person(kit, 7), hair=haircut.STYLES["bob cut"], glasses="round", beard=None)
    grin = arkit.weights(dataset.ANCHORS[0][0])
    picture = render(Figure(kit, person), grin, AHEAD, light.studio(), 128)
    assert picture.material.shape == (128, 128) and picture.material.dtype == np.uint8
    # Where most of a pixel is covered something is named, and nothing where most of it is empty.
    alpha = picture.rgba[..., 3]
    assert (picture.material[alpha > 250] > 0).all()
    assert (picture.material[alpha == 0] == 0).all()
    for name in rasterize.LABELS:
        assert labelled(picture, name).any(), name
    lips = picture.landmarks[60:68].mean(0).astype(int)
    assert labelled(picture, "mouth")[lips[1] - 2 : lips[1] + 3, lips[0] - 2 : lips[0] + 3].any()


@needs_kit
def test_the_bald_have_no_hair_and_the_bearded_have(kit: Kit) -> None:
    person = replace(sample_person(kit, 7), hair=None, beard=None, glasses="")
    shaved = render(Figure(kit, person), REST, AHEAD, light.studio(), 96)
    bearded = render(Figure(kit, replace(person, beard=BEARDS["full beard"])), REST, AHEAD, light.studio(), 96)
    assert not labelled(shaved, "hair").any()
    chin = bearded.landmarks[8].astype(int)
    assert labelled(bearded, "hair")[chin[1] - 6 : chin[1], chin[0] - 3 : chin[0] + 3].mean() > 0.5


@needs_kit
def test_the_same_pose_gives_the_same_bytes(kit: Kit) -> None:
    person, lit = sample_person(kit, 12), light.sample_real(np.random.default_rng(3), KIT)
    turn = np.array([0.2, 0.9, 0.0], np.float32)
    first, second = (render(Figure(kit, person), REST, turn, lit, 64) for _ in range(2))
    assert first.rgba.tobytes() == second.rgba.tobytes() and first.material.tobytes() == second.material.tobytes()


@needs_kit
@pytest.mark.parametrize("style", ["crop", "fringe", "bob and bangs", "long wavy", "long curly", "bun", "kit long"])
def test_hair_grows_and_stays_off_the_eyes(kit: Kit, style: str) -> None:
    person = replace(sample_person(kit, 21), hair=haircut.STYLES[style], beard=None, glasses="")
    figure = Figure(kit, person)
    points = figure.strand_start[-1]
    posed = figure.pose(REST, AHEAD)
    assert posed.strand.shape == (points, 3) and np.isfinite(posed.strand).all()
    picture = render(figure, REST, AHEAD, light.studio(), 96)
    assert labelled(picture, "hair").sum() > 150
    # A lock may cross a cheek, but the face is to be seen.
    x, y = picture.landmarks[68:].mean(0).astype(int)
    assert not labelled(picture, "hair")[y - 2 : y + 3, x - 3 : x + 4].any()


# Light.

GAIN = np.array([1.3, 0.9, 0.75], np.float32)


@needs_kit
def test_relighting_agrees_with_rendering_in_that_light(kit: Kit) -> None:
    figure, white_light = Figure(kit, sample_person(kit, 7)), light.studio()
    tinted = light.Light(white_light.direction, white_light.color * GAIN)
    white, wanted = (render(figure, REST, AHEAD, one, 128, 1).rgba for one in (white_light, tinted))
    found = white.copy()
    for channel, shown in enumerate(relit_levels(GAIN)):
        found[..., channel] = shown[white[..., channel]]
    inside = wanted[..., 3] == 255
    error = np.abs(found.astype(int) - wanted)[inside][:, :3]
    before = np.abs(white.astype(int) - wanted)[inside][:, :3]
    assert before.mean() > 8.0
    # Levels are rounded before they are relit, and values over 1 were clipped.
    assert error.mean() < 1.0
    assert np.percentile(error, 99) < 8.0


def hdr(path: Path, radiance: float) -> Path:
    """A plain HDR picture of 16 x 8 pixels, each (128, 64, 32) times a power of two, its right half dark."""
    exponent = 136 + round(np.log2(radiance / 128.0))
    row = bytes([128, 64, 32, exponent]) * 8 + bytes(4) * 8
    path.write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 8 +X 16\n" + row * 8)
    return path


def test_an_environment_map_is_read_exactly(tmp_path: Path) -> None:
    radiance = light.environment(hdr(tmp_path / "a.hdr", 2.0))
    assert radiance.shape == (8, 16, 3)
    np.testing.assert_array_equal(radiance[3, 2], [2.0, 1.0, 0.5])
    assert not radiance[:, 8:].any()


def test_a_file_that_is_no_environment_map_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.hdr"
    path.write_bytes(b"PNG")
    with pytest.raises(ValueError, match="no Radiance HDR picture"):
        light.environment(path)


def environment() -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    out = rng.uniform(0.1, 1.0, (128, 256, 3)).astype(np.float32)
    out[30, 150] = 3000.0  # a sun
    return out


def test_real_light_is_exposed_like_the_studio_and_keeps_where_light_comes_from() -> None:
    one = light.real(environment(), 0.0)
    assert one.on_face() == pytest.approx(light.studio().on_face(), rel=1e-4)
    np.testing.assert_allclose(np.linalg.norm(one.direction, axis=1), 1.0, atol=1e-5)
    assert np.isfinite(one.color).all() and (one.color >= 0.0).all()
    sun = light.mirror_directions(128, 256)[30, 150]
    strongest = one.direction[one.color.sum(1).argmax()]
    assert strongest @ sun > 0.99
    # What the label says is what the rows of the light add up to.
    np.testing.assert_allclose(one.harmonics(), (one.color.T @ harmonic_basis(one.direction)).ravel(), rtol=1e-5)


def test_turning_real_light_once_round_changes_nothing() -> None:
    np.testing.assert_array_equal(light.real(environment(), 0.0).color, light.real(environment(), 1.0).color)


# Poses.


def test_performed_faces_are_weights() -> None:
    rng = np.random.default_rng(0)
    seen = np.stack([sample_performed(rng) for _ in range(300)])
    assert seen.shape == (300, arkit.COUNT) and seen.min() >= 0.0 and seen.max() <= 1.0
    left, right = seen[:, arkit.INDEX["eyeBlinkLeft"]], seen[:, arkit.INDEX["eyeBlinkRight"]]
    assert (left - right > 0.5).any() and (right - left > 0.5).any()
    assert all(set(named) <= set(arkit.NAMES) for named in PERFORMED.values())


def test_wide_turns_reach_60_and_30_degrees() -> None:
    rng = np.random.default_rng(0)
    turns = np.degrees(np.abs([sample_wide_rotation(rng) for _ in range(2000)]))
    np.testing.assert_allclose(turns.max(0), [30.0, 60.0, 12.0], rtol=0.02)


def test_detail_is_the_loss_at_half_the_resolution() -> None:
    material = np.full((64, 64), rasterize.LABELS.index("skin"), np.uint8)
    material[:, 32:] = rasterize.LABELS.index("hair")
    rgba = np.full((64, 64, 4), 255, np.uint8)
    rgba[:, 32:, :3] = np.where(np.indices((64, 32))[1:].transpose(1, 2, 0) % 2 == 0, 0, 255)  # lines of one pixel
    label = Label(REST, AHEAD, np.zeros((2, 2), np.float32), np.zeros(27, np.float32))
    found = detail_psnr([Picture(rgba, material, np.zeros((70, 2), np.float32), label)])
    assert found["skin"] > 30.0  # all but what spills over the border is kept
    assert found["hair"] == pytest.approx(6.0, abs=0.5)  # lines turn to grey: an error of half the range
    assert np.isnan(found["eye"])


@pytest.mark.slow
@needs_kit
def test_lids_of_every_person_meet(kit: Kit) -> None:
    for seed in range(12):
        head = Figure(kit, replace(sample_person(kit, seed), hair=None)).neutral
        for others in ({}, {"eyeSquintLeft": 0.7}, {"eyeWideLeft": 1.0}):
            closed = head.copy()
            kit.express(closed, arkit.weights({**others, "eyeBlinkLeft": 1.0}))
            rims = kit.lid_rims["eyeBlinkLeft"]
            gap = float((closed[rims.upper, 1] - closed[rims.lower, 1]).mean()) / rims.closing
            assert gap == pytest.approx(0.0, abs=0.02)
