"""The light of a photo is read off skin."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine.face.light import LIGHT_PRESETS, estimated_light, irradiance, shipped_light_prior, studio_light

Array = NDArray[np.float32]


def face() -> Array:
    """[n,3] normals of a ball, as far as a camera sees of it what it sees of a face."""
    normal = np.random.default_rng(0).standard_normal((4000, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return normal[normal[:, 2] > 0.3].astype(np.float32)


def alike(found: Array, true: Array) -> float:
    """Correlation of what falls onto a face."""
    first, second = (irradiance(light, face()).mean(1) for light in (found, true))
    return float(np.corrcoef(first, second)[0, 1])


@pytest.mark.parametrize("name", ["warm", "soft", "stage", "sunset"])
@pytest.mark.parametrize("colour", [(0.75, 0.5, 0.4), (0.12, 0.07, 0.05)], ids=["light skin", "dark skin"])
def test_where_light_comes_from_is_found(name: str, colour: tuple[float, float, float]) -> None:
    normal, light = face(), LIGHT_PRESETS[name].setting.harmonics()
    skin = np.maximum(irradiance(light, normal), np.float32(0.01)) * np.array(colour, np.float32)
    found = estimated_light(skin, normal, np.zeros(len(normal), np.bool_))
    assert alike(found, light) > 0.95


def test_light_is_of_usual_strength_however_bright_a_photo_is() -> None:
    normal = face()
    skin = np.maximum(irradiance(studio_light(), normal), np.float32(0.01)) * np.float32(0.4)
    rest = np.zeros(len(normal), np.bool_)
    dark, bright = (estimated_light(skin * np.float32(share), normal, rest) for share in (0.3, 1.0))
    np.testing.assert_allclose(dark, bright, atol=0.02)
    assert dark.reshape(3, 9)[:, 0] == pytest.approx(shipped_light_prior()[0].reshape(3, 9)[:, 0], rel=0.3)


def test_a_beard_is_not_taken_for_shadow() -> None:
    normal, light = face(), LIGHT_PRESETS["flat"].setting.harmonics()
    is_low = normal[:, 1] < -0.2
    skin = np.maximum(irradiance(light, normal), np.float32(0.01)) * np.float32(0.4)
    skin[is_low] *= 0.6
    plain = estimated_light(skin, normal, np.zeros(len(normal), np.bool_))
    told = estimated_light(skin, normal, is_low)
    down = np.array([[0.0, -0.7, 0.7]], np.float32)
    true = irradiance(light, down).mean() / irradiance(light, -down * (1, 1, -1)).mean()
    errors = [
        abs(irradiance(one, down).mean() / irradiance(one, -down * (1, 1, -1)).mean() - true) for one in (told, plain)
    ]
    assert errors[0] < errors[1]


def test_too_little_skin_gives_the_usual_light() -> None:
    nothing = np.zeros((10, 3), np.float32)
    found = estimated_light(nothing, nothing, np.zeros(10, np.bool_))
    np.testing.assert_allclose(found, shipped_light_prior()[0], atol=1e-6)
