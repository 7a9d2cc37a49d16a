"""Our autoencoder against diffusers' own, on the same random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file

from omote.engine.diffusion.arc2face.config import Config
from omote.engine.diffusion.arc2face.loading import load_vae
from omote.engine.diffusion.arc2face.vae import Vae, VaeShape

torch.set_num_threads(1)

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def vae(published: Path) -> Vae:
    return load_vae(published / "vae")


@pytest.fixture(scope="module")
def theirs(published: Path) -> Any:
    return AutoencoderKL.from_pretrained(published / "vae").eval()


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_latents_are_the_scaled_mode_of_diffusers(vae: Vae, theirs: Any) -> None:
    pixels = random(2, 3, 32, 48).clamp(-1.0, 1.0)
    with torch.no_grad():
        wanted = theirs.encode(pixels).latent_dist.mode() * theirs.config.scaling_factor
    torch.testing.assert_close(vae.encode(pixels), wanted, atol=1e-5, rtol=1e-5)


def test_pixels_are_those_of_diffusers(vae: Vae, theirs: Any) -> None:
    latents = random(2, 4, 6, 4)
    with torch.no_grad():
        wanted = theirs.decode(latents / theirs.config.scaling_factor).sample
    found = vae.decode(latents)
    assert found.shape == (2, 3, 48, 32)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_a_file_of_today_loads_as_well(vae: Vae, theirs: Any, tmp_path: Path) -> None:
    theirs.save_pretrained(tmp_path)
    assert "encoder.mid_block.attentions.0.to_out.0.weight" in load_file(tmp_path / WEIGHTS)
    assert torch.equal(load_vae(tmp_path).decode(random(1, 4, 2, 2)), vae.decode(random(1, 4, 2, 2)))


def test_the_scaling_of_the_config_is_used(vae: Vae, published: Path, tmp_path: Path) -> None:
    config = json.loads((published / "vae" / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "scaling_factor": 2 * 0.18215}))
    (tmp_path / WEIGHTS).symlink_to(published / "vae" / WEIGHTS)
    pixels = random(1, 3, 16, 16)
    torch.testing.assert_close(load_vae(tmp_path).encode(pixels), 2.0 * vae.encode(pixels))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shift_factor", 0.1),
        ("use_quant_conv", False),
        ("down_block_types", ["AttnDownEncoderBlock2D"] * 4),
        ("block_out_channels", [8, 0]),
        ("scaling_factor", -1.0),
        ("layers_per_block", True),
    ],
)
def test_an_autoencoder_that_is_not_built_here_is_refused_by_the_key(published: Path, key: str, value: object) -> None:
    config = Config.read(published / "vae" / "config.json")
    with pytest.raises(ValueError, match=rf"config\.json has {key} = "):
        VaeShape.of_config(Config(config.path, {**config.values, key: value}))
