"""Light of any kind reaches the network as light that can be."""

from __future__ import annotations

import numpy as np

from omote.engine.face.light import possible, studio_light


def test_ordinary_light_reaches_the_network_as_it_is() -> None:
    for strength in (0.5, 1.0, 2.0):
        np.testing.assert_allclose(
            possible(studio_light() * np.float32(strength)), studio_light() * strength, rtol=1e-6
        )


def test_what_no_light_can_be_is_held_to_what_light_can_be() -> None:
    light = np.zeros((3, 9), np.float32)
    light[0] = [1.0, 100.0, -100.0, 0.5, 100.0, 0.0, 0.0, 0.0, 0.0]
    light[1] = -100.0  # a colour with less than no light is one with next to none
    light[2, 0] = 100.0
    held = possible(light.ravel()).reshape(3, 9)
    np.testing.assert_allclose(held[0, :5], [1.0, 3**0.5, -(3**0.5), 0.5, 5**0.5], rtol=1e-5)
    assert np.abs(held[1]).max() < 0.2
    assert held[2, 0] == 3.0
