"""The command `omote`, as a person meets it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit, livelink
from omote.engine import sizes
from omote.engine.capture.recorder import Recorder
from omote.engine.capture.take import Take, read_take, write_take
from omote.engine.model.character_file import character_names
from omote.engine.testing.capture import SmallDisk
from omote.studio.app import recording
from omote.studio.cli.main import main

PORTS = tuple(f"--{name}-endpoint=tcp://127.0.0.1:*" for name in ("params", "video", "control"))  # any that are free
HERE = (*PORTS, "--runtime", "openvino")  # which runtime is fastest here is no matter of these tests


def said_in_one_line(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a mistake is answered with; it must be one line, exit code 2."""
    try:
        code = main(arguments)
    except SystemExit as error:  # argparse's own
        code = int(error.code or 0)
    assert code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture(autouse=True)
def no_settings_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))


def test_an_unknown_source_is_named_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean webcam?" in said_in_one_line(capsys, "live", "--source", "webcma")


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no file nowhere.mp4" in said_in_one_line(capsys, "live", "--source", "nowhere.mp4")


def test_an_unknown_character_is_named_with_those_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    line = said_in_one_line(capsys, "live", "--character", "nobody-of-this-name")
    assert line.startswith('omote live: no character "nobody-of-this-name"')


def test_a_size_that_is_not_exported_is_refused_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    line = said_in_one_line(capsys, "live", "--size", "100")
    assert f"--size takes {', '.join(map(str, sizes()))}" in line


def test_an_unknown_flag_is_named_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--sorce demo; did you mean --source?" in said_in_one_line(capsys, "live", "--sorce", "demo")


def test_a_destination_that_is_none_is_named_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    line = said_in_one_line(capsys, "live", *HERE, "--out", "livlink://unreal")
    assert line.endswith("livlink://unreal: there is no way out called livlink; did you mean livelink://?")


def test_encryption_without_keys_names_the_command_that_makes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMOTE_KEYS", str(tmp_path))
    assert "make them with `omote keys new" in said_in_one_line(capsys, "live", *HERE, "--curve")


def test_an_address_beyond_this_machine_wants_encryption(capsys: pytest.CaptureFixture[str]) -> None:
    line = said_in_one_line(capsys, "live", *HERE, "--control-endpoint", "tcp://0.0.0.0:5558")
    assert "tcp://0.0.0.0:5558 is refused" in line
    assert "--curve" in line


def test_faces_go_where_the_command_says_and_it_tells_so(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as avatar,
    ):
        for listener in (unreal, avatar):
            listener.bind(("127.0.0.1", 0))
            listener.settimeout(60.0)
        out = [f"{kind}://127.0.0.1:{one.getsockname()[1]}" for kind, one in (("livelink", unreal), ("vmc", avatar))]
        assert main(["live", "--seconds", "0.5", "--no-page", *HERE, "--out", out[0], "--out", out[1]]) == 0
        packet = livelink.decode(unreal.recv(2000))
        assert avatar.recv(2000).startswith(b"#bundle")
    assert packet.subject == "Omote"
    assert packet.values is not None
    said = capsys.readouterr().out
    for destination in out:
        assert f"face to     {destination.replace('://', ' ')}: parameters, no pictures" in said


def test_an_unknown_key_of_the_file_is_named_with_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text('sorce = "demo"\n')
    line = said_in_one_line(capsys, "live", "--config", str(tmp_path / "mine.toml"))
    assert 'mine.toml: no setting is called "sorce"; did you mean "source"?' in line


def test_a_report_that_cannot_be_written_is_said_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = said_in_one_line(capsys, "live", "--report", str(tmp_path / "no" / "report.json"))
    assert "cannot write the report" in line


def test_a_port_in_use_is_named_with_the_cure(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"port {port} is in use" in said_in_one_line(capsys, "live", *HERE, "--page-port", str(port))
        endpoint = f"tcp://127.0.0.1:{port}"
        line = said_in_one_line(capsys, "live", "--no-page", *HERE, "--video-endpoint", endpoint)
        assert f"{endpoint} (video) is taken" in line


def test_rendering_into_a_folder_that_holds_something_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    line = said_in_one_line(capsys, "render", "--source", "demo", "--out", str(tmp_path))
    assert line.endswith("is not empty: choose another folder, or add --overwrite")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("omote ")


def test_characters_and_models_are_listed_with_their_licences(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["characters"]) == 0
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    for name in (*character_names(), "face_landmarker.task", "Apache-2.0"):
        assert name in said


def test_the_doctor_says_a_line_for_each_thing_and_whether_the_demo_can_run(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("ok ", "missing ")) for line in lines[:-1])
    names = {line[8:26].strip() for line in lines[:-1]}
    assert {"python", "system", "processor", "openvino", "portrait", "mediapipe", "tracker model", "camera"} <= names
    assert not any(" 0 ms a picture" in line for line in lines), "a picture that was drawn before costs nothing"
    assert lines[-1].startswith("the demo can run" if code == 0 else "the demo cannot run")


def test_the_doctor_calls_a_port_that_is_none_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").write_text('video_endpoint = "tcp://127.0.0.1:99999"\n')
    assert main(["doctor", "--config", str(tmp_path / "mine.toml")]) == 1
    assert any(line.startswith("taken   port 99999") for line in capsys.readouterr().out.splitlines())


def test_a_demo_of_a_moment_writes_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    assert main(["live", "--seconds", "1", "--page-port", "0", *HERE, "--report", str(path)]) == 0
    report = json.loads(path.read_text())
    assert report["pictures"] > 0
    assert report["tracked_fraction"] == 1.0
    assert report["latency_ms"]["p50"] > 0.0
    said = capsys.readouterr().out
    for word in ("http://127.0.0.1:", "/clean", "video tcp://", "--source webcam"):
        assert word in said


def test_a_take_that_ends_ends_the_command_with_0(tmp_path: Path) -> None:
    still = np.zeros((4, 3), np.float32)
    weights, gaze = np.zeros((4, arkit.COUNT), np.float32), np.zeros((4, 2, 2), np.float32)
    write_take(tmp_path / "t.csv", Take(30.0, np.arange(4) / 30.0, weights, still, still, gaze, np.ones(4, np.float32)))
    report = tmp_path / "report.json"
    command = ["live", "--offline", "--no-page", *HERE, "--source", str(tmp_path / "t.csv"), "--report", str(report)]
    assert main(command) == 0
    assert json.loads(report.read_text())["pictures"] == 4
    assert main(["render", "--take", str(tmp_path / "t.csv"), "--out", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").glob("*.png"))) == 4


def test_a_recording_that_ran_out_of_room_is_told_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recording, "Recorder", partial(Recorder, new_file=SmallDisk(8000).new_file))
    path = tmp_path / "t.csv"
    command = ["live", "--no-page", *HERE, "--seconds", "1", "--record", str(path)]
    assert main(command) == 2
    assert "t.csv has ended: the disk is full" in capsys.readouterr().err
    assert len(read_take(path)) > 0


@pytest.mark.skipif(os.name == "nt", reason="a pipe that is closed early is another error on Windows")
def test_a_reader_that_goes_away_is_no_traceback() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "omote.studio.cli.main", "characters"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 1


def test_a_latency_budget_for_a_file_that_is_drawn_picture_by_picture_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = said_in_one_line(capsys, "live", "--offline", "--budget-ms", "60")
    assert "has no latency: leave out --budget-ms or --offline" in line


def test_a_latency_budget_of_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    line = said_in_one_line(capsys, "live", "--budget-ms", "0")
    assert line == "omote live: budget_ms must be a number above 0, got 0.0"
