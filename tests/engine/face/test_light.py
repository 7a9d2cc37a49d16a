"""Light as harmonics: the studio's, clipped, mirrored, softened, faded; and the levels of a relit picture."""

from __future__ import annotations

import numpy as np
import pytest

from omote.engine.face.light import (
    LightFade,
    clamped_light,
    irradiance,
    relit_levels,
    softened_light,
    studio_light,
)


def test_ordinary_light_is_not_clipped() -> None:
    for strength in (0.5, 1.0, 2.0):
        np.testing.assert_allclose(
            clamped_light(studio_light() * np.float32(strength)), studio_light() * strength, rtol=1e-6
        )


def test_impossible_light_is_clipped() -> None:
    light = np.zeros((3, 9), np.float32)
    light[0] = [1.0, 100.0, -100.0, 0.5, 100.0, 0.0, 0.0, 0.0, 0.0]
    light[1] = -100.0  # a negative colour becomes almost none
    light[2, 0] = 100.0
    held = clamped_light(light.ravel()).reshape(3, 9)
    np.testing.assert_allclose(held[0, :5], [1.0, 3**0.5, -(3**0.5), 0.5, 5**0.5], rtol=1e-5)
    assert np.abs(held[1]).max() < 0.2
    assert held[2, 0] == 3.0


def test_a_change_at_once_is_shown_at_an_earlier_time_as_well() -> None:
    """A game that sends light 60 times a second caused a division by zero here."""
    dark, bright = studio_light() * np.float32(0.5), studio_light()
    fade = LightFade(dark)
    fade.turn_to(bright, now_ns=1000)
    np.testing.assert_array_equal(fade.at(999), bright)
    fade.turn_to(dark, now_ns=2000, within_s=1e-6)
    np.testing.assert_array_equal(fade.at(1999), bright)
    np.testing.assert_allclose(fade.at(2500), studio_light() * 0.75, rtol=1e-6)


def test_softer_light_is_as_strong_but_less_directed() -> None:
    across = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]], np.float32)
    before, after = (
        irradiance(light, across).mean(1) for light in (studio_light(), softened_light(studio_light(), 0.5))
    )
    assert 0.3 < abs(after[0] - after[1]) / abs(before[0] - before[1]) < 0.7
    np.testing.assert_array_equal(softened_light(studio_light(), 0.5)[::9], studio_light()[::9])


def test_studio_light_is_that_of_the_renderer() -> None:
    pytest.importorskip("numba")
    from omote.engine.training.faces.light import studio

    np.testing.assert_allclose(studio_light(), studio().harmonics(), atol=1e-4)


def test_studio_light_comes_from_above_the_front_and_the_right_of_the_picture() -> None:
    red = studio_light().reshape(3, 9)[0]
    assert red[1] > 0  # y, up
    assert red[2] > 0  # z, towards the camera
    assert red[3] > 0  # x, the subject's left


def test_unchanged_light_keeps_every_level() -> None:
    same = relit_levels(np.ones(3, np.float32)).astype(int)
    assert np.abs(same - np.arange(256)).max() <= 1


def test_stronger_light_makes_no_level_darker_and_darkness_makes_all_black() -> None:
    assert (relit_levels(np.full(3, 1.3, np.float32)).astype(int) >= np.arange(256) - 1).all()
    assert relit_levels(np.zeros(3, np.float32)).max() < 30
