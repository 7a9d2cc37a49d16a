"""Light of any kind reaches the network as light that can be."""

from __future__ import annotations

import numpy as np

from omote.engine.face.light import LightFade, clamped_light, irradiance, mirrored_light, softened_light, studio_light


def test_ordinary_light_reaches_the_network_as_it_is() -> None:
    for strength in (0.5, 1.0, 2.0):
        np.testing.assert_allclose(
            clamped_light(studio_light() * np.float32(strength)), studio_light() * strength, rtol=1e-6
        )


def test_what_no_light_can_be_is_held_to_what_light_can_be() -> None:
    light = np.zeros((3, 9), np.float32)
    light[0] = [1.0, 100.0, -100.0, 0.5, 100.0, 0.0, 0.0, 0.0, 0.0]
    light[1] = -100.0  # a colour with less than no light is one with next to none
    light[2, 0] = 100.0
    held = clamped_light(light.ravel()).reshape(3, 9)
    np.testing.assert_allclose(held[0, :5], [1.0, 3**0.5, -(3**0.5), 0.5, 5**0.5], rtol=1e-5)
    assert np.abs(held[1]).max() < 0.2
    assert held[2, 0] == 3.0


def test_a_mirror_shows_on_the_left_what_falls_on_the_right() -> None:
    normal = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    mirror = np.array([-1.0, 1.0, 1.0], np.float32)
    seen = irradiance(mirrored_light(studio_light()), normal)
    np.testing.assert_allclose(seen, irradiance(studio_light(), normal * mirror), rtol=1e-5)


def test_a_change_at_once_is_seen_by_one_who_read_the_clock_before() -> None:
    """A game that sends light sixty times a second ended the loop so: the division was by nothing."""
    dark, bright = studio_light() * np.float32(0.5), studio_light()
    dimmer = LightFade(dark)
    dimmer.turn_to(bright, now_ns=1000)
    np.testing.assert_array_equal(dimmer.at(999), bright)
    dimmer.turn_to(dark, now_ns=2000, within_s=1e-6)
    np.testing.assert_array_equal(dimmer.at(1999), bright)
    np.testing.assert_allclose(dimmer.at(2500), studio_light() * 0.75, rtol=1e-6)


def test_softer_light_is_as_strong_and_comes_less_from_one_side() -> None:
    across = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]], np.float32)
    before, after = (
        irradiance(light, across).mean(1) for light in (studio_light(), softened_light(studio_light(), 0.5))
    )
    assert 0.3 < abs(after[0] - after[1]) / abs(before[0] - before[1]) < 0.7
    np.testing.assert_array_equal(softened_light(studio_light(), 0.5)[::9], studio_light()[::9])
