"""PyTorch draws with the weights that lie beside the exported networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from omote.engine.model.denoiser import (  # noqa: E402
    WEIGHTS,
    Denoiser,
    FlatDenoiser,
    denoiser_in,
)
from omote.engine.model.networks import denoiser_shapes  # noqa: E402
from omote.engine.runtime.session import RuntimeUnavailable  # noqa: E402


def test_the_weights_of_a_folder_draw_what_they_drew_before(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Denoiser().eval()
    net.save_pretrained(tmp_path / WEIGHTS)
    inputs = [torch.rand(shape) for shape in denoiser_shapes(1).values()]
    with torch.no_grad():
        wanted, found = FlatDenoiser(net)(*inputs), denoiser_in(tmp_path)(*inputs)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)


def test_a_folder_without_weights_for_pytorch_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match=r"cannot read the denoiser's weights .*choose --runtime openvino"):
        denoiser_in(tmp_path)
