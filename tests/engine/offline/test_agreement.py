"""Machines that would not draw the same are told apart before they draw."""

from __future__ import annotations

import logging

import pytest

from omote.engine.offline.agreement import facts, require_agreement
from omote.engine.offline.crew import CrewError
from omote.engine.version import edition, version


def test_the_same_program_is_admitted() -> None:
    require_agreement("atlas", facts(), facts())


def test_an_edition_is_the_version_and_what_draws() -> None:
    assert edition().startswith(f"{version()} (")
    assert facts()["omote"] == edition()


@pytest.mark.parametrize(
    ("name", "other"), [("omote", "0.0.9 (0123456789ab)"), ("omote", f"{version()} (0123456789ab)"), ("Python", "3.9")]
)
def test_another_omote_another_code_or_another_python_is_refused_by_name(name: str, other: str) -> None:
    with pytest.raises(CrewError) as refused:
        require_agreement("atlas", {**facts(), name: other}, facts())
    assert f"atlas runs {name} {other}, wanted {facts()[name]}" in str(refused.value)


def test_another_library_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        require_agreement("atlas", {**facts(), "openvino": "1.0", "numpy": ""}, facts())
    assert "atlas has other libraries" in caplog.text
    assert "numpy missing, openvino 1.0" in caplog.text
