"""The head is fitted to landmarks alike wherever, however large and however tilted a face is in its picture."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.face.fitting import ANCHORED, FaceLandmarks, Fitter, Similarity, stood_upright
from omote.engine.face.retarget import from_weights, to_weights
from omote.engine.rotation import rotation, turn_vector

FITTER = Fitter()


def reading(shape: np.ndarray, named: dict[str, float], turn: tuple[float, float, float]) -> FaceLandmarks:
    """Our own landmarks of such a head, as a tracker without any error would read them."""
    weights, neck = arkit.weights(named), np.array(turn, np.float32)
    points = np.zeros((478, 2), np.float32)
    points[:ANCHORED] = FITTER.landmarks(shape, from_weights(weights, None, neck), 256)
    return FaceLandmarks(points, weights, neck)


def somebody() -> np.ndarray:
    return np.random.default_rng(3).standard_normal(100).astype(np.float32)


def moved(one: FaceLandmarks, angle: float, scale: float) -> FaceLandmarks:
    """The same in another place, as if the camera had been tilted; the picture turns clockwise by the angle."""
    points = Similarity(scale * np.exp(1j * angle), 30.0 - 12.0j).apply(one.points.astype(np.float64))
    turn = rotation(np.array([0.0, 0.0, -angle])) @ rotation(one.rotation)  # y is up there, and down in a picture
    return FaceLandmarks(points.astype(np.float32), one.weights, turn_vector(turn).astype(np.float32))


@pytest.mark.parametrize("angle", [0.0, 0.5, -1.4])
@pytest.mark.parametrize("scale", [0.4, 3.0])
def test_place_size_and_tilt_change_nothing_but_the_roll(angle: float, scale: float) -> None:
    plain = reading(somebody(), {"jawOpen": 0.3, "eyeBlinkLeft": 0.5}, (0.1, -0.3, 0.0))
    first, second = FITTER.fit(plain), FITTER.fit(moved(plain, angle, scale))
    np.testing.assert_allclose(second.shape, first.shape, atol=2e-3)
    np.testing.assert_allclose(second.params.vector(), first.params.vector(), atol=2e-3)
    assert second.roll - first.roll == pytest.approx(-angle, abs=1e-4)


def test_a_tilted_photo_is_brought_upright_onto_the_fitted_head() -> None:
    tilted = moved(reading(somebody(), {}, (0.0, 0.0, 0.0)), 0.6, 2.0)
    fit = FITTER.fit(tilted)
    brought = FITTER.bring(tilted, fit, 256)
    assert np.angle(brought.turn) == pytest.approx(-0.6, abs=0.05)
    aside = brought.apply(tilted.points[:ANCHORED].astype(np.float64)) - FITTER.landmarks(fit.shape, fit.params, 256)
    assert np.linalg.norm(aside, axis=1).mean() < 4.0  # of 256: what the fit of a stranger leaves


def test_weights_stay_between_rest_and_full() -> None:
    wild = FaceLandmarks(
        np.random.default_rng(0).normal(0, 50, (478, 2)).astype(np.float32),
        np.ones(arkit.COUNT, np.float32),
        np.zeros(3, np.float32),
    )
    weights = to_weights(FITTER.fit(wild).params)
    assert weights.min() > -1e-4
    assert weights.max() < 1.0 + 1e-4
    assert np.linalg.norm(FITTER.fit(wild).shape) < 30.0  # no landmarks, however wrong, make a monster


def test_what_stands_upright_has_its_up_above() -> None:
    for turn in ((0.2, 0.3, 0.7), (0.0, 0.0, -1.2), (-0.3, 0.5, 0.1)):
        upright = stood_upright(FaceLandmarks(np.zeros((478, 2), np.float32), np.zeros(52, np.float32), np.array(turn)))
        assert rotation(upright.rotation)[0, 1] == pytest.approx(0.0, abs=1e-9)
