"""`omote render` as it is typed: what makes no sense is refused in one line, before anything is drawn."""

from __future__ import annotations

import csv
import errno
import io
import json
import logging
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from omote.engine.capture.take import write_take
from omote.studio.cli.main import main
from omote.studio.cli.render import ProgressPhases, duration_text, progress_text
from tests.studio.commands import error_line, short_take

SMILE = ("--from", "neutral", "--to", "smile", "--seconds", "0.1")
SMALL = ("--size", "128")
TIMELINE = """
character = "hana"
fps = 10
seconds = 0.3

[[expression]]
at = 0.0
is = "neutral"

[[expression]]
at = 0.2
is = "smile"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, and settings of nobody."""
    for variable in ("XDG_CONFIG_HOME", "APPDATA", "HOME", "OMOTE_ACTORS"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def take(home: Path) -> Path:
    """Six pictures of a mouth that opens, at ten a second."""
    write_take(home / "t.csv", short_take(6, 10.0, jawOpen=np.linspace(0.0, 0.5, 6)))
    return home / "t.csv"


def mistake(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a mistake is answered with: one line, exit code 2, and nothing is left behind."""
    before = sorted(Path().rglob("*"))
    line = error_line(capsys, "render", *words)
    assert sorted(Path().rglob("*")) == before
    return line


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "nothing to render: give --from and --to"),
        (("--take", "t.csv", *SMILE), "--from and --to and --take cannot be combined"),
        (("--take", "t.csv", "--from", "2.5", "--to", "9"), "for a part of a take or a video use --start and"),
        (("--take", "t.csv", "--ease", "in"), "--ease is for a transition (--from, --to), and this is a performance"),
        (("--timeline", "t.toml", "--seconds", "3"), "--seconds is for a transition"),
        ((*SMILE, "--start", "1"), "--start is for a performance (--take, --source, --voice), and this is"),
        ((*SMILE, "--actor", "ana"), "--actor is for a performance"),
        (("--take", "t.csv", "--seed", "3"), "--seed is for a transition or a timeline"),
        (("--from", "neutral", "--to", "smyle"), 'did you mean "smile"'),
        ((*SMILE, "--fps", "soon"), "'soon' is no rate"),
        ((*SMILE, "--size", "5000"), "--size must be from 16 to 4096 pixels, got 5000"),
        ((*SMILE, "--seed", "-1"), "--seed takes a whole number from 0 on, got -1"),
        ((*SMILE, "--steps", "3"), "--steps must be one of"),
        ((*SMILE, "--background", "#fff"), "--background takes '#rrggbb'"),
        ((*SMILE, "--background", "#ffffff"), "--background needs an --out that shows it"),
        ((*SMILE, "--audio", "t.csv"), "--audio needs an --out with sound"),
        ((*SMILE, "--workers", "0"), "--workers takes 1 or more, got 0"),
        ((*SMILE, "--character", "hanna"), "hana"),
        (("--from", "neutral", "--to", "smile", "--seconds", "0"), "more than 0 seconds"),
        (("--timeline", "t.toml"), "t.toml"),
        (("--take", "none.csv"), "there is no file none.csv"),
        (("--take", "t.csv", "--start", "7"), "no picture"),
        (("--source", "webcam"), "is live and cannot be read offline"),
    ],
)
def test_invalid_options_are_an_error(
    words: tuple[str, ...], told: str, take: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told in mistake(capsys, *words, "--out", "o")


@pytest.mark.parametrize(
    ("outs", "told"),
    [
        (("a", "b/"), "pictures go into one folder, got a and b"),
        (("a.mp4", "./a.mp4"), "the same file is given twice"),
        (("a.mp5",), 'did you mean ".mp4"'),
        (("t.csv",), "t.csv is there already: add --overwrite"),
        (("full.mp4",), "full.mp4 is a folder"),
        (("full",), "full is not empty"),
        (("t.csv/a.mp4",), "cannot write to t.csv"),
        (("t.csv/a",), "choose another"),
        (("",), "--out takes a file or a folder, got ''"),
        (("/",), "/ cannot be a folder for pictures"),
        ((".",), "here is not empty"),
    ],
)
def test_invalid_outputs_are_an_error(
    outs: tuple[str, ...], told: str, take: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("full.mp4", "full"):
        Path(name).mkdir()
    Path("full", "holiday.jpg").touch()
    words = [word for out in outs for word in ("--out", out)]
    assert told in mistake(capsys, *SMILE, *SMALL, *words)


def test_what_is_rendered_is_never_written_over(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("--take", "t.csv"), ("--from", "t.csv@0.2")):
        said = mistake(capsys, *words, "--out", "../here/t.csv", "--overwrite")
        assert "t.csv is an input and would be replaced" in said


def test_what_a_timeline_names_is_never_written_over(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expression = [{"at": 0, "is": "neutral"}, {"at": 1, "is": "t.csv@0.2"}, {"at": 2, "is": f"{'x' * 300}.csv"}]
    Path("film.json").write_text(json.dumps({"seconds": 1, "expression": expression}))
    said = mistake(capsys, "--timeline", "film.json", "--out", "t.csv", "--overwrite")
    assert "t.csv is an input and would be replaced" in said


def test_the_table_that_is_rendered_stays_in_its_folder(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    take.with_suffix(".json").unlink()
    Path("o").mkdir()
    table = take.rename("o/params.csv")
    assert "params.csv is an input" in mistake(capsys, "--take", f"{table}", "--out", "o", "--overwrite")


def test_pictures_go_into_the_folder_that_one_is_in() -> None:
    assert main(["render", *SMILE, *SMALL, "--fps", "10", "--out", "."]) == 0
    assert sorted(path.name for path in Path().iterdir()) == ["000000.png", "000001.png", "params.csv"]


def test_a_missing_codec_is_an_error_before_the_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", *SMILE, *SMALL, "--out", "o"]) == 0
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setenv("PATH", "")
    said = mistake(capsys, *SMILE, *SMALL, "--out", "o", "--out", "o.mp4", "--overwrite")
    assert "pip install 'omote[video]'" in said
    assert Path("o", "000000.png").is_file()  # which --overwrite would have removed


def test_a_full_disk_is_an_error_before_the_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1000))
    said = mistake(capsys, *SMILE, *SMALL, "--out", "o")
    assert "kB may be needed on the disk of o, and 1.0 kB are free: make room" in said


def test_an_earlier_result_stays_until_the_new_one_can_be_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether the disk, those who draw, or the performance is what is missing."""
    words, earlier = ("--out", "o", "--overwrite"), Path("o", "000000.png")
    assert main(["render", *SMILE, *SMALL, "--out", "o"]) == 0
    usage = namedtuple("usage", "total used free")
    disk = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1000))
    assert "make room" in mistake(capsys, *SMILE, "--size", "512", *words)
    monkeypatch.setattr(shutil, "disk_usage", disk)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install 'omote[cluster]'" in mistake(capsys, *SMILE, *SMALL, *words, "--cluster", "local")
    write_take(Path("blind.csv"), short_take(1, 10.0, confidence=0.0))
    assert main(["render", "--take", "blind.csv", *SMALL, *words]) == 2
    assert "no face was seen" in capsys.readouterr().err
    assert earlier.is_file()


