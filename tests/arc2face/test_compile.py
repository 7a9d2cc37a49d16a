"""`omote compile --character me` times the networks of a photoreal character, or makes engines for other GPUs."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnxscript")

from omote.engine.runtime.tensorrt_engine import read_engine_label
from omote.studio.cli.main import main
from tests.arc2face import home as photoreal_home
from tests.arc2face import tiny


@pytest.fixture
def home(furnished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    photoreal_home.use(furnished, monkeypatch)
    return furnished


def test_runtime_and_times_are_printed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "--character", "me", "--runtime", "openvino-f32"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("openvino cpu f32: ") and printed.endswith(" ms to decode a picture\n")


def test_networks_that_cannot_be_exported_again_are_not_thrown_away(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = home / "cache/omote/photoreal" / tiny.RECIPE.digest
    before = sorted(exported.iterdir())
    assert main(["compile", "--character", "me", "--again"]) == 2
    assert "`omote models get arc2face` downloads it" in capsys.readouterr().err
    assert sorted(exported.iterdir()) == before


def test_engines_are_made_for_a_gpu_that_is_elsewhere(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is made for x86-64 alone")
    assert main(["compile", "--character", "me", "--target", "sm89", "--out", str(tmp_path)]) == 0
    labels = [read_engine_label(Path(path)) for path in capsys.readouterr().out.split()]
    assert [label.targets for label in labels] == [("sm89",)] * 2
    assert len({label.make.network for label in labels}) == 2  # the UNet and the decoder


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        (("--out", "here"), "--out needs --target"),
    ],
)
def test_what_cannot_be_is_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], typed: tuple[str, ...], printed: str
) -> None:
    assert main(["compile", "--character", "me", *typed]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert printed in line
