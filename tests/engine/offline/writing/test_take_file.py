"""A rendering written as a take, and played again."""

from __future__ import annotations

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
from omote.engine.offline.writers.tables import TakeWriter

Made = Callable[..., Any]


def ignore(count: int) -> None:
    """Takes what a writer tells."""


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(30000, 1001), Fraction(24), Fraction(60)])
def test_playing_it_again_gives_the_same_faces_at_the_same_times(
    small_rendering: Made, tmp_path: Path, fps: Fraction
) -> None:
    made = small_rendering(8, fps)
    writer = TakeWriter(tmp_path / "x.csv")
    writer.check(made.script, 24)
    writer.write(made.script, made.pictures, ignore)
    take = read_take(tmp_path / "x.csv")
    assert (len(take), take.fps) == (8, float(fps))
    source = TakeSource(take, "x.csv", is_offline=True)
    for index in range(8):
        signal = source.read(1.0)
        assert signal is not None
        # The timecode of a take has thousandths of a frame.
        assert signal.stamp.captured_ns / 1e9 == pytest.approx(made.script.time_s(index), abs=1e-3 / float(fps))
        # Six digits of a weight, each of which an expression's numbers mix with 38 others.
        assert retarget(signal, Actor()).vector() == pytest.approx(made.script.faces[index], abs=3e-5)


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(25)])
def test_rendering_it_again_is_the_same_script(small_rendering: Made, tmp_path: Path, fps: Fraction) -> None:
    made = small_rendering(40, fps)
    TakeWriter(tmp_path / "x.csv").write(made.script, made.pictures, ignore)
    source = TakeSource(read_take(tmp_path / "x.csv"), "x.csv", is_offline=True)
    again = read_performance(source, Actor(), studio_light(), "hana", consistency=False)
    assert (again.fps, len(again)) == (fps, 40)
    assert again.presence == pytest.approx(made.script.presence)
    assert again.faces == pytest.approx(made.script.faces, abs=3e-5)


def test_presence_is_the_confidence(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(3)
    script = replace(made.script, presence=np.array([1.0, 0.25, 0.0], np.float32))
    TakeWriter(tmp_path / "x.csv").write(script, made.pictures, ignore)
    assert read_take(tmp_path / "x.csv").confidence.tolist() == [1.0, 0.25, 0.0]


def test_both_files_appear_and_nothing_else(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(3)
    writer = TakeWriter(tmp_path / "x.csv")
    writer.write(made.script, made.pictures, ignore)
    first = [(tmp_path / name).read_bytes() for name in ("x.csv", "x.json")]
    assert sum(map(len, first)) <= writer.bytes_of(made.script, 24)
    writer.check(made.script, 24)  # its own earlier files may be replaced
    writer.write(made.script, made.pictures, ignore)
    assert [(tmp_path / name).read_bytes() for name in ("x.csv", "x.json")] == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "x.csv", "x.json"]


def test_a_timeline_of_the_same_name_is_not_written_over(small_rendering: Made, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"keys": []}')
    with pytest.raises(RenderError, match=r"x\.json is there already"):
        TakeWriter(tmp_path / "x.csv").check(small_rendering(1).script, 24)


def test_the_json_of_another_take_is_not_written_over(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1)
    TakeWriter(tmp_path / "x.csv").write(made.script, made.pictures, ignore)
    (tmp_path / "x.csv").rename(tmp_path / "x.CSV")
    if (tmp_path / "x.csv").exists():
        pytest.skip("here it is the same name")
    with pytest.raises(RenderError, match=r"x\.json is there already"):
        TakeWriter(tmp_path / "x.csv").check(made.script, 24)


def test_faces_in_another_basis_have_no_weights(small_rendering: Made) -> None:
    script = replace(small_rendering(1).script, basis="flame2020")
    with pytest.raises(RenderError, match=r"flame2020.*write \.params\.csv"):
        TakeWriter(Path("x.csv")).check(script, 24)


def test_a_folder_that_is_not_there_is_said_with_the_cure(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1)
    with pytest.raises(RenderError, match=r"cannot write .*x\.csv: No such file.*make room"):
        TakeWriter(tmp_path / "no" / "x.csv").write(made.script, made.pictures, ignore)
