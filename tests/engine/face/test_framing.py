"""Photos are brought into our framing exactly: where points go, pixels go."""

from __future__ import annotations

import numpy as np
import pytest

from omote.engine.face.fitting import Similarity, frame_photo


def test_a_similarity_is_found_from_the_points_that_it_moved() -> None:
    points = np.random.default_rng(0).random((20, 2)) * 100
    moved = Similarity(0.5 * np.exp(0.3j), 7.0 - 4.0j).apply(points)
    found = Similarity.between(points, moved)
    assert found.turn == pytest.approx(0.5 * np.exp(0.3j))
    assert found.move == pytest.approx(7.0 - 4.0j)
    assert found.scale == pytest.approx(0.5)


def test_there_and_back_again_is_nothing() -> None:
    points = np.random.default_rng(1).random((5, 2))
    there = Similarity(2.0 - 1.0j, 3.0 + 1.0j)
    np.testing.assert_allclose(there.inverse().apply(there.apply(points)), points)


def middle_of(is_bright: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(is_bright)
    return float(columns.mean()) + 0.5, float(rows.mean()) + 0.5


@pytest.mark.parametrize("scale", [0.2, 0.5, 1.0, 2.5])
@pytest.mark.parametrize("angle", [0.0, 0.4, -1.2])
def test_a_mark_goes_where_the_similarity_says(scale: float, angle: float) -> None:
    photo = np.zeros((300, 400, 3), np.uint8)
    photo[140:160, 230:250] = 255  # its middle is at x 240, y 150
    turn = scale * np.exp(1j * angle)
    similarity = Similarity(turn, complex(60.0, 70.0) - turn * complex(240.0, 150.0))
    seen = frame_photo(photo, similarity, 128)
    x, y = middle_of(seen.picture[..., 0] > 190)  # brighter than the grey beyond the photo
    np.testing.assert_allclose((x, y), (60.0, 70.0), atol=0.6)  # a little over half a pixel


def test_beyond_the_photo_there_is_grey_and_it_is_known() -> None:
    photo = np.full((50, 50, 3), 250, np.uint8)
    seen = frame_photo(photo, Similarity(1.0, 50.0 + 0.0j), 100)
    assert seen.is_photo[:50, 50:].all()
    assert seen.is_photo.sum() == 50 * 50
    assert (seen.picture[~seen.is_photo] == 128).all()
    assert (seen.picture[seen.is_photo] == 250).all()


def test_what_shrinks_is_averaged_and_does_not_flicker() -> None:
    chequered = np.where(np.indices((512, 512)).sum(0) % 2, 255, 0).astype(np.uint8)
    seen = frame_photo(np.stack([chequered] * 3, 2), Similarity(0.25, 0.0), 128)
    assert np.abs(seen.picture.astype(int) - 127).max() <= 2


def test_a_photo_that_would_lie_elsewhere_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing of a photo of 20x10 pixels"):
        frame_photo(np.zeros((10, 20, 3), np.uint8), Similarity(1.0, 500.0 + 0.0j), 64)
