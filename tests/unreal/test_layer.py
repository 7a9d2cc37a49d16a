"""What only Unreal can build of its plugin: how much it is, and that its parts know of each other."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from . import builds

MCS_STUBS = [Path(__file__).resolve().parent / "stubs" / name for name in ("UnrealBuildTool.cs", "ReadRules.cs")]


def lines_of(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def test_layer_stays_under_1000_lines() -> None:
    files = [path for path in builds.LAYER.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert sum(len(lines_of(path)) for path in files) < 1000


def test_the_one_file_that_unreal_compiles_holds_the_whole_core() -> None:
    included = re.findall(r'#include "src/(.+)"', (builds.CORE / "all.cpp").read_text("utf-8"))
    assert included == sorted(path.name for path in (builds.CORE / "src").glob("*.cpp"))


@pytest.mark.skipif(shutil.which("g++") is None, reason="not installed here: g++")
@pytest.mark.parametrize("source", ["OmoteLink.cpp", "OmoteLiveLinkSource.cpp"])
def test_layer_and_core_compile_beside_the_macros_of_unreal_and_of_a_mac(source: str) -> None:
    folders = [builds.LAYER / "Public", builds.LAYER / "Private", builds.CORE / "include"]
    command = ["g++", "-std=c++20", "-fno-rtti", "-fsyntax-only", "-DPLATFORM_WINDOWS=1", "-DOMOTE_WITH_LIBZMQ=0"]
    command += [f"-I{folder}" for folder in (builds.STUBS, *folders)]
    done = subprocess.run(
        [*command, str(builds.LAYER / "Private" / source)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that reads the build script, compiled against stubs of Unreal's build tool."""
    if not (shutil.which("mcs") and shutil.which("mono")):
        pytest.skip("not installed here: mcs, mono")
    out = tmp_path_factory.mktemp("rules") / "rules.exe"
    command = ["mcs", f"-out:{out}", "-warnaserror", str(builds.LAYER / "Omote.Build.cs"), *map(str, MCS_STUBS)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def read_rules(rules: Path, plugin: Path, platform: str) -> list[str]:
    done = subprocess.run(["mono", str(rules), str(plugin), platform], check=True, capture_output=True, text=True)
    return done.stdout.replace(str(plugin), "PLUGIN").splitlines()


@pytest.mark.parametrize("platform", ["Win64", "Linux", "Mac", "Android"])
def test_build_script_needs_no_library(rules: Path, tmp_path: Path, platform: str) -> None:
    found = read_rules(rules, tmp_path, platform)
    assert found == ["define OMOTE_WITH_LIBZMQ=0", *(["system ws2_32.lib"] if platform == "Win64" else [])]


def test_build_script_takes_the_libzmq_that_is_there(rules: Path, tmp_path: Path) -> None:
    root = tmp_path / "Source" / "ThirdParty" / "libzmq"
    files = ["Win64/include/zmq.h", "Win64/lib/libzmq-mt-4_3_5.lib", "Win64/bin/libzmq-mt-4_3_5.dll"]
    for name in [*files, "Linux/include/zmq.h", "Linux/lib/libzmq.so"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    windows, linux = (read_rules(rules, tmp_path, platform) for platform in ("Win64", "Linux"))
    assert "define OMOTE_WITH_LIBZMQ=1" in windows and "delay libzmq-mt-4_3_5.dll" in windows
    assert "link PLUGIN/Source/ThirdParty/libzmq/Linux/lib/libzmq.so" in linux
    assert "stage $(BinaryOutputDir)/libzmq.so.5 < PLUGIN/Source/ThirdParty/libzmq/Linux/lib/libzmq.so" in linux


def test_build_script_says_why_it_leaves_libzmq_out(rules: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Source" / "ThirdParty" / "libzmq" / "Linux" / "lib"
    folder.mkdir(parents=True)
    for name in ("libzmq.so", "libzmq-debug.so"):
        (folder / name).touch()
    found = read_rules(rules, tmp_path, "Linux")
    assert "define OMOTE_WITH_LIBZMQ=0" in found
    assert any("has to hold one libzmq*, has 2" in line for line in found)


def test_descriptor_names_the_module_that_there_is() -> None:
    said = json.loads((builds.PLUGIN / "Omote.uplugin").read_text("utf-8"))
    assert [module["Name"] for module in said["Modules"]] == [builds.LAYER.name]
    assert (builds.LAYER / f"{builds.LAYER.name}.Build.cs").exists()
    assert {"Name": "LiveLink", "Enabled": True} in said["Plugins"]
