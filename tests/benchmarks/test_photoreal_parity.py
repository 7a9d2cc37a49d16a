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
    class Off:
        def __init__(self, *_: object) -> None: ...

        def identity(self) -> dict[str, float]:
            return {"tokens": 1e-3}

    monkeypatch.setattr(photoreal_parity, "Parity", Off)
    assert not photoreal_parity.measured(tmp_path, "small", ["identity"], lambda rows: None)
