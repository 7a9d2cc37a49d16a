"""The parity table is made by one command, and says what is not close."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import photoreal_parity


def test_a_row_for_each_comparison_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["--size", "small", "--only", "identity", "--save", str(tmp_path / "table.json")]
    monkeypatch.setattr("sys.argv", ["photoreal_parity.py", *arguments])
    assert photoreal_parity.main() == 0
    told = json.loads((tmp_path / "table.json").read_text())
    assert told["weights"] == "plain random" and len(told["rows"]) == 1


def test_what_is_not_close_fails_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photoreal_parity.Parity, "identity", lambda self: iter([("tokens", 1e-3)]))
    arguments = ["--size", "small", "--only", "identity", "--save", str(tmp_path / "table.json")]
    monkeypatch.setattr("sys.argv", ["photoreal_parity.py", *arguments])
    assert photoreal_parity.main() == 1
