"""What only Unreal can build of its plugin: how much it is, and that its parts know of each other."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from . import builds

MCS_STUBS = Path(__file__).resolve().parent / "stubs" / "UnrealBuildTool.cs"


def lines_of(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def test_layer_stays_under_650_lines() -> None:
    files = [path for path in builds.LAYER.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert sum(len(lines_of(path)) for path in files) < 650


def test_the_one_file_that_unreal_compiles_holds_the_whole_core() -> None:
    included = re.findall(r'#include "src/(.+)"', (builds.CORE / "all.cpp").read_text("utf-8"))
    assert included == sorted(path.name for path in (builds.CORE / "src").glob("*.cpp"))


def test_build_script_compiles(tmp_path: Path) -> None:
    """Against stubs of Unreal's build tool."""
    if not shutil.which("mcs"):
        pytest.skip("not installed here: mcs")
    script, out = builds.LAYER / "Omote.Build.cs", tmp_path / "rules.dll"
    command = ["mcs", "-target:library", f"-out:{out}", "-warnaserror", str(script), str(MCS_STUBS)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_descriptor_names_the_module_that_there_is() -> None:
    said = json.loads((builds.PLUGIN / "Omote.uplugin").read_text("utf-8"))
    assert [module["Name"] for module in said["Modules"]] == [builds.LAYER.name]
    assert (builds.LAYER / f"{builds.LAYER.name}.Build.cs").exists()
    assert {"Name": "LiveLink", "Enabled": True} in said["Plugins"]
