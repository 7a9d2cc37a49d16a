"""The Unreal plugin's own tests, run by CTest: of its core in two builds, of its Unreal layer against stubs."""

from __future__ import annotations

from pathlib import Path

from . import builds


def test_core_passes_its_tests(plain: Path) -> None:
    assert "100% tests passed" in builds.run_tests(plain)


def test_core_and_layer_pass_their_tests_under_sanitizers(sanitized: Path) -> None:
    said = builds.run_tests(sanitized)
    assert "layer" in said
    assert "100% tests passed" in said
