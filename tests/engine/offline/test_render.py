"""Folders of pictures that come out the same every time."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.bridge import arkit
from omote.engine.capture.take import Take, TakeSource
from omote.engine.face.light import studio_light
from omote.engine.flat_artist import FlatArtist
from omote.engine.nouns import Actor, Character
from omote.engine.offline.folder_render import COLUMNS, prepare, render
from omote.engine.offline.script import RenderError

NOTHING = np.zeros(1, np.float32)
NOBODY = Character("nobody", NOTHING, NOTHING, NOTHING, NOTHING, "none", "none", "none")


def take(length: int) -> Take:
    """A jaw that stays open, and no face in the second half."""
    weights = np.tile(arkit.weights({"jawOpen": 0.6}), (length, 1))
    confidence = (np.arange(length) < length / 2).astype(np.float32)
    still = np.zeros((length, 3), np.float32)
    return Take(30.0, np.arange(length) / 30.0, weights, still, still, np.zeros((length, 2, 2), np.float32), confidence)


def rendered(folder: Path, length: int = 60) -> int:
    prepare(folder)
    source = TakeSource(take(length), "take.csv", is_offline=True)
    return render(source, FlatArtist(), NOBODY, Actor(), studio_light(), folder)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "params.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_picture_becomes_an_rgba_png_and_a_row(tmp_path: Path) -> None:
    assert rendered(tmp_path, 5) == 5
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["000000.png", "000001.png", "000002.png", "000003.png", "000004.png", "params.csv"]
    with Image.open(tmp_path / "000000.png") as picture:
        assert (picture.mode, picture.size) == ("RGBA", (8, 8))
        assert picture.getpixel((0, 0)) == (153, 0, 0, 255)
    table = rows(tmp_path)
    assert [row["index"] for row in table] == ["0", "1", "2", "3", "4"]
    assert table[3]["time_s"] == "0.100000"
    assert float(table[0]["jaw_pose_x"]) == pytest.approx(0.21)
    assert tuple(table[0]) == COLUMNS


def test_the_columns_are_flames_parameters_in_their_order() -> None:
    assert len(COLUMNS) == 2 + 67 + 1
    assert COLUMNS[2:4] == ("expression_0", "expression_1")
    assert COLUMNS[52:58] == ("jaw_pose_x", "jaw_pose_y", "jaw_pose_z", "neck_pose_x", "neck_pose_y", "neck_pose_z")
    assert COLUMNS[58:66:3] == ("eye_pose_left_x", "eye_pose_right_x", "eyelid_left")
    assert COLUMNS[-4:] == ("translation_x", "translation_y", "translation_z", "presence")


def test_the_same_take_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert rendered(first) == rendered(second) == 60
    for path in sorted(first.iterdir()):
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name


def test_a_lost_face_is_told_by_presence(tmp_path: Path) -> None:
    rendered(tmp_path, 120)
    presence = [float(row["presence"]) for row in rows(tmp_path)]
    assert presence[59] == presence[70] == 1.0
    assert presence[-1] == 0.0


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(RenderError, match=r"not empty.*--overwrite"):
        prepare(tmp_path)


def test_overwriting_removes_the_earlier_rendering_and_nothing_else(tmp_path: Path) -> None:
    rendered(tmp_path, 5)
    (tmp_path / "holiday.jpg").touch()
    prepare(tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_path_that_can_be_no_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RenderError, match=r"cannot write to .*choose another folder"):
        prepare(tmp_path / "file" / "folder")
    with pytest.raises(RenderError, match="cannot write to"):
        prepare(tmp_path / "file")
