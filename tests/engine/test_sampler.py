"""The sampler walks from fixed noise to the picture in as many calls as it is told."""

from __future__ import annotations

import numpy as np
import pytest

from omote.engine.diffusion.sampler import fixed_noise, premultiplied, sample

KNOWN = [0.6790960431098938, 0.623534083366394, 0.7316171526908875]


def test_the_noise_is_the_same_for_everybody_always() -> None:
    noise = fixed_noise(8)
    assert noise.tobytes() == fixed_noise(8).tobytes()
    # these numbers are part of the model: other noise, other pictures
    np.testing.assert_allclose(noise[0, 0, 0, :3], KNOWN, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_perfect_denoiser_gives_its_picture_whatever_the_number_of_steps(steps: int) -> None:
    clean = np.random.default_rng(1).uniform(-1, 1, (1, 4, 6, 6)).astype(np.float32)
    noise = fixed_noise(6)
    asked: list[float] = []

    def perfect(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        asked.append(float(t[0]))
        np.testing.assert_allclose(x, (1 - t) * premultiplied(clean) + t * noise, atol=1e-6)
        return clean

    np.testing.assert_array_equal(sample(perfect, noise, steps), clean)
    assert asked == [1.0 - k / steps for k in range(steps)]


def test_premultiplied_colour_is_black_where_nothing_is() -> None:
    picture = np.full((1, 4, 1, 2), 0.5, np.float32)
    picture[0, 3] = [[-1.0, 1.0]]
    faded = premultiplied(picture)
    np.testing.assert_allclose(faded[0, :3, 0, 0], -1.0)
    np.testing.assert_allclose(faded[0, :3, 0, 1], 0.5)
