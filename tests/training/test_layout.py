"""What is rewritten for a CPU's sake keeps its numbers, and what does not fit the pattern is left alone."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

import torch.nn.functional as F  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from omote.engine.training.layout import stride_unshuffles  # noqa: E402


class _Unshuffled(nn.Module):
    """A convolution of an unshuffled picture; `also` gives the unshuffled picture away as well."""

    def __init__(self, factor: int, conv: nn.Conv2d, also: bool = False) -> None:
        super().__init__()
        self.factor, self.conv, self.also = factor, conv, also

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        blocks = F.pixel_unshuffle(x, self.factor)
        return (self.conv(blocks), blocks) if self.also else self.conv(blocks)


PICTURE = torch.randn(2, 5, 24, 16, generator=torch.Generator().manual_seed(0))


def _exported(module: nn.Module, path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's, of the exporter that `export` uses too
        torch.onnx.export(module.eval(), (PICTURE,), str(path), input_names=["x"], opset_version=18, dynamo=False)
    return onnx.load(path)


def _run(model: Any) -> np.ndarray:
    onnx.checker.check_model(model, full_check=True)
    return np.asarray(ort.InferenceSession(model.SerializeToString()).run(None, {"x": PICTURE.numpy()})[0])


@pytest.mark.parametrize(("factor", "kernel", "padding"), [(2, 3, 1), (4, 1, 0), (2, 5, 0), (2, 3, (0, 1))])
def test_a_convolution_of_blocks_becomes_one_of_pixels(
    tmp_path: Path, factor: int, kernel: int, padding: int | tuple[int, int]
) -> None:
    torch.manual_seed(1)
    module = _Unshuffled(factor, nn.Conv2d(5 * factor * factor, 7, kernel, padding=padding))
    model = _exported(module, tmp_path / "net.onnx")
    before = _run(model)
    assert stride_unshuffles(model) == 1
    assert {node.op_type for node in model.graph.node} <= {"Conv", "Constant"}
    np.testing.assert_allclose(_run(model), before, atol=1e-5)  # the same products, added in another order


@pytest.mark.parametrize(
    "module",
    [
        _Unshuffled(2, nn.Conv2d(20, 4, 3, stride=2, padding=1)),
        _Unshuffled(2, nn.Conv2d(20, 4, 3, padding=2, dilation=2)),
        _Unshuffled(2, nn.Conv2d(20, 4, 3, groups=4)),
        _Unshuffled(2, nn.Conv2d(20, 4, 3), also=True),
        nn.Conv2d(5, 4, 3),
    ],
    ids=["strides", "dilation", "groups", "another reader", "no unshuffle"],
)
def test_what_cannot_be_said_that_way_is_left_alone(tmp_path: Path, module: nn.Module) -> None:
    model = _exported(module, tmp_path / "net.onnx")
    before = model.SerializeToString()
    assert stride_unshuffles(model) == 0
    assert model.SerializeToString() == before


def test_weights_that_two_convolutions_share_serve_both(tmp_path: Path) -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(20, 4, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            plain = torch.cat([x, x, x, x], 1)[:, :, ::2, ::2]
            shared: Tensor = self.conv(F.pixel_unshuffle(x, 2)) + self.conv(plain)
            return shared

    model = _exported(Both(), tmp_path / "net.onnx")
    before = _run(model)
    assert stride_unshuffles(model) == 1
    np.testing.assert_allclose(_run(model), before, atol=1e-5)
