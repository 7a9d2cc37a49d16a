"""PyTorch's sessions have the inputs of the exported graphs and compute the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from omote.engine.diffusion.arc2face.eager import EagerSession, dtype_of, open_eager
from omote.engine.diffusion.arc2face.flat import FlatUNet, unet_shapes
from omote.engine.photoreal.exported_model import DECODER, UNET
from omote.engine.photoreal.graph_parity import above_error_db, inputs
from omote.engine.runtime.session import Build, ExportedGraph, OutputSpec, RuntimeUnavailable
from tests.engine.arc2face import tiny

BATCH = 2


def graph() -> ExportedGraph:
    arc = tiny.arc()
    shapes = unet_shapes(arc.unet, tiny.TOKENS, tiny.SIDE, BATCH, tiny.ROWS, True)
    standing = frozenset(shapes) - {"x", "t", "expression"}
    return ExportedGraph(Path("unet.onnx"), "", shapes, {"eps": OutputSpec(shapes["x"])}, standing)


def wanted(feeds: dict[str, np.ndarray]) -> np.ndarray:
    with torch.no_grad():
        eps: np.ndarray = FlatUNet(tiny.arc().unet)(*map(torch.from_numpy, feeds.values())).numpy()
    return eps


def test_eager_in_f32_is_the_module_itself() -> None:
    session = open_eager(tiny.arc(), UNET, graph(), Build("pytorch", "f32"), "cpu")
    feeds = inputs(graph().shapes)
    assert session.name == "pytorch cpu f32"
    # Channels last sums in another order.
    np.testing.assert_allclose(session.run(feeds)["eps"], wanted(feeds), atol=1e-5)


def test_another_persons_bank_is_taken_though_it_stands() -> None:
    session = open_eager(tiny.arc(), UNET, graph(), Build("pytorch", "f32"), "cpu")
    feeds = inputs(graph().shapes)
    other = {name: array[..., ::-1].copy() if name.startswith("value_") else array for name, array in feeds.items()}
    for each in (feeds, other, feeds):
        np.testing.assert_allclose(session.run(each)["eps"], wanted(each), atol=1e-5)
    assert above_error_db(wanted(other), wanted(feeds)) < 40.0  # else this shows nothing


def test_bf16_keeps_timesteps_whole() -> None:
    session = open_eager(tiny.arc(), UNET, graph(), Build("pytorch", "bf16"), "cpu")
    feeds = inputs(graph().shapes)
    # 999 would be 1000 in bf16, of whose waves the fast ones have turned by a sixth.
    assert above_error_db(session.run(feeds)["eps"], wanted(feeds)) > 24.0


def test_the_decoder_gives_levels_of_one_byte() -> None:
    latents = ExportedGraph(
        Path("decoder.onnx"), "", {"latents": (1, 4, tiny.SIDE, tiny.SIDE)},
        {"pixels": OutputSpec((1, tiny.SIZE, tiny.SIZE, 3), "uint8")},
    )  # fmt: skip
    session = open_eager(tiny.arc(), DECODER, latents, Build("pytorch", "f32"), "cpu")
    feeds = inputs(latents.shapes)
    picture = tiny.arc().picture(torch.from_numpy(feeds["latents"]), tiny=True)
    off = np.abs(session.run(feeds)["pixels"].astype(int) - picture)
    assert off.max() <= 1 and (off > 0).mean() < 1e-3


def test_halves_on_a_processor_are_refused_with_the_cure() -> None:
    with pytest.raises(RuntimeUnavailable, match="choose --runtime pytorch-f32"):
        dtype_of("f16", "cpu")


class TooLarge(nn.Module):
    """A network for which the device has no room."""

    def _apply(self, *args: object, **kwargs: object) -> nn.Module:
        raise torch.OutOfMemoryError("CUDA out of memory.\nand how much there is")


def test_weights_that_a_device_has_no_room_for_are_refused_with_the_cure() -> None:
    with pytest.raises(RuntimeUnavailable, match=r"on cpu \(CUDA out of memory\.\): choose --runtime openvino"):
        EagerSession(TooLarge(), graph(), Build("pytorch", "f32"), "cpu")


def test_what_a_compiler_says_is_one_line_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(module: object, device: str) -> object:
        def call(*tensors: object) -> object:
            raise RuntimeError("no compiler\nand a long trace")

        return call

    monkeypatch.setattr("omote.engine.diffusion.arc2face.eager.compiled_by_inductor", fails)
    build = Build("pytorch-compile", "f32")
    with pytest.raises(RuntimeUnavailable, match=r"\(no compiler\): install a C\+\+ compiler"):
        EagerSession(FlatUNet(tiny.arc().unet), graph(), build, "cpu")
