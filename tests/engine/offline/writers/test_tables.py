"""Tables of FLAME's parameters, and takes that play the same performance again."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.engine.capture.take import TakeSource, read_take
from omote.engine.data import Actor
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import retarget
from omote.engine.offline.animation import RenderError
from omote.engine.offline.performance import read_performance
from omote.engine.offline.writers.tables import COLUMNS, ParamsWriter, TakeWriter

Made = Callable[..., Any]


def ignore(done: int) -> None:
    """Takes the progress of a writer."""


def test_the_columns_are_flames_parameters_in_their_order() -> None:
    assert len(COLUMNS) == 2 + 67 + 1
    assert COLUMNS[:4] == ("index", "time_s", "expression_0", "expression_1")
    assert COLUMNS[52:58] == ("jaw_pose_x", "jaw_pose_y", "jaw_pose_z", "neck_pose_x", "neck_pose_y", "neck_pose_z")
    assert COLUMNS[-4:] == ("translation_x", "translation_y", "translation_z", "presence")


def test_every_face_comes_back_bit_by_bit(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(7, Fraction(30000, 1001))
    ParamsWriter(tmp_path / "x.params.csv").write(made.animation, made.pictures, ignore)
    with (tmp_path / "x.params.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == COLUMNS
    assert [row[:2] for row in rows[:3]] == [["0", "0.000000"], ["1", "0.033367"], ["2", "0.066733"]]
    numbers = np.array([row[2:] for row in rows], np.float32)
    assert np.array_equal(numbers[:, :-1], made.animation.faces)
    assert np.array_equal(numbers[:, -1], made.animation.presence)


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)])
def test_a_take_plays_the_same_animation_again(small_rendering: Made, tmp_path: Path, fps: Fraction) -> None:
    made = small_rendering(40, fps)
    TakeWriter(tmp_path / "x.csv").check(made.animation, 24)
    TakeWriter(tmp_path / "x.csv").write(made.animation, made.pictures, ignore)
    take = read_take(tmp_path / "x.csv")
    assert (len(take), take.fps) == (40, float(fps))
    source = TakeSource(take, "x.csv", is_offline=True)
    for index in range(8):
        signal = source.read(1.0)
        assert signal is not None
        # The timecode of a take has thousandths of a frame.
        assert signal.stamp.captured_ns / 1e9 == pytest.approx(made.animation.time_s(index), abs=1e-3 / float(fps))
        # A weight has six digits, and each coefficient of the expression mixes 39 of them.
        assert retarget(signal, Actor()).vector() == pytest.approx(made.animation.faces[index], abs=3e-5)
    source = TakeSource(take, "x.csv", is_offline=True)
    again = read_performance(source, Actor(), studio_light(), "hana", consistency=False)
    assert (again.fps, len(again)) == (fps, 40)
    assert again.presence == pytest.approx(made.animation.presence)
    assert again.faces == pytest.approx(made.animation.faces, abs=3e-5)


def test_presence_is_the_confidence(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(3)
    animation = replace(made.animation, presence=np.array([1.0, 0.25, 0.0], np.float32))
    TakeWriter(tmp_path / "x.csv").write(animation, made.pictures, ignore)
    assert read_take(tmp_path / "x.csv").confidence.tolist() == [1.0, 0.25, 0.0]


@pytest.mark.parametrize("other", ["a timeline", "another take"])
def test_a_json_file_of_something_else_is_not_replaced(other: str, small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1)
    if other == "a timeline":
        (tmp_path / "x.json").write_text('{"keys": []}')
    else:
        TakeWriter(tmp_path / "x.csv").write(made.animation, made.pictures, ignore)
        (tmp_path / "x.csv").rename(tmp_path / "x.CSV")
        if (tmp_path / "x.csv").exists():
            pytest.skip("here it is the same name")
    with pytest.raises(RenderError, match=r"x\.json is there already"):
        TakeWriter(tmp_path / "x.csv").check(made.animation, 24)