def test_a_transition_comes_in_every_form_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("o.mp4", "o.webm", "o.mov", "o.gif", "o.apng", "o.png", "o.csv", "o.params.csv", "o.glb", "o.usda")
    outs = [word for name in ("o", *names) for word in ("--out", name)]
    words = ["--seconds", "0.2", "--hold", "0.1", "--there-and-back", "--ease", "out", "--fps", "20"]
    asked = ["render", "--from", "neutral", "--to", "jawOpen=0.8", *words, *SMALL]
    assert main([*asked, *outs]) == 0
    for name in names:
        assert Path(name).stat().st_size > 100, name
    pictures = sorted(path.name for path in Path("o").iterdir())
    assert pictures == [*(f"{index:06d}.png" for index in range(10)), "params.csv"]
    table = rows(Path("o", "params.csv"))
    jaw = [float(row["jaw_pose_x"]) for row in table]
    assert jaw[0] == jaw[-1] == 0.0 and max(jaw) == jaw[4] > 0.2
    assert table[4]["time_s"] == "0.200000"
    assert Path("o", "params.csv").read_bytes() == Path("o.params.csv").read_bytes()
    again = [word if word == "--out" else f"again/{word}" for word in outs]
    said = capsys.readouterr().out
    assert main([*asked, *again]) == 0
    assert all(Path(name).read_bytes() == Path("again", name).read_bytes() for name in names)
    assert said.startswith("10 of 10 pictures") and all(f"\n  {name}\n" in said for name in ("o", *names[:-1]))
    assert not list(Path().glob("*.omote"))


