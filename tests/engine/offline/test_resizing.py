"""Pictures of sizes that no network draws."""

from __future__ import annotations

import numpy as np
import pytest

from omote.engine.offline.pictures import render_size_for, resize_picture

SIZES = (128, 192, 256, 384, 512)


def disc(side: int, colour: tuple[int, int, int], around: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
    """An opaque disc, one pixel soft at its edge, before what is transparent."""
    rows, columns = np.mgrid[0:side, 0:side] + 0.5
    away = np.hypot(rows - side / 2, columns - side / 2)
    matte = np.clip(side * 0.35 - away + 0.5, 0.0, 1.0)
    picture = np.empty((side, side, 4), np.uint8)
    picture[..., :3] = np.where(matte[..., None] > 0.0, colour, around)
    picture[..., 3] = np.round(matte * 255.0)
    return picture


@pytest.mark.parametrize(("asked", "drawn"), [(16, 128), (128, 128), (129, 192), (300, 384), (512, 512), (1080, 512)])
def test_a_size_is_drawn_at_the_next_larger_one_that_there_is(asked: int, drawn: int) -> None:
    assert render_size_for(asked, SIZES) == drawn


@pytest.mark.parametrize("size", [16, 96, 300, 512, 1080])
def test_no_fringe_of_what_is_behind_is_seen_at_the_outline(size: int) -> None:
    found = resize_picture(disc(384, (240, 200, 160)), size)
    seen = found[found[..., 3] > 8]
    assert found.shape == (size, size, 4)
    # A thousandth of what lies around is mixed in; at an alpha of 8 of 255 that is a 30th of its colour.
    assert (np.abs(seen[:, :3].astype(int) - (240, 200, 160)) <= 8).all()


@pytest.mark.parametrize("size", [96, 300, 1080])
def test_what_is_opaque_stays_opaque_and_what_is_empty_empty(size: int) -> None:
    alpha = resize_picture(disc(384, (240, 200, 160)), size)[..., 3]
    rows, columns = np.mgrid[0:size, 0:size] + 0.5
    away = np.hypot(rows - size / 2, columns - size / 2) / size
    edge = 3.0 / min(size, 384)
    assert (alpha[away < 0.35 - edge] == 255).all()
    assert (alpha[away > 0.35 + edge] == 0).all()


def test_where_nothing_is_seen_the_colour_drawn_there_stays() -> None:
    found = resize_picture(disc(384, (240, 200, 160), around=(10, 120, 30)), 96)
    np.testing.assert_array_equal(found[0, 0], (10, 120, 30, 0))


def test_a_picture_of_the_right_size_is_left_as_it_is() -> None:
    picture = disc(128, (240, 200, 160))
    assert resize_picture(picture, 128) is picture


def test_one_that_may_not_be_written_to_is_resized_the_same() -> None:
    picture = disc(128, (240, 200, 160))
    expected = resize_picture(picture, 96)
    picture.flags.writeable = False
    np.testing.assert_array_equal(resize_picture(picture, 96), expected)
