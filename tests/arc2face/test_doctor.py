"""`omote doctor --character me`: a line for each thing, with the cure of what is wrong, and never a crash."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnxscript")

from omote.engine.arc2face import doctor
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.data import SourceFile
from omote.engine.runtime.session import RuntimeUnavailable
from omote.studio.cli.main import main
from tests.arc2face import home as photoreal_home


@pytest.fixture
def home(furnished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    photoreal_home.use(furnished, monkeypatch)
    return furnished


def part(sha256: str, name: str = "vae/config.json") -> SourceFile:
    return SourceFile(name, sha256, "openrail", True)


def looked_at(path: Path, capsys: pytest.CaptureFixture[str], *parts: SourceFile) -> tuple[int, list[str]]:
    """The exit code and the lines for a character of these parts."""
    save_photoreal(replace(photoreal_home.person("me"), parts=parts), path)
    code = main(["doctor", "--character", str(path)])
    return code, capsys.readouterr().out.splitlines()


def line(lines: list[str], name: str) -> str:
    return next(line for line in lines if line[8:].startswith(name))


def test_each_check_has_a_line_and_the_character_can_run(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = looked_at(tmp_path / "me.omote", capsys, part(hashlib.sha256(photoreal_home.CONFIG).hexdigest()))
    assert code == 0
    assert lines[-1].startswith("me can run: omote live --character")
    assert line(lines, "character").startswith("ok      character         me, 64x64, sampler lcm")
    assert "vae/config.json, sha256 44136fa355b3678a as recorded" in line(lines, "part")
    assert "all parts allow commercial use" in line(lines, "licences")
    assert line(lines, "neutral").startswith("unsure")
    assert "to flame2020, from the FLAME file ffffffffffffffff" in line(lines, "FLAME map")
    parity = [one for one in lines if one.startswith("ok      parity")]
    assert [one.split()[2] for one in parity] == ["expression:", "unet:", "decoder:"]
    assert "64x64, steps 1, openvino cpu" in line(lines, "portrait")
    assert "the same bytes" in line(lines, "still face")


def test_a_missing_file_is_reported_and_the_rest_is_checked(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = looked_at(tmp_path / "me.omote", capsys, part("0" * 64, "taesd/config.json"))
    assert code == 1
    assert lines[-1] == "me cannot run: see what is missing above"
    assert line(lines, "part").startswith("missing part")
    assert "`omote models get arc2face` downloads it" in line(lines, "part")
    assert line(lines, "layout").startswith("missing layout")
    assert line(lines, "portrait").startswith("ok")
    assert line(lines, "face").startswith("weak    face")
    assert "face_landmarker.task is missing" in line(lines, "face")


def test_a_changed_file_is_named(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = looked_at(tmp_path / "me.omote", capsys, part("0" * 64))
    assert code == 1
    found = line(lines, "part")
    assert found.startswith("changed part")
    assert "restore the file that the character was made with" in found


def test_without_map_networks_and_files_every_check_is_reported(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "empty"))
    code, lines = looked_at(tmp_path / "me.omote", capsys)
    assert code == 1
    assert "omote calibrate flame-map --flame FILE" in line(lines, "FLAME map")
    assert line(lines, "exported networks").startswith("missing")
    assert not [one for one in lines if "portrait" in one]


def test_an_ordinary_character_is_not_checked_for_photoreal_files(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["doctor", "--character", "hana", "--runtime", "openvino"])
    assert "hana, 512x512" in line(capsys.readouterr().out.splitlines(), "portrait")


def test_the_ways_to_draw_are_compared_on_one_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert (refused.is_ok, refused.found) == (False, "copied live: taesd is missing")
    assert sheet.is_ok
    with Image.open(tmp_path / "sheet" / "compare.png") as kept:
        assert kept.size[0] == 2 * 64 and kept.size[1] > 2 * 64  # three pictures and their names
