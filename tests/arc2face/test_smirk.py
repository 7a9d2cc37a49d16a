"""SMIRK reads an expression: its checkpoint, its crop and its bounds, by a small network in the place of timm's."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from omote.engine.arc2face.smirk import BACKBONE, Smirk, crop, open_smirk, read_vector
from omote.engine.models import ModelError

PREFIX = "smirk_encoder.expression_encoder."


class Backbone(nn.Module):
    """Like timm's with `features_only`: a list of feature maps, of which the last counts."""

    feature_info = ({"num_chs": 4}, {"num_chs": 8})

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.block = nn.Conv2d(3, 4, 8, stride=8), nn.Conv2d(4, 8, 4, stride=4)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        first = torch.relu(self.stem(pictures))
        return [first, self.block(first)]


@pytest.fixture(autouse=True)
def timm(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replaces the library, which the tests do not install; a list of the models that were created."""
    created: list[Any] = []

    def create_model(name: str, **how: Any) -> nn.Module:
        created.append((name, how))
        return Backbone()

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))
    return created


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """As SMIRK saves it: three encoders and a generator in one file."""
    torch.manual_seed(0)
    state = {f"{PREFIX}{name}": value for name, value in Smirk().state_dict().items()}
    torch.save(
        {**state, "smirk_encoder.pose_encoder.x": torch.ones(1), "smirk_generator.y": torch.ones(1)}, tmp_path / "s"
    )
    return tmp_path / "s"


def face(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A picture of three flat colours, and points in the middle of it."""
    picture = np.zeros((300, 400, 3), np.uint8)
    picture[:] = (200, 90, 20)
    rng = np.random.default_rng(seed)
    return picture, rng.uniform((150, 100), (250, 220), (478, 2)).astype(np.float32)


def test_the_expression_encoder_is_read_out_of_the_checkpoint(checkpoint: Path, timm: list[Any]) -> None:
    smirk: Any = open_smirk(checkpoint)
    assert timm[-1] == (BACKBONE, {"pretrained": False, "features_only": True})
    found = torch.load(checkpoint, weights_only=True)
    assert torch.equal(smirk.expression_layers[0].weight, found[f"{PREFIX}expression_layers.0.weight"])


def test_eyelids_and_jaw_are_held_within_their_bounds(checkpoint: Path) -> None:
    smirk: Any = open_smirk(checkpoint)
    smirk.expression_layers[0].bias[50:] = torch.tensor([9.0, -9.0, -9.0, 9.0, -9.0])
    vector = read_vector(smirk, *face())
    assert vector.shape == (55,)
    np.testing.assert_allclose(vector[50:], [1.0, 0.0, 0.0, 0.2, -0.2], atol=1e-6)


def test_channels_go_in_as_rgb_or_as_the_demo_feeds_them(checkpoint: Path) -> None:
    smirk, (picture, points) = open_smirk(checkpoint), face()
    rgb, bgr = (read_vector(smirk, picture, points, is_bgr=is_bgr) for is_bgr in (False, True))
    turned = np.ascontiguousarray(picture[..., ::-1])
    assert np.abs(rgb - bgr).max() > 1e-3
    np.testing.assert_allclose(bgr, read_vector(smirk, turned, points), atol=1e-6)


def test_the_crop_is_a_square_of_1_4_faces_from_corner_to_corner() -> None:
    """Its first pixel is the upper left corner of the square and its last the lower right one; black lies beyond."""
    x, y = np.meshgrid(np.arange(400), np.arange(300))
    picture = np.stack([x % 256, y % 256, np.full_like(x, 255)], 2).astype(np.uint8)
    points = np.array([[100, 80], [200, 80], [100, 180], [200, 180]] + [[150, 130]] * 474, np.float32)
    found = crop(picture, points)  # a square of 140 pixels around (150, 130)
    assert found.shape == (224, 224, 3)
    np.testing.assert_allclose(found[0, 0, :2], [80, 60], atol=1)
    np.testing.assert_allclose(found[-1, -1, :2], [220, 200], atol=1)
    assert (crop(picture, points - 120.0)[0, 0] == 0).all()


@pytest.mark.parametrize("content", [b"noise", None])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "s.pt"
    if content is None:
        torch.save({"smirk_generator.y": torch.ones(1)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="is no checkpoint of SMIRK"):
        open_smirk(path)
    monkey = pytest.MonkeyPatch()
    monkey.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match=r"SMIRK needs timm .*omote\[photoreal\]"):
        open_smirk(path)
    monkey.undo()
