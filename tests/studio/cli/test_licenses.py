"""`omote licenses` tells what there is to know before somebody earns money with a face."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.engine import load_character
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.data import BankRows, PhotorealCharacter, SourceFile
from omote.engine.model.character_file import SHIPPED_FOLDER, save_character, shipped_character_names
from omote.engine.models import shipped_networks
from omote.studio.cli.main import main

FREE = SourceFile("taesd/config.json", "ab" * 32, "MIT", True)
CLOSED = SourceFile("arcface.onnx", "cd" * 32, "research only", False)


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMOTE_CHARACTERS", str(tmp_path))
    return tmp_path


def photoreal(*parts: SourceFile) -> PhotorealCharacter:
    return PhotorealCharacter(
        name="me",
        tokens=np.ones((77, 8), np.float32),
        empty=np.ones((77, 8), np.float32),
        noise=np.ones((4, 8, 8), np.float32),
        neutral=np.ones(55, np.float32),
        is_neutral_measured=False,
        reference=np.zeros((64, 64, 3), np.uint8),
        points=np.ones((478, 2), np.float32),
        bank=BankRows(),
        sampler="lcm",
        model="0",
        parts=parts,
        licence="Private: somebody's likeness",
        made_from="1 photo",
        reference_scale=0.0,
    )


def told(capsys: pytest.CaptureFixture[str], *name: str) -> list[str]:
    assert main(["licenses", *name]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_photoreal_characters_parts_are_told_one_by_one(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_photoreal(photoreal(FREE, CLOSED), kept / "me.omote")
    assert told(capsys, "me") == [
        "me (photoreal): Private: somebody's likeness",
        "  made from 1 photo",
        "  taesd/config.json: commercial use allowed; MIT; sha256 abababababababab…",
        "  arcface.onnx: NOT for commercial use; research only; sha256 cdcdcdcdcdcdcdcd…",
        "Commercial use of me is not allowed: 1 of its parts forbid it",
    ]


def test_without_a_closed_part_the_person_in_the_photo_decides(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_photoreal(photoreal(FREE), kept / "me.omote")
    assert told(capsys, str(kept / "me.omote"))[-1] == (
        "Commercial use of me is allowed if the person in the photo agrees"
    )


def test_an_open_character_is_listed_with_its_network(capsys: pytest.CaptureFixture[str]) -> None:
    first, made, *parts, last = told(capsys, "hana")
    assert first == "hana: Apache-2.0"
    assert made.startswith("  A person who does not exist, rendered from MakeHuman (CC0)")
    drawn_by = [(one.path.name, one.sha256[:16]) for one in shipped_networks().networks]
    assert parts == [f"  {name}: commercial use allowed; Apache-2.0; sha256 {sha256}…" for name, sha256 in drawn_by]
    assert last == "Commercial use of hana is allowed"


def test_a_drawn_character_is_listed_with_its_credit(capsys: pytest.CaptureFixture[str]) -> None:
    first, made, *_ = told(capsys, "aoi")
    assert first.startswith("aoi: VRM Public License 1.0")
    assert "commercial use allowed" in first
    assert first.endswith("Seed-san model by VirtualCast, Inc.")
    assert made.startswith("  A drawn character that does not exist")
    shown = next(line for line in told(capsys) if line.startswith("  aoi.omote"))
    assert "Seed-san model by VirtualCast, Inc." in shown


def test_commercial_use_of_a_likeness_is_left_to_its_licence(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_character(replace(load_character("hana"), name="me", licence="Private"), kept / "me.omote")
    assert "The licence of me above decides" in told(capsys, "me")[-1]


def test_an_installation_is_listed_by_file_and_package(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys)
    hana = hashlib.sha256((SHIPPED_FOLDER / "hana.omote").read_bytes()).hexdigest()
    assert f"  hana.omote: commercial use allowed; Apache-2.0; sha256 {hana[:16]}…" in lines
    for name in (*shipped_character_names(), "denoiser", "encoder"):
        assert any(line.startswith(f"  {name}.o") for line in lines)
    assert any(line.startswith("  face_landmarker.task: Apache-2.0; ") for line in lines)
    assert any("anime_head.npz" in line and "credit: Seed-san" in line for line in lines)
    assert any("person_mask.onnx" in line and "Google" in line for line in lines)
    assert "  openvino: Apache-2.0" in lines
    assert not any("not installed" in line for line in lines)


def test_an_unknown_character_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["licenses", "hanna"]) == 2
    assert 'omote licenses: there is no character "hanna"; did you mean "hana"?' in capsys.readouterr().err
