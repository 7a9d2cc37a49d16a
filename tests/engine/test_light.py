"""The default light is the renderer's portrait set-up."""

from __future__ import annotations

import numpy as np
import pytest

from omote.engine import studio_light


def test_studio_light_is_the_renderers() -> None:
    pytest.importorskip("numba")
    from omote.engine.training.faces.light import studio

    np.testing.assert_allclose(studio_light(), studio().harmonics(), atol=1e-4)


def test_studio_light_comes_from_above_the_front_and_the_right_of_the_picture() -> None:
    red = studio_light().reshape(3, 9)[0]
    assert red[1] > 0  # y, up
    assert red[2] > 0  # z, towards the camera
    assert red[3] > 0  # x, the subject's left
