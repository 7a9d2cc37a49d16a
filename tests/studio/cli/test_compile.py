"""`omote compile` prints what was tried and refuses in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from omote.engine.model.autotune import Parity, Trial
from omote.engine.runtime.session import Build
from omote.engine.storage import cache_folder
from omote.studio.cli import compile
from omote.studio.cli.main import main
from tests.studio.commands import error_line


@pytest.fixture(autouse=True)
def no_cache_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))


def test_one_runtime_is_compiled_checked_and_timed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "--runtime", "openvino-f32", "--again"]) == 0
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split() == ["runtime", "runs", "as", "ms", "dB", "levels", "off"]
    assert line.startswith("openvino-f32") and "openvino cpu f32" in line and not line.endswith("chosen")


def test_again_forgets_what_was_compiled_as_well(tmp_path: Path) -> None:
    old = [cache_folder() / name / "old" for name in ("found", "openvino", "engines")]
    for path in old:
        path.parent.mkdir(parents=True)
        path.with_suffix(".json").write_text("{}", encoding="utf-8")
    assert main(["compile", "--runtime", "openvino-f32", "--again"]) == 0
    assert not any(path.with_suffix(".json").exists() for path in old)


def test_the_table_shows_the_choice_and_the_refusals() -> None:
    best, other = Build.named("openvino-bf16"), Build.named("tensorrt")
    tried = (
        Trial(best, "openvino cpu bf16", 41.96, Parity(9, 49.47)),
        Trial(Build.named("openvino"), "openvino cpu f32", 62.0, None),
        Trial(other, refused="no NVIDIA GPU: choose another"),
    )
    _, chosen, slower, refused = compile.table(tried, best).splitlines()
    assert chosen.split() == ["openvino-bf16", "openvino", "cpu", "bf16", "42.0", "49.5", "9", "chosen"]
    assert slower.split() == ["openvino", "openvino", "cpu", "f32", "62.0"]
    assert refused.split(None, 1) == ["tensorrt-f16", "refused: no NVIDIA GPU: choose another"]
    assert "openvino is chosen: it takes at most 8 % longer" in compile.table(tried, Build.named("openvino"))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--runtime", "abacus"), "invalid choice: 'abacus'"),
        (("--target", "sm12"), "sm12"),
        (("--target", "sm89", "--runtime", "openvino"), "leave out --runtime and --again"),
        (("--target", "sm89", "--again"), "leave out --runtime and --again"),
        ((), "--out needs --target"),
    ],
)
def test_what_cannot_be_compiled_is_an_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, typed: tuple[str, ...], said: str
) -> None:
    line = error_line(capsys, "compile", *typed, "--out", tmp_path)
    assert said in line or "pip install" in line
