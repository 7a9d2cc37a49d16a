"""What encoders are given, in the numbers that standards name."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine.offline.pictures import Picture
from omote.engine.offline.writers.encoders import MOV, MP4, WEBM, VideoFormat
from omote.engine.offline.writers.video import to_planes

BLACK = (0, 0, 0)


def flat(colour: tuple[int, int, int, int], size: int = 4) -> Picture:
    return np.full((size, size, 4), colour, np.uint8)


def samples(
    picture: Picture, form: VideoFormat, background: tuple[int, int, int] = BLACK
) -> NDArray[np.unsignedinteger]:
    return np.frombuffer(to_planes(picture, form, background), np.uint8 if form.depth == 8 else "<u2")


@pytest.mark.parametrize(
    ("colour", "ycbcr"),
    [
        # Of ITU-R BT.709's colour bars in 8 bits.
        ((0, 0, 0, 255), (16, 128, 128)),
        ((255, 255, 255, 255), (235, 128, 128)),
        ((255, 0, 0, 255), (63, 102, 240)),
        ((0, 255, 0, 255), (173, 42, 26)),
        ((0, 0, 255, 255), (32, 240, 118)),
    ],
)
def test_pure_colours_become_those_of_bt709(colour: tuple[int, int, int, int], ycbcr: tuple[int, int, int]) -> None:
    found = samples(flat(colour), MP4)
    assert len(found) == 16 + 4 + 4
    assert (found[0], found[16], found[20]) == ycbcr
    ten_bits = samples(flat(colour), MOV)
    assert np.abs(ten_bits[[0, 16, 32]] / 4 - ycbcr).max() <= 0.5
    assert ten_bits[48] == 1023


def test_without_alpha_it_stands_on_the_background() -> None:
    found = samples(flat((255, 255, 255, 0)), MP4, (255, 0, 0))
    assert (found[0], found[16], found[20]) == (63, 102, 240)


def test_colours_go_on_under_clear_pixels_and_alpha_does_not() -> None:
    picture = flat((0, 0, 0, 0), 16)
    picture[4:8, 4:8] = (255, 255, 255, 128)
    found = samples(picture, WEBM)
    assert (found[:256] == 235).all()
    alpha = found[256 + 128 :].reshape(16, 16)
    assert (alpha == picture[..., 3]).all()


def test_nothing_at_all_is_grey_and_clear() -> None:
    found = samples(flat((0, 0, 0, 0), 6), WEBM)
    assert (found[:36] == 126).all()
    assert (found[-36:] == 0).all()


def test_odd_sizes_have_half_a_colour_more() -> None:
    assert len(samples(flat((9, 9, 9, 255), 5), WEBM)) == 25 + 9 + 9 + 25
