"""`omote evaluate` and `omote train`: what is missing is told in one line, and options reach their stage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omote.engine.weights import networks
from omote.studio import train
from omote.studio.command import main


def said_in_one_line(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a mistake is answered with, below what a terminal shows of progress; exit code 2."""
    assert main([str(argument) for argument in arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("omote ")]
    assert len(lines) == 1, lines
    return lines[0]


def test_nobody_to_evaluate_is_said_with_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = said_in_one_line(capsys, "evaluate", "--out", tmp_path / "new")
    assert line == (
        "omote evaluate: nobody is named: give characters, as in `omote evaluate hana`, or --people with --kit"
    )
    assert not (tmp_path / "new").exists()


def test_people_want_the_kit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--people wants --kit" in said_in_one_line(capsys, "evaluate", "--people", "21:0-3", "--out", tmp_path)


def test_a_folder_that_is_no_kit_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = said_in_one_line(capsys, "evaluate", "hana", "--kit", tmp_path / "nowhere", "--out", tmp_path / "out")
    assert "nowhere holds no head.npz: wanted the face kit's folder" in line


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").touch()
    line = said_in_one_line(capsys, "evaluate", "hana", "--out", tmp_path)
    assert "holds thesis.txt, which is no evaluation's: choose another folder" in line
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--steps", "3"), "--steps takes 1, 2, 4, 32, got 3"),
        (("--steps", "1", "1"), "names one twice"),
        (("--pictures", "1"), "--pictures must be 2 or more, got 1"),
        (("--take", "nowhere.csv"), "nowhere.csv cannot be read"),
        (("--network", "nowhere"), "networks.json is missing"),
    ],
)
def test_an_option_that_cannot_be_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], words: str
) -> None:
    assert words in said_in_one_line(capsys, "evaluate", "hana", *options, "--out", tmp_path)


def test_a_module_that_is_not_installed_is_named_with_the_cure() -> None:
    with pytest.raises(
        train.TrainingError, match=r"omote train teacher wants no_such: pip install 'omote\[training\]'"
    ):
        train.want("omote train teacher", "json", "no_such")


def test_faces_without_the_kit_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("numba")
    assert "wants the face kit's folder" in said_in_one_line(capsys, "train", "faces", "--people", "3")
    assert "got " in said_in_one_line(capsys, "train", "faces", "--kit", tmp_path, "--people", "3")


@pytest.mark.parametrize(("stage", "option"), [("faces", "--per-person"), ("teacher", "--pack"), ("student", "--pack")])
def test_the_help_of_a_stage_is_its_own(capsys: pytest.CaptureFixture[str], stage: str, option: str) -> None:
    pytest.importorskip("torch" if stage != "faces" else "numba")
    with pytest.raises(SystemExit) as ended:
        main(["train", stage, "--help"])
    assert ended.value.code == 0
    assert option in capsys.readouterr().out


def test_an_option_that_no_stage_knows_is_refused_by_the_stage(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    with pytest.raises(SystemExit) as ended:
        main(["train", "student", "--pack", "p", "--run", "r", "--steps", "1", "--sorcery"])
    assert ended.value.code == 2
    assert "omote train student: error: unrecognized arguments: --sorcery" in capsys.readouterr().err


def test_a_character_is_evaluated_without_the_kit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mediapipe")
    shipped = networks()[-1].path.parent  # as its own teacher: of many steps
    few = ("--pictures", "2", "--frames", "2")
    command = ["evaluate", "kenji", *few, "--teacher", str(shipped), "--out", str(tmp_path)]
    assert main(command) == 0
    said = capsys.readouterr().out
    for words in ("no truth for kenji: pass --kit", "Read-back of swept shapes", "still control"):
        assert words in said
    record = json.loads((tmp_path / "evaluation.json").read_text())
    [group] = record["groups"]
    read = {reading["name"]: reading["ours"] for reading in group["swept"]}
    assert read["jawOpen"] > 0.5  # a network that draws no faces reads as nothing
    assert group["scenes"][0]["psnr_db"] is None
    [pair] = record["students"]
    assert "1 step," in pair["student"]["name"]
    assert "32 steps" in pair["teacher"]["name"]
    assert 15.0 < pair["between_db"] < 120.0  # the same person, not the same picture
    assert group["steadiness"]["is_still"] == 1.0
    assert main([*command, "--steps", "3"]) == 2  # in the folder of an earlier evaluation, which it spares
    assert (tmp_path / "evaluation.json").exists()
