"""What a person types becomes a source, or one line that says what was wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from omote.engine.capture import SourceError, open_source
from omote.engine.capture.video import VideoSource
from omote.engine.capture.webcam import WebcamSource


def test_a_webcam_is_named_by_its_number_and_not_opened_yet() -> None:
    assert open_source("webcam").name == "webcam 0"
    second = open_source("webcam:1")
    assert isinstance(second, WebcamSource)
    assert second.name == "webcam 1"


def test_a_video_is_told_by_its_suffix(tmp_path: Path) -> None:
    film = tmp_path / "Film.MP4"
    film.touch()
    assert isinstance(open_source(str(film)), VideoSource)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("webcm", "did you mean webcam"),
        ("Demo", "did you mean demo"),
        ("live-link", "did you mean livelink"),
        ("", "There are: webcam"),
        ("face.txt", "There are: webcam"),
        ("webcam:first", "'first' is not a camera's number; wanted 0 to 99"),
        ("webcam:-1", "'-1' is not a camera's number"),
        ("webcam:", "'' is not a camera's number"),
        ("livelink:99999", "wanted 1 to 65535"),
        ("absent.mp4", "there is no file absent.mp4"),
        ("absent.csv", "there is no file absent.csv"),
    ],
)
def test_what_is_no_source_is_answered_with_what_there_is(spec: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        open_source(spec)


def test_a_misspelt_file_is_answered_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "interview.mp4").touch()
    with pytest.raises(SourceError, match=r"did you mean .*interview\.mp4"):
        open_source(str(tmp_path / "intervew.mp4"))


@pytest.mark.parametrize("spec", ["webcam", "livelink"])
def test_options_of_files_are_refused_for_live_sources(spec: str) -> None:
    with pytest.raises(SourceError, match="cannot be looped"):
        open_source(spec, loop=True)
    with pytest.raises(SourceError, match="cannot be read offline"):
        open_source(spec, is_offline=True)


def test_a_phone_sends_at_its_own_rate() -> None:
    with pytest.raises(SourceError, match="own rate"):
        open_source("livelink", fps=30.0)