def test_writing_reports_the_pace_of_all_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", *SMILE, *SMALL, "--out", "o.gif"]) == 0
    assert "writing o.gif: 3 of 3 pictures, " in capsys.readouterr().err


def test_a_performance_keeps_its_length_at_another_rate(take: Path) -> None:
    words = ("--take", "t.csv", "--start", "0.2", "--fps", "20")
    assert main(["render", *words, "--out", "half.params.csv"]) == 0
    assert [row["time_s"] for row in rows(Path("half.params.csv"))][-1] == "0.350000"
    assert main(["render", "--take", "t.csv", "--speed", "2", "--out", "fast.params.csv"]) == 0
    assert [row["time_s"] for row in rows(Path("fast.params.csv"))] == [f"{0.05 * n:.6f}" for n in range(6)]


def test_a_timeline_is_rendered(home: Path) -> None:
    Path("t.toml").write_text(TIMELINE, encoding="utf-8")
    assert main(["render", "--timeline", "t.toml", *SMALL, "--light", "night", "--out", "o", "--out", "o.gif"]) == 0
    assert len(rows(Path("o", "params.csv"))) == 3


def test_without_an_output_that_needs_pictures_none_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # without which nothing could be
    assert main(["render", *SMILE, "--out", "o.glb", "--out", "o.params.csv"]) == 0
    assert main(["render", *SMILE, "--out", "o"]) == 2
    assert sorted(path.name for path in Path().iterdir()) == ["o.glb", "o.params.csv"]


def test_light_and_background_are_seen() -> None:
    av = pytest.importorskip("av")
    words = ("render", *SMILE, *SMALL, "--fps", "10", "--out")
    assert main([*words, "studio.mp4", "--background", "#00ff00"]) == 0
    assert main([*words, "night", "--light", "night"]) == 0
    with Image.open("night/000000.png") as picture, av.open("studio.mp4") as film:
        night = np.asarray(picture.convert("RGB"), np.float64)
        studio = np.asarray(next(film.decode(video=0)).to_ndarray(format="rgb24"), np.float64)
    assert night[40:90, 40:90].mean() < 0.8 * studio[40:90, 40:90].mean()
    assert np.abs(studio[2, 2] - (0.0, 255.0, 0.0)).max() < 24  # which is what limited range leaves of it


@pytest.mark.slow
def test_pictures_are_stabilized_unless_frame_by_frame() -> None:
    for name, words in (("steady", ()), ("alone", ("--frame-by-frame",))):
        assert main(["render", *SMILE, *SMALL, "--fps", "20", *words, "--out", name]) == 0
    steady, alone = (Path(name, "000001.png").read_bytes() for name in ("steady", "alone"))
    assert steady != alone
    assert Path("steady", "params.csv").read_bytes() == Path("alone", "params.csv").read_bytes()


