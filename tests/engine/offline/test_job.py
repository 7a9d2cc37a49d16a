"""What is in progress lies in a folder of its own, which is gone on with only by the command that began it."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.engine.face.light import studio_light
from omote.engine.offline import job as job_module
from omote.engine.offline.animation import Animation, RenderError, single_character_animation
from omote.engine.offline.job import Job, file_lock
from omote.engine.offline.pictures import encode_png

ASKED = {"size": "256", "from": "neutral"}
DRAWING = {"threads": "2"}
FLAT = encode_png(np.full((4, 4, 4), 200, np.uint8))


def script(count: int = 3, face: float = 0.0) -> Animation:
    return single_character_animation(Fraction(30), np.full((count, 67), face, np.float32), studio_light(), "hana")


def begun(place: Path, *, folder: Path | None = None, pictures: int = 2, face: float = 0.0) -> Job:
    """A job that was left with so many pictures."""
    job = Job([place], folder)
    with job:
        job.admit(ASKED)
        job.begin(DRAWING, script(face=face))
        for index in range(pictures):
            (job.pictures / f"{index:06d}.png").write_bytes(FLAT)
    return job


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_what_is_in_progress_lies_beside_the_file(tmp_path: Path) -> None:
    job = begun(tmp_path / "a.mp4")
    assert job.folder == tmp_path / "a.mp4.omote"
    assert names(job.folder) == ["000000.png", "000001.png", "job.json", "pictures", "script.npz"]
    assert job.kept == 2


def test_pictures_of_a_folder_lie_in_it(tmp_path: Path) -> None:
    job = begun(tmp_path / "a", folder=tmp_path / "a")
    assert names(tmp_path / "a") == ["000000.png", "000001.png"]
    assert names(job.folder) == ["job.json", "script.npz"]


def test_numbered_pictures_of_somebody_else_are_never_overwritten(tmp_path: Path) -> None:
    """Other programs number them so too."""
    begun(tmp_path / "a", folder=tmp_path / "a").finish()
    (tmp_path / "a" / "000000.png").write_bytes(b"")  # which a power cut has emptied
    with Job([], tmp_path / "a") as job:
        job.admit(ASKED, overwrite=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "a" / "000007.png")
    with pytest.raises(RenderError, match=r"000007\.png is no picture of Omote's"), Job([], tmp_path / "a") as job:
        job.admit(ASKED, overwrite=True)
    assert names(tmp_path / "a") == ["000000.png", "000001.png", "000007.png"]


def test_finishing_leaves_what_was_wanted_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "a"
    begun(tmp_path / "a.mp4")
    begun(place, folder=place)
    for job in (Job([tmp_path / "a.mp4"], None), Job([], place)):
        with job:
            job.admit(ASKED, resume=True)
            job.finish()
    assert names(tmp_path) == ["000000.png", "000001.png", "a"]


def test_what_is_unfinished_is_in_the_way_and_both_cures_are_told(tmp_path: Path) -> None:
    begun(tmp_path / "a.mp4")
    with (
        pytest.raises(RenderError, match=r"unfinished.*2 pictures.*--resume.*--overwrite"),
        Job([tmp_path / "a.mp4"], None) as job,
    ):
        job.admit(ASKED)
    assert job.kept == 2


def test_an_earlier_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with (
        pytest.raises(RenderError, match=r"a\.mp4 is there already: add --overwrite"),
        Job([tmp_path / "a.mp4"], None) as job,
    ):
        job.admit(ASKED, resume=True)
    assert names(tmp_path) == ["a.mp4"]


def test_the_script_is_found_out_once(tmp_path: Path) -> None:
    begun(tmp_path / "a.mp4", face=0.25)
    with Job([tmp_path / "a.mp4"], None) as job:
        job.admit(ASKED, resume=True)
        assert job.script(script).faces[0, 0] == 0.25
        job.admit(ASKED, overwrite=True)
        assert job.script(script).faces[0, 0] == 0.0


def test_a_damaged_script_is_found_out_again(tmp_path: Path) -> None:
    job = begun(tmp_path / "a.mp4")
    (job.folder / "script.npz").write_bytes(b"PK")
    with Job([tmp_path / "a.mp4"], None) as again:
        again.admit(ASKED, resume=True)
        again.begin(DRAWING, again.script(script))
        with pytest.raises(RenderError, match=r"begun with what is shown [0-9a-f]{12}, now"):
            again.begin(DRAWING, script(face=1.0))


def test_what_differs_is_named(tmp_path: Path) -> None:
    begun(tmp_path / "a.mp4")
    with (
        pytest.raises(RenderError, match=r"begun with size 256, now 512; steps not said, now 2: type"),
        Job([tmp_path / "a.mp4"], None) as job,
    ):
        job.admit({**ASKED, "size": "512", "steps": "2"}, resume=True)
    with Job([tmp_path / "a.mp4"], None) as job:
        job.admit(ASKED, resume=True)
        with pytest.raises(RenderError, match="begun with threads 2, now 4"):
            job.begin({"threads": "4"}, script())
    assert job.kept == 2


def test_how_it_is_drawn_matters_only_to_pictures_that_are_there(tmp_path: Path) -> None:
    begun(tmp_path / "a.mp4", pictures=0)
    with Job([tmp_path / "a.mp4"], None) as job:
        job.admit(ASKED, resume=True)
        job.begin({"threads": "4"}, script())


def test_nothing_to_go_on_with_begins(tmp_path: Path) -> None:
    with Job([tmp_path / "a.mp4"], None) as job:
        job.admit(ASKED, resume=True)
        assert job.script(lambda: script(face=0.5)).faces[0, 0] == 0.5
        assert job.pictures.is_dir()


def test_overwriting_removes_the_earlier_rendering_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "a"
    job = begun(place, folder=place)
    for path in (place / "holiday.jpg", place / "params.csv", job.folder / "notes.txt"):
        path.touch()
    with Job([], place) as again:
        again.admit(ASKED, overwrite=True)
        assert names(place) == [
            "000000.png",
            "000001.png",
            "holiday.jpg",
            "params.csv",
        ]  # until the new one can be made
        again.begin(DRAWING, script())
        assert names(place) == ["holiday.jpg"]
        assert names(job.folder) == ["job.json", "lock", "notes.txt", "script.npz"]


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "holiday.jpg").touch()
    with pytest.raises(RenderError, match=r"not empty.*--overwrite"), Job([], tmp_path / "a") as job:
        job.admit(ASKED)
    assert names(tmp_path) == ["a", "holiday.jpg"]


def test_what_is_not_worth_keeping_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="no face"), Job([tmp_path / "a" / "b"], tmp_path / "a" / "b") as job:
        job.admit(ASKED)
        raise RenderError("no face")
    assert names(tmp_path) == ["a"]


def test_a_damaged_job_says_how_to_begin_again(tmp_path: Path) -> None:
    job = begun(tmp_path / "a.mp4")
    for damage in ("", "{}", '{"omote_job": 2}', '{"omote_job": 1}'):
        (job.folder / "job.json").write_text(damage, encoding="utf-8")
        with (
            pytest.raises(RenderError, match=r"job\.json cannot be read .*--overwrite"),
            Job([tmp_path / "a.mp4"], None) as again,
        ):
            again.admit(ASKED, resume=True)


def test_a_path_that_can_be_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(RenderError, match=r"cannot write to .*choose another"),
        Job([tmp_path / "file" / "a.mp4"], None),
    ):
        pass


HOLDER = """
import sys
from pathlib import Path
from omote.engine.offline.job import Job
with Job([Path(sys.argv[1])], None):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_render_the_same_and_a_killed_one_is_in_nobodys_way(tmp_path: Path) -> None:
    place = tmp_path / "a.mp4"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        with pytest.raises(RenderError, match="another omote is rendering"), Job([place], None):
            pass
        other.kill()
        other.wait()
    assert (tmp_path / "a.mp4.omote" / "lock").is_file()
    with Job([place], None) as job:
        job.admit(ASKED, resume=True)


