"""Commands with photoreal characters: live, render, compile, doctor, evaluate; and no torch at a later start."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnxscript")
pytest.importorskip("numba")

from omote.bridge.control import ControlError
from omote.engine.arc2face import doctor
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.arc2face.renderer import Options, PhotorealRenderer
from omote.engine.capture.source import SourceError
from omote.engine.capture.take import TakeSource, read_take
from omote.engine.data import PhotorealCharacter, SourceFile
from omote.engine.live.loop import LiveLoop
from omote.engine.live.outputs import WireOutput
from omote.engine.live.session import LiveSession
from omote.engine.model.character_file import load_any_character
from omote.engine.model.kinds import Kind, kind
from omote.engine.runtime.session import RuntimeUnavailable
from omote.engine.runtime.tensorrt_engine import read_engine_label
from omote.engine.training.evaluation import evaluation
from omote.engine.training.evaluation.evaluation import EvaluationError, Request, evaluate
from omote.studio.app.config import load_config
from omote.studio.app.control import ControlMethods
from omote.studio.app.session import StudioSession
from omote.studio.cli.main import main
from tests.arc2face import home as photoreal_home
from tests.arc2face import tiny
from tests.arc2face.flat import flat_character, flat_networks, to_flame

Printed = pytest.CaptureFixture[str]
ANY = "tcp://127.0.0.1:*"
CPU = ("--runtime", "openvino-f32")


@pytest.fixture
def home(furnished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    photoreal_home.use(furnished, monkeypatch)
    return furnished


def command_to_render(home: Path, out: Path) -> list[str]:
    return ["render", "--take", str(home / "take.csv"), "--character", "me", "--out", str(out), *CPU]


@pytest.mark.slow
@pytest.mark.parametrize("how", [(), ("--steps", "2"), ("--guidance", "3", "--expression-scale", "1.3")])
def test_a_take_is_rendered_and_again_the_same(home: Path, tmp_path: Path, how: tuple[str, ...]) -> None:
    rendered = []
    for name in ("first", "second"):
        assert main([*command_to_render(home, tmp_path / name), *how]) == 0
        rendered.append([np.asarray(Image.open(path)) for path in sorted((tmp_path / name).glob("*.png"))])
    first, second = rendered
    np.testing.assert_array_equal(first, second)
    assert np.shape(first) == (photoreal_home.LENGTH, tiny.SIZE, tiny.SIZE, 4)
    assert (np.array(first)[..., 3] == 255).all() and (first[0] != first[-1]).any()


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
    script = (
        "import sys; from omote.studio.cli.main import main\n"
        f"code = main({command_to_render(home, tmp_path / 'out')!r})\n"
        "print(code, *(name for name in ('torch', 'onnx', 'diffusers') if name in sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines()[-1] == "0"
    assert len(list((tmp_path / "out").glob("*.png"))) == photoreal_home.LENGTH


def test_each_function_of_the_kind_takes_what_is_passed_to_it() -> None:
    """They are named in a table, which mypy cannot check."""
    wanted = {name: function for name, function in vars(Kind).items() if inspect.isfunction(function)}
    for name in (one for one in wanted if not one.startswith("_")):
        found, expected = (inspect.signature(one).parameters for one in (getattr(kind(), name), wanted[name]))
        assert list(found) == list(expected)[1:], name


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("live", "--size", "256"), "has 64 pixels on a side, and --size is 256: leave out --size"),
        (("live", "--budget-ms", "50"), "no cheaper quality: leave out --budget-ms"),
        (("live", "--config", os.devnull), "omote calibrate flame-map --flame FILE"),
        (("compile", "--out", "here"), "--out needs --target"),
    ],
)
def test_mistakes_are_one_line(home: Path, capsys: Printed, typed: tuple[str, ...], message: str) -> None:
    command, *options = typed
    assert main([command, "--character", "me", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_missing_files_and_non_commercial_parts_are_named(
    home: Path, tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = SourceFile("arcface.onnx", "0" * 64, "for research only", False)
    save_photoreal(replace(photoreal_home.person("me"), parts=(part,)), tmp_path / "them.omote")
    assert main(["live", "--character", str(tmp_path / "them.omote")]) == 2
    printed = capsys.readouterr().err
    assert "arcface.onnx is not for commercial use (for research only)" in printed
    assert "allow_noncommercial = true" in printed
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    assert main(command_to_render(home, tmp_path / "out")) == 2
    assert "`omote models get arc2face` downloads it" in capsys.readouterr().err


def test_a_client_changes_to_another_photoreal_character_and_to_no_other_kind(home: Path) -> None:
    config = replace(load_config(), offline=True, runtime="openvino-f32")
    character = load_any_character("me")
    assert isinstance(character, PhotorealCharacter)
    renderer = kind().open(character, config.for_kinds()).renderer
    source = TakeSource(read_take(home / "take.csv"), "take.csv", is_offline=True)
    with WireOutput(ANY, ANY) as wire:
        studio = StudioSession()
        live = LiveLoop(source, LiveSession(renderer, character), is_offline=True)
        studio.bind(live)
        change = ControlMethods(wire, studio).methods()["set_character"]
        assert change({"name": "you"}) == {"character": "you"}
        with pytest.raises(ControlError, match=r'"hana" is not photoreal.*start again with --character hana'):
            change({"name": "hana"})
        assert live.session.character.name == "you"


# `omote compile`


def test_compile_prints_runtime_and_times_and_keeps_what_cannot_be_exported_again(home: Path, capsys: Printed) -> None:
    assert main(["compile", "--character", "me", *CPU]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("openvino cpu f32: ") and printed.endswith(" ms to decode a picture\n")
    exported = home / "cache/omote/photoreal" / tiny.RECIPE.digest
    before = sorted(exported.iterdir())
    assert main(["compile", "--character", "me", "--again"]) == 2
    assert "`omote models get arc2face` downloads it" in capsys.readouterr().err
    assert sorted(exported.iterdir()) == before


@pytest.mark.slow
def test_engines_are_compiled_for_a_gpu_that_is_elsewhere(home: Path, tmp_path: Path, capsys: Printed) -> None:
    pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is made for x86-64 alone")
    assert main(["compile", "--character", "me", "--target", "sm89", "--out", str(tmp_path)]) == 0
    labels = [read_engine_label(Path(path)) for path in capsys.readouterr().out.split()]
    assert [label.targets for label in labels] == [("sm89",)] * 2
    assert len({label.make.network for label in labels}) == 2  # the UNet and the decoder


# `omote doctor`


def part(sha256: str, name: str = "vae/config.json") -> SourceFile:
    return SourceFile(name, sha256, "openrail", True)


def looked_at(path: Path, capsys: Printed, *parts: SourceFile) -> tuple[int, dict[str, list[str]]]:
    """The exit code, and the lines for a character of these parts by what they are about."""
    save_photoreal(replace(photoreal_home.person("me"), parts=parts), path)
    code, lines = main(["doctor", "--character", str(path)]), dict[str, list[str]]()
    for line in capsys.readouterr().out.splitlines():
        lines.setdefault(line[8:26].strip() if line[7:8] == " " else "", []).append(line)
    return code, lines


def test_doctor_has_a_line_for_each_check_of_a_character_that_can_run(
    home: Path, tmp_path: Path, capsys: Printed
) -> None:
    code, lines = looked_at(tmp_path / "me.omote", capsys, part(hashlib.sha256(photoreal_home.CONFIG).hexdigest()))
    for about, expected in {
        "": "me can run: omote live --character",
        "character": "ok      character         me, 64x64, sampler lcm",
        "part": "vae/config.json, sha256 44136fa355b3678a as recorded",
        "licences": "all parts allow commercial use",
        "neutral": "unsure",
        "FLAME map": "to flame2020, from the FLAME file ffffffffffffffff",
        "portrait": "64x64, steps 1, openvino cpu",
        "still face": "the same bytes",
    }.items():
        assert expected in lines[about][-1], lines
    assert [line.split()[:3] for line in lines["parity"]] == [
        ["ok", "parity", f"{name}:"] for name in ("expression", "unet", "decoder")
    ]
    assert code == 0


def test_doctor_names_what_is_missing_or_changed_and_checks_the_rest(
    home: Path, tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing, changed = part("0" * 64, "taesd/config.json"), part("0" * 64)
    code, lines = looked_at(tmp_path / "me.omote", capsys, missing, changed)
    assert code == 1 and lines[""] == ["me cannot run: see what is missing above"]
    assert lines["part"][0].startswith("missing part") and "`omote models get arc2face`" in lines["part"][0]
    assert lines["part"][1].startswith("changed part")
    assert "restore the file that the character was made with" in lines["part"][1]
    assert lines["layout"][0].startswith("missing layout") and lines["portrait"][0].startswith("ok")
    assert lines["face"][0].startswith("weak") and "face_landmarker.task is missing" in lines["face"][0]
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "empty"))
    code, lines = looked_at(tmp_path / "me.omote", capsys)
    assert code == 1 and "omote calibrate flame-map --flame FILE" in lines["FLAME map"][0]
    assert lines["exported networks"][0].startswith("missing") and "portrait" not in lines


def test_doctor_compares_the_ways_to_draw_on_one_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.full((64, 64, 3), 128, np.uint8)

    def missing() -> Any:
        raise RuntimeUnavailable("taesd is missing")

    ways = {"few steps": lambda: doctor._Drawn(picture, picture, 12.0, "pytorch"), "copied live": missing}
    judge = SimpleNamespace(likeness=lambda _: 0.5, smiled=lambda *_: float("nan"))
    monkeypatch.setattr(doctor, "_ways", lambda *_: ways)
    monkeypatch.setattr(doctor.Judge, "of", lambda *_: judge)
    unused: Any = None
    drawn, refused, sheet = doctor.compared(photoreal_home.person("me"), unused, unused, tmp_path / "sheet")
    assert drawn.found.startswith("few steps: ID cosine 0.50 at rest, 0.50 smiling; a smile of 0.7 reads unknown")
    assert (refused.is_ok, refused.found, sheet.is_ok) == (False, "copied live: taesd is missing", True)
    with Image.open(tmp_path / "sheet" / "compare.png") as kept:
        assert kept.size[0] == 2 * 64 and kept.size[1] > 2 * 64  # three pictures and their names


# `omote evaluate`


def test_evaluate_draws_a_photoreal_character_by_its_own_renderer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind() -> object:
        raise SourceError("no tracker here")

    for name in ("denoiser.onnx", "encoder.onnx"):
        (tmp_path / name).touch()
    save_photoreal(flat_character("me", tiny.SIZE), tmp_path / "me.omote")
    monkeypatch.setattr(evaluation, "Networks", lambda *_: None)  # of our own model, which draws none
    monkeypatch.setattr(evaluation, "face_finder", blind)
    request = Request((str(tmp_path / "me.omote"),), weights=tmp_path, size=tiny.SIZE)
    found = evaluate(request, lambda _: PhotorealRenderer(flat_networks(tiny.SIZE), Options(), to_flame))
    (steady,) = found.steadiness
    assert (steady.name, steady.is_still) == ("me", True) and np.isnan(steady.expected_noise)
    assert any("no tracker here" in note for note in found.notes)
    with pytest.raises(EvaluationError, match="me is photoreal"):
        evaluate(request)
