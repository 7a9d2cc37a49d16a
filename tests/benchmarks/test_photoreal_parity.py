"""The parity table is made by one command, and says what is not close."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import photoreal_parity


def ran(monkeypatch: pytest.MonkeyPatch, save: Path) -> int:
    arguments = ["--size", "small", "--only", "identity", "--save", str(save)]
    monkeypatch.setattr("sys.argv", ["photoreal_parity.py", *arguments])
    return photoreal_parity.main()


def test_a_row_for_each_comparison_is_kept_beside_those_of_other_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = tmp_path / "table.json"
    assert ran(monkeypatch, save) == 0
    result = json.loads(save.read_text())
    assert result["weights"] == "plain random" and len(result["rows"]) == 1
    earlier = {"pose: ControlNet": 1e-7, "identity: something else": 1.0}
    for pixels, expected in ((128, {"pose: ControlNet", *result["rows"]}), (512, set(result["rows"]))):
        save.write_text(json.dumps({**result, "pixels": pixels, "rows": earlier}))
        assert ran(monkeypatch, save) == 0
        assert set(json.loads(save.read_text())["rows"]) == expected


def test_what_is_not_close_fails_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photoreal_parity.Parity, "identity", lambda self: iter([("tokens", 1e-3)]))
    assert ran(monkeypatch, tmp_path / "table.json") == 1
