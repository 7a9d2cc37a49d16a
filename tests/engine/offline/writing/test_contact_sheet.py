"""Contact sheets and strips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from omote.engine.offline.pictures import evenly_spaced
from omote.engine.offline.writers import xmp
from omote.engine.offline.writers.images import ContactSheetWriter, strip

Made = Callable[..., Any]


def ignore(count: int) -> None:
    """Takes what a writer tells."""


def test_24_pictures_at_most_from_the_first_to_the_last() -> None:
    assert list(evenly_spaced(5, 24)) == [0, 1, 2, 3, 4]
    chosen = evenly_spaced(1000, 24)
    assert (len(chosen), chosen[0], chosen[-1]) == (24, 0, 999)
    steps = np.diff(chosen)
    assert steps.max() - steps.min() <= 1


def test_each_picture_stands_on_a_checkerboard_over_its_time(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(3, size=64)
    ContactSheetWriter(tmp_path / "x.png").write(made.script, made.pictures, ignore)
    with Image.open(tmp_path / "x.png") as image:
        assert (image.mode, image.size) == ("RGB", (192, 64 + 24))
        sheet = np.asarray(image)
    for index, (top, left) in enumerate([(0, 0), (0, 64), (0, 128)]):
        cell, shown = sheet[top : top + 64, left : left + 64], made.shown[index]
        whole, clear = shown[..., 3] == 255, shown[..., 3] == 0
        assert np.array_equal(cell[whole], shown[..., :3][whole])
        assert {tuple(map(int, one)) for one in np.unique(cell[clear], axis=0)} == {(204,) * 3, (238,) * 3}
        label = sheet[top + 64 : top + 88, left : left + 64]
        assert label.min() < 100 and label.max() == 255


def test_24_pictures_fill_their_rows(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(40)
    ContactSheetWriter(tmp_path / "x.png").write(made.script, made.pictures, ignore)
    with Image.open(tmp_path / "x.png") as image:
        assert image.size == (6 * 24, 4 * (24 + 24))


def test_it_says_that_a_model_made_it_and_is_no_larger_than_was_said(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(30, size=64)
    writer = ContactSheetWriter(tmp_path / "x.png")
    writer.write(made.script, made.pictures, ignore)
    with Image.open(tmp_path / "x.png") as image:
        image.load()
        assert image.info["XML:com.adobe.xmp"].encode() == xmp.xmp_packet()
    before = (tmp_path / "x.png").read_bytes()
    assert len(before) <= writer.bytes_of(made.script, 64)
    writer.write(made.script, made.pictures, ignore)
    assert (tmp_path / "x.png").read_bytes() == before


@pytest.mark.parametrize(("count", "width"), [(3, 3 * 24), (9, 5 * 24)])
def test_a_strip_is_one_row_with_alpha(small_rendering: Made, count: int, width: int) -> None:
    made = small_rendering(5)
    found = strip(made.pictures, count)
    assert (found.mode, found.size) == ("RGBA", (width, 24))
    assert np.array_equal(np.asarray(found)[:, :24], made.shown[0])
    assert np.array_equal(np.asarray(found)[:, -24:], made.shown[-1])
