"""A relit picture is what the renderer draws in that light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from omote.engine.face.light import whitened
from omote.engine.face.tone import relit
from omote.engine.training.faces import arkit
from omote.engine.training.faces.figure import Figure
from omote.engine.training.faces.kit import load
from omote.engine.training.faces.light import Light, studio
from omote.engine.training.faces.person import sample_person
from omote.engine.training.faces.render import render

KIT = Path(__file__).resolve().parents[3] / "shared" / "kit"
GAIN = np.array([1.3, 0.9, 0.75], np.float32)


@pytest.mark.skipif(not KIT.is_dir(), reason="the face kit is not here")
def test_relighting_agrees_with_rendering_in_that_light() -> None:
    kit = load(KIT)
    figure, light = Figure(kit, sample_person(kit, 7)), studio()
    tinted = Light(light.direction, light.color * GAIN)
    still = arkit.weights({}), np.zeros(3, np.float32)
    white, wanted = (render(figure, *still, one, 128, 1).rgba for one in (light, tinted))
    found = relit(white, GAIN)
    inside = wanted[..., 3] == 255
    error = np.abs(found.astype(int) - wanted)[inside][:, :3]
    before = np.abs(white.astype(int) - wanted)[inside][:, :3]
    assert before.mean() > 8.0
    # levels are rounded before they are relit, and what is over 1 has been cut off
    assert error.mean() < 1.0
    assert np.percentile(error, 99) < 8.0


def test_light_that_stays_leaves_every_level_and_the_alpha() -> None:
    levels = np.arange(256, dtype=np.uint8)
    picture = np.stack([levels, levels, levels, levels[::-1]], 1)[None]
    same = relit(picture, np.ones(3, np.float32))
    assert np.abs(same[..., :3].astype(int) - picture[..., :3]).max() <= 1
    assert (relit(picture, GAIN)[..., 3] == picture[..., 3]).all()


def test_whitened_light_and_its_gains_are_the_light() -> None:
    light = studio(key=(2.4, 1.4, 0.5), ambient=(0.3, 0.4, 0.9)).harmonics()
    white, gain = whitened(light)
    assert np.ptp(white.reshape(3, 9)[:, 0]) < 1e-6
    np.testing.assert_allclose(white.reshape(3, 9) * gain[:, None], light.reshape(3, 9), rtol=1e-5)
    assert gain[0] > gain[2]


def test_no_light_is_black_and_no_error() -> None:
    white, gain = whitened(np.zeros(27, np.float32))
    assert np.isfinite(white).all()
    bright = np.full((2, 2, 4), 255, np.uint8)
    assert relit(bright, gain)[..., :3].max() < 30


def test_usual_light_of_any_strength_is_left_to_the_network() -> None:
    light = studio().harmonics()
    gain = whitened(light)[1]
    assert np.abs(gain - 1.0).max() < 0.05
    assert whitened(3.0 * light)[1].mean() > 2.0
