"""PyTorch runs the module of which a graph was exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.engine.runtime.session import Build, ExportedGraph, OutputSpec, RuntimeUnavailable

torch = pytest.importorskip("torch")

from omote.engine.runtime.pytorch import PyTorchSession  # noqa: E402

GRAPH = ExportedGraph(
    Path("sum.onnx"), "", {"a": (2, 3), "b": (1, 3)}, {"sum": OutputSpec((2, 3)), "product": OutputSpec((2, 3))},
    frozenset({"b"}),
)  # fmt: skip


class SumAndProduct(torch.nn.Module):  # type: ignore[misc,name-defined]
    def forward(self, a: Any, b: Any) -> tuple[Any, Any]:
        return a + b, a * b


def test_arrays_go_in_by_name_and_come_out_by_name() -> None:
    session = PyTorchSession(SumAndProduct(), GRAPH, Build("pytorch", "f32"))
    a, b = np.ones((2, 3), np.float32), np.full((1, 3), 2.0, np.float32)
    found = session.run({"b": b, "a": a})
    np.testing.assert_array_equal(found["sum"], a + b)
    np.testing.assert_array_equal(found["product"], a * b)
    with pytest.raises(ValueError, match=r"a must be \[2, 3\], got \[1, 3\]"):
        session.run({"a": b, "b": b})


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU has f16")
def test_f16_without_a_gpu_is_refused_with_the_precision_to_choose() -> None:
    with pytest.raises(RuntimeUnavailable, match=r"--runtime pytorch-f32"):
        PyTorchSession(SumAndProduct(), GRAPH, Build("pytorch", "f16"))