def test_whoever_writes_one_of_several_files_keeps_others_from_it(tmp_path: Path) -> None:
    first, second = tmp_path / "a.mp4", tmp_path / "b.mp4"
    with Job([first, second], None):
        with pytest.raises(RenderError, match=r"another omote is rendering in .*b\.mp4\.omote"), Job([second], None):
            pass
        with pytest.raises(RenderError, match="another omote is rendering"), Job([tmp_path / "c.mp4", second], None):
            pass
        assert names(tmp_path) == ["a.mp4.omote", "b.mp4.omote", "lock", "lock"]
    assert names(tmp_path) == []


def test_a_lock_that_the_next_one_took_at_once_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, close = tmp_path / "lock", os.close

    def closed(handle: int) -> None:
        close(handle)
        path.touch()

    with file_lock(path):
        monkeypatch.setattr(os, "close", closed)
    monkeypatch.undo()
    assert path.exists() or os.name == "nt"


def test_other_code_does_not_go_on_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(tmp_path / "a.mp4")
    monkeypatch.setattr(job_module, "edition", lambda: "0.1.0 (other)")
    with (
        pytest.raises(RenderError, match=r"begun with omote .*, now 0\.1\.0 \(other\)"),
        Job([tmp_path / "a.mp4"], None) as job,
    ):
        job.admit(ASKED, resume=True)


def test_overwriting_removes_what_a_killed_process_was_writing(tmp_path: Path) -> None:
    place = tmp_path / "a"
    begun(place, folder=place)
    for left in (".000002.png.1a2b3c4d.part", ".params.csv.1a2b3c4d.part"):
        (place / left).mkdir()
        (place / left / "half").touch()
    (place / "holiday.jpg").touch()
    with Job([], place) as again:
        again.admit(ASKED, overwrite=True)
        again.begin(DRAWING, script())
        assert names(place) == ["holiday.jpg"]
