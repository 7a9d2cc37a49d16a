"""The fit of a head to landmarks does not depend on place, size and tilt; and a photo is framed exactly."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.face.fitting import ANCHORED, FaceLandmarks, Fitter, Similarity, frame_photo, stood_upright
from omote.engine.face.retarget import from_weights, to_weights
from omote.engine.rotation import rotation, turn_vector

FITTER = Fitter()


def reading(shape: np.ndarray, named: dict[str, float], turn: tuple[float, float, float]) -> FaceLandmarks:
    """The landmarks of this head from a tracker without errors."""
    weights, neck = arkit.weights(named), np.array(turn, np.float32)
    points = np.zeros((478, 2), np.float32)
    points[:ANCHORED] = FITTER.landmarks(shape, from_weights(weights, None, neck), 256)
    return FaceLandmarks(points, weights, neck)


def random_shape() -> np.ndarray:
    return np.random.default_rng(3).standard_normal(100).astype(np.float32)


def moved(one: FaceLandmarks, angle: float, scale: float) -> FaceLandmarks:
    """The same face in a picture that is moved, scaled and turned clockwise by the angle."""
    points = Similarity(scale * np.exp(1j * angle), 30.0 - 12.0j).apply(one.points.astype(np.float64))
    turn = rotation(np.array([0.0, 0.0, -angle])) @ rotation(one.rotation)  # There y is up, in a picture it is down.
    return FaceLandmarks(points.astype(np.float32), one.weights, turn_vector(turn).astype(np.float32))


@pytest.mark.parametrize("angle", [0.0, 0.5, -1.4])
@pytest.mark.parametrize("scale", [0.4, 3.0])
def test_place_size_and_tilt_change_nothing_but_the_roll(angle: float, scale: float) -> None:
    plain = reading(random_shape(), {"jawOpen": 0.3, "eyeBlinkLeft": 0.5}, (0.1, -0.3, 0.0))
    first, second = FITTER.fit(plain), FITTER.fit(moved(plain, angle, scale))
    np.testing.assert_allclose(second.shape, first.shape, atol=2e-3)
    np.testing.assert_allclose(second.params.vector(), first.params.vector(), atol=2e-3)
    assert second.roll - first.roll == pytest.approx(-angle, abs=1e-4)


def test_a_tilted_photo_is_aligned_with_the_fitted_head() -> None:
    tilted = moved(reading(random_shape(), {}, (0.0, 0.0, 0.0)), 0.6, 2.0)
    fit = FITTER.fit(tilted)
    brought = FITTER.bring(tilted, fit, 256)
    assert np.angle(brought.turn) == pytest.approx(-0.6, abs=0.05)
    aside = brought.apply(tilted.points[:ANCHORED].astype(np.float64)) - FITTER.landmarks(fit.shape, fit.params, 256)
    assert np.linalg.norm(aside, axis=1).mean() < 4.0  # of 256: the error of a fit


def test_weights_stay_between_rest_and_full() -> None:
    wild = FaceLandmarks(
        np.random.default_rng(0).normal(0, 50, (478, 2)).astype(np.float32),
        np.ones(arkit.COUNT, np.float32),
        np.zeros(3, np.float32),
    )
    weights = to_weights(FITTER.fit(wild).params)
    assert weights.min() > -1e-4
    assert weights.max() < 1.0 + 1e-4
    assert np.linalg.norm(FITTER.fit(wild).shape) < 30.0  # Wrong landmarks do not give an impossible head.


def test_upright_landmarks_have_no_roll() -> None:
    for turn in ((0.2, 0.3, 0.7), (0.0, 0.0, -1.2), (-0.3, 0.5, 0.1)):
        upright = stood_upright(FaceLandmarks(np.zeros((478, 2), np.float32), np.zeros(52, np.float32), np.array(turn)))
        assert rotation(upright.rotation)[0, 1] == pytest.approx(0.0, abs=1e-9)


# Framing a photo.


def test_a_similarity_is_found_from_the_points_that_it_moved() -> None:
    points = np.random.default_rng(0).random((20, 2)) * 100
    moved = Similarity(0.5 * np.exp(0.3j), 7.0 - 4.0j).apply(points)
    found = Similarity.between(points, moved)
    assert found.turn == pytest.approx(0.5 * np.exp(0.3j))
    assert found.move == pytest.approx(7.0 - 4.0j)
    assert found.scale == pytest.approx(0.5)


def test_an_inverse_undoes_a_similarity() -> None:
    points = np.random.default_rng(1).random((5, 2))
    there = Similarity(2.0 - 1.0j, 3.0 + 1.0j)
    np.testing.assert_allclose(there.inverse().apply(there.apply(points)), points)


def middle_of(is_bright: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(is_bright)
    return float(columns.mean()) + 0.5, float(rows.mean()) + 0.5


@pytest.mark.parametrize("scale", [0.2, 0.5, 1.0, 2.5])
@pytest.mark.parametrize("angle", [0.0, 0.4, -1.2])
def test_pixels_move_by_the_similarity(scale: float, angle: float) -> None:
    photo = np.zeros((300, 400, 3), np.uint8)
    photo[140:160, 230:250] = 255  # The middle is at x 240, y 150.
    turn = scale * np.exp(1j * angle)
    similarity = Similarity(turn, complex(60.0, 70.0) - turn * complex(240.0, 150.0))
    framed = frame_photo(photo, similarity, 128)
    x, y = middle_of(framed.picture[..., 0] > 190)  # brighter than the grey beyond the photo
    np.testing.assert_allclose((x, y), (60.0, 70.0), atol=0.6)  # a little over half a pixel


def test_beyond_the_photo_there_is_grey() -> None:
    photo = np.full((50, 50, 3), 250, np.uint8)
    framed = frame_photo(photo, Similarity(1.0, 50.0 + 0.0j), 100)
    assert framed.is_photo[:50, 50:].all()
    assert framed.is_photo.sum() == 50 * 50
    assert (framed.picture[~framed.is_photo] == 128).all()
    assert (framed.picture[framed.is_photo] == 250).all()


def test_a_shrunk_photo_is_averaged() -> None:
    chequered = np.where(np.indices((512, 512)).sum(0) % 2, 255, 0).astype(np.uint8)
    framed = frame_photo(np.stack([chequered] * 3, 2), Similarity(0.25, 0.0), 128)
    assert np.abs(framed.picture.astype(int) - 127).max() <= 2


def test_a_photo_outside_the_picture_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing of a photo of 20x10 pixels"):
        frame_photo(np.zeros((10, 20, 3), np.uint8), Similarity(1.0, 500.0 + 0.0j), 64)
