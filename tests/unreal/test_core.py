"""The Unreal plugin's own tests, run by CTest: of its core in two builds, of its Unreal layer against stubs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from omote.bridge import keys

from . import builds


def test_core_passes_its_tests(plain: Path) -> None:
    assert "100% tests passed" in builds.run_tests(plain)


@pytest.mark.slow
def test_core_and_layer_pass_their_tests_under_sanitizers(sanitized: Path) -> None:
    said = builds.run_tests(sanitized)
    assert "layer" in said
    assert "100% tests passed" in said


@pytest.mark.slow
def test_core_without_libzmq_says_what_a_key_file_needs(sanitized: Path, tmp_path: Path) -> None:
    path = tmp_path / "unreal.omote-key"
    keys.make_client(keys.make_server(tmp_path / "server"), "unreal", path)
    command = [str(sanitized / "probe_alone"), "--keys", str(path), "--seconds", "1"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=builds.TIMEOUT_S)
    assert (done.returncode, "needs libzmq" in done.stderr) == (2, True), done.stderr
