"""`omote evaluate` and `omote train`: what is missing is told in one line, and options reach their stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from omote.studio.cli import train
from omote.studio.cli.main import main

needs_training = pytest.mark.usefixtures("training")


@pytest.fixture
def training() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("numba")


@pytest.fixture
def networks(tmp_path: Path) -> Path:
    """A folder that passes for one of exported networks until they are opened."""
    for name in ("denoiser.onnx", "encoder.onnx"):
        (tmp_path / name).touch()
    return tmp_path


def said_in_one_line(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a mistake is answered with, below what a terminal shows of progress; exit code 2."""
    assert main([str(argument) for argument in arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("omote ")]
    assert len(lines) == 1, lines
    return lines[0]


@needs_training
def test_nothing_to_evaluate_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = said_in_one_line(capsys, "evaluate", "--save", tmp_path / "new.json")
    assert line == "omote evaluate: nothing to evaluate: give characters, --packs, --data, --photos or --kit"
    assert not (tmp_path / "new.json").exists()


@needs_training
def test_what_cannot_be_evaluated_is_named(networks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere, here = tmp_path / "nowhere", ("--weights", networks)
    for options, words in (
        (("--photos", tmp_path, "--weights", nowhere), "nowhere has no denoiser.onnx: give the folder"),
        (("--kit", nowhere, *here), "nowhere has no head.npz: give the folder of the face kit"),
        (("--data", tmp_path, *here), "--data needs --kit"),
        (("--packs", nowhere, *here), "nowhere is not a folder"),
        (("--photos", tmp_path, "--count", "0", *here), "--count must be 1 or more, got 0"),
    ):
        assert words in said_in_one_line(capsys, "evaluate", *options, "--save", tmp_path / "x.json")


def test_a_module_that_is_not_installed_is_named_with_the_cure() -> None:
    with pytest.raises(
        train.TrainingError, match=r"omote train denoiser needs no_such: pip install 'omote\[training\]'"
    ):
        train.require_modules("omote train denoiser", "json", "no_such")


@pytest.mark.parametrize("stage", ["faces", "anime"])
def test_pictures_without_the_kit_are_refused(stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("numba")
    pytest.importorskip("tqdm")
    assert "--kit takes the kit's folder" in said_in_one_line(capsys, "train", stage, "--out", "x")
    assert f"got {tmp_path}" in said_in_one_line(capsys, "train", stage, "--kit", tmp_path, "--out", "x")


@needs_training
@pytest.mark.parametrize(
    ("stage", "option"),
    [
        ("faces", "--per-person"),
        ("anime", "--per-character"),
        ("pack", "--data"),
        ("denoiser", "--packs"),
        ("export", "--run"),
    ],
)
def test_the_help_of_a_stage_is_its_own(capsys: pytest.CaptureFixture[str], stage: str, option: str) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(SystemExit) as ended:
        main(["train", stage, "--help"])
    assert ended.value.code == 0
    assert option in capsys.readouterr().out


@needs_training
def test_an_option_that_no_stage_knows_is_refused_by_the_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "denoiser", "--packs", "p", "--run", "r", "--minutes", "1", "--sorcery"])
    assert ended.value.code == 2
    assert "omote train denoiser: error: unrecognized arguments: --sorcery" in capsys.readouterr().err
