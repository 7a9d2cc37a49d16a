"""Tables of FLAME's parameters."""

from __future__ import annotations

import csv
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.engine.offline.animation import RenderError
from omote.engine.offline.writers.tables import COLUMNS, ParamsWriter

Made = Callable[..., Any]


def ignore(count: int) -> None:
    """Takes what a writer tells."""


def test_the_columns_are_flames_parameters_in_their_order() -> None:
    assert len(COLUMNS) == 2 + 67 + 1
    assert COLUMNS[:4] == ("index", "time_s", "expression_0", "expression_1")
    assert COLUMNS[52:58] == ("jaw_pose_x", "jaw_pose_y", "jaw_pose_z", "neck_pose_x", "neck_pose_y", "neck_pose_z")
    assert COLUMNS[-4:] == ("translation_x", "translation_y", "translation_z", "presence")


def test_every_face_comes_back_bit_by_bit(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(7, Fraction(30000, 1001))
    writer = ParamsWriter(tmp_path / "x.params.csv")
    writer.write(made.script, made.pictures, ignore)
    with writer.path.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == COLUMNS
    assert [row[:2] for row in rows[:3]] == [["0", "0.000000"], ["1", "0.033367"], ["2", "0.066733"]]
    numbers = np.array([row[2:] for row in rows], np.float32)
    assert np.array_equal(numbers[:, :-1], made.script.faces)
    assert np.array_equal(numbers[:, -1], made.script.presence)
    assert writer.path.stat().st_size <= writer.bytes_of(made.script, 24)


def test_a_folder_that_is_not_there_is_said_with_the_cure(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1)
    with pytest.raises(RenderError, match=r"cannot write .*choose a folder that may be written to"):
        ParamsWriter(tmp_path / "no" / "params.csv").write(made.script, made.pictures, ignore)