@pytest.mark.slow
def test_the_settings_file_counts_but_for_its_rate(caplog: pytest.LogCaptureFixture) -> None:
    Path("c.toml").write_text('size = 128\ncharacter = "kenji"\nfps = 60\n', encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert main(["render", "--config", "c.toml", *SMILE, "--out", "o"]) == 0
    assert len(rows(Path("o", "params.csv"))) == 3  # a tenth of a second at 30
    assert "fps in the settings is for omote live" in caplog.text
    with Image.open("o/000000.png") as picture:
        assert picture.size == (128, 128)
    assert main(["render", "--config", "c.toml", *SMILE, "--character", "hana", "--out", "h"]) == 0
    assert Path("o", "000000.png").read_bytes() != Path("h", "000000.png").read_bytes()


def test_overwriting_replaces_and_resuming_what_is_finished_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("render", *SMILE, *SMALL, "--out", "o", "--out", "o.gif")
    assert main(list(words)) == 0
    first = Path("o.gif").read_bytes()
    assert "o.gif is there already: add --overwrite" in mistake(capsys, *words[1:], "--resume")
    Path("o", "holiday.jpg").touch()
    assert main([*words, "--overwrite", "--light", "night"]) == 0
    assert Path("o.gif").read_bytes() != first
    assert Path("o", "holiday.jpg").is_file()
    with pytest.raises(SystemExit):
        main([*words, "--overwrite", "--resume"])


@pytest.mark.slow
def test_a_rendering_goes_on_only_as_it_was_begun(
    take: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the disk was full when the last file was to be put in its place."""
    words = ("render", "--take", "t.csv", *SMALL, "--out", "o.apng")
    replace = Path.replace

    def until_full(path: Path, target: Path) -> Path:
        if target.name == "o.apng":
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", until_full)
    assert main(list(words)) == 2
    assert "No space left on device; make room" in capsys.readouterr().err
    monkeypatch.setattr(Path, "replace", replace)
    assert len(list(Path("o.apng.omote", "pictures").glob("*.png"))) == 6
    assert "add --resume to go on with it, or --overwrite" in mistake(capsys, *words[1:])
    assert "begun with size 128, now 256" in mistake(capsys, *words[1:], "--size", "256", "--resume")
    assert "begun with light not given, now night" in mistake(capsys, *words[1:], "--light", "night", "--resume")
    assert "begun with out o.apng, now o.apng, o.gif" in mistake(capsys, *words[1:], "--out", "o.gif", "--resume")
    kept = json.loads(Path("o.apng.omote", "job.json").read_text(encoding="utf-8"))
    assert kept["asked"]["source"].startswith(str(take))
    assert main([*words, "--resume"]) == 0
    assert sorted(path.name for path in Path().iterdir()) == ["o.apng", "t.csv", "t.json"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ((48, 240, 48, 16.0), "48 of 240 pictures, 3.0 pictures/s, 1:04 left"),
        ((240, 240, 192, 60.0), "240 of 240 pictures, 3.2 pictures/s"),
        ((96, 240, 0, 0.0), "96 of 240 pictures"),
        ((30, None, 30, 0.1), "30 pictures, 300 pictures/s"),
    ],
)
def test_pace_and_time_left_are_of_what_was_drawn_now(state: tuple[int, int | None, int, float], words: str) -> None:
    assert progress_text(*state) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0:00"), (42, "0:42"), (727, "12:07"), (11140, "3:05:40")])
def test_durations_are_formatted(seconds: float, words: str) -> None:
    assert duration_text(seconds) == words


def test_without_a_terminal_there_is_a_line_now_and_then() -> None:
    console, now = Console(file=io.StringIO(), width=20), [100.0]
    with ProgressPhases(console, lambda: now[0]) as phases:
        tell = phases.phase("drawing", 200)
        for done, second in ((40, 100.0), (90, 105.0), (140, 112.0), (170, 113.0), (200, 120.0), (200, 121.0)):
            now[0] = second
            tell(done)
        phases.phase("writing a.mp4", 200)(200)
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "drawing: 140 of 200 pictures, 8.3 pictures/s, 0:07 left",
        "drawing: 200 of 200 pictures, 8.0 pictures/s",
        "writing a.mp4: 200 of 200 pictures",
    ]


def test_a_terminal_shows_a_bar() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with ProgressPhases(console, lambda: 1.0) as phases:
        phases.phase("drawing [1]", 200)(50)
    assert "drawing [1]" in (said := console.file.getvalue()) and "50 of 200 pictures" in said  # type: ignore[attr-defined]
