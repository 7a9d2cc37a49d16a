"""Portraits in one size, over a background, and with premultiplied alpha."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from omote.bridge.outputs.conversion import Canvas, FixedSize, Upscaler

RED = (255, 0, 0)


def disc(side: int) -> NDArray[np.uint8]:
    """A red disc; what is transparent is green, which must never be visible."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    inside = np.hypot(x, y) < side * 0.4
    pixels = np.zeros((side, side, 4), np.uint8)
    pixels[inside] = (*RED, 255)
    pixels[~inside] = (0, 255, 0, 0)
    return pixels


def test_a_camera_shows_the_portrait_in_the_middle_and_never_stretched() -> None:
    frame = Canvas(1280, 720, (0, 0, 255))(disc(256))
    assert frame.shape == (720, 1280, 3)
    assert frame.flags["C_CONTIGUOUS"]
    is_red = (frame == RED).all(axis=-1)
    rows, columns = np.flatnonzero(is_red.any(axis=1)), np.flatnonzero(is_red.any(axis=0))
    assert len(rows) == pytest.approx(720 * 0.8, abs=8)  # the enlarged edge is not pure red
    assert len(columns) == pytest.approx(len(rows), abs=2)
    assert columns.mean() == pytest.approx((1280 - 1) / 2, abs=1)
    assert (frame[:, :270] == (0, 0, 255)).all()
    assert (frame[0, 640] == (0, 0, 255)).all()


def test_invisible_colours_do_not_fringe_the_edge() -> None:
    frame = Canvas(640, 480, (0, 0, 0))(disc(100))
    assert frame[..., 1].max() == 0
    resized = FixedSize(300)(disc(100)).astype(int)
    seen = resized[..., 1] * resized[..., 3]
    assert resized.shape == (300, 300, 4)
    assert seen.max() <= 255  # of 255 * 255: what rounding leaves


def test_half_transparent_is_mixed_with_the_background() -> None:
    picture = np.full((72, 72, 4), (200, 100, 0, 128), np.uint8)
    frame = Canvas(128, 72, (0, 100, 200))(picture)
    assert np.abs(frame[36, 64].astype(int) - (100, 100, 100)).max() <= 1
    assert (frame[0, 0] == (0, 100, 200)).all()


def test_a_camera_with_alpha_is_transparent_around_the_portrait() -> None:
    picture = np.full((64, 64, 4), (9, 8, 7, 128), np.uint8)
    frame = Canvas(128, 64, None)(picture)
    assert frame.shape == (64, 128, 4)
    assert (frame[:, :32] == 0).all()
    assert (frame[32, 64] == (9, 8, 7, 128)).all()


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    picture = disc(64)
    assert FixedSize()(picture) is picture
    np.testing.assert_array_equal(Canvas(64, 64, None)(picture)[20:40, 20:40], picture[20:40, 20:40])


@pytest.mark.parametrize(("width", "height"), [(720, 720), (61, 480), (62, 40), (1000, 41)])
def test_a_picture_is_enlarged_as_by_pillow(width: int, height: int) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (40, 61, 4), np.uint8)
    wanted = np.asarray(Image.frombuffer("RGBX", (61, 40), pixels).resize((width, height), Image.Resampling.BILINEAR))
    off = np.abs(Upscaler((61, 40), (width, height))(pixels).astype(int) - wanted)
    assert off.max() <= 2  # two weights of 7 bits, each rounded


def test_colours_stay_within_alpha_when_a_picture_is_enlarged() -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (40, 40, 4), np.uint8)
    found = FixedSize(99, is_premultiplied=True)(pixels)
    assert (found[..., :3] <= found[..., 3:]).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (300, 200)])
def test_a_picture_of_any_shape_fits_its_frame(size: tuple[int, int]) -> None:
    picture = np.full((*size, 4), (9, 8, 7, 255), np.uint8)
    for background, pixel in ((RED, (9, 8, 7)), (None, (9, 8, 7, 255))):
        frame = Canvas(128, 72, background)(picture)
        assert (frame[36, 63] == pixel).all()


def test_no_picture_shows_the_rest_of_the_previous_one() -> None:
    for background in (RED, None):
        canvas, wide = Canvas(128, 72, background), np.full((36, 64, 4), 255, np.uint8)
        canvas(wide)
        tall = np.ascontiguousarray(wide.swapaxes(0, 1))
        np.testing.assert_array_equal(canvas(tall), Canvas(128, 72, background)(tall))


def test_later_pictures_get_the_size_of_the_first() -> None:
    resize = FixedSize()
    for side in (64, 96, 48):
        assert resize(disc(side)).shape == (64, 64, 4)


def test_premultiplied_colours_are_those_of_our_wire() -> None:
    picture = np.array([[[255, 101, 7, 128], [9, 9, 9, 0], [1, 2, 3, 255]]], np.uint8)
    found = FixedSize(is_premultiplied=True)(picture)
    assert found.tolist() == [[[128, 51, 4, 128], [0, 0, 0, 0], [1, 2, 3, 255]]]
