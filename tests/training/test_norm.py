"""The norm trains as torch's, leaves as ONNX with the same numbers, and never reshapes a picture on the way."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from torch import Tensor, nn  # noqa: E402

from omote.engine.diffusion.norm import GroupNorm  # noqa: E402

CHANNELS, GROUPS, SIDE = 48, 3, 20


def _pair(seed: int = 0) -> tuple[GroupNorm, nn.GroupNorm]:
    """Ours and torch's, with the same random gain and offset."""
    torch.manual_seed(seed)
    theirs = nn.GroupNorm(GROUPS, CHANNELS)
    nn.init.normal_(theirs.weight)
    nn.init.normal_(theirs.bias)
    ours = GroupNorm(GROUPS, CHANNELS)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def _picture(offset: float = 0.0, seed: int = 1) -> Tensor:
    """[2,C,S,S] channels of unlike mean and spread, all lifted by `offset`."""
    rng = torch.Generator().manual_seed(seed)
    spread = torch.rand(1, CHANNELS, 1, 1, generator=rng) * 3.0 + 0.1
    mean = torch.randn(1, CHANNELS, 1, 1, generator=rng)
    picture: Tensor = torch.randn(2, CHANNELS, SIDE, SIDE, generator=rng) * spread + mean + offset
    return picture


def _exported(module: nn.Module, picture: Tensor, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's, of the exporter that `export` uses too
        torch.onnx.export(module, (picture,), str(path), input_names=["x"], opset_version=18, dynamo=False)
    return path


def test_checkpoints_of_torchs_norm_load_and_give_the_very_same_numbers() -> None:
    ours, theirs = _pair()
    picture = _picture()
    assert torch.equal(ours(picture), theirs(picture))


def test_the_form_by_channel_equals_the_definition() -> None:
    ours, theirs = _pair()
    picture = _picture()
    wanted = theirs.double()(picture.double())
    torch.testing.assert_close(ours.by_channel(picture).double(), wanted, rtol=0.0, atol=2e-5)


@pytest.mark.parametrize("offset", [0.0, 3.0, 100.0, -1000.0])
def test_a_mean_far_from_zero_cancels_nothing(offset: float) -> None:
    ours, theirs = _pair()
    picture = _picture(offset)
    wanted = theirs.double()(picture.double())
    # torch's own error on the worst of these is about 1e-3; single precision keeps 7 digits of 1000
    torch.testing.assert_close(ours.by_channel(picture).double(), wanted, rtol=0.0, atol=1e-5 + 2e-6 * abs(offset))


@pytest.mark.parametrize("offset", [0.0, 3.0, 20.0])
def test_in_half_the_digits_it_is_as_good_as_its_input(offset: float) -> None:
    ours, _ = _pair()
    picture = _picture(offset)
    wanted = ours.double().by_channel(picture.double())
    lost = ours.by_channel(picture.bfloat16().double()) - wanted  # by rounding the input alone
    got = ours.bfloat16().by_channel(picture.bfloat16()).double() - wanted
    # bf16 has 8 bits: each of the handful of roundings inside moves a number by a 256th at most, and some cancel
    assert got.square().mean().sqrt() < lost.square().mean().sqrt() + 0.006 * wanted.square().mean().sqrt()


def test_a_flat_picture_gives_the_offset_and_no_nan() -> None:
    ours, _ = _pair()
    flat = ours.by_channel(torch.full((1, CHANNELS, 4, 4), 7.0))
    torch.testing.assert_close(flat, ours.bias[None, :, None, None].expand_as(flat), rtol=0.0, atol=1e-4)


def test_it_learns_as_torchs_does() -> None:
    ours, theirs = _pair()
    picture = _picture()
    for norm in (ours, theirs):
        norm(picture).square().sum().backward()
    assert ours.weight.grad is not None
    assert theirs.weight.grad is not None
    assert torch.equal(ours.weight.grad, theirs.weight.grad)


def test_the_exported_norm_gives_torchs_numbers(tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    ours, theirs = _pair()
    picture = _picture(2.0)
    path = _exported(ours.eval(), picture, tmp_path / "norm.onnx")
    (got,) = ort.InferenceSession(str(path)).run(None, {"x": picture.numpy()})
    np.testing.assert_allclose(got, theirs(picture).detach().numpy(), atol=3e-5)


def test_the_exported_norm_reshapes_sums_of_channels_but_no_picture(tmp_path: Path) -> None:
    ours, _ = _pair()
    path = _exported(ours.eval(), _picture(), tmp_path / "norm.onnx")
    graph = onnx.shape_inference.infer_shapes(onnx.load(path)).graph
    size = {
        value.name: int(np.prod([d.dim_value for d in value.type.tensor_type.shape.dim]))
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    moved = [size[node.input[0]] for node in graph.node if node.op_type in ("Reshape", "Transpose")]
    assert moved
    assert max(moved) == 2 * CHANNELS
    assert "InstanceNormalization" not in {node.op_type for node in graph.node}
