"""The wheel holds all of Omote and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import omote

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("bridge", "calibration", "engine", "studio")
DATA = (
    *("bridge/WIRE.md", "engine/weights/**/*", "engine/face/*.npz", "engine/capture/demo.*", "engine/offline/*.json"),
    "studio/page/static/*",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel that was built from a copy, where no earlier build has left anything."""
    source = tmp_path_factory.mktemp("source")
    for folder in (*FOLDERS, "package"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE.md"):
        if (ROOT / file).exists():
            shutil.copy(ROOT / file, source)
    built = tmp_path_factory.mktemp("built")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", str(built), str(source)], check=True)
    (archive,) = built.glob("*.whl")
    with zipfile.ZipFile(archive) as opened:
        return set(opened.namelist())


def _names_in_the_wheel(pattern: str) -> set[str]:
    paths = (path for path in ROOT.glob(pattern) if path.is_file() and not path.name.startswith("."))
    return {f"omote/{path.relative_to(ROOT).as_posix()}" for path in paths}


def test_every_module_is_in_the_wheel(wheel: set[str]) -> None:
    for folder in FOLDERS:
        assert _names_in_the_wheel(f"{folder}/**/*.py") - wheel == set()


@pytest.mark.parametrize("pattern", DATA)
def test_data_is_in_the_wheel(wheel: set[str], pattern: str) -> None:
    wanted = _names_in_the_wheel(pattern)
    assert wanted != set()
    assert wanted - wheel == set()


def test_nothing_but_omote_is_at_top_level(wheel: set[str]) -> None:
    assert {name.split("/")[0] for name in wheel} == {"omote", "omote-0.1.0.dist-info"}
    here = {name.split("/")[1] for name in wheel if name.startswith("omote/")}
    assert here == {*FOLDERS, "__init__.py", "py.typed"}


def test_the_package_says_its_version_and_what_is_in_it() -> None:
    assert omote.__version__ == metadata.version("omote")
    assert "`omote.engine`" in str(omote.__doc__)
    assert not hasattr(omote, "something")


def test_licence_and_notices_are_in_the_wheel(wheel: set[str]) -> None:
    assert {"omote-0.1.0.dist-info/licenses/LICENSE", "omote-0.1.0.dist-info/licenses/NOTICE.md"} <= wheel


def test_plain_install_asks_for_neither_torch_nor_numba() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert not [line for line in wanted if line.startswith(("torch", "numba", "onnx"))]
