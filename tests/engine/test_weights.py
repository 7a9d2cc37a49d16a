"""The list of shipped networks, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from omote.engine.weights import WeightsError, listed, networks


def test_every_shipped_network_is_there_and_whole() -> None:
    for network in networks():
        network.check()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"denoisers": []}', '{"denoisers": [{"file": "a.onnx", "texture": [16, 192, 128]}]}', "[1]", "7"],
)
def test_a_damaged_list_is_told_with_its_cure(tmp_path: Path, text: str) -> None:
    (tmp_path / "networks.json").write_text(text)
    with pytest.raises(WeightsError, match=r"networks\.json .*install Omote again"):
        listed(tmp_path / "networks.json")


def test_a_missing_list_is_told_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"networks\.json is missing or damaged .*install Omote again"):
        listed(tmp_path / "networks.json")
