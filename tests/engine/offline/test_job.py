"""A rendering in progress lies in a folder of its own, and only the command that began it resumes it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.engine.offline import job as job_module
from omote.engine.offline.animation import Animation, RenderError
from omote.engine.offline.job import Job, file_lock
from omote.engine.offline.pictures import encode_png
from omote.engine.testing.offline import still_animation

REQUEST = {"size": "256", "from": "neutral"}
DRAWING = {"threads": "2"}
FLAT = encode_png(np.full((4, 4, 4), 200, np.uint8))
TWO_PICTURES = ["000000.png", "000001.png"]


def animation(face: float = 0.0) -> Animation:
    made = still_animation(3)
    made.faces[:] = face
    return made


def unfinished(place: Path, *, folder: Path | None = None, pictures: int = 2, face: float = 0.0) -> Job:
    """A job that was left with so many pictures."""
    job = Job([place], folder)
    with job:
        job.admit(REQUEST)
        job.begin(DRAWING, animation(face))
        for index in range(pictures):
            (job.pictures / f"{index:06d}.png").write_bytes(FLAT)
    return job


@contextmanager
def refused(message: str, outputs: Sequence[Path] = (), folder: Path | None = None) -> Iterator[Job]:
    """An open job in which an error with this message must be raised."""
    with pytest.raises(RenderError, match=message), Job(outputs, folder) as job:
        yield job


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_a_rendering_in_progress_lies_beside_the_file(tmp_path: Path) -> None:
    job = unfinished(tmp_path / "a.mp4")
    assert job.folder == tmp_path / "a.mp4.omote"
    assert names(job.folder) == [*TWO_PICTURES, "job.json", "pictures", "script.npz"]
    assert job.kept == 2


def test_pictures_for_a_folder_are_drawn_into_it(tmp_path: Path) -> None:
    job = unfinished(tmp_path / "a", folder=tmp_path / "a")
    assert names(tmp_path / "a") == TWO_PICTURES
    assert names(job.folder) == ["job.json", "script.npz"]


def test_finishing_leaves_only_the_results(tmp_path: Path) -> None:
    unfinished(tmp_path / "a.mp4")
    unfinished(tmp_path / "a", folder=tmp_path / "a")
    for job in (Job([tmp_path / "a.mp4"], None), Job([], tmp_path / "a")):
        with job:
            job.admit(REQUEST, resume=True)
            job.finish()
    assert names(tmp_path) == [*TWO_PICTURES, "a"]


# What is refused.


def test_an_unfinished_rendering_is_refused_with_both_cures(tmp_path: Path) -> None:
    unfinished(tmp_path / "a.mp4")
    with refused(r"unfinished.*2 pictures.*--resume.*--overwrite", [tmp_path / "a.mp4"]) as job:
        job.admit(REQUEST)
    assert job.kept == 2


def test_an_earlier_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with refused(r"a\.mp4 is there already: add --overwrite", [tmp_path / "a.mp4"]) as job:
        job.admit(REQUEST, resume=True)
    assert names(tmp_path) == ["a.mp4"]


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "holiday.jpg").touch()
    with refused(r"not empty.*--overwrite", folder=tmp_path / "a") as job:
        job.admit(REQUEST)
    assert names(tmp_path) == ["a", "holiday.jpg"]


def test_numbered_pictures_of_another_program_are_never_overwritten(tmp_path: Path) -> None:
    unfinished(tmp_path / "a", folder=tmp_path / "a").finish()
    (tmp_path / "a" / "000000.png").write_bytes(b"")  # emptied by a power cut
    with Job([], tmp_path / "a") as job:
        job.admit(REQUEST, overwrite=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "a" / "000007.png")
    with refused(r"000007\.png was not made by Omote", folder=tmp_path / "a") as job:
        job.admit(REQUEST, overwrite=True)
    assert names(tmp_path / "a") == [*TWO_PICTURES, "000007.png"]


def test_a_path_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RenderError, match=r"cannot write to .*choose another"):
        Job([tmp_path / "file" / "a.mp4"], None).__enter__()


def test_a_job_without_an_animation_leaves_nothing(tmp_path: Path) -> None:
    with refused("no face", [tmp_path / "a" / "b"], tmp_path / "a" / "b") as job:
        job.admit(REQUEST)
        raise RenderError("no face")
    assert names(tmp_path) == ["a"]


# Resuming.


def test_a_resumed_job_loads_its_animation(tmp_path: Path) -> None:
    unfinished(tmp_path / "a.mp4", face=0.25)
    with Job([tmp_path / "a.mp4"], None) as job:
        job.admit(REQUEST, resume=True)
        assert job.animation(animation).faces[0, 0] == 0.25
        job.admit(REQUEST, overwrite=True)
        assert job.animation(animation).faces[0, 0] == 0.0


def test_a_damaged_animation_is_made_again(tmp_path: Path) -> None:
    (unfinished(tmp_path / "a.mp4").folder / "script.npz").write_bytes(b"PK")
    with Job([tmp_path / "a.mp4"], None) as job:
        job.admit(REQUEST, resume=True)
        job.begin(DRAWING, job.animation(animation))
        with pytest.raises(RenderError, match=r"begun with what is shown [0-9a-f]{12}, now"):
            job.begin(DRAWING, animation(1.0))


def test_another_request_is_refused_by_name(tmp_path: Path) -> None:
    unfinished(tmp_path / "a.mp4")
    with refused(r"begun with size 256, now 512; steps not given, now 2: type", [tmp_path / "a.mp4"]) as job:
        job.admit({**REQUEST, "size": "512", "steps": "2"}, resume=True)
    with refused("begun with threads 2, now 4", [tmp_path / "a.mp4"]) as job:
        job.admit(REQUEST, resume=True)
        job.begin({"threads": "4"}, animation())
    assert job.kept == 2


def test_how_pictures_are_drawn_matters_only_if_there_are_any(tmp_path: Path) -> None:
    unfinished(tmp_path / "a.mp4", pictures=0)
    with Job([tmp_path / "a.mp4"], None) as job:
        job.admit(REQUEST, resume=True)
        job.begin({"threads": "4"}, animation())


def test_other_code_does_not_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unfinished(tmp_path / "a.mp4")
    monkeypatch.setattr(job_module, "edition", lambda: "0.1.0 (other)")
    with refused(r"begun with omote .*, now 0\.1\.0 \(other\)", [tmp_path / "a.mp4"]) as job:
        job.admit(REQUEST, resume=True)


def test_resuming_nothing_begins(tmp_path: Path) -> None:
    with Job([tmp_path / "a.mp4"], None) as job:
        job.admit(REQUEST, resume=True)
        assert job.animation(lambda: animation(0.5)).faces[0, 0] == 0.5
        assert job.pictures.is_dir()


@pytest.mark.parametrize("damage", ["", "{}", '{"omote_job": 2}', '{"omote_job": 1}', "[" * 100_000])
def test_a_damaged_job_is_refused_with_the_cure(damage: str, tmp_path: Path) -> None:
    (unfinished(tmp_path / "a.mp4").folder / "job.json").write_text(damage, encoding="utf-8")
    with refused(r"job\.json cannot be read .*--overwrite", [tmp_path / "a.mp4"]) as job:
        job.admit(REQUEST, resume=True)


# Overwriting.


def test_overwriting_removes_the_earlier_rendering_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "a"
    job = unfinished(place, folder=place)
    for path in (place / "holiday.jpg", place / "params.csv", job.folder / "notes.txt"):
        path.touch()
    for left in (".000002.png.1a2b3c4d.part", ".params.csv.1a2b3c4d.part"):  # by a killed process
        (place / left).mkdir()
        (place / left / "half").touch()
    with Job([], place) as again:
        again.admit(REQUEST, overwrite=True)
        assert {"000000.png", "holiday.jpg", "params.csv"} < set(names(place))  # until the new one can be made
        again.begin(DRAWING, animation())
        assert names(place) == ["holiday.jpg"]
        assert names(job.folder) == ["job.json", "lock", "notes.txt", "script.npz"]


# The lock.

HOLDER = """
import sys
from pathlib import Path
from omote.engine.offline.job import Job
with Job([Path(sys.argv[1])], None):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_render_the_same_and_a_killed_one_releases_it(tmp_path: Path) -> None:
    place = tmp_path / "a.mp4"
    command = [sys.executable, "-c", HOLDER, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        with pytest.raises(RenderError, match="another omote is rendering"):
            Job([place], None).__enter__()
        other.kill()
        other.wait()
    assert (tmp_path / "a.mp4.omote" / "lock").is_file()
    with Job([place], None) as job:
        job.admit(REQUEST, resume=True)


def test_each_of_several_files_is_locked(tmp_path: Path) -> None:
    first, second = tmp_path / "a.mp4", tmp_path / "b.mp4"
    with Job([first, second], None):
        for outputs in ([second], [tmp_path / "c.mp4", second]):
            with pytest.raises(RenderError, match=r"another omote is rendering in .*b\.mp4\.omote"):
                Job(outputs, None).__enter__()
        assert names(tmp_path) == ["a.mp4.omote", "b.mp4.omote", "lock", "lock"]
    assert names(tmp_path) == []


def test_a_lock_that_the_next_process_holds_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, close = tmp_path / "lock", os.close

    def close_and_take(handle: int) -> None:
        close(handle)
        path.touch()

    with file_lock(path):
        monkeypatch.setattr(os, "close", close_and_take)
    monkeypatch.undo()
    assert path.exists() or os.name == "nt"
