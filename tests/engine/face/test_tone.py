"""Light of another colour or strength is put on a finished picture, and taken off the light that is drawn."""

from __future__ import annotations

import numpy as np

from omote.engine.face.light import studio_light, whitened
from omote.engine.face.tone import relit

GAIN = np.array([1.3, 0.9, 0.75], np.float32)


def test_light_that_stays_leaves_every_level_and_the_alpha() -> None:
    levels = np.arange(256, dtype=np.uint8)
    picture = np.stack([levels, levels, levels, levels[::-1]], 1)[None]
    same = relit(picture, np.ones(3, np.float32))
    assert np.abs(same[..., :3].astype(int) - picture[..., :3]).max() <= 1
    assert (relit(picture, GAIN)[..., 3] == picture[..., 3]).all()


def test_whitened_light_and_its_gains_are_the_light() -> None:
    light = studio_light() * np.repeat(np.array([1.8, 1.0, 0.4], np.float32), 9)
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
    light = studio_light()
    gain = whitened(light)[1]
    assert np.abs(gain - 1.0).max() < 0.05
    assert whitened(3.0 * light)[1].mean() > 2.0
