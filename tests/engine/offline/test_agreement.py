"""Machines that would not draw the same are told apart before they draw."""

from __future__ import annotations

import logging

import pytest

from omote.engine.ray_pool import installed_versions, require_same_versions
from omote.engine.version import edition, version
from omote.engine.worker_pool import WorkerError


def test_the_same_program_is_admitted() -> None:
    require_same_versions("atlas", installed_versions(), installed_versions())


def test_an_edition_is_the_version_and_what_draws() -> None:
    assert edition().startswith(f"{version()} (")
    assert installed_versions()["omote"] == edition()


@pytest.mark.parametrize(
    ("name", "other"), [("omote", "0.0.9 (0123456789ab)"), ("omote", f"{version()} (0123456789ab)"), ("Python", "3.9")]
)
def test_another_omote_another_code_or_another_python_is_refused_by_name(name: str, other: str) -> None:
    with pytest.raises(WorkerError) as refused:
        require_same_versions("atlas", {**installed_versions(), name: other}, installed_versions())
    assert f"atlas runs {name} {other}, wanted {installed_versions()[name]}" in str(refused.value)


def test_another_library_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        require_same_versions("atlas", {**installed_versions(), "openvino": "1.0", "numpy": ""}, installed_versions())
    assert "atlas has other libraries" in caplog.text
    assert "numpy missing, openvino 1.0" in caplog.text
