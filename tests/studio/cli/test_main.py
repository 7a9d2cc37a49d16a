"""The command `omote` as a user types it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from omote.bridge import livelink
from omote.engine.capture.recorder import Recorder
from omote.engine.capture.take import read_take, write_take
from omote.engine.model.character_file import shipped_character_names
from omote.engine.model.renderer import SIZES
from omote.engine.testing.capture import SmallDisk
from omote.studio.app import recording
from omote.studio.cli.main import COMMANDS, main, run_command
from tests.studio.commands import OPENVINO, error_line, short_take


@pytest.fixture(autouse=True)
def no_settings_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    monkeypatch.setenv("OMOTE_KEYS", str(tmp_path / "keys"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--source", "webcma"), "did you mean webcam?"),
        (("--source", "nowhere.mp4"), "there is no file nowhere.mp4"),
        (("--character", "nobody-of-this-name"), 'omote live: there is no character "nobody-of-this-name"'),
        (("--size", "100"), f"size must be one of {', '.join(map(str, SIZES))} pixels"),
        (("--sorce", "demo"), "--sorce demo; did you mean --source?"),
        (("--out", "livlink://unreal"), "there is no output called livlink; did you mean livelink://?"),
        (("--curve",), "make some with `omote keys new"),
        (("--control-endpoint", "tcp://0.0.0.0:5558"), "tcp://0.0.0.0:5558 is refused"),
        (("--config", "{folder}/mine.toml"), 'mine.toml: no setting is called "sorce"; did you mean "source"?'),
        (("--report", "{folder}/no/report.json"), "cannot write the report"),
        (("--offline", "--budget-ms", "60"), "has no latency: leave out --budget-ms or --offline"),
        (("--budget-ms", "0"), "omote live: budget_ms must be a number above 0, got 0.0"),
    ],
)
def test_error_of_live_is_one_line_with_the_cure(
    words: tuple[str, ...], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text('sorce = "demo"\n')
    assert expected in error_line(capsys, "live", *OPENVINO, *(word.format(folder=tmp_path) for word in words))


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "train"])  # which needs torch
def test_each_help_ends_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_command([command, "--help"])
    said = capsys.readouterr().out
    assert f"examples:\n  omote {command}" in said
    assert "onnxruntime-" not in said  # nor the names of all runtimes


def test_port_in_use_is_named_with_the_cure(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"port {port} is in use" in error_line(capsys, "live", *OPENVINO, "--page-port", port)
        endpoint = f"tcp://127.0.0.1:{port}"
        line = error_line(capsys, "live", "--no-page", *OPENVINO, "--video-endpoint", endpoint)
        assert f"{endpoint} (video) is taken" in line


def test_faces_are_sent_to_each_destination(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as avatar,
    ):
        for receiver in (unreal, avatar):
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(60.0)
        out = [f"{kind}://127.0.0.1:{one.getsockname()[1]}" for kind, one in (("livelink", unreal), ("vmc", avatar))]
        assert main(["live", "--seconds", "0.5", "--no-page", *OPENVINO, "--out", out[0], "--out", out[1]]) == 0
        packet = livelink.decode(unreal.recv(2000))
        assert avatar.recv(2000).startswith(b"#bundle")
    assert packet.subject == "Omote"
    assert packet.values is not None
    printed = capsys.readouterr().out
    for destination in out:
        assert f"face to     {destination.replace('://', ' ')}: parameters, no pictures" in printed


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("omote ")


def test_characters_and_models_are_listed_with_their_licences(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["characters"]) == 0
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    for name in (*shipped_character_names(), "face_landmarker.task", "Apache-2.0"):
        assert name in printed


def test_doctor_prints_a_line_for_each_check_and_whether_the_demo_can_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.toml").write_text("size = 256\n")
    code = main(["doctor", "--config", str(tmp_path / "small.toml")])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("ok ", "missing ")) for line in lines[:-1])
    names = {line[8:26].strip() for line in lines[:-1]}
    assert {"python", "system", "processor", "openvino", "portrait", "mediapipe", "tracker model", "camera"} <= names
    assert not any(" 0 ms a picture" in line for line in lines), "a cached picture costs nothing"
    assert lines[-1].startswith("the demo can run" if code == 0 else "the demo cannot run")
    (tmp_path / "mine.toml").write_text('video_endpoint = "tcp://127.0.0.1:99999"\n')
    assert main(["doctor", "--config", str(tmp_path / "mine.toml")]) == 1
    assert any(line.startswith("taken   port 99999") for line in capsys.readouterr().out.splitlines())


def test_demo_writes_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    assert main(["live", "--seconds", "1", "--page-port", "0", *OPENVINO, "--report", str(path)]) == 0
    report = json.loads(path.read_text())
    assert report["pictures"] > 0
    assert report["tracked_fraction"] == 1.0
    assert report["latency_ms"]["p50"] > 0.0
    printed = capsys.readouterr().out
    for word in ("http://127.0.0.1:", "/clean", "video tcp://", "--source webcam"):
        assert word in printed


def test_live_ends_with_its_take(tmp_path: Path) -> None:
    take, report = tmp_path / "t.csv", tmp_path / "report.json"
    write_take(take, short_take(4))
    command = ["live", "--offline", "--no-page", *OPENVINO, "--source", str(take), "--report", str(report)]
    assert main(command) == 0
    assert json.loads(report.read_text())["pictures"] == 4


def test_recording_on_a_full_disk_is_an_error_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recording, "Recorder", partial(Recorder, new_file=SmallDisk(8000).new_file))
    path = tmp_path / "t.csv"
    line = error_line(capsys, "live", "--no-page", *OPENVINO, "--seconds", "1", "--record", path)
    assert "t.csv has ended: the disk is full" in line
    assert len(read_take(path)) > 0


@pytest.mark.skipif(os.name == "nt", reason="a pipe that is closed early is another error on Windows")
def test_closed_output_is_no_traceback() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "omote.studio.cli.main", "characters"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 1
