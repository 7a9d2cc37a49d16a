"""`omote calibrate delay`: a number for OBS, from a recording or from the Omote that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from omote.bridge.control import ControlServer
from omote.calibration.delay import Delay, DelayError
from omote.engine.capture.take import write_take
from omote.studio.cli.calibrate import delay_of_recording, delay_of_running, mouth_openness
from omote.studio.cli.main import main
from tests.calibration.rehearsal import Person, rehearse

STATS = {"latency_p50_ms": 61.6, "latency_p99_ms": 90.0, "source": "webcam 0"}


def test_a_recording_gives_what_to_add_to_the_offset_it_was_made_with() -> None:
    first, second = delay_of_recording(Delay(132.4, 6.0, 9, 0.91))
    assert "132 ms later than the sound" in first and "9 syllables within 6 ms" in first
    assert second.startswith("add 132 ms to the Sync Offset")


def test_a_sound_that_is_late_already_is_told_so() -> None:
    first, second = delay_of_recording(Delay(-40.0, 6.0, 9, 0.9))
    assert "40 ms earlier" in first
    assert "lower the Sync Offset by 40 ms" in second


def test_a_running_omote_gives_a_start_and_says_what_it_cannot_know() -> None:
    said = "\n".join(delay_of_running(STATS))
    assert "Sync Offset of 62 ms" in said
    assert "cannot be measured from inside" in said
    assert "--recording" in said


@pytest.mark.parametrize("stats", [{}, {**STATS, "latency_p50_ms": 0.0}, {**STATS, "latency_p50_ms": "61"}])
def test_an_omote_that_has_sent_nothing_gives_no_number(stats: dict[str, object]) -> None:
    with pytest.raises(DelayError, match="no picture"):
        delay_of_running(stats)


@pytest.fixture
def running() -> Iterator[str]:
    """The address of something that answers `stats` as Omote does."""
    with ControlServer("tcp://127.0.0.1:*", {"stats": lambda arguments: STATS}, session=1) as server:
        yield server.endpoint


def test_the_running_omote_is_asked(running: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "delay", "--control-endpoint", running]) == 0
    assert "Sync Offset of 62 ms" in capsys.readouterr().out


def test_where_none_runs_that_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "delay", "--control-endpoint", "tcp://127.0.0.1:1"]) == 2
    assert "is `omote live` running?" in capsys.readouterr().err


def test_a_sound_without_its_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "delay", "--sound", str(tmp_path / "a.wav")]) == 2
    assert "--recording" in capsys.readouterr().err


def test_the_mouth_of_a_recording_is_how_far_it_is_open_in_time(tmp_path: Path) -> None:
    write_take(tmp_path / "a.csv", rehearse(Person(), fps=30.0))
    track = mouth_openness(tmp_path / "a.csv")
    np.testing.assert_allclose(np.diff(track.time_s), 1 / 30, atol=1e-6)
    assert track.time_s[0] == 0.0
    assert track.value.max() > 0.6
    assert np.median(track.value) == 0.0


def test_a_recording_without_a_face_is_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    take = rehearse(Person())
    write_take(tmp_path / "a.csv", replace(take, confidence=np.zeros(len(take), np.float32)))
    with pytest.raises(DelayError, match=r"a face is seen in 0 of \d+ pictures of a\.csv"):
        mouth_openness(tmp_path / "a.csv")
