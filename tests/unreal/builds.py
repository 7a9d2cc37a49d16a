"""Builds the C++ of the Unreal plugin with CMake, where its tools are there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "unreal_plugin" / "Omote"
CORE = PLUGIN / "Source" / "ThirdParty" / "OmoteCore"
LAYER = PLUGIN / "Source" / "Omote"
STUBS = Path(__file__).resolve().parent / "stubs"
TIMEOUT_S = 1200

Options = tuple[Path | str, ...]

PLAIN: Options = (CORE, "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O1")
# -O1 builds twice as fast. The second has the tests of the layer too, all with sanitizers and as Unreal compiles them.
SANITIZED: Options = (
    Path(__file__).resolve().parent,
    "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
    "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1",
    "-DOMOTE_SANITIZE=ON",
    "-DOMOTE_PROBE=OFF",
)

_HEADERS = {"zmq.h": "libzmq3-dev", "zmq.hpp": "cppzmq-dev"}


def missing() -> str:
    """What has to be installed before anything can be built; empty where nothing has."""
    tools = [tool for tool in ("cmake", "g++", "make") if not shutil.which(tool)]
    packages = [] if tools else [package for header, package in _HEADERS.items() if not _has_header(header)]
    return ", ".join(tools + packages)


def _has_header(header: str) -> bool:
    command = ["g++", "-std=c++17", "-fsyntax-only", "-include", header, "-x", "c++", os.devnull]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def build(folder: Path, options: Options) -> None:
    """Builds a source folder, the first of the options, into this folder."""
    source, *others = map(str, options)
    _run("cmake", "-S", source, "-B", str(folder), *others)
    _run("cmake", "--build", str(folder), "--parallel", str(os.cpu_count() or 1))


def run_tests(folder: Path) -> str:
    """What CTest says about the tests in a folder; AssertionError with all of their output where one fails."""
    return _run("ctest", "--test-dir", str(folder), "--output-on-failure")


def _run(*command: str) -> str:
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(
        command, check=False, stdout=pipe, stderr=both, text=True, errors="replace", timeout=TIMEOUT_S
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-8000:]}"
    return done.stdout
