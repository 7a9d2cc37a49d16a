"""Photos of a person become the parts of a character."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.photo import Photo, PhotoError
from omote.engine.face.fitting import Fitter
from omote.engine.face.reading import Reading
from omote.engine.face.retarget import from_weights
from omote.engine.identity.networks import ExportedNetworks
from omote.engine.identity.photos import likeness, together


def photo(colour: tuple[int, int, int], shape: np.ndarray, yaw: float = 0.0, size: int = 256) -> Photo:
    """A plain picture, twice as large as our framing, with the landmarks of such a head in the middle of it."""
    neck = np.array([0.0, yaw, 0.0], np.float32)
    points = np.zeros((478, 2), np.float32)
    landmarks = Fitter().landmarks(shape, from_weights(np.zeros(arkit.COUNT, np.float32), None, neck), size)
    points[: len(landmarks)] = landmarks + size / 2
    reading = Reading(points, np.zeros(arkit.COUNT, np.float32), neck)
    return Photo("photo.jpg", np.full((2 * size, 2 * size, 3), colour, np.uint8), reading)


AVERAGE = np.zeros(100, np.float32)


def test_a_photo_gives_all_parts_of_a_character(networks: ExportedNetworks) -> None:
    seen = likeness([photo((200, 100, 50), AVERAGE)], networks)
    assert seen.shape.shape == (100,)
    assert seen.identity.shape == (64,)
    assert seen.texture.shape == (16, 256, 128)
    assert seen.rows.shape == (256, 128)


def test_texels_that_are_seen_have_the_photos_colour(networks: ExportedNetworks) -> None:
    # The tiny completion copies what was lifted: colour times weight, then the weight.
    texture = likeness([photo((255, 127, 0), AVERAGE)], networks).texture
    weight = texture[3]
    assert (weight > 0.9).sum() > 3000
    np.testing.assert_allclose(texture[0], weight, atol=1e-3)
    np.testing.assert_allclose(texture[2], -weight, atol=1e-3)


def test_texels_beyond_the_photo_are_not_seen(networks: ExportedNetworks) -> None:
    whole = photo((255, 127, 0), AVERAGE)
    cut = replace(whole, picture=whole.picture[:288])  # ends at the mouth
    whole_weight, cut_weight = (likeness([one], networks).texture[3] for one in (whole, cut))
    assert (cut_weight <= whole_weight + 1e-6).all()
    assert cut_weight.sum() < 0.8 * whole_weight.sum()
    np.testing.assert_allclose(likeness([cut], networks).texture[0], cut_weight, atol=0.02)  # no grey came in


def test_several_photos_give_their_mean_and_the_rows_of_the_first(networks: ExportedNetworks) -> None:
    rng = np.random.default_rng(0)
    shapes = [rng.standard_normal(100).astype(np.float32) for _ in range(2)]
    photos = [photo(colour, shape) for colour, shape in zip([(250, 0, 0), (0, 250, 0)], shapes, strict=True)]
    one, two, both = likeness(photos[:1], networks), likeness(photos[1:], networks), likeness(photos, networks)
    np.testing.assert_allclose(both.shape, (one.shape + two.shape) / 2, atol=1e-5)
    np.testing.assert_allclose(both.identity, (one.identity + two.identity) / 2, atol=1e-4)
    np.testing.assert_allclose(both.rows, one.rows, atol=1e-4)


def test_what_two_photos_showed_is_mixed_by_how_well(networks: ExportedNetworks) -> None:
    one, two = np.zeros((4, 1, 3), np.float32), np.zeros((4, 1, 3), np.float32)
    one[:, 0, 0], two[:, 0, 0] = (0.9, 0.0, 0.0, 0.9), (0.0, 0.3, 0.0, 0.3)  # red seen well, green seen badly
    one[:, 0, 1] = (0.5, 0.5, 0.5, 0.5)
    mixed = together([one, two])
    np.testing.assert_allclose(mixed[:, 0, 0], [0.675, 0.225, 0.0, 0.9], atol=1e-6)
    np.testing.assert_allclose(mixed[:, 0, 1], one[:, 0, 1])
    assert not mixed[:, 0, 2].any()


def test_a_head_that_is_turned_away_is_refused_with_its_angle(networks: ExportedNetworks) -> None:
    plain = photo((0, 0, 0), AVERAGE)
    away = replace(plain, reading=replace(plain.reading, rotation=np.array([0.0, 0.9, 0.0], np.float32)))
    with pytest.raises(PhotoError, match=r"the head in photo\.jpg is turned \d+ degrees away .* at most 35: take"):
        likeness([away], networks)
