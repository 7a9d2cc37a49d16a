"""`omote take`, and a recording made, played and cut by the command line."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.engine import open_source
from omote.engine.capture.take import read_take, write_take
from omote.engine.capture.take_files import TakeError
from omote.studio.app.config import Config
from omote.studio.cli import live
from omote.studio.cli.main import main
from tests.studio.commands import PORTS, error_line, short_take

HERE = ("--no-page", "--offline", "--size", "256", *PORTS)  # offline, because then no picture depends on this machine
NOON_NS = 12 * 3600 * 1_000_000_000


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Two seconds from noon on, in which no face is seen for half of one."""
    confidence = np.ones(20)
    confidence[10:15] = 0.0
    plain = short_take(20, 10.0, confidence, jawOpen=np.linspace(0.0, 1.0, 20))
    path = tmp_path / "noon.csv"
    write_take(path, replace(plain, provenance="composed for a test", timecode_ns=NOON_NS, timecode_rate=60))
    return path


def test_info_shows_length_face_timecode_and_origin(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["take", "info", str(take)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "noon.csv",
        "  length    2.00 s, 20 pictures at 10 a second",
        "  face      seen in 75.0 % of them; lost for 0.50 s at most",
        "  timecode  12:00:00:00.000 to 12:00:01:54.000, at 60 frames a second",
        "  from      composed for a test",
    ]


@pytest.mark.skipif(os.name != "posix", reason="Windows allows no such names")
def test_the_name_of_a_file_controls_no_terminal(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = take.rename(take.with_name("t\x1b]0;x\x07.csv"))
    assert main(["take", "info", str(evil)]) == 0
    assert capsys.readouterr().out.startswith("t?]0;x?.csv\n")
    assert open_source(str(evil)).name == "t?]0;x?.csv"


def test_info_shows_gaps_and_an_unfinished_recording(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = take.read_text("utf-8").splitlines(keepends=True)
    take.write_text("".join(lines[:5] + lines[8:15]), "utf-8")
    sidecar = take.with_suffix(".json")
    rows = sidecar.read_text("utf-8").splitlines()
    sidecar.write_text("\n".join(rows[:5] + rows[8:14]), "utf-8")
    assert main(["take", "info", str(take)]) == 0
    said = capsys.readouterr().out
    assert "10 pictures at 10 a second; 3 missing, in 1 gap\n" in said
    assert "cut off: its recording was not ended; 10 of 11 rows are whole in both its files" in said
    sidecar.write_text("\n".join(rows[:5]), "utf-8")
    assert main(["take", "info", str(take)]) == 0
    assert "4 of 11 rows are whole in both its files" in capsys.readouterr().out


def test_a_part_is_cut_out_with_its_timecode(take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "part.csv"
    assert main(["take", "trim", str(take), str(out), "--start", "0.5", "--end", "1.5"]) == 0
    part, whole = read_take(out), read_take(take)
    assert len(part) == 10
    assert (part.timecode_ns, part.timecode_rate, part.provenance) == (NOON_NS + 500_000_000, 60, "composed for a test")
    np.testing.assert_array_equal(part.weights, whole.weights[5:15])
    assert "10 pictures, 1.00 s" in capsys.readouterr().out


def test_trimming_saves_what_is_whole_of_a_damaged_take(take: Path, tmp_path: Path) -> None:
    whole = read_take(take)
    lines = take.read_text("utf-8").splitlines(keepends=True)
    lines[4] = "damaged\n"
    take.write_text("".join(lines), "utf-8")
    assert main(["take", "trim", str(take), str(tmp_path / "saved.csv"), "--start", "0"]) == 0
    np.testing.assert_array_equal(read_take(tmp_path / "saved.csv").weights, np.delete(whole.weights, 3, axis=0))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("trim", "{take}", "{out}"), "give the part to keep: --start"),
        (("trim", "{take}", "{out}", "--start", "9"), "no picture lies from 9 s to the end: the take lasts 2.00 s"),
        (("trim", "{take}", "{out}", "--start", "2", "--end", "1"), "wanted a start from 0 s on, and an end after it"),
        (("trim", "{take}", "{take}", "--start", "1"), "nothing is overwritten: choose another name"),
        (("trim", "{take}", "{out}.mp4", "--start", "1"), "a take is a .csv file"),
        (("info", "{out}"), "cannot be read"),
    ],
)
def test_what_cannot_be_cut_is_refused_with_the_cure(
    take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    before = take.read_bytes()
    names = {"take": str(take), "out": str(tmp_path / "out.csv")}
    assert said in error_line(capsys, "take", *(one.format(**names) for one in arguments))
    assert take.read_bytes() == before
    assert not (tmp_path / "out.csv").exists()


def test_of_a_part_that_found_no_room_nothing_is_left(
    take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no limit for files")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))  # some rows, as on a disk that is full
    try:
        line = error_line(capsys, "take", "trim", str(take), str(tmp_path / "out.csv"), "--start", "0")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "out.csv cannot be written" in line
    assert not list(tmp_path.glob("out.*"))


def test_recording_a_replay_gives_the_same_take(take: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    assert main(["live", *HERE, "--source", str(take), "--record", str(copy)]) == 0
    assert copy.read_text("utf-8") == take.read_text("utf-8")
    again, whole = read_take(copy), read_take(take)
    for name in ("confidence", "gaze", "head_translation"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    assert (again.fps, again.timecode_ns, again.provenance) == (10.0, NOON_NS, "recorded by Omote from noon.csv")


def test_a_part_of_a_take_is_recorded_at_any_speed_with_its_own_times(take: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.csv"
    span = ("--start", "1", "--end", "2", "--speed", "0.5")
    assert main(["live", *HERE, "--source", str(take), *span, "--record", str(part)]) == 0
    assert part.read_text("utf-8").splitlines()[1:] == take.read_text("utf-8").splitlines()[11:]


def test_a_part_of_a_take_is_rendered_in_the_time_of_its_speed(take: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    assert (
        main(["render", "--take", str(take), "--out", str(folder), "--end", "0.3", "--speed", "0.5", "--size", "128"])
        == 0
    )
    rows = (folder / "params.csv").read_text("utf-8").splitlines()
    assert [float(row.split(",")[1]) for row in rows[1:]] == pytest.approx([0.0, 0.2, 0.4], abs=1e-5)
    assert len(list(folder.glob("*.png"))) == 3


def test_a_take_is_never_recorded_over_another(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = take.read_bytes()
    line = error_line(capsys, "live", *HERE, "--source", "demo", "--record", str(take))
    assert line.endswith("noon.csv is there already, and nothing is overwritten: choose another name, or remove it")
    assert take.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "said"),
    [("noon.csv", "is there already"), ("none/a.csv", "there is no such folder; make it"), ("a.mp4", r"write a\.csv")],
)
def test_an_unusable_path_is_an_error_before_anything_is_loaded(take: Path, name: str, said: str) -> None:
    settings = Config(record=take.parent / name, character="nobody who is loaded")
    with pytest.raises(TakeError, match=said):
        live.run(settings)


@pytest.mark.parametrize("option", [("--speed", "2"), ("--start", "1"), ("--end", "3")])
def test_a_camera_and_a_phone_can_be_played_in_no_other_way(
    capsys: pytest.CaptureFixture[str], option: tuple[str, str]
) -> None:
    for source in ("webcam", "livelink"):
        line = error_line(capsys, "live", "--no-page", *PORTS, "--source", source, *option)
        assert f"{source} is live and cannot be cut or played at another speed; only a video or a take can" in line


def test_a_finished_recording_is_json_that_others_read(take: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    assert main(["live", *HERE, "--source", str(take), "--record", str(copy)]) == 0
    said = json.loads(copy.with_suffix(".json").read_text("utf-8"))
    assert (said["omote_take"], said["fps"], said["timecode_rate"], len(said["rows"])) == (2, 10.0, 60, 20)
