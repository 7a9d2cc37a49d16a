"""The exported networks compute what torch does, with any number of references."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import onnx
import torch

from omote.engine.face.correspondence import GEOMETRY, GRID, TRUST
from omote.engine.model.denoiser import REFERENCE, STATE, Denoiser, References, WantedView
from omote.engine.model.networks import DENOISER_INPUTS, ENCODER_INPUTS, FACE_SIZE, Networks
from omote.engine.training import onnx_export


def random(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.filterwarnings("ignore:.*:torch.jit.TracerWarning")
def test_an_exported_network_computes_what_torch_does(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Denoiser().eval()
    for parameter in net.parameters():  # layers that begin at zero would hide a wrong graph
        torch.nn.init.normal_(parameter, std=0.05)
    onnx_export.export(net, tmp_path)
    networks = Networks(tmp_path)
    geometry, light, style = random(3, GEOMETRY, GRID, GRID), random(3, 27), torch.eye(2)[[0, 0, 0]]
    parts = (random(3, 4, GRID, GRID), geometry, light, style)
    read = networks.encode({name: part.numpy() for name, part in zip(ENCODER_INPUTS, parts, strict=True)})
    picture, fine, coarse, identity = (torch.from_numpy(part)[None] for part in read)
    assert picture.shape == (1, 3, REFERENCE, GRID, GRID)
    x, t, face = torch.randn(1, 4, STATE, STATE), torch.ones(1), random(1, FACE_SIZE)
    place, trust, present = random(1, 3, GRID, GRID, 2) * 2 - 1, random(1, 3, TRUST, GRID, GRID), torch.ones(1, 3)
    with torch.no_grad():
        wanted = net(
            x,
            t,
            WantedView(geometry[:1], face, light[:1], style[:1]),
            References(picture, (fine, coarse), identity, place, trust, present),
        )
    asked = (x, t, geometry[:1], face, light[:1], style[:1], picture, fine, coarse, identity, place, trust, present)
    found = networks.layers({name: part.numpy() for name, part in zip(DENOISER_INPUTS, asked, strict=True)})
    for ours, theirs in zip(found, wanted, strict=True):
        expected = theirs[0].numpy()
        # Weights of half precision, and bf16 where the processor has it: 8 bits of mantissa.
        np.testing.assert_allclose(ours, expected, atol=0.1 * float(np.abs(expected).max()) + 1e-3)


def test_large_weights_are_stored_in_half_precision(tmp_path: Path) -> None:
    large, small = np.full((16, 16), 0.5, np.float32), np.full(4, 0.25, np.float32)
    make, tensor = onnx.helper, onnx.TensorProto.FLOAT
    graph = make.make_graph(
        [make.make_node("MatMul", ["x", "large"], ["y"])],
        "one",
        [make.make_tensor_value_info("x", tensor, [1, 16])],
        [make.make_tensor_value_info("y", tensor, [1, 16])],
        [onnx.numpy_helper.from_array(large, "large"), onnx.numpy_helper.from_array(small, "small")],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=10)
    onnx_export.halve(model)
    onnx.checker.check_model(model)
    kinds = {one.name: one.data_type for one in model.graph.initializer}
    assert kinds == {"large.half": onnx.TensorProto.FLOAT16, "small": tensor}
