"""The exported networks draw what the PyTorch pipeline draws, and its files come back as they were saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from omote.engine.data import FlameParams
from omote.engine.face.light import studio_light
from omote.engine.model.denoiser import STATE, Denoiser
from omote.engine.model.networks import Networks
from omote.engine.model.pipeline import OmotePipeline
from omote.engine.model.renderer import PreparedCharacter, Renderer, noise
from omote.engine.runtime.session import Build
from omote.engine.training.onnx_export import export

from .test_character_file import ramp_character
from .test_denoiser import denoiser


@pytest.fixture(scope="module")
def net() -> Denoiser:
    return denoiser({})  # of the shipped size, which the runtimes ask for


def turned() -> FlameParams:
    vector = np.zeros(67, np.float32)
    vector[50], vector[54] = 0.3, 0.25  # an open jaw, a turn of 14 degrees
    return FlameParams.from_vector(vector)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_exported_networks_draw_as_the_pipeline_does(
    net: Denoiser, steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(net, tmp_path)
    who, params, light = ramp_character(2), turned(), studio_light()
    pipeline = OmotePipeline(net, FlowMatchEulerDiscreteScheduler())
    expected = pipeline(who, params, light, STATE, steps, torch.from_numpy(noise()))
    renderer = Renderer(Networks(tmp_path, Build.named("onnxruntime")))
    look = renderer.prepare(who)
    # As the pipeline does: all references, along the head's surface alone.
    look.warps = {}
    present, parts = np.ones((1, 2), np.float32), np.ones((2, 4), np.float32)
    monkeypatch.setattr(PreparedCharacter, "chosen", lambda self, params: (self._choice((0, 1)), present, parts))
    drawn = renderer.draw(look, params, light, STATE, steps)
    faded = [rgba[..., :3] * (rgba[..., 3:] / 255.0) for rgba in (drawn, expected)]
    # Five roundings to a level, and places to 1/32 of a pixel.
    assert np.abs(faded[0] - faded[1]).mean() < 0.8
    assert np.abs(drawn[..., 3].astype(int) - expected[..., 3]).mean() < 0.8


def test_a_denoiser_comes_back_as_it_was_saved(net: Denoiser, tmp_path: Path) -> None:
    net.save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "diffusion_pytorch_model.safetensors"]
    again = Denoiser.from_pretrained(tmp_path)
    assert list(again.config.widths) == list(net.config.widths)
    for name, weight in net.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], weight, rtol=0.0, atol=0.0)
