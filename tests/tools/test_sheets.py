"""Sheets lay out tiles, and pictures of real people never get into the documents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sheets


def test_a_grid_is_filled_up_with_the_backdrop() -> None:
    tiles = [np.full((4, 4, 3), level, np.uint8) for level in (10, 20, 30)]
    laid = sheets.grid(tiles, 2)
    assert laid.shape == (8, 8, 3)
    assert [int(laid[0, 0, 0]), int(laid[0, 4, 0]), int(laid[4, 0, 0])] == [10, 20, 30]
    np.testing.assert_array_equal(laid[4:, 4:], np.broadcast_to(sheets.BACKDROP, (4, 4, 3)))


def test_a_transparent_picture_shows_the_backdrop() -> None:
    rgba = np.full((8, 8, 4), 255, np.uint8)
    rgba[..., 3] = 0
    np.testing.assert_array_equal(sheets.on_backdrop(rgba, 4), np.broadcast_to(sheets.BACKDROP, (4, 4, 3)))


def test_twelve_expressions_are_drawn() -> None:
    assert len(sheets.EXPRESSIONS) == 12


def test_photos_are_refused_without_a_folder_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        sheets.main(["--photos", str(tmp_path)])
    assert "--photos needs --out" in capsys.readouterr().err


def test_a_folder_without_characters_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class NoNetworks:
        def __init__(self, folder: Path) -> None: ...

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(sheets, "Networks", NoNetworks)
        sheets.main(["--characters", str(tmp_path)])
    assert f"no characters in {tmp_path}" in capsys.readouterr().err
