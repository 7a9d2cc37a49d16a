"""Which weights the parity at full size is measured on, and what its result says of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import photoreal_parity
import torch
from safetensors.torch import load_file, save_file

from omote.engine.photoreal.published_file import UNET


@pytest.fixture
def unet(tmp_path: Path) -> Path:
    """The three matrices that are led past all else, of the published kinds and few channels."""
    shapes = {
        "conv_in": (16, 4, 3, 3),
        "up_blocks.3.resnets.2.conv_shortcut": (16, 32, 1, 1),
        "conv_out": (4, 16, 3, 3),
    }
    torch.manual_seed(0)
    path = tmp_path / UNET
    path.parent.mkdir(parents=True)
    save_file({f"{name}.weight": torch.randn(shape) for name, shape in shapes.items()}, path)
    return path


def test_weights_tell_whether_they_were_straightened(unet: Path) -> None:
    assert not photoreal_parity.is_straight(unet)
    photoreal_parity.straighten(unet)
    assert photoreal_parity.is_straight(unet)
    assert load_file(unet)["conv_in.weight"].count_nonzero() < 16 * 4 * 9


@pytest.mark.parametrize("is_plain", [True, False])
def test_a_folder_with_weights_of_the_other_kind_is_refused(unet: Path, tmp_path: Path, is_plain: bool) -> None:
    if is_plain:
        photoreal_parity.straighten(unet)
    with pytest.raises(SystemExit, match="choose another"):
        photoreal_parity._written(tmp_path, "small", is_plain=is_plain)
    before = unet.stat().st_mtime_ns
    photoreal_parity._written(tmp_path, "small", is_plain=not is_plain)
    assert unet.stat().st_mtime_ns == before


def test_neither_kind_of_weights_loses_the_others_result(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    photoreal_parity.beside(path, {"date": "1", "weights": "plain"}, True)({"lcm": 1})
    photoreal_parity.beside(path, {"date": "2", "weights": "straightened"}, False)({"lcm": 2})
    photoreal_parity.beside(path, {"date": "3", "weights": "plain"}, True)({"lcm": 3})
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["parts"] == {"lcm": 2} and found["weights"] == "straightened" and found["date"] == "2"
    assert found["plain"] == {"date": "3", "weights": "plain", "parts": {"lcm": 3}}
