"""PNG files that are whole or not, and pictures of sizes that no network draws."""

from __future__ import annotations

import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.engine.offline.pictures import (
    Picture,
    encode_png,
    evenly_spaced,
    is_complete_png,
    render_size_for,
    resize_picture,
)
from omote.engine.offline.writers import xmp

COLOUR = (240, 200, 160)


def disc(side: int, around: tuple[int, int, int] = (0, 0, 0)) -> Picture:
    """An opaque disc, one pixel soft at its edge, on a transparent background."""
    rows, columns = np.mgrid[0:side, 0:side] + 0.5
    away = np.hypot(rows - side / 2, columns - side / 2)
    matte = np.clip(side * 0.35 - away + 0.5, 0.0, 1.0)
    picture = np.empty((side, side, 4), np.uint8)
    picture[..., :3] = np.where(matte[..., None] > 0.0, COLOUR, around)
    picture[..., 3] = np.round(matte * 255.0)
    return picture


def test_a_picture_names_a_model_as_its_source(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode_png(disc(16)))
    with Image.open(tmp_path / "a.png") as image:
        image.load()
        text = image.info["XML:com.adobe.xmp"]
    assert text.encode() == xmp.xmp_packet()
    name = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
    (found,) = xml.etree.ElementTree.fromstring(text).iter(name)
    assert found.text == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


WHOLE = encode_png(disc(16))
DAMAGED = {
    "empty": b"",
    "truncated": WHOLE[:-5],
    "only its signature": WHOLE[:8],
    "zeros": bytes(len(WHOLE)),
    "zeros at its end": WHOLE[:-20] + bytes(20),
    "one bit": bytes([*WHOLE[:300], WHOLE[300] ^ 1, *WHOLE[301:]]),
    "more than itself": WHOLE + b"\0",
    "another chunk behind its end": WHOLE + WHOLE[-12:],
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_picture_is_not_complete(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert not is_complete_png(path)
    path.write_bytes(WHOLE)
    assert is_complete_png(path)
    path.write_bytes(DAMAGED[damage])
    assert not is_complete_png(path)


def test_pictures_are_chosen_at_even_distances() -> None:
    assert list(evenly_spaced(5, 24)) == [0, 1, 2, 3, 4]
    chosen = evenly_spaced(1000, 24)
    assert (len(chosen), chosen[0], chosen[-1]) == (24, 0, 999)
    assert np.ptp(np.diff(chosen)) <= 1


@pytest.mark.parametrize(("size", "drawn"), [(16, 128), (128, 128), (129, 192), (300, 384), (512, 512), (1080, 512)])
def test_a_size_is_drawn_at_the_next_larger_one(size: int, drawn: int) -> None:
    assert render_size_for(size, (128, 192, 256, 384, 512)) == drawn


@pytest.mark.parametrize("size", [16, 96, 300, 512, 1080])
def test_the_outline_has_no_fringe_of_the_background(size: int) -> None:
    found = resize_picture(disc(384), size)
    seen = found[found[..., 3] > 8]
    assert found.shape == (size, size, 4)
    # A thousandth of the background is mixed in; at an alpha of 8 of 255 that is a 30th of its colour.
    assert (np.abs(seen[:, :3].astype(int) - COLOUR) <= 8).all()


@pytest.mark.parametrize("size", [96, 300, 1080])
def test_opaque_pixels_stay_opaque_and_empty_ones_empty(size: int) -> None:
    alpha = resize_picture(disc(384), size)[..., 3]
    rows, columns = np.mgrid[0:size, 0:size] + 0.5
    away = np.hypot(rows - size / 2, columns - size / 2) / size
    edge = 3.0 / min(size, 384)
    assert (alpha[away < 0.35 - edge] == 255).all()
    assert (alpha[away > 0.35 + edge] == 0).all()


def test_transparent_pixels_keep_their_colour() -> None:
    found = resize_picture(disc(384, around=(10, 120, 30)), 96)
    np.testing.assert_array_equal(found[0, 0], (10, 120, 30, 0))


def test_a_read_only_picture_is_resized_the_same_and_one_of_the_right_size_is_returned() -> None:
    picture = disc(128)
    assert resize_picture(picture, 128) is picture
    expected = resize_picture(picture, 96)
    picture.flags.writeable = False
    np.testing.assert_array_equal(resize_picture(picture, 96), expected)
