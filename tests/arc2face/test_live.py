"""`omote live` and `omote render` with photoreal characters: pictures, checks before the start, and no torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnxscript")

from omote.bridge.control import ControlError
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.capture.take import TakeSource, read_take
from omote.engine.data import PhotorealCharacter, SourceFile
from omote.engine.live.loop import LiveLoop
from omote.engine.live.outputs import WireOutput
from omote.engine.live.session import LiveSession
from omote.engine.model.character_file import load_any_character
from omote.engine.model.kinds import kind
from omote.studio.app.config import load_config
from omote.studio.app.control import ControlMethods
from omote.studio.app.session import StudioSession
from omote.studio.cli.main import main
from tests.arc2face import home as photoreal_home
from tests.arc2face import tiny

ANY = "tcp://127.0.0.1:*"
CPU = ("--runtime", "openvino-f32")


@pytest.fixture
def home(furnished: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    photoreal_home.use(furnished, monkeypatch)
    yield furnished


def pictures(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]


def render(home: Path, out: Path, *more: str) -> int:
    return main(["render", "--take", str(home / "take.csv"), "--character", "me", "--out", str(out), *CPU, *more])


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a mistake is answered with; one line, exit code 2."""
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    return printed


@pytest.mark.slow
@pytest.mark.parametrize("how", [(), ("--steps", "2"), ("--guidance", "3", "--expression-scale", "1.3")])
def test_a_take_is_rendered_and_again_the_same(home: Path, tmp_path: Path, how: tuple[str, ...]) -> None:
    for name in ("first", "second"):
        assert render(home, tmp_path / name, *how) == 0
    first, second = pictures(tmp_path / "first"), pictures(tmp_path / "second")
    assert len(first) == photoreal_home.LENGTH
    for one, other in zip(first, second, strict=True):
        assert one.shape == (tiny.SIZE, tiny.SIZE, 4)
        assert (one[..., 3] == 255).all()
        np.testing.assert_array_equal(one, other)
    assert (first[0] != first[-1]).any()


def test_omote_live_draws_and_records_a_take_and_reports_the_runtime(home: Path, tmp_path: Path) -> None:
    endpoints = (f"--{name}-endpoint={ANY}" for name in ("params", "video", "control"))
    source = ("--source", str(home / "take.csv"), "--offline", "--no-page")
    report_path, copy = tmp_path / "report.json", tmp_path / "copy.csv"
    kept = ("--report", str(report_path), "--record", str(copy))
    assert main(["live", *source, *endpoints, "--character", "me", *CPU, *kept]) == 0
    np.testing.assert_array_equal(read_take(copy).weights, read_take(home / "take.csv").weights)
    report = json.loads(report_path.read_text())
    assert (report["pictures"], report["size"], report["steps"]) == (photoreal_home.LENGTH, tiny.SIZE, 1)
    assert (report["character"], report["runtime"]) == ("me", "openvino cpu f32")


def test_a_later_start_imports_no_torch(home: Path, tmp_path: Path) -> None:
    command = ["render", "--take", str(home / "take.csv"), "--character", "me", "--out", str(tmp_path / "out"), *CPU]
    script = (
        "import sys; from omote.studio.cli.main import main\n"
        f"code = main({command!r})\n"
        "print(code, *(name for name in ('torch', 'onnx', 'diffusers') if name in sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines()[-1] == "0"


def test_a_start_without_the_published_files_names_them_and_their_place(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    assert render(home, tmp_path / "out") == 2
    printed = capsys.readouterr().err
    assert "arc2face" in printed
    assert "`omote models get arc2face` downloads it" in printed


def test_a_start_without_a_flame_map_names_the_command(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bare.toml").write_text("")
    printed = mistake(capsys, "live", "--config", str(tmp_path / "bare.toml"), "--character", "me")
    assert "omote calibrate flame-map --flame FILE" in printed


def test_impossible_options_are_refused_before_anything_is_opened(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {
        "has 64 pixels on a side, and --size is 256: leave out --size": ("--size", "256"),
        '"lcm" takes 1 to 8 steps, got 60': ("--steps", "60"),
        "--expression-scale must be from 0 to 1.5, got 2": ("--expression-scale", "2"),
        "--guidance must be from 1 (none) to 100, got 0.5": ("--guidance", "0.5"),
        "no cheaper quality: leave out --budget-ms": ("--budget-ms", "50"),
    }
    for printed, typed in wrong.items():
        assert printed in mistake(capsys, "live", "--character", "me", *typed)


def test_non_commercial_parts_are_refused_unless_allowed(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = SourceFile("arcface.onnx", "0" * 64, "for research only", False)
    path = tmp_path / "restricted.omote"
    save_photoreal(replace(photoreal_home.person("me"), parts=(part,)), path)
    printed = mistake(capsys, "live", "--character", str(path))
    assert "arcface.onnx is not for commercial use (for research only)" in printed
    assert "allow_noncommercial = true" in printed


def test_a_client_changes_to_another_photoreal_character_and_to_no_other_kind(home: Path) -> None:
    config = replace(load_config(), offline=True, runtime="openvino-f32")
    character = load_any_character("me")
    assert isinstance(character, PhotorealCharacter)
    renderer = kind().open(character, config.for_kinds()).renderer
    source = TakeSource(read_take(home / "take.csv"), "take.csv", is_offline=True)
    with WireOutput(ANY, ANY) as wire:
        desk = StudioSession()
        control = ControlMethods(wire, desk)
        live = LiveLoop(source, LiveSession(renderer, character), is_offline=True)
        desk.bind(live)
        change = control.methods()["set_character"]
        assert change({"name": "you"}) == {"character": "you"}
        assert live.session.character.name == "you"
        with pytest.raises(ControlError, match=r'"hana" is not photoreal.*start again with --character hana'):
            change({"name": "hana"})
        assert live.session.character.name == "you"
