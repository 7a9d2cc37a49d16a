"""Light of any colour reaches the network as white light."""

from __future__ import annotations

import numpy as np
import pytest

from omote.engine.face.light import studio_light, whitened


@pytest.mark.parametrize("colour", [(1.0, 0.0, 0.0), (0.0, 0.7, 1.0), (1.0, 1e-3, 1.0)])
def test_a_channel_without_light_is_as_white_as_the_others(colour: tuple[float, float, float]) -> None:
    light = studio_light().reshape(3, 9) * np.array(colour, np.float32)[:, None]
    white, gain = whitened(light.ravel())
    harmonics = white.reshape(3, 9)
    np.testing.assert_allclose(harmonics[:, 0], harmonics[:, 0].max(), rtol=1e-5)
    assert np.ptp(harmonics, 0).max() < 0.1  # portrait light differs a little from channel to channel
    assert (gain[np.array(colour) < 0.01] < 0.01).all()


def test_what_no_light_can_be_is_held_to_what_light_can_be() -> None:
    light = np.zeros((3, 9), np.float32)
    light[0] = [1.0, 100.0, -100.0, 0.5, 100.0, 0.0, 0.0, 0.0, 0.0]
    light[1] = -100.0  # a colour with less than no light is one without light
    white, gain = whitened(light.ravel())
    harmonics, base = white.reshape(3, 9), white[0]
    np.testing.assert_allclose(harmonics[0, :5] / base, [1.0, 3**0.5, -(3**0.5), 0.5, 5**0.5], rtol=1e-5)
    np.testing.assert_array_equal(harmonics[1], harmonics[0])
    assert gain[1] < 1e-3 * gain[0]


def test_light_that_can_be_reaches_the_network_as_it_is() -> None:
    light = studio_light()
    white, gain = whitened(light)
    np.testing.assert_allclose(white.reshape(3, 9) * gain[:, None], light.reshape(3, 9), rtol=1e-6)
