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
