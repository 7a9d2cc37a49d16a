"""The priors of fitting are the statistics of known errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

pytest.importorskip("numba")

from omote.bridge import arkit
from omote.engine.face.fitting import ANCHORED, Fitter
from omote.engine.face.refinement import POINTS, anchored_face, state_of
from omote.engine.training.priors import Samples, measure_light, noise_statistics

COUNT = 40
PIXELS_PER_DM = 120.0


def test_known_errors_of_landmarks_are_measured() -> None:
    rng = np.random.default_rng(0)
    fitter = Fitter()
    face = anchored_face(fitter)
    errors = rng.normal(0.0, 0.02, (POINTS, 2))
    errors -= errors[:ANCHORED].mean(0)
    together = 0.03 * rng.choice([-1.0, 1.0], COUNT)  # the mouth goes up or down as a whole
    is_mouth = np.isin(np.arange(POINTS), [13, 14, 78, 308])
    shape = rng.standard_normal((COUNT, 100)).astype(np.float32)
    points = np.zeros((COUNT, 478, 2), np.float32)
    for row in range(COUNT):
        seen, _ = face.seen(shape[row].astype(np.float64), state_of(arkit.weights({}), np.zeros(3)))
        seen = seen + errors
        seen[is_mouth, 1] += together[row]
        order = [*range(ANCHORED), 473, 468]
        points[row, order] = 300.0 + PIXELS_PER_DM * seen * (1.0, -1.0)
    nothing = np.zeros((COUNT, 3), np.float32)
    weights = np.zeros((COUNT, 52), np.float32)
    found = noise_statistics(
        Samples(shape, weights, nothing, np.full(COUNT, 20.0, np.float32), points, weights, nothing), fitter
    )
    # The head is scaled by least squares, which takes a part of the errors for size.
    np.testing.assert_allclose(found.mean, errors + np.outer(is_mouth, (0.0, together.mean())), atol=0.004)
    assert np.linalg.norm(found.common[0].reshape(-1, 2)[is_mouth]) > 20 * np.linalg.norm(found.common[1])
    assert (found.spread >= 0.004).all()
    assert (np.linalg.eigvalsh(found.start) > 0.0).all()


def test_the_prior_of_light_is_a_mean_and_a_covariance(tmp_path: Path) -> None:
    measure_light(tmp_path / "light.safetensors")
    prior = load_file(tmp_path / "light.safetensors")
    assert prior["mean"].shape == (27,)
    assert (np.linalg.eigvalsh(prior["covariance"].astype(np.float64)) > 0.0).all()
    assert prior["mean"][[0, 9, 18]].min() > 0.5  # the first harmonic of each colour is the mean of the light
