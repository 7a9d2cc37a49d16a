"""PyTorch runs the shipped weights: the pictures that all other runtimes are held against."""

from __future__ import annotations

import pytest

from omote.engine.runtime import parity
from omote.engine.runtime.build import Build
from omote.engine.runtime.network import RuntimeUnavailable
from omote.engine.runtime.pytorch import PyTorchNetwork
from omote.engine.weights import networks

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

FILE = networks()[-1]


@pytest.mark.skipif(torch.cuda.is_available(), reason="the reference was drawn on a CPU")
def test_eager_draws_the_reference_for_each_of_a_batch() -> None:
    build = Build("pytorch", "f32", 128, batch=2)
    network = PyTorchNetwork(FILE, build)
    found = parity.check(network, build, parity.stored_reference())
    assert network.name == "pytorch cpu f32"
    assert found.fits("f32"), found


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU has f16")
def test_f16_without_a_gpu_is_refused_with_the_precision_to_choose() -> None:
    with pytest.raises(RuntimeUnavailable, match=r"--runtime pytorch-f32"):
        PyTorchNetwork(FILE, Build("pytorch", "f16", 128))
